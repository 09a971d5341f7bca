"""Webhooks of simulated systems, signed as the real ones sign them, from the address to the record that is served."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from appliance.app import Appliance
from appliance.engine_room import push_reading_of
from appliance.model.entity import load_model
from appliance.runtime.catalog import Catalog
from appliance.runtime.push import Delivery, Named, PushReader
from appliance.server.wsgi import create_app
from appliance.sync.pushes.service import Opened
from tests.connectors.atlas_cmms.test_atlas_cmms import filled
from tests.connectors.maintainx.plant import rows as maintainx_rows
from tests.simulators import deliveries
from tests.simulators.atlas_cmms import API_KEY, Atlas
from tests.simulators.deliveries import Sent
from tests.simulators.dynamics_bc import COMPANY, ROOT, USER, BusinessCentral, guid
from tests.simulators.dynamics_bc import KEY as CENTRAL_KEY
from tests.simulators.erpnext import KEY, SECRET, Frappe
from tests.simulators.limble import SECRET as LIMBLE_SECRET
from tests.simulators.maintainx import KEY as MAINTAINX_KEY
from tests.simulators.maintainx import MaintainX
from tests.simulators.strict_rest import running
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick

pytestmark = pytest.mark.usefixtures("quick")


class Place:
    """A connection to a simulated system whose first run is done, and the address it may send to."""

    def __init__(self, appliance: Appliance, clock: ManualClock, connection_id: str) -> None:
        self.appliance = appliance
        self.clock = clock
        self.connection_id = connection_id
        self.opened: Opened = appliance.pushes.open_address(connection_id)
        self._client: FlaskClient = create_app(appliance).test_client()

    @property
    def now(self) -> int:
        return self.clock.now_ms()

    @property
    def key(self) -> str:
        assert self.opened.signing_key is not None
        return self.opened.signing_key

    def send(self, sent: Sent) -> int:
        """Post a delivery and let the engine read what it names; the status that the system sees."""
        answer = self._client.post(
            f"/hooks/{self.opened.secret}",
            base_url="https://localhost",
            query_string=sent.query,
            data=sent.body,
            headers=sent.headers,
        )
        push_reading_of(self.appliance).work_off()
        return answer.status_code

    def records(self, entity: str) -> list[dict[str, Any]]:
        stream = self.appliance.records.find_stream(self.connection_id, entity)
        assert stream is not None
        return [json.loads(one) for one in self.appliance.records.by_id(stream, 0, 500).payloads]

    def titles(self, entity: str, field: str = "title") -> list[str]:
        return [one[field] for one in self.records(entity)]

    def outcome(self) -> str:
        found: str = self.appliance.pushes.show(self.connection_id)["recent"][0]["outcome"]
        return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    clock = ManualClock(auto=True)
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(clock)

        def connect(system: str, **fields: Any) -> Place:
            definition = appliance.catalog.folder(system).definition
            hosting = "cloud" if definition.hosting == "either" else None
            made = appliance.connections.connect(
                system=system, name=system, fields=fields, hosting=hosting, historical_days=3650
            )
            work(appliance)
            return Place(appliance, clock, made.connection.id)

        yield connect


@contextmanager
def maintainx(place: Callable[..., Place]) -> Iterator[tuple[MaintainX, Place]]:
    simulator = MaintainX(maintainx_rows())
    with running(simulator, "/v1"):
        yield simulator, place("maintainx", url=simulator.url, api_key=MAINTAINX_KEY)


def test_maintainx(place: Callable[..., Place]) -> None:
    with maintainx(place) as (simulator, site):
        row = simulator.rows["/workorders"][0]
        row["title"] = "Told of"
        told = deliveries.maintainx("WORK_ORDER_CHANGE", "sub-2", site.now, workOrderId=row["id"])
        assert site.send(told) == 401, "no signing secret has been entered yet"
        site.appliance.pushes.set_signing_keys(site.connection_id, ["sub-1", "sub-2"])
        assert site.send(told) == 200
        assert "Told of" in site.titles("WorkOrder")
        late = deliveries.maintainx("WORK_ORDER_CHANGE", "sub-2", site.now - 301_000, workOrderId=row["id"])
        assert site.send(late) == 401

        simulator.rows["/workorders"].remove(row)
        gone = deliveries.maintainx("WORK_ORDER_DELETE", "sub-1", site.now, workOrderId=row["id"])
        assert site.send(gone) == 200
        assert "Told of" not in site.titles("WorkOrder")


def test_limble() -> None:
    """Its regions are fixed addresses, so what is signed is shown here without a connection."""
    push = Catalog(load_model(), resources.files("appliance.connectors")).folder("limble").definition.push
    assert push is not None
    reader, now = PushReader(push, where="limble"), ManualClock().now_ms()
    told = deliveries.limble("task", "DELETED", LIMBLE_SECRET, now, taskID=100)
    sent = Delivery(told.body, told.headers, {})
    assert reader.verify(sent, [LIMBLE_SECRET], now)
    assert not reader.verify(sent, [LIMBLE_SECRET], now + 9 * 3600 * 1000)
    assert not reader.verify(
        Delivery(told.body, {**told.headers, "token": "another"}, {}), [LIMBLE_SECRET], now
    )
    assert reader.read(sent).named == [Named("WorkOrder", (100,), "deleted")]


def test_atlas(place: Callable[..., Place]) -> None:
    simulator: Atlas = filled()
    with simulator.served() as server:
        site = place("atlas_cmms", url=f"{server.url}/api", sign_in="api_key", api_key=API_KEY, details=True)
        site.appliance.pushes.set_signing_keys(site.connection_id, ["endpoint-secret"])
        row = next(one for one in simulator.rows["parts"] if one["id"] == 5)
        row["name"] = "Bearing, told of"
        told = deliveries.atlas("PART_CHANGE", "endpoint-secret", site.now, partId=5, changedPart=None)
        assert site.send(told._replace(body=told.body.replace(b"5", b"6", 1))) == 401
        assert site.send(told) == 202
        assert "Bearing, told of" in site.titles("Part", "name")

        # Atlas sends before it deletes.
        gone = deliveries.atlas("PART_DELETE", "endpoint-secret", site.now, partId=5, deletePart=None)
        assert site.send(gone) == 202
        assert "Bearing, told of" in site.titles("Part", "name")
        simulator.rows["parts"].remove(row)
        site.clock.advance(21)
        push_reading_of(site.appliance).work_off()
        assert "Bearing, told of" not in site.titles("Part", "name")


def test_erpnext(place: Callable[..., Place]) -> None:
    simulator = Frappe()
    with simulator.served() as server:
        site = place("erpnext", url=server.url, api_key=KEY, api_secret=SECRET, time_zone="Europe/Berlin")
        before = len(site.records("Part"))
        row = simulator.documents["Item"][0]
        row["item_name"] = "Seal, told of"
        told = deliveries.frappe("Item", row["name"], "on_update", site.key)
        assert site.send(told._replace(headers={"X-Frappe-Webhook-Signature": ""})) == 401
        assert site.send(told) == 202, "the name of this item holds a slash"
        assert any("told of" in str(record) for record in site.records("Part"))

        simulator.documents["Item"].remove(row)
        assert site.send(deliveries.frappe("Item", row["name"], "on_trash", site.key)) == 202
        assert len(site.records("Part")) == before - 1


def test_business_central(place: Callable[..., Place]) -> None:
    simulator = BusinessCentral()
    with simulator.served() as server:
        site = place(
            "dynamics_bc", url=server.url + ROOT, company=COMPANY, sign_in="key", username=USER,
            password=CENTRAL_KEY, cost_dimension="DEPARTMENT",
        )  # fmt: skip
        asked = site._client.post(
            f"/hooks/{site.opened.secret}?validationToken=a-1", base_url="https://localhost"
        )
        assert (asked.status_code, asked.text) == (200, "a-1")
        row = simulator.tables.rows["vendors"][0]
        row["displayName"] = "Pumps, told of"
        told = deliveries.business_central(COMPANY, f"vendors({guid(1)})", "updated", site.key)
        assert site.send(told._replace(body=told.body.replace(site.key.encode(), b"guessed"))) == 401
        assert site.send(told) == 200
        assert "Pumps, told of" in site.titles("Vendor", "name"), site.outcome()

        many = deliveries.business_central(
            COMPANY, "vendors?$filter=lastModifiedDateTime", "collection", site.key
        )
        assert site.send(many) == 200
        site.clock.advance(31)
        push_reading_of(site.appliance).work_off()
        assert site.outcome().startswith("run ")
