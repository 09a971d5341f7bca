"""The product connected to a workshop whose records are synchronized, asked through its API."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.app import Appliance
from appliance.server.wsgi import create_app
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick
from tests.transport.servers import serving
from tests.writes.workshop import Workshop

CONNECTORS = Path(__file__).parent / "connectors"


@dataclass(slots=True)
class Shop:
    appliance: Appliance
    clock: ManualClock
    workshop: Workshop
    client: FlaskClient
    token: str
    connection_id: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        sent = {
            "Authorization": f"Bearer {self.token}",
            **{n.replace("_", "-"): v for n, v in headers.items()},
        }
        return self.client.open(path, method=method, base_url="https://localhost", headers=sent, json=body)

    def key(self, path: str, position: int = 0) -> str:
        key: str = self.send("GET", path).get_json()["data"][position]["key"]
        return key


@pytest.fixture
def shop(tmp_path: Path, quick: None) -> Iterator[Shop]:
    workshop = Workshop()
    workshop.orders[1] = {
        "id": 1,
        "title": "Grease",
        "asset": 7,
        "state": "open",
        "note": "old",
        "x_color": "red",
    }
    clock = ManualClock(auto=True)
    with serving(workshop.answer) as server, Appliances(tmp_path) as appliances:
        appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        made = appliance.connections.connect(system="workshop", name="Shop", fields={"url": server.url})
        work(appliance)
        client = create_app(appliance).test_client()
        yield Shop(appliance, clock, workshop, client, made.token, made.connection.id)
