"""Writes to MaintainX, read back field by field, against a simulator held to the vendor's description."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.fields import statuses
from appliance.runtime.writing.writer import OutcomeUnknown
from tests.connectors.expecting import key
from tests.connectors.maintainx.plant import rows
from tests.connectors.reading_back import chosen, unified, write
from tests.runtime.opened import opened
from tests.simulators.maintainx import KEY, MaintainX
from tests.simulators.strict_rest import Refused, running

DUE = datetime(2026, 2, 1, 7, 30, tzinfo=UTC)
SAID = "2026-02-01T07:30:00Z"


@pytest.fixture
def plant() -> Iterator[MaintainX]:
    simulator = MaintainX(rows())
    with running(simulator, "/v1"):
        yield simulator


@pytest.fixture
def connector(plant: MaintainX) -> Connector:
    fields = {"url": plant.url, "api_key": KEY, "organization": None, "changes_only": True}
    return opened("maintainx", fields)


WORK_ORDER: dict[str, Any] = {
    "title": "Replace seal", "siteKey": 10, "locationKey": 11, "assetKey": 21, "instructions": "Lock out first.",
    "severity": "high", "categoryName": "reactive", "scheduledAt": DUE, "dueAt": DUE, "estimatedTime": Decimal("1.5"),
    "laborAssignedKey": 1, "teamKey": 5, "customFields": {"extraFields": {"Permit": "P2"}},
    "parts": [{"partKey": 40, "quantity": 2}],
}  # fmt: skip


def test_a_work_order(connector: Connector, plant: MaintainX) -> None:
    made = write(connector, "WorkOrder", "create", WORK_ORDER, reference="r-1")
    expected = {
        "key": key("WorkOrder", *made), "title": "Replace seal", "siteKey": key("Site", 11),
        "locationKey": key("Location", 11), "assetKey": key("Asset", 21), "instructions": "Lock out first.",
        "severity": "HIGH", "categoryName": "REACTIVE", "scheduledAt": SAID, "dueAt": SAID, "estimatedTime": "1.5",
        "laborAssignedKey": key("Labor", 1), "teamKey": key("Team", 5),
        "statusKey": key("Status", "work-orders", "OPEN"), "customFields": {"extraFields": {"Permit": "P2"}},
    }  # fmt: skip
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected
    assert plant.rows["/workorders"][-1]["parts"] == [{"id": 40, "quantityUsed": 2, "locationId": None}]
    assert b'"externalData":{"reference":"r-1"}' in plant.asked[0].body


def test_a_work_order_stands_at_its_site_when_no_location_is_given(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", {"title": "Sweep", "siteKey": 10})
    read = unified(connector, "WorkOrder", made)
    assert read["siteKey"] == key("Site", 10) and read["laborAssignedKey"] is None


def test_an_update_changes_only_what_is_given(connector: Connector, plant: MaintainX) -> None:
    before = dict(plant.rows["/workorders"][0])
    write(connector, "WorkOrder", "update", {"title": "Seal", "dueAt": NULL}, key=[100])
    after = plant.rows["/workorders"][0]
    assert {n for n in after if after[n] != before.get(n)} == {"title", "dueDate", "updatedAt"}
    read = unified(connector, "WorkOrder", [100])
    assert (read["title"], read["dueAt"], read["laborAssignedKey"]) == ("Seal", None, key("Labor", 1))


@pytest.mark.parametrize("status", ["ON_HOLD", "DONE"])
def test_the_status_of_a_work_order(connector: Connector, status: str) -> None:
    write(connector, "WorkOrder", "status", status=status, key=[101])
    assert unified(connector, "WorkOrder", [101])["statusKey"] == key("Status", "work-orders", status)
    assert "SKIPPED" not in statuses(connector.definition.entities["WorkOrder"].write["status"])


def test_a_purchase_order_with_its_lines_in_one_request(connector: Connector, plant: MaintainX) -> None:
    record = {
        "vendorKey": 30, "orderNo": "PO-7", "title": "Spares", "notes": "Soon", "dueAt": DUE,
        "lineItems": [
            {"materialKey": 40, "name": "Seal", "code": "PX-1", "quantity": Decimal("2.5"), "price": Decimal("19.99")},
            {"name": "Freight", "quantity": Decimal(1), "price": Decimal(5)},
        ],
    }  # fmt: skip
    made = write(connector, "PurchaseOrder", "create", record)
    assert len(plant.asked) == 1
    expected = {
        "key": key("PurchaseOrder", *made), "vendorKey": key("Vendor", 30), "orderNo": "PO-7", "title": "Spares",
        "notes": "Soon", "dueAt": SAID, "statusKey": key("Status", "purchase-orders", "PENDING"),
        "lineItems": [
            {"materialKey": key("Part", 40), "name": "Seal", "code": "PX-1", "quantity": "2.5", "price": "19.99"},
            {"materialKey": None, "name": "Freight", "quantity": 1, "price": "5.00"},
        ],
    }  # fmt: skip
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected
    write(connector, "PurchaseOrder", "update", {"title": "Seals"}, key=made)
    write(connector, "PurchaseOrder", "status", status="APPROVED", key=made)
    expected |= {"title": "Seals", "statusKey": key("Status", "purchase-orders", "APPROVED")}
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected


def test_an_order_without_lines_or_with_an_unknown_vendor_is_refused(connector: Connector) -> None:
    with pytest.raises(SourceError, match=r"body\.items is required"):
        write(connector, "PurchaseOrder", "create", {"vendorKey": 30})
    with pytest.raises(SourceError, match="vendorId 31 does not exist"):
        write(connector, "PurchaseOrder", "create", {"vendorKey": 31, "lineItems": []})


def test_a_service_request(connector: Connector) -> None:
    record = {"title": "Leak", "description": "At the flange", "assetKey": 21}
    made = write(connector, "ServiceRequest", "create", record)
    expected = {
        "title": "Leak", "description": "At the flange", "assetKey": key("Asset", 21),
        "statusKey": key("Status", "service-requests", "PENDING"),
    }  # fmt: skip
    assert chosen(unified(connector, "ServiceRequest", made), expected) == expected


def test_an_asset_and_its_change(connector: Connector) -> None:
    record = {
        "name": "Pump 2", "description": "Spare", "parentKey": 20, "locationKey": 11, "criticality": "2",
        "serialNumber": "S7", "manufacturerName": "Acme", "modelName": "P200", "vendorKey": 30, "teamKey": 5,
        "categoryName": "Pump",
    }  # fmt: skip
    made = write(connector, "Asset", "create", record)
    expected = {
        "name": "Pump 2", "description": "Spare", "parentKey": key("Asset", 20), "locationKey": key("Location", 11),
        "criticality": "2", "serialNumber": "S7", "makeName": "Acme", "modelName": "P200",
        "vendorKey": key("Vendor", 30), "teamKey": key("Team", 5), "categoryName": "Pump",
    }  # fmt: skip
    assert chosen(unified(connector, "Asset", made), expected) == expected
    write(connector, "Asset", "update", {"serialNumber": "S8"}, key=made)
    expected["serialNumber"] = "S8"
    assert chosen(unified(connector, "Asset", made), expected) == expected


def test_a_part_its_cost_and_its_stock_at_one_location(connector: Connector) -> None:
    record = {"name": "Ring", "description": "Steel", "partNumber": "R-1", "cost": Decimal("1.25"),
              "minimumQuantity": Decimal(3), "vendorKeys": [30]}  # fmt: skip
    made = write(connector, "Part", "create", record)
    expected = {"name": "Ring", "description": "Steel", "partNumber": "R-1", "cost": "1.25", "minimumQuantity": "3",
                "vendorKeys": [key("Vendor", 30)]}  # fmt: skip
    assert chosen(unified(connector, "Part", made), expected) == expected
    write(connector, "Part", "inventory", {"quantity": Decimal(8), "locationKey": 11}, key=[40])
    write(connector, "Stock", "update", {"quantity": Decimal(4), "position": "R2"}, key=[40, 10])
    assert unified(connector, "Stock", [40, 11])["quantity"] == 8
    first = unified(connector, "Stock", [40, 10])
    assert (first["quantity"], first["position"], first["minLevel"]) == (4, "R2", 1)


def test_what_does_not_fit_keeps_the_words_of_maintainx(connector: Connector) -> None:
    with pytest.raises(SourceError, match=r"body\.priority must be one of NONE, LOW, MEDIUM, HIGH"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "severity": "urgent"})
    with pytest.raises(SourceError, match=r"unitCost must be an integer"):
        write(connector, "Part", "create", {"name": "Ring", "cost": Decimal("1.255")})


def test_a_create_that_is_not_answered_is_unknown(
    connector: Connector, plant: MaintainX, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(asked: object) -> None:
        raise Refused(504, {"error": "late"})

    monkeypatch.setattr(plant, "answer", late)
    with pytest.raises(OutcomeUnknown):
        write(connector, "WorkOrder", "create", WORK_ORDER)
