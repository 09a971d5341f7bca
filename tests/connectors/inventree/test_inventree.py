"""The InvenTree connector against a server made from the names of its published schema."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, Digits, all_pages, all_records, all_rows, opened, probed
from tests.simulators.inventree import TOKEN, InvenTree


def filled() -> InvenTree:
    server = InvenTree()
    put = server.put
    put("company/", pk=9, name="Bearings Ltd", tax_id="GB9", is_supplier=True, active=True, currency="EUR")
    put("company/", pk=10, name="Customer Ltd", is_supplier=False)
    put("user/", pk=6, username="ben", first_name="Ben", last_name="Buyer", is_active=True)
    put("stock/location/", pk=1, name="Plant", pathstring="Plant", description="All of it")
    put("stock/location/", pk=2, name="Store", pathstring="Plant/Store", parent=1)
    put("part/category/", pk=3, name="Bearings", pathstring="Spares/Bearings", description="Round")
    put("part/", pk=5, IPN="BRG", name="Bearing", full_name="BRG | Bearing", description="6204", category=3,
        category_name="Bearings", units="pcs", minimum_stock=2.5, active=True, assembly=False, salable=True,
        total_in_stock=4.5, default_location=2, creation_date="2026-01-02")  # fmt: skip
    put("part/", pk=6, name="Pump", active=False, assembly=True, salable=False)
    put("bom/", pk=7, part=6, sub_part=5, quantity=2.0, reference="P1")
    put("stock/", pk=11, part=5, location=2, quantity=4.5, status=10, status_text="OK", batch="B1", in_stock=True,
        expiry_date="2027-01-01", packaging="Box", updated="2026-01-05 09:00")  # fmt: skip
    put("stock/", pk=12, part=5, quantity=1.0, status=60, in_stock=False)
    put("stock/track/", pk=21, item=11, part=5, date="2026-01-05 09:00", tracking_type=70, label="Received", user=6,
        deltas={"added": 2.5, "quantity": 4.5, "location": 2}, notes="Box 1")  # fmt: skip
    put("order/po/", pk=100, reference="PO-0100", supplier=9, supplier_reference="Spring", status=20,
        description="Bearings",
        created_by={"pk": 6}, creation_date="2026-01-02", issue_date="2026-01-03", target_date="2026-01-20",
        order_currency="EUR", total_price="24.700000", destination=2, updated_at="2026-01-05 09:00")  # fmt: skip
    put("order/po-line/", pk=1001, order=100, part=77, internal_part=5, internal_part_name="Bearing", sku="SKF-6204",
        line="1", quantity=2.0, received=0.5, purchase_price="12.350000", purchase_price_currency="EUR",
        total_price="24.700000", destination=2, reference="R1")  # fmt: skip
    put("attachment/", pk=31, filename="po.pdf", attachment="/media/po.pdf", model_type="purchaseorder", model_id=100,
        comment="Signed", upload_date="2026-01-03", file_size=10)  # fmt: skip
    return server


@pytest.fixture
def inventree() -> InvenTree:
    return filled()


@pytest.fixture
def connector(inventree: InvenTree) -> Iterator[Connector]:
    with inventree.served() as server:
        made = connected(server.url)
        yield made
        made.close()


def connected(url: str, **fields: Any) -> Connector:
    return opened("inventree", {"url": url, "token": TOKEN, "time_zone": "Europe/Berlin", **fields})


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


AT = "2026-01-05T08:00:00Z"
LINE = {
    "materialKey": key("Part", 5), "productKey": key("Product", 5), "storeroomKey": key("Storeroom", 2),
    "locationKey": key("Location", 2), "code": "SKF-6204", "name": "Bearing", "lineNo": "1", "lineRef": "R1",
    "receivedQuantity": "0.5",
}  # fmt: skip
EXPECTED: dict[tuple[str, tuple[object, ...]], dict[str, Any]] = {
    ("PurchaseOrder", (100,)): {
        "orderNo": "PO-0100", "vendorKey": key("Vendor", 9), "userRequestedKey": key("User", 6), "title": "Spring",
        "orderDate": "2026-01-03T00:00:00Z", "statusKey": key("Status", "purchase-orders", 20),
        "description": "Bearings",
        "dueAt": "2026-01-20T00:00:00Z", "locationKey": key("Location", 2), "totalNetValue": "24.700000",
        "updatedAt": AT,
    },
    ("LineItem", (1001,)): {**LINE, "quantity": "2.0", "price": "12.350000"},
    ("Part", (5,)): {
        "code": "BRG", "name": "Bearing", "categoryName": "Bearings", "isAssembly": False, "isActive": True,
        "minimumQuantity": "2.5", "createdAt": "2026-01-02T00:00:00Z",
    },
    ("Product", (5,)): {"code": "BRG", "groupKey": key("ProductGroup", 3), "status": "active",
    "quantity": Digits("4.5")},
    ("ProductGroup", (3,)): {"code": "Spares/Bearings", "name": "Bearings", "description": "Round"},
    ("MaterialItem", (7,)): {"assemblyKey": key("Part", 6), "materialKey": key("Part", 5), "positionNumber": "P1"},
    ("Stock", (11,)): {
        "materialKey": key("Part", 5), "locationKey": key("Location", 2), "storeroomKey": key("Storeroom", 2),
        "quantity": Digits("4.5"), "position": "Box", "expiresAt": "2027-01-01T00:00:00Z", "updatedAt": AT,
    },
    ("StockAdjustment", (21,)): {
        "type": "Received", "userKey": key("User", 6), "date": AT, "reason": "Box 1",
        "locationKey": key("Location", 2),
    },
    ("Location", (2,)): {"name": "Store", "code": "Plant/Store", "parentKey": key("Location", 1)},
    ("Storeroom", (2,)): {"name": "Store", "locationKey": key("Location", 2), "parentKey": key("Storeroom", 1)},
    ("Vendor", (9,)): {"name": "Bearings Ltd", "code": "GB9"},
    ("User", (6,)): {"name": "Ben Buyer", "description": "ben", "isActive": True},
    ("Document", (31,)): {"name": "po.pdf", "url": "/media/po.pdf", "type": "purchaseorder", "description": "Signed"},
    ("Status", ("stocks", 85)): {"name": "Returned", "scope": "stocks"},
}  # fmt: skip


def test_every_entity_is_read_and_mapped(connector: Connector) -> None:
    assert {entity for entity, _ in EXPECTED} == set(connector.definition.entities)
    for (entity, parts), expected in EXPECTED.items():
        record = all_records(connector, entity)[str(key(entity, *parts))]
        assert {name: record[name] for name in expected} == expected, entity


def test_lines_stand_in_their_order(connector: Connector) -> None:
    (line,) = all_records(connector, "PurchaseOrder")[str(key("PurchaseOrder", 100))]["lineItems"]
    assert {name: line[name] for name in LINE} == LINE
    assert (line["key"], line["vendorKey"]) == (key("LineItem", 1001), key("Vendor", 9))
    assert (line["quantity"], line["price"]) == ("2.0", "12.350000")
    (moved,) = all_records(connector, "StockAdjustment")[str(key("StockAdjustment", 21))]["lineItems"]
    assert (moved["materialKey"], moved["quantity"]) == (key("Part", 5), "2.5")


def test_suppliers_stock_and_products_are_only_those(connector: Connector) -> None:
    for entity in ("Vendor", "Stock", "Product"):
        assert len(all_rows(connector, entity)) == 1, entity


def test_every_status_is_known_and_another_passes_through(inventree: InvenTree, connector: Connector) -> None:
    codes = (10, 20, 25, 30, 40, 50, 60, 99)
    for code in codes:
        inventree.put("order/po/", pk=500 + code, reference=f"X{code}", status=code)
    orders, statuses = all_records(connector, "PurchaseOrder"), all_records(connector, "Status")
    keys = [orders[str(key("PurchaseOrder", 500 + code))]["statusKey"] for code in codes]
    assert keys == [key("Status", "purchase-orders", code) for code in codes]
    assert set(keys[:-1]) <= set(statuses)
    stocks = {status["code"] for status in statuses.values() if status["scope"] == "stocks"}
    assert stocks == {"10", "50", "55", "60", "65", "70", "75", "85"}


def test_pages_hold_each_row_once(inventree: InvenTree, connector: Connector) -> None:
    for number in range(1000, 1620):
        inventree.put("part/", pk=number, name=f"P{number}", salable=False)
    pages = all_pages(connector, "Part")
    assert [len(page.rows) for page in pages] == [250, 250, 122]
    assert pages[0].expected == 622
    assert len({decode(row)["pk"] for page in pages for row in page.rows}) == 622


def test_a_large_order_has_all_its_lines(inventree: InvenTree, connector: Connector) -> None:
    for number in range(2000, 2300):
        inventree.put("order/po-line/", pk=number, order=100, quantity=1.0)
    (row,) = [decode(row) for row in all_rows(connector, "PurchaseOrder")]
    assert len({line["pk"] for line in row["lines"]}) == 301


def test_changes_are_asked_for_from_the_day_before(inventree: InvenTree, connector: Connector) -> None:
    inventree.put("order/po/", pk=101, reference="PO-0101", updated_at="2026-01-03 23:59")
    inventree.put("stock/track/", pk=22, item=11, part=5, date="2026-01-03 23:59", tracking_type=1)
    at = Since(datetime(2026, 1, 5, 0, 30, tzinfo=UTC))
    assert [decode(row)["pk"] for row in all_rows(connector, "PurchaseOrder", at)] == [100]
    assert [decode(row)["pk"] for row in all_rows(connector, "StockAdjustment", at)] == [21]
    inventree.before_460 = True
    assert len(all_rows(connector, "PurchaseOrder", at)) == 2, "an older server lists them all"


def test_a_wrong_token_is_told_as_such(inventree: InvenTree) -> None:
    with inventree.served() as server:
        connector = connected(server.url, token="inv-another")
        for read in (True, False):
            assert isinstance(probed(connector, read=read).failure, SourceCredentialsRejected)


def test_a_list_without_the_right_is_a_warning_but_orders_are_needed(
    inventree: InvenTree, connector: Connector
) -> None:
    inventree.denied = {"attachment/"}
    report = probed(connector)
    assert report.failure is None
    assert [stage.name for stage in report.stages if stage.state == "warning" and stage.code] == [
        "read Document"
    ]
    inventree.denied = {"order/po/"}
    assert isinstance(probed(connector).failure, SourceAccessDenied)


def test_throttling_by_a_proxy_is_told_as_such(inventree: InvenTree, connector: Connector) -> None:
    inventree.busy = 1
    with pytest.raises(SourceThrottled):
        all_rows(connector, "Vendor")
