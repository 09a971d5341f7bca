"""Writes to UpKeep, read back field by field, against a simulator built from what public clients send."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import InvalidInput, SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from tests.connectors.expecting import key
from tests.connectors.reading_back import chosen, unified, write
from tests.connectors.upkeep.plant import rows
from tests.runtime.opened import opened
from tests.simulators.strict_rest import running
from tests.simulators.upkeep import EMAIL, PASSWORD, UpKeep
from tests.support.clock import ManualClock

DUE, SAID = datetime(2026, 2, 1, 7, 30, tzinfo=UTC), "2026-02-01T07:30:00Z"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))


@pytest.fixture
def plant(clock: ManualClock) -> Iterator[UpKeep]:
    simulator = UpKeep(rows(), clock)
    with running(simulator, "/api/v2"):
        yield simulator


@pytest.fixture
def connector(plant: UpKeep, clock: ManualClock) -> Connector:
    fields = {"url": plant.url, "sign_in": "password", "email": EMAIL, "password": PASSWORD, "token": None}
    return opened("upkeep", {**fields, "limit_is_end": False}, clock=clock)


WORK_ORDER: dict[str, Any] = {
    "title": "Change seal", "assetKey": "asset00002", "severity": "3", "scheduledAt": DUE, "instructions": "Slowly",
    "categoryName": "Damage", "locationKey": "location02", "laborAssignedKey": "user000001",
    "parts": [{"partKey": "part000001", "quantity": Decimal(2)}], "customFields": {"decreaseInventory": "manual"},
}  # fmt: skip


def test_a_work_order(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", WORK_ORDER)
    expected = {
        "key": key("WorkOrder", *made), "title": "Change seal", "assetKey": key("Asset", "asset00002"),
        "severity": "3", "scheduledAt": SAID, "instructions": "Slowly", "categoryName": "Damage",
        "locationKey": key("Location", "location02"), "laborAssignedKey": key("Labor", "user000001"),
        "statusKey": key("Status", "work-orders", "open"),
        "customFields": {"parts": ["part000001"], "partQuantitiesUsed": [2]},
    }  # fmt: skip
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected


def test_an_update_changes_only_what_is_given(connector: Connector, plant: UpKeep) -> None:
    before = dict(plant.rows["work-orders"][0])
    write(connector, "WorkOrder", "update", {"title": "Seal", "dueAt": NULL}, key=["order00001"])
    after = plant.rows["work-orders"][0]
    # There is one date, and null stands for no choice among two.
    assert {n for n in after if after[n] != before.get(n)} == {"title", "updatedAt"}
    write(connector, "WorkOrder", "status", status="on hold", key=["order00001"])
    read = unified(connector, "WorkOrder", ["order00001"])
    assert (read["title"], read["statusKey"]) == ("Seal", key("Status", "work-orders", "on hold"))


def test_a_purchase_order_with_its_lines_in_one_request(connector: Connector, plant: UpKeep) -> None:
    record = {
        "title": "Spares", "description": "Soon", "vendorKey": "vendor0001", "orderNo": "14", "orderDate": DUE,
        "dueAt": DUE, "lineItems": [{"materialKey": "part000001", "quantity": Decimal("2.5")}],
    }  # fmt: skip
    made = write(connector, "PurchaseOrder", "create", record)
    expected = {
        "title": "Spares", "description": "Soon", "vendorKey": key("Vendor", "vendor0001"), "orderNo": "14",
        "orderDate": "2026-02-01T00:00:00Z", "dueAt": "2026-02-01T00:00:00Z",
        "lineItems": [{"materialKey": key("Part", "part000001"), "quantity": "2.5"}],
    }  # fmt: skip
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected
    write(connector, "PurchaseOrder", "update", {"title": "Seals"}, key=made)
    expected["title"] = "Seals"
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected


def test_a_request(connector: Connector) -> None:
    record = {"title": "Leak", "description": "There", "assetKey": "asset00002"}
    made = write(connector, "ServiceRequest", "create", record)
    expected = {"title": "Leak", "description": "There", "assetKey": key("Asset", "asset00002")}
    assert chosen(unified(connector, "ServiceRequest", made), expected) == expected


def test_what_upkeep_refuses_keeps_its_words(connector: Connector, plant: UpKeep) -> None:
    with pytest.raises(SourceError, match="priority must be one of 0, 1, 2, 3"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "severity": "7"})
    with pytest.raises(InvalidInput, match="severity"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "severity": "high"})
    with pytest.raises(SourceError, match="asset nothing000 not found"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "assetKey": "nothing000"})
    assert len(plant.rows["work-orders"]) == 2
    plant.denied = {"purchase-orders"}
    with pytest.raises(SourceAccessDenied, match="Not in your plan"):
        write(connector, "PurchaseOrder", "create", {"title": "x"})
