"""The API of one appliance with two sandbox connections, both synchronized, asked by Flask's test client."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.server.wsgi import create_app
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.complete import connect_complete, write_folder
from tests.support.filled import fill
from tests.support.quick import quick as quick

WORKSHOP = Path(__file__).parent.parent / "writes" / "connectors" / "workshop"
UNLIMITED = {
    "limits_token_per_minute": 0,
    "limits_account_per_minute": 0,
    "limits_address_per_minute": 0,
}


@dataclass(slots=True)
class Plant:
    appliance: Appliance
    clock: ManualClock
    app: Flask
    client: FlaskClient
    key: str
    one: Connected
    other: Connected

    def send(
        self, method: str, path: str, *, token: str | None = None, headers: Any = None, **given: Any
    ) -> TestResponse:
        """With the token of the first connection, or the one given; "" sends none."""
        bearer = self.one.token if token is None else token
        sent = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        return self.client.open(
            path, method=method, base_url="https://localhost", headers={**sent, **(headers or {})}, **given
        )

    def get(self, path: str, **given: Any) -> TestResponse:
        return self.send("GET", path, **given)

    def json(self, path: str, **given: Any) -> Any:
        answer = self.get(path, **given)
        assert answer.status_code == 200, answer.text
        return answer.get_json()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[Plant]:
    clock = ManualClock(auto=True)
    with Appliances(tmp_path_factory.mktemp("plant")) as appliances:
        # The clock of these tests stands still, and so would the minute that limits count in.
        appliance = appliances.open(clock, **UNLIMITED)
        one, other = connect_sandbox(appliance, "One"), connect_sandbox(appliance, "Other")
        work(appliance)
        app = create_app(appliance)
        key = appliance.api_keys.create("tests")
        yield Plant(appliance, clock, app, app.test_client(), key, one, other)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[Plant]:
    """The first connection holds records of every entity, with every field; nothing is synchronized."""
    clock = ManualClock(auto=True)
    with Appliances(tmp_path_factory.mktemp("full")) as appliances:
        appliance = appliances.open(clock, **UNLIMITED)
        one, other = connect_sandbox(appliance, "One"), connect_sandbox(appliance, "Other")
        fill(appliance, one.connection.id)
        app = create_app(appliance)
        key = appliance.api_keys.create("tests")
        yield Plant(appliance, clock, app, app.test_client(), key, one, other)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[Plant]:
    """Two synchronized connections that serve every entity of the model and every write."""
    folder = tmp_path_factory.mktemp("complete")
    clock = ManualClock(auto=True)
    with Appliances(folder) as appliances:
        connectors = write_folder(folder / "connectors")
        # A system over HTTP beside it, for what is handed through to one.
        shutil.copytree(WORKSHOP, connectors / WORKSHOP.name)
        appliance = appliances.open(clock, connectors_dir=connectors, **UNLIMITED)
        one, other = connect_complete(appliance, "One"), connect_complete(appliance, "Other")
        work(appliance)
        app = create_app(appliance)
        yield Plant(appliance, clock, app, app.test_client(), appliance.api_keys.create("tests"), one, other)
