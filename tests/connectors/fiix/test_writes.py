"""Writes to Fiix, read back field by field, against a simulated tenant that enforces what is published of Fiix."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from tests.connectors.expecting import key
from tests.connectors.fiix.test_fiix import connected, filled
from tests.connectors.reading_back import chosen, unified, write
from tests.runtime.opened import all_records
from tests.simulators.fiix import Fiix

DUE, SAID = datetime(2026, 2, 1, 7, 30, tzinfo=UTC), "2026-02-01T07:30:00Z"


@pytest.fixture
def fiix() -> Fiix:
    return filled()


@pytest.fixture
def connector(fiix: Fiix) -> Iterator[Connector]:
    with fiix.served() as server:
        made = connected(server.url, new_work_order_status=70)
        yield made
        made.close()


WORK_ORDER: dict[str, Any] = {
    "title": "Change seal", "siteKey": 1, "notes": "Soon", "scheduledAt": DUE, "dueAt": DUE, "assetKey": 3,
    "laborAssignedKey": 6, "tasks": [{"title": "Drain"}, {"title": "Open", "description": "Slowly"}],
    "customFields": {"priority": 2},
}  # fmt: skip


def test_a_work_order_with_asset_user_and_tasks(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", WORK_ORDER)
    expected = {
        "key": key("WorkOrder", *made), "title": "Change seal", "siteKey": key("Site", 1), "notes": "Soon",
        "scheduledAt": SAID, "dueAt": SAID, "assetKey": key("Asset", 3), "laborAssignedKey": key("Labor", 6),
        "statusKey": key("Status", "work-orders", 70), "severity": "High",
        "tasks": [
            {"code": "1", "title": "Drain"},
            {"code": "2", "title": "Open", "description": "Slowly"},
        ],
    }  # fmt: skip
    assert chosen(unified(connector, "WorkOrder", made), expected) == expected


def test_the_status_named_counts_before_that_of_the_form(connector: Connector) -> None:
    made = write(connector, "WorkOrder", "create", {"title": "x", "siteKey": 1, "statusKey": "7"})
    assert unified(connector, "WorkOrder", made)["statusKey"] == key("Status", "work-orders", 7)


def test_an_order_whose_parts_are_refused_is_removed(connector: Connector) -> None:
    before = set(all_records(connector, "WorkOrder"))
    with pytest.raises(SourceError, match="intAssetID 999 does not exist"):
        write(connector, "WorkOrder", "create", {**WORK_ORDER, "assetKey": 999})
    assert set(all_records(connector, "WorkOrder")) == before


def test_an_update_changes_only_what_is_given(connector: Connector, fiix: Fiix) -> None:
    write(connector, "WorkOrder", "update", {"title": "New", "dueAt": NULL}, key=[400])
    sent = fiix.asked[-1]
    assert sent["changeFields"] == "strDescription, dtmSuggestedCompletionDate"
    read = unified(connector, "WorkOrder", [400])
    assert (read["title"], read["dueAt"], read["code"], read["completionRemarks"]) == (
        "New", None, "WO-400", "Done",
    )  # fmt: skip


def test_the_status_of_a_work_order(connector: Connector) -> None:
    write(connector, "WorkOrder", "status", status="70", key=[400])
    assert unified(connector, "WorkOrder", [400])["statusKey"] == key("Status", "work-orders", 70)
    with pytest.raises(SourceError, match="intWorkOrderStatusID 71 does not exist"):
        write(connector, "WorkOrder", "status", status="71", key=[400])


def test_material_comes_from_the_stock_at_the_storeroom(connector: Connector) -> None:
    record = {
        "materialKey": 5,
        "storeroomKey": 2,
        "requiredQuantity": Decimal(3),
        "usedQuantity": Decimal("1.5"),
    }
    write(connector, "WorkOrder", "add-material", record, key=[401])
    added = [r for r in all_records(connector, "MaterialItem").values()
             if r["workOrderKey"] == key("WorkOrder", 401)]  # fmt: skip
    assert [(r["materialKey"], r["requiredQuantity"], r["quantity"]) for r in added] == [
        (key("Part", 5), 3, "1.5")
    ]
    write(connector, "WorkOrder", "change-material", {**record, "usedQuantity": Decimal(2)}, key=[401])
    changed = all_records(connector, "MaterialItem")[added[0]["key"]]
    assert (changed["requiredQuantity"], changed["quantity"]) == (3, 2)
    with pytest.raises(SourceError, match="no stock of this part at this storeroom"):
        write(connector, "WorkOrder", "add-material", {**record, "storeroomKey": 1}, key=[401])
    with pytest.raises(SourceError, match="no such part of this work order"):
        write(connector, "WorkOrder", "change-material", record, key=[999])


ORDER: dict[str, Any] = {
    "siteKey": 1, "vendorKey": 9, "orderNo": "5002", "title": "Spares", "dueAt": DUE, "currencyKey": 1,
    "statusKey": "70",
    "lineItems": [
        {"materialKey": 5, "quantity": Decimal("2.5"), "price": Decimal("12.35"), "code": "SKF-6204", "accountKey": 8,
         "dueAt": DUE},
        {"description": "Freight", "quantity": Decimal(1), "price": Decimal(5)},
    ],
}  # fmt: skip


def test_a_purchase_order_with_its_lines(connector: Connector, fiix: Fiix) -> None:
    made = write(connector, "PurchaseOrder", "create", ORDER)
    assert [request["_maCn"] for request in fiix.asked] == ["AddRequest", "BatchRequest"]
    expected = {
        "key": key("PurchaseOrder", *made), "siteKey": key("Site", 1), "vendorKey": key("Vendor", 9),
        "orderNo": "5002", "title": "Spares", "dueAt": SAID, "currencyKey": key("Currency", 1),
        "statusKey": key("Status", "purchase-orders", 70),
        "lineItems": [
            {"materialKey": key("Part", 5), "quantity": "2.5", "price": "12.35", "code": "SKF-6204", "dueAt": SAID,
             "accountKey": key("Account", 8), "vendorKey": key("Vendor", 9)},
            {"materialKey": None, "description": "Freight", "quantity": 1, "price": 5},
        ],
    }  # fmt: skip
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected
    write(connector, "PurchaseOrder", "update", {"title": "Bearings"}, key=made)
    write(connector, "PurchaseOrder", "status", status="7", key=made)
    expected |= {"title": "Bearings", "statusKey": key("Status", "purchase-orders", 7)}
    assert chosen(unified(connector, "PurchaseOrder", made), expected) == expected


def test_a_refused_line_leaves_neither_header_nor_lines(connector: Connector) -> None:
    before = {name: set(all_records(connector, name)) for name in ("PurchaseOrder", "LineItem")}
    lines = [*ORDER["lineItems"], {"materialKey": 999, "quantity": Decimal(1)}]
    with pytest.raises(SourceError, match="intAssetID 999 does not exist"):
        write(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": lines})
    assert {name: set(all_records(connector, name)) for name in before} == before


def test_an_asset_and_a_part(connector: Connector) -> None:
    record = {
        "siteKey": 1, "name": "Pump 9", "description": "Spare", "locationKey": 2, "parentKey": 3, "accountKey": 8,
        "manufacturerName": "KSB", "modelName": "E2", "serialNumber": "S9", "criticality": "B", "isActive": True,
        "customFields": {"category": 4},
    }  # fmt: skip
    made = write(connector, "Asset", "create", record)
    write(connector, "Asset", "update", {"isActive": False}, key=made)
    expected = {
        "name": "Pump 9", "description": "Spare", "siteKey": key("Site", 1), "locationKey": key("Location", 2),
        "parentKey": key("Asset", 3), "accountKeys": [key("Account", 8)], "makeName": "KSB", "modelName": "E2",
        "serialNumber": "S9", "criticality": "B", "isActive": False, "categoryName": "Pumps",
    }  # fmt: skip
    assert chosen(unified(connector, "Asset", made), expected) == expected
    part = write(connector, "Part", "create", {"name": "Ring", "code": "R", "minimumQuantity": Decimal(2)})
    write(connector, "Part", "update", {"partNumber": "R-1"}, key=part)
    wanted = {"name": "Ring", "code": "R", "partNumber": "R-1", "minimumQuantity": "2"}
    assert chosen(unified(connector, "Part", part), wanted) == wanted


def test_what_fiix_refuses_keeps_its_words(connector: Connector, fiix: Fiix) -> None:
    with pytest.raises(SourceError, match="intPurchaseOrderStatusID is required"):
        write(connector, "PurchaseOrder", "create", {"siteKey": 1, "vendorKey": 9})
    fiix.denied = {"WorkOrder"}
    with pytest.raises(SourceAccessDenied, match="No permission to write WorkOrder"):
        write(connector, "WorkOrder", "status", status="70", key=[400])
