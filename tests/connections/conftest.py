from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.app import Appliance
from appliance.server.wsgi import create_app
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick


@dataclass(frozen=True, slots=True)
class Account:
    """The API as the holder of an account key sees it."""

    client: FlaskClient
    key: str

    def send(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> TestResponse:
        return self.client.open(
            path,
            method=method,
            base_url="https://localhost",
            headers={"Authorization": f"Bearer {token or self.key}"},
            **({} if body is None else {"json": body}),
        )

    def connect(self, body: dict[str, Any]) -> TestResponse:
        return self.send("POST", "/api/system/connections", body)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(auto=True)


@pytest.fixture
def appliances(tmp_path: Path) -> Iterator[Appliances]:
    with Appliances(tmp_path) as opened:
        yield opened


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, credits_evaluation=20)


@pytest.fixture
def account(appliance: Appliance) -> Account:
    return Account(create_app(appliance).test_client(), appliance.api_keys.create("tests"))


@pytest.fixture
def gateway(clock: ManualClock) -> Iterator[Gateway]:
    with Gateway(orders=12, clock=clock, latency=0) as running:
        yield running
