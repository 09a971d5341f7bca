"""A status that the connector does not know: it passes, its reference leads somewhere, and the run says so once."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.sync import describe
from appliance.runtime.mapping.compiler import LARGEST_UNKNOWN
from appliance.sync.runs.tables import MOST_NOTICES
from tests.support.appliance import Appliances, entity_of, synchronize, work
from tests.support.clock import ManualClock
from tests.support.plant import PLANTS, Plant

DEFINITION = """
system: yard
name: Yard
summary: A plant with statuses.
categories: [erp]
tier: 1
hosting: cloud
evidence: contract
form: [{name: plant, label: Name of the plant}]
defaults: {read: {protocol: code}, key: [id], modified: changed}
statuses:
  orders: {N: New, D: Done}
entities:
  PurchaseOrder: {map: {orderNo: id, statusKey: {status: orders, path: state}}}
  Team: {map: {name: name}}
"""


class Yard:
    def __init__(self, appliances: Appliances, folder: Path, clock: ManualClock) -> None:
        place = folder / "connectors" / "yard"
        place.mkdir(parents=True)
        (place / "connector.yaml").write_text(DEFINITION)
        (place / "code.py").write_text("from tests.support.plant import Reader\n")
        self.plant = PLANTS["yard"] = Plant(clock)
        self.appliance = appliances.open(clock, connectors_dir=place.parent)

    def connect(self) -> None:
        self.id = self.appliance.connections.connect(
            system="yard", name="Yard", fields={"plant": "yard"}
        ).connection.id
        work(self.appliance)

    def run(self, **wanted: Any) -> dict[str, Any]:
        return entity_of(synchronize(self.appliance, self.id, **wanted), "PurchaseOrder")

    def last(self) -> dict[str, Any]:
        newest = self.appliance.planner.runs.recent(self.id, 1)[0]
        return entity_of(self.appliance.planner.describe_run(newest["id"]), "PurchaseOrder")

    def records(self, entity: str) -> dict[str, dict[str, Any]]:
        stream = self.appliance.records.find_stream(self.id, entity)
        assert stream is not None
        rows = self.appliance.database.rows(
            "SELECT payload FROM record WHERE stream_id = ? AND deleted_at IS NULL", (stream.id,)
        )
        return {record["key"]: record for record in (json.loads(row["payload"]) for row in rows)}


@pytest.fixture
def yard(appliances: Appliances, tmp_path: Path, clock: ManualClock) -> Yard:
    return Yard(appliances, tmp_path, clock)


def test_it_passes_and_its_reference_leads_to_a_record_named_as_the_source_names_it(yard: Yard) -> None:
    yard.plant.put("PurchaseOrder", "0001", state="N")
    yard.plant.put("PurchaseOrder", "0002", "0003", state="ON HOLD")
    yard.connect()
    statuses = yard.records("Status")
    by_order = {
        order["orderNo"]: statuses[order["statusKey"]] for order in yard.records("PurchaseOrder").values()
    }
    assert {number: status["name"] for number, status in by_order.items()} == {
        "0001": "New",
        "0002": "ON HOLD",
        "0003": "ON HOLD",
    }
    assert (by_order["0002"]["code"], by_order["0002"]["scope"]) == ("ON HOLD", "orders")


def test_the_run_says_it_once_for_each_scope_and_value(yard: Yard) -> None:
    yard.plant.put("PurchaseOrder", *(f"{n:04}" for n in range(35)), state="ON HOLD")
    yard.plant.put("PurchaseOrder", "0031", state="LOST")
    yard.plant.put("PurchaseOrder", "0032", state=None)
    yard.connect()
    entity = yard.last()
    assert (entity["state"], entity["error_code"], entity["inserted"]) == ("completed", None, 35)
    assert [message.split(".")[0] for message in entity["notices"]] == [
        "The connector does not know the status LOST of orders",
        "The connector does not know the status ON HOLD of orders",
    ]


def test_it_is_seen_in_the_state_of_the_connection_after_later_runs(yard: Yard) -> None:
    yard.plant.put("PurchaseOrder", "0001", state="ON HOLD")
    yard.connect()
    assert yard.run()["notices"] == [], "nothing has changed"
    assert yard.run(mode="full")["notices"] == []
    (told,) = describe(yard.appliance)["connections"][0]["notices"]
    assert (told["entity"], "ON HOLD" in told["message"]) == ("PurchaseOrder", True)
    assert len(yard.records("Status")) == 3


def test_statuses_that_are_known_are_not_told_of(yard: Yard) -> None:
    yard.plant.put("PurchaseOrder", "0001", state="N")
    yard.plant.put("PurchaseOrder", "0002", state="D")
    yard.connect()
    assert yard.last()["notices"] == []
    assert len(yard.records("Status")) == 2


def test_a_source_whose_statuses_are_free_text_fills_neither_the_run_nor_the_list_of_statuses(
    yard: Yard,
) -> None:
    for number in range(LARGEST_UNKNOWN + 50):
        yard.plant.put("PurchaseOrder", f"{number:04}", state=f"text {number}")
    yard.connect()
    entity = yard.last()
    assert (entity["state"], entity["inserted"]) == ("completed", LARGEST_UNKNOWN + 50)
    assert len(entity["notices"]) == MOST_NOTICES
    assert len(yard.records("Status")) == LARGEST_UNKNOWN + 2
