"""What the InvenTree connector writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.writer import PartlyWritten
from tests.connectors.expecting import key
from tests.connectors.inventree.test_inventree import connected, filled
from tests.connectors.writing import read_back, shown, written
from tests.simulators.inventree import InvenTree


@pytest.fixture
def inventree() -> InvenTree:
    server = filled()
    server.put("company/part/", pk=77, part=5, supplier=9, SKU="SKF-6204")
    server.put("company/part/", pk=78, part=6, supplier=9, SKU="PUMP-1")
    return server


@pytest.fixture
def connector(inventree: InvenTree) -> Iterator[Connector]:
    with inventree.served() as server:
        made = connected(server.url)
        yield made
        made.close()


ORDER: dict[str, Any] = {
    "vendorKey": 9,
    "title": "Winter",
    "description": "Bearings",
    "notes": "Gate 3",
    "dueAt": datetime(2026, 2, 1, tzinfo=UTC),
    "locationKey": 2,
    "lineItems": [
        {"materialKey": 6, "quantity": Decimal("2.5"), "price": Decimal("12.345678"), "lineNo": "1"},
        {
            "materialKey": 5,
            "quantity": Decimal(4),
            "storeroomKey": 2,
            "lineNo": "2",
            "lineRef": "R1",
            "notes": "dry",
        },
    ],
}


def test_an_order_is_made_with_its_lines_and_changed(connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    expected = {
        "key": key("PurchaseOrder", *made),
        "vendorKey": key("Vendor", 9),
        "title": "Winter",
        "description": "Bearings",
        "notes": "Gate 3",
        "dueAt": "2026-02-01T00:00:00Z",
        "locationKey": key("Location", 2),
        "statusKey": key("Status", "purchase-orders", 10),
        "lineItems": [
            {
                "materialKey": key("Part", 6),
                "quantity": "2.5",
                "price": "12.345678",
                "lineNo": "1",
                "code": "PUMP-1",
            },
            {
                "materialKey": key("Part", 5),
                "quantity": "4",
                "storeroomKey": key("Storeroom", 2),
                "lineRef": "R1",
                "notes": "dry",
                "code": "SKF-6204",
            },
        ],
    }
    before = read_back(connector, "PurchaseOrder", made)
    assert shown(before, expected) == expected
    written(connector, "PurchaseOrder", "update", {"title": "Spring", "notes": NULL}, key=made)
    after = read_back(connector, "PurchaseOrder", made)
    assert after == {**before, "title": "Spring", "notes": None}


def test_an_order_goes_through_its_states(connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    for status in ("20", "25", "20", "30"):
        written(connector, "PurchaseOrder", "status", key=made, status=status)
        record = read_back(connector, "PurchaseOrder", made)
        assert record["statusKey"] == key("Status", "purchase-orders", status)
    with pytest.raises(SourceError, match="Order cannot be changed by cancel"):
        written(connector, "PurchaseOrder", "status", key=made, status="40")


def test_nothing_is_left_of_an_order_that_is_refused(inventree: InvenTree, connector: Connector) -> None:
    before = len(inventree.rows["order/po/"])
    lines = [ORDER["lineItems"][0], {"materialKey": 5, "quantity": Decimal(0)}]
    with pytest.raises(SourceError, match="Quantity must be greater than zero") as failure:
        written(connector, "PurchaseOrder", "create", {**ORDER, "lineItems": lines})
    assert not isinstance(failure.value, PartlyWritten)
    inventree.rows["company/part/"].pop()
    with pytest.raises(SourceError, match="has no supplier part of this vendor for the material 6"):
        written(connector, "PurchaseOrder", "create", ORDER)
    with pytest.raises(SourceError, match="already exists"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "orderNo": "PO-0100", "lineItems": []})
    assert len(inventree.rows["order/po/"]) == before


def test_parts_are_made_and_changed(inventree: InvenTree, connector: Connector) -> None:
    part = {"code": "M-7", "name": "Ring", "description": "flat", "minimumQuantity": Decimal("2.5")}
    made = written(connector, "Part", "create", {**part, "customFields": {"unit": "m"}})
    written(connector, "Part", "update", {"isActive": False}, key=made)
    expected = {**part, "minimumQuantity": "2.5", "isActive": False}
    record = read_back(connector, "Part", made)
    assert shown(record, expected) == expected and record["customFields"]["unit"] == "m"
    made = written(connector, "Product", "create", {"code": "P-9", "name": "Pump", "groupKey": 3})
    written(connector, "Product", "update", {"name": "Big pump"}, key=made)
    expected = {"code": "P-9", "name": "Big pump", "groupKey": key("ProductGroup", 3)}
    assert shown(read_back(connector, "Product", made), expected) == expected
    inventree.denied.add("part/")
    with pytest.raises(SourceAccessDenied):
        written(connector, "Part", "create", part)


def test_stock_is_counted_and_moved(connector: Connector) -> None:
    written(connector, "Stock", "update", {"quantity": Decimal("3.25"), "locationKey": 1}, key=[11])
    record = read_back(connector, "Stock", [11])
    assert (str(record["quantity"]), record["locationKey"]) == ("3.25", key("Location", 1))
    with pytest.raises(SourceError, match="must not be negative"):
        written(connector, "Stock", "update", {"quantity": Decimal(-1)}, key=[11])
