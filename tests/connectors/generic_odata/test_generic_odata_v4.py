"""The generic OData connector against services of V4."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import ConfigurationError
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, outbound, probed
from tests.simulators.odata4 import Orders4
from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.rows import plant as plant_rows
from tests.simulators.sap_s4hana.services import PURCHASING4

ENTITIES = """
PurchaseOrder:
  read:
    protocol: odata4
    set: Orders
    select: [Number, Changed, Due, Amount]
    expand: ["_Item($select=Line,Quantity)"]
    changed: [Changed]
  key: [Number]
  modified: Changed
  map:
    orderNo: Number
    dueAt: Due
    totalNetValue: Amount
    lineItems: {each: _Item, key: [^.Number, Line], map: {lineNo: Line, quantity: Quantity}}
"""


class Plant(Orders4):
    url = ""


@pytest.fixture
def plant() -> Iterator[Plant]:
    plant = Plant()
    with plant.served() as server:
        plant.url = f"{server.url}/odata4/orders"
        yield plant


def connected(url: str, entities: str, user: tuple[str, str] = ("SYNC", "Welcome1")) -> Connector:
    fields: dict[str, Any] = {"url": url, "username": user[0], "password": user[1], "client": None}
    return opened("generic_odata", {**fields, "entities": entities})


def key(entity: str, *parts: str) -> str:
    return str(unified_key(str(MODEL.entities[entity].prefix), PART, parts))


def test_records_with_their_lines(plant: Plant) -> None:
    records = all_records(connected(plant.url, ENTITIES), "PurchaseOrder")
    assert set(records) == {key("PurchaseOrder", f"{number:04}") for number in range(1, 8)}
    record = records[key("PurchaseOrder", "0003")]
    assert (record["orderNo"], record["totalNetValue"]) == ("0003", "3.10")
    assert (record["dueAt"], record["updatedAt"]) == ("2026-02-01T00:00:00Z", "2026-01-01T08:00:00Z")
    lines = [(line["key"], line["lineNo"], line["quantity"]) for line in record["lineItems"]]
    assert lines == [
        (key("LineItem", "0003", "10"), "10", "10.500"),
        (key("LineItem", "0003", "20"), "20", "20.500"),
    ]


def test_pages_follow_the_links_and_changes_are_asked_for(plant: Plant) -> None:
    connector = connected(plant.url, ENTITIES)
    assert [len(page.rows) for page in all_pages(connector, "PurchaseOrder")] == [3, 3, 1]
    plant.put("0002", changed="2026-01-09T08:00:00Z")
    (page,) = all_pages(connector, "PurchaseOrder", Since(datetime(2026, 1, 9, 8, tzinfo=UTC)))
    assert [decode(row)["Number"] for row in page.rows] == ["0002"]


def test_the_probe_reads_and_a_wrong_name_is_told(plant: Plant) -> None:
    report = probed(connected(plant.url, ENTITIES), outbound())
    assert report.failure is None and report.readable == ("PurchaseOrder",)
    with pytest.raises(ConfigurationError, match="Orders"):
        all_records(connected(plant.url, ENTITIES.replace("set: Orders", "set: Order")), "PurchaseOrder")


def test_the_pack_reads_the_orders_of_sap_s4hana() -> None:
    s4 = S4(plant_rows())
    s4.languages = {""}
    with s4.served() as server:
        url = f"{server.url}{PURCHASING4.rstrip('/')}"
        connector = connected(url, "sap-purchase-orders-v4", (s4.user, s4.password))
        report = probed(connector, outbound())
        records = all_records(connector, "PurchaseOrder")
    assert report.failure is None
    assert records and all(record["lineItems"] for record in records.values())
    # An item of text has no material.
    assert any(line["materialKey"] for record in records.values() for line in record["lineItems"])
    for found, record in records.items():
        assert found == key("PurchaseOrder", record["orderNo"])
        assert record["vendorKey"] and record["currencyKey"] and record["orderDate"]
        for line in record["lineItems"]:
            assert line["key"] == key("LineItem", record["orderNo"], line["lineNo"])
            assert line["quantity"] and line["price"] and line["name"]
