"""Writes to Atlas CMMS, read back field by field, against a simulated server that replaces whole records as it does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.fields import statuses
from tests.connectors.atlas_cmms.test_atlas_cmms import connected, filled
from tests.connectors.expecting import key
from tests.connectors.reading_back import chosen, unified, write
from tests.runtime.opened import all_records
from tests.simulators.atlas_cmms import Atlas

DUE, SAID = datetime(2026, 2, 1, 7, 30, tzinfo=UTC), "2026-02-01T07:30:00Z"


@pytest.fixture
def atlas() -> Atlas:
    return filled()


@pytest.fixture
def connector(atlas: Atlas) -> Iterator[Connector]:
    with atlas.served() as server:
        made = connected(server.url)
        yield made
        made.close()


WORK_ORDER: dict[str, Any] = {
    "title": "Change seal", "instructions": "Slowly", "severity": "high", "estimatedTime": Decimal("1.5"),
    "scheduledAt": DUE, "dueAt": DUE, "assetKey": 3, "locationKey": 2, "teamKey": 4, "laborAssignedKey": 6,
}  # fmt: skip


def test_a_work_order(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", WORK_ORDER)
    expected = {
        "key": key("WorkOrder", *made), "title": "Change seal", "instructions": "Slowly", "severity": "HIGH",
        "estimatedTime": "1.5", "scheduledAt": SAID, "dueAt": SAID, "assetKey": key("Asset", 3),
        "locationKey": key("Location", 2), "teamKey": key("Team", 4), "laborAssignedKey": key("Labor", 6),
        "statusKey": key("Status", "work-orders", "OPEN"),
    }  # fmt: skip
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected


def test_an_update_leaves_what_is_not_given(connector: Connector) -> None:
    before = unified(connector, "WorkOrder", [400])
    write(connector, "WorkOrder", "update", {"title": "New", "locationKey": NULL, "dueAt": NULL}, key=[400])
    after = unified(connector, "WorkOrder", [400])
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"title", "locationKey", "dueAt"}
    assert (after["title"], after["locationKey"], after["dueAt"]) == ("New", None, None)


def test_the_status_of_a_work_order(connector: Connector) -> None:
    write(connector, "WorkOrder", "status", status="COMPLETE", key=[400])
    assert unified(connector, "WorkOrder", [400])["statusKey"] == key("Status", "work-orders", "COMPLETE")


def test_parts_used_are_taken_out_of_stock(connector: Connector, atlas: Atlas) -> None:
    record = {
        "materialKey": 5,
        "storeroomKey": 1,
        "requiredQuantity": Decimal(2),
        "usedQuantity": Decimal("1.5"),
    }
    write(connector, "WorkOrder", "add-material", record, key=[400])
    used = [r["quantity"] for r in all_records(connector, "MaterialItem").values()]
    assert used == ["2.0", "1.5"]
    assert unified(connector, "Part", [5])["inventory"]["quantity"] == "3.0"
    with pytest.raises(SourceError, match="not enough of this part"):
        write(connector, "WorkOrder", "add-material", {**record, "usedQuantity": Decimal(99)}, key=[400])
    assert len(all_records(connector, "MaterialItem")) == 2


ORDER: dict[str, Any] = {
    "title": "Spares", "vendorKey": 9, "orderDate": DUE, "dueAt": DUE, "terms": "30 days", "notes": "Soon",
    "lineItems": [{"materialKey": 5, "quantity": Decimal("2.5")}],
}  # fmt: skip


def test_a_purchase_order_with_its_lines(connector: Connector, atlas: Atlas) -> None:
    made = write(connector, "PurchaseOrder", "create", ORDER)
    expected = {
        "key": key("PurchaseOrder", *made), "title": "Spares", "vendorKey": key("Vendor", 9), "orderDate": SAID,
        "dueAt": SAID, "terms": "30 days", "notes": "Soon",
        "statusKey": key("Status", "purchase-orders", "PENDING"),
        "lineItems": [{"materialKey": key("Part", 5), "quantity": "2.5", "price": "12.35"}],
    }  # fmt: skip
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected
    lines = [{"materialKey": 5, "quantity": Decimal(4)}]
    write(connector, "PurchaseOrder", "update", {"title": "Bearings", "lineItems": lines}, key=made)
    expected |= {"title": "Bearings", "lineItems": [{"materialKey": key("Part", 5), "quantity": 4}]}
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected


def test_an_order_whose_line_is_refused_is_deleted(connector: Connector, atlas: Atlas) -> None:
    lines = [*ORDER["lineItems"], {"materialKey": 99, "quantity": Decimal(1)}]
    with pytest.raises(SourceError, match="Part not found"):
        write(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": lines})
    assert [row["id"] for row in atlas.rows["purchase-orders"]] == [100]


def test_an_approval_books_into_stock_and_is_not_repeated(connector: Connector) -> None:
    write(connector, "PurchaseOrder", "status", status="APPROVED", key=[100])
    order = unified(connector, "PurchaseOrder", [100])
    assert order["statusKey"] == key("Status", "purchase-orders", "APPROVED")
    assert unified(connector, "Part", [5])["inventory"]["quantity"] == "7.0"
    with pytest.raises(SourceError, match="already been approved"):
        write(connector, "PurchaseOrder", "status", status="REJECTED", key=[100])
    write_status = connector.definition.entities["PurchaseOrder"].write["status"]
    assert statuses(write_status) == ("APPROVED", "REJECTED")


def test_a_request(connector: Connector) -> None:
    (number,) = write(
        connector, "ServiceRequest", "create", {"title": "Leak", "description": "There", "assetKey": 3}
    )
    made = all_records(connector, "ServiceRequest")[str(key("ServiceRequest", number))]
    expected = {
        "title": "Leak", "description": "There", "assetKey": key("Asset", 3),
        "statusKey": key("Status", "service-requests", "PENDING"),
    }  # fmt: skip
    assert chosen(made, expected) == expected


def test_an_asset_and_its_change(connector: Connector) -> None:
    record = {
        "name": "Pump 9", "description": "Spare", "notes": "n", "parentKey": 3, "locationKey": 2, "vendorKey": 9,
        "teamKey": 4, "manufacturerName": "KSB", "modelName": "E2", "serialNumber": "S9", "isActive": True,
        "activatedAt": DUE,
    }  # fmt: skip
    made = write(connector, "Asset", "create", record)
    write(connector, "Asset", "update", {"isActive": False}, key=made)
    expected = {
        "name": "Pump 9", "description": "Spare", "notes": "n", "parentKey": key("Asset", 3),
        "locationKey": key("Location", 2), "vendorKey": key("Vendor", 9), "teamKey": key("Team", 4),
        "makeName": "KSB", "modelName": "E2", "serialNumber": "S9", "isActive": False, "activatedAt": SAID,
    }  # fmt: skip
    assert chosen(unified(connector, "Asset", made), expected) == expected


def test_a_part_its_change_and_its_stock(connector: Connector) -> None:
    record = {"name": "Ring", "partNumber": "R-1", "cost": Decimal("1.25"), "minimumQuantity": Decimal(3),
              "vendorKeys": [9], "customFields": {"unit": "pcs"}}  # fmt: skip
    made = write(connector, "Part", "create", record)
    write(connector, "Part", "update", {"name": "Ring 2"}, key=made)
    write(connector, "Part", "inventory", {"quantity": Decimal("7.5")}, key=made)
    write(connector, "Stock", "update", {"position": "R9"}, key=made)
    expected = {
        "name": "Ring 2", "partNumber": "R-1", "cost": "1.25", "minimumQuantity": "3",
        "vendorKeys": [key("Vendor", 9)], "inventory": {"quantity": "7.5"}, "customFields": {"unit": "pcs"},
    }  # fmt: skip
    assert chosen(unified(connector, "Part", made), expected) == expected
    assert unified(connector, "Stock", made)["position"] == "R9"
    with pytest.raises(SourceError, match="Part with same barcode exists"):
        write(connector, "Part", "create", record)


def test_what_atlas_refuses_keeps_its_words(connector: Connector, atlas: Atlas) -> None:
    with pytest.raises(SourceError, match="asset not found"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "assetKey": 999})
    with pytest.raises(SourceError, match="priority must be one of"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "severity": "urgent"})
    atlas.denied = {"purchase-orders"}
    with pytest.raises(SourceAccessDenied, match="Access denied"):
        write(connector, "PurchaseOrder", "create", ORDER)
