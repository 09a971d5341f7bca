"""Whole runs over a delta link: what is gone at the source is deleted here, and what cannot be filtered is said."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.engine_room import engine_of
from appliance.runtime.protocols import EVERYTHING, Page, Position, Since
from appliance.settings import load_settings
from appliance.sync.passes.ahead import FetchAhead
from tests.simulators.odata4 import Orders4
from tests.support.clock import ManualClock

CONNECTOR = """
system: plant_orders
name: Plant orders
summary: Orders of a plant
categories: [erp]
tier: 1
hosting: either
evidence: contract
free: true
form:
  - {name: url, label: Address, type: url}
http: {base_url: "${url}"}
entities:
  Vendor:
    read:
      protocol: odata4
      service: odata4/orders
      set: Orders
      delta: true
      changed: [Changed]
    incremental: mark
    key: [Number]
    map: {name: Amount}
"""


class Plant:
    def __init__(self, appliance: Appliance, orders: Orders4, url: str) -> None:
        self.appliance = appliance
        self.orders = orders
        made = appliance.connections.connect(
            system="plant_orders", name="p", fields={"url": url}, hosting="cloud"
        )
        self.connection = made.connection.id
        self.stages = {stage.name: stage.message for stage in made.report.stages}
        self.run("full")

    def run(self, mode: Any) -> dict[str, Any]:
        run_id = self.appliance.planner.request_run(self.connection, entities=["Vendor"], mode=mode)
        engine_of(self.appliance).drain()
        run = self.appliance.planner.describe_run(run_id)
        assert run["state"] == "completed", run
        entity: dict[str, Any] = run["entities"][0]
        return entity

    def amounts(self) -> list[str]:
        stream = self.appliance.records.stream(self.connection, "Vendor")
        return [json.loads(text)["name"] for text in self.appliance.records.by_id(stream, 0, 100).payloads]

    def count(self) -> int:
        return self.appliance.records.count(self.appliance.records.stream(self.connection, "Vendor"))


@pytest.fixture
def orders() -> Orders4:
    return Orders4(orders=4)


@pytest.fixture
def plant(orders: Orders4, tmp_path: Path) -> Iterator[Plant]:
    folder = tmp_path / "connectors" / "plant_orders"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(CONNECTOR)
    settings = load_settings({"data_dir": str(tmp_path / "data"), "connectors_dir": str(folder.parent)}, {})
    appliance = Appliance.open(settings, ManualClock(auto=True))
    with orders.served() as server:
        yield Plant(appliance, orders, server.url)
    appliance.close()


def test_the_second_run_brings_changes_and_deletes_what_is_gone(plant, orders):
    orders.put("0002", amount="22.00")
    orders.remove("0003")
    entity = plant.run("incremental")
    assert (entity["fetched"], entity["updated"]) == (1, 1)
    assert (plant.amounts(), plant.count()) == (["1.10", "22.00", "4.10"], 3)
    assert plant.run("incremental")["fetched"] == 0


def test_a_deleted_record_that_comes_back_is_there_again(plant, orders):
    orders.remove("0003")
    plant.run("incremental")
    orders.put("0003", amount="3.30")
    plant.run("incremental")
    assert ("3.30" in plant.amounts(), plant.count()) == (True, 4)


def test_a_refused_delta_link_goes_on_with_the_changed_filter(plant, orders):
    orders.tokens_expired = True
    orders.put("0001", amount="11.00", changed="2026-01-05T07:59:00Z")
    entity = plant.run("incremental")
    assert (entity["fetched"], plant.amounts()[0]) == (1, "11.00")


def test_what_the_source_cannot_do_is_said_at_the_run_without_failing_it(plant, orders):
    orders.tokens_expired = True
    orders.refused = {"Changed": 501}
    entity = plant.run("incremental")
    assert (entity["error_code"], entity["fetched"]) == (None, 4)
    assert "every pass reads all rows" in entity["notices"][0]


def test_the_test_of_the_connection_says_it_too(tmp_path):
    orders = Orders4(orders=1)
    orders.refused = {"Changed": 400}
    folder = tmp_path / "connectors" / "plant_orders"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(CONNECTOR)
    settings = load_settings({"data_dir": str(tmp_path / "data"), "connectors_dir": str(folder.parent)}, {})
    appliance = Appliance.open(settings, ManualClock(auto=True))
    with orders.served() as server:
        plant = Plant(appliance, orders, server.url)
    appliance.close()
    assert "every pass reads all rows" in plant.stages["read Vendor"]


class Returning:
    """A row is gone on one page and there again on the next; `arrived` is set when both have been fetched."""

    def __init__(self) -> None:
        self.arrived = threading.Event()

    def first(self) -> Position:
        return {"page": 1}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        number = position["page"]
        if number == 3:
            self.arrived.set()
            return Page([], None)
        gone, rows = ((b"{}",), []) if number == 1 else ((), [b"{}"])
        return Page(rows, {"page": number + 1}, removed=gone)


def test_a_removal_is_written_before_the_page_after_it():
    pages = Returning()
    with FetchAhead(pages, pages.first(), EVERYTHING, resuming=False) as arriving:
        assert pages.arrived.wait(5)
        first, *others = arriving
    assert (first.removed, first.rows) == ((b"{}",), [])
    assert [row for page in others for row in page.rows] == [b"{}"]
