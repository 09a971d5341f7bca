"""What the ERPNext connector writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from tests.connectors.expecting import key
from tests.connectors.writing import REFERENCE, read_back, shown, written
from tests.runtime.opened import opened
from tests.simulators.erpnext import KEY, SECRET, Frappe


@pytest.fixture
def site() -> Frappe:
    return Frappe()


@pytest.fixture
def connector(site: Frappe) -> Iterator[Connector]:
    with site.served() as server:
        fields = {"url": server.url, "api_key": KEY, "api_secret": SECRET, "time_zone": "Europe/Berlin"}
        made = opened(
            "erpnext", {**fields, "company": "Plant Ltd", "item_group": "Spares", "stock_uom": "Nos"}
        )
        yield made
        made.close()


LINE = {"materialKey": "SEAL/1", "quantity": Decimal("2.5")}
ORDER: dict[str, Any] = {
    "vendorKey": "SUP-1",
    "title": "Seals for pump 7",
    "orderDate": datetime(2026, 1, 8, tzinfo=UTC),
    "dueAt": datetime(2026, 2, 1, tzinfo=UTC),
    "currencyKey": "EUR",
    "lineItems": [
        {
            **LINE,
            "price": Decimal("12.345"),
            "storeroomKey": "Stores - P",
            "accountKey": "Main - P",
            "description": "Sealed",
            "dueAt": datetime(2026, 2, 2, tzinfo=UTC),
        },
        LINE,
    ],
}


def test_an_order_is_made_changed_submitted_and_cancelled(connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    item = {"materialKey": key("Part", "SEAL/1"), "quantity": "2.5", "uomKey": key("UnitOfMeasure", "Nos")}
    expected = {
        "key": key("PurchaseOrder", *made),
        "vendorKey": key("Vendor", "SUP-1"),
        "organizationKey": key("Organization", "Plant Ltd"),
        "title": "Seals for pump 7",
        "orderDate": "2026-01-08T00:00:00Z",
        "dueAt": "2026-02-01T00:00:00Z",
        "currencyKey": key("Currency", "EUR"),
        "statusKey": key("Status", "purchase-orders", "Draft"),
        "lineItems": [
            {
                **item,
                "price": "12.345",
                "description": "Sealed",
                "storeroomKey": key("Storeroom", "Stores - P"),
                "accountKey": key("Account", "Main - P"),
                "dueAt": "2026-02-02T00:00:00Z",
            },
            {**item, "price": "0.0", "dueAt": "2026-02-01T00:00:00Z"},
        ],
    }
    before = read_back(connector, "PurchaseOrder", made)
    assert shown(before, expected) == expected

    change = {"title": "Rings", "lineItems": [{**LINE, "quantity": Decimal(4), "dueAt": ORDER["dueAt"]}]}
    written(connector, "PurchaseOrder", "update", change, key=made)
    after = read_back(connector, "PurchaseOrder", made)
    assert after["title"] == "Rings" and [str(line["quantity"]) for line in after["lineItems"]] == ["4"]
    same = set(before) - {"title", "lineItems", "customFields"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}

    for status in ("To Receive and Bill", "Cancelled"):
        written(connector, "PurchaseOrder", "status", key=made, status=status)
        after = read_back(connector, "PurchaseOrder", made)
        assert after["statusKey"] == key("Status", "purchase-orders", status)
    with pytest.raises(SourceError, match="Cannot change docstatus from 2"):
        written(connector, "PurchaseOrder", "status", key=made, status="To Receive and Bill")


def test_a_second_try_makes_no_second_order(site: Frappe, connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True) == made
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True, reference="other") != made
    own = [row["order_confirmation_no"] for row in site.documents["Purchase Order"][-2:]]
    assert own == [REFERENCE, "other"]


def test_items_are_made_once_and_changed(connector: Connector) -> None:
    part = {"code": 'M/7"', "name": "Bearing", "description": "deep", "minimumQuantity": Decimal("2.5")}
    made = written(connector, "Part", "create", part)
    assert written(connector, "Part", "create", part, retried=True) == made == ['M/7"']
    with pytest.raises(SourceError, match="DuplicateEntryError"):
        written(connector, "Part", "create", part)
    written(connector, "Part", "update", {"isActive": False}, key=made)
    expected = {**part, "minimumQuantity": "2.5", "isActive": False, "uomKey": key("UnitOfMeasure", "Nos")}
    assert shown(read_back(connector, "Part", made), expected) == expected
    product = {"code": "P-9", "name": "Pump", "groupKey": "All", "uomKey": "Nos", "price": Decimal("99.5")}
    made = written(connector, "Product", "create", product)
    written(connector, "Product", "update", {"price": Decimal("98.75")}, key=made)
    expected = {"code": "P-9", "name": "Pump", "price": "98.75", "groupKey": key("ProductGroup", "All")}
    assert shown(read_back(connector, "Product", made), expected) == expected


def test_maintenance_is_completed_and_an_issue_made(connector: Connector) -> None:
    log = ["ACC-AML-1"]
    written(connector, "WorkOrder", "update", {"completionRemarks": "Greased"}, key=log)
    written(connector, "WorkOrder", "status", key=log, status="Completed")
    record = read_back(connector, "WorkOrder", log)
    assert (record["status"], record["completionRemarks"]) == ("Completed", "Greased")
    assert record["completedAt"] is not None
    made = written(connector, "ServiceRequest", "create", {"title": "Leak", "description": "Oil"})
    expected = {"title": "Leak", "description": "Oil", "statusKey": key("Status", "service-requests", "Open")}
    assert shown(read_back(connector, "ServiceRequest", made), expected) == expected


def test_the_words_of_erpnext_are_kept(site: Frappe, connector: Connector) -> None:
    before = len(site.documents["Purchase Order"])
    with pytest.raises(SourceError, match="Could not find Row #2: Item: NONE"):
        wrong = [LINE, {**LINE, "materialKey": "NONE"}]
        written(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": wrong})
    with pytest.raises(SourceError, match="Could not find Supplier: SUP-9"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "vendorKey": "SUP-9"})
    assert len(site.documents["Purchase Order"]) == before
    with pytest.raises(SourceError, match="after submission"):
        written(connector, "PurchaseOrder", "update", {"title": "x"}, key=["PUR-ORD-2026-00001"])
    site.denied.add("Issue")
    with pytest.raises(SourceAccessDenied):
        written(connector, "ServiceRequest", "create", {"title": "Leak"})
