"""Writes to Limble, read back field by field, against a simulator held to the vendor's description."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import RecordGone
from tests.connectors.expecting import key
from tests.connectors.limble.plant import rows
from tests.connectors.reading_back import chosen, unified, write
from tests.runtime.opened import opened
from tests.simulators.limble import CLIENT, SECRET, Limble
from tests.simulators.strict_rest import running

DUE, SAID = datetime(2026, 2, 1, 7, 30, tzinfo=UTC), "2026-02-01T07:30:00Z"


@pytest.fixture
def plant() -> Iterator[Limble]:
    simulator = Limble(rows())
    with running(simulator, "/v2"):
        yield simulator


@pytest.fixture
def connector(plant: Limble) -> Connector:
    fields = {
        "url": plant.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "line_unit": "10000",
        "order_user": 1,
    }
    return opened("limble", fields)


TASK: dict[str, Any] = {
    "title": "Change seal", "siteKey": 10, "dueAt": DUE, "scheduledAt": DUE, "instructions": "Slowly", "assetKey": 21,
    "laborAssignedKey": 1, "categoryName": "Planned work order", "estimatedTime": Decimal(30),
    "customFields": {"meta1": "ours"},
}  # fmt: skip


def test_a_task(connector: Connector, plant: Limble) -> None:
    made = write(connector, "WorkOrder", "create", TASK, reference="r-1")
    expected = {
        "key": key("WorkOrder", *made), "title": "Change seal", "siteKey": key("Site", 10), "dueAt": SAID,
        "scheduledAt": SAID, "instructions": "Slowly", "assetKey": key("Asset", 21), "estimatedTime": "30",
        "laborAssignedKey": key("Labor", 1), "teamKey": None, "categoryName": "Planned work order",
        "statusKey": key("Status", "work-orders", 1), "customFields": {"meta1": "ours", "meta3": "r-1"},
    }  # fmt: skip
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected
    write(connector, "WorkOrder", "update", {"title": "Seal", "teamKey": 5, "assetKey": 20}, key=made)
    expected |= {
        "title": "Seal",
        "teamKey": key("Team", 5),
        "laborAssignedKey": None,
        "assetKey": key("Asset", 20),
    }
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected


def test_the_same_reference_twice_makes_one_task(connector: Connector, plant: Limble) -> None:
    first = write(connector, "WorkOrder", "create", TASK, reference="r-1")
    assert write(connector, "WorkOrder", "create", TASK, reference="r-1", retried=True) == first
    assert len(plant.rows["tasks"]) == 4


def test_a_task_is_an_unplanned_work_order_when_nothing_is_said(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", {"title": "x", "siteKey": 10, "dueAt": DUE})
    assert unified(connector, "WorkOrder", made)["categoryName"] == "Unplanned work order"


def test_statuses_of_a_task(connector: Connector, plant: Limble) -> None:
    (task,) = [row for row in plant.rows["tasks"] if row["taskID"] == 101]
    with pytest.raises(SourceError, match="assignment is required"):
        write(connector, "WorkOrder", "status", status="2", key=[101])
    task["teamID"] = 5
    for status in ("2", "1", "3"):
        write(connector, "WorkOrder", "status", status=status, key=[101])
        read = unified(connector, "WorkOrder", [101])
        assert read["statusKey"] == key("Status", "work-orders", status)
        assert (read["completedAt"] is not None) == (status == "2")
    with pytest.raises(RecordGone):
        write(connector, "WorkOrder", "status", status="3", key=[999])


ORDER: dict[str, Any] = {
    "siteKey": 10, "vendorKey": 30, "orderDate": DUE, "dueAt": DUE, "title": "Spares",
    "customFields": {"customField1": "C9"},
    "lineItems": [
        {"materialKey": 40, "quantity": Decimal(2), "price": Decimal("12.99"), "accountKey": 4, "description": "Ring"},
        {"name": "Freight", "quantity": Decimal(1), "price": Decimal(5)},
    ],
}  # fmt: skip


def test_a_purchase_order_with_its_lines(connector: Connector) -> None:
    made = write(connector, "PurchaseOrder", "create", ORDER)
    expected = {
        "key": key("PurchaseOrder", *made), "siteKey": key("Site", 10), "vendorKey": key("Vendor", 30),
        "orderDate": SAID, "dueAt": SAID, "statusKey": key("Status", "purchase-orders", 0),
        "customFields": {"customField1": "C9"},
        "lineItems": [
            {"materialKey": key("Part", 40), "quantity": 2, "price": "12.99", "accountKey": key("Account", 4),
             "type": "Part", "name": "Seal", "description": "Ring"},
            {"materialKey": None, "quantity": 1, "price": 5, "type": "Other", "name": "Freight"},
        ],
    }  # fmt: skip
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected
    write(connector, "PurchaseOrder", "update", {"customFields": {"customField1": "C8"}}, key=made)
    write(connector, "PurchaseOrder", "status", status="97", key=made)
    expected |= {"customFields": {"customField1": "C8"}, "statusKey": key("Status", "purchase-orders", 97)}
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected
    with pytest.raises(SourceError, match="Transition not allowed from current state"):
        write(connector, "PurchaseOrder", "status", status="100", key=made)


def test_an_order_whose_line_is_refused_is_deleted(connector: Connector, plant: Limble) -> None:
    lines = [*ORDER["lineItems"], {"materialKey": 99, "quantity": Decimal(1)}]
    with pytest.raises(SourceError, match="Part not found"):
        write(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": lines})
    assert len(plant.rows["po"]) == 1 and len(plant.rows["po/items"]) == 2
    with pytest.raises(SourceError, match="quantity must be an integer"):
        write(
            connector,
            "PurchaseOrder",
            "create",
            {**ORDER, "lineItems": [{"name": "x", "quantity": Decimal("1.5")}]},
        )


def test_a_request_stands_where_its_asset_stands(connector: Connector) -> None:
    made = write(
        connector, "ServiceRequest", "create", {"title": "Leak", "description": "There", "assetKey": 21}
    )
    expected = {
        "title": "Leak", "description": "There", "assetKey": key("Asset", 21), "siteKey": key("Site", 10),
        "statusKey": key("Status", "service-requests", "Pending"),
    }  # fmt: skip
    assert chosen(unified(connector, "ServiceRequest", made), expected) == expected
    with pytest.raises(SourceError, match=r"locationID is required"):
        write(connector, "ServiceRequest", "create", {"title": "Leak"})


def test_an_asset_and_a_part(connector: Connector) -> None:
    made = write(connector, "Asset", "create", {"name": "Pump 2", "siteKey": 10, "parentKey": 20})
    write(connector, "Asset", "update", {"activatedAt": DUE}, key=made)
    expected = {
        "name": "Pump 2",
        "siteKey": key("Site", 10),
        "parentKey": key("Asset", 20),
        "activatedAt": SAID,
    }
    assert chosen(unified(connector, "Asset", made), expected) == expected
    record = {"name": "Ring", "partNumber": "R-1", "siteKeys": [10], "cost": Decimal("1.25"),
              "minimumQuantity": Decimal(3)}  # fmt: skip
    part = write(connector, "Part", "create", record)
    write(connector, "Part", "update", {"name": "Ring 2"}, key=part)
    wanted = {"name": "Ring 2", "partNumber": "R-1", "siteKeys": [key("Site", 10)], "cost": "1.25",
              "minimumQuantity": "3"}  # fmt: skip
    assert chosen(unified(connector, "Part", part), wanted) == wanted
    write(connector, "Part", "inventory", {"quantity": Decimal(7)}, key=part)
    write(connector, "Stock", "update", {"position": "R9"}, key=part)
    stock = unified(connector, "Stock", part)
    assert (stock["quantity"], stock["position"]) == (7, "R9")


def test_what_limble_refuses_keeps_its_words(connector: Connector, plant: Limble) -> None:
    with pytest.raises(SourceError, match="Vendor not found"):
        write(connector, "PurchaseOrder", "create", {**ORDER, "vendorKey": 31})
    plant.denied = {"po"}
    with pytest.raises(SourceAccessDenied, match="Your plan does not include this"):
        write(connector, "PurchaseOrder", "create", ORDER)
