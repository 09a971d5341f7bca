"""What the Tryton connector writes, into a running Tryton."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.select import decode
from appliance.runtime.template import NULL
from appliance.runtime.writing.writer import PartlyWritten
from tests.connectors.tryton.asking import PURCHASE, connected, key
from tests.connectors.writing import read_back, shown, written
from tests.real.tryton import Tryton

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def plant(tryton: Tryton) -> dict[str, Any]:
    """Ids of a supplier, a warehouse and a product with its unit."""
    (party,) = tryton.call(
        "model.party.party.search_read", [["name", "=", "Supplier 001"]], 0, 1, None, ["addresses"]
    )
    (warehouse,) = tryton.call("model.stock.location.search", [["code", "=", "WH"]], 0, 1, None)
    (product,) = tryton.call(
        "model.product.product.search_read", [], 0, 1, [["id", "ASC"]], ["default_uom", "code"]
    )
    return {
        "party": party["id"],
        "address": party["addresses"][0],
        "warehouse": warehouse,
        "product": product["id"],
        "unit": product["default_uom"],
    }


@pytest.fixture(scope="module")
def writing(tryton: Tryton, plant: dict[str, Any]) -> Iterator[Connector]:
    made = connected(tryton, warehouse=plant["warehouse"], unit=plant["unit"])
    yield made
    made.close()


@pytest.fixture
def order(plant: dict[str, Any]) -> dict[str, Any]:
    line = {"materialKey": plant["product"], "uomKey": plant["unit"], "quantity": Decimal("2.5")}
    return {
        "vendorKey": plant["party"],
        "title": "Seals for pump 7",
        "notes": "Gate 3",
        "orderDate": datetime(2026, 1, 5, tzinfo=UTC),
        "dueAt": datetime(2026, 2, 6, tzinfo=UTC),
        "currencyKey": "USD",
        "lineItems": [
            {**line, "price": Decimal("3.5123"), "lineNo": "10", "description": "Seal", "notes": "dry"},
            {
                **line,
                "price": Decimal("0"),
                "quantity": 4,
                "lineNo": "20",
                "dueAt": datetime(2026, 2, 1, tzinfo=UTC),
            },
        ],
    }


def test_an_order_is_made_with_its_lines(
    tryton: Tryton, writing: Connector, plant: dict[str, Any], order: dict[str, Any]
) -> None:
    made = written(writing, "PurchaseOrder", "create", order, reference="made-with-lines")
    material = {"materialKey": key("Part", plant["product"]), "uomKey": key("UnitOfMeasure", plant["unit"])}
    expected = {
        "key": key("PurchaseOrder", *made),
        "vendorKey": key("Vendor", plant["party"]),
        "locationKey": key("Location", plant["warehouse"]),
        "statusKey": key("Status", "purchase-orders", "draft"),
        "currencyKey": key("Currency", "USD"),
        "orderNo": "made-with-lines",
        "title": "Seals for pump 7",
        "notes": "Gate 3",
        "orderDate": "2026-01-05T00:00:00Z",
        "dueAt": "2026-02-06T00:00:00Z",
        "lineItems": [
            {
                **material,
                "quantity": "2.5",
                "price": "3.5123",
                "lineNo": "10",
                "name": "Seal",
                "notes": "dry",
            },
            {**material, "quantity": "4.0", "price": "0", "dueAt": "2026-02-01T00:00:00Z", "lineNo": "20"},
        ],
    }
    record = read_back(writing, "PurchaseOrder", made)
    assert shown(record, expected) == expected
    (row,) = tryton.call(f"{PURCHASE}.read", made, ["invoice_address"])
    assert row["invoice_address"] == plant["address"]


def test_an_update_changes_what_is_given_and_nothing_else(
    writing: Connector, plant: dict[str, Any], order: dict[str, Any]
) -> None:
    made = written(writing, "PurchaseOrder", "create", order, reference="updated")
    before = read_back(writing, "PurchaseOrder", made)
    row = writing.one("PurchaseOrder", made)
    assert row is not None
    line = min(one["id"] for one in decode(row)["lines."])
    added = {**order["lineItems"][0], "lineNo": "30"}
    change = {
        "title": "Seals",
        "dueAt": NULL,
        "lineItems": [{"key": line, "quantity": Decimal("3.25")}, added],
    }
    assert written(writing, "PurchaseOrder", "update", change, key=made) == made
    after = read_back(writing, "PurchaseOrder", made)
    assert (after["title"], after["dueAt"]) == ("Seals", None)
    assert [str(one["quantity"]) for one in after["lineItems"]] == ["3.25", "4.0", "2.5"]
    assert [str(one["price"]) for one in after["lineItems"]] == ["3.5123", "0", "3.5123"]
    same = set(before) - {"title", "description", "dueAt", "lineItems", "updatedAt"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_an_order_goes_through_its_states(writing: Connector, order: dict[str, Any]) -> None:
    made = written(writing, "PurchaseOrder", "create", order, reference="through-states")
    for asked, found in (("quotation", "quotation"), ("draft", "draft"), ("quotation", "quotation")):
        written(writing, "PurchaseOrder", "status", key=made, status=asked)
        record = read_back(writing, "PurchaseOrder", made)
        assert record["statusKey"] == key("Status", "purchase-orders", found)
    assert record["orderNo"] not in (None, "through-states")
    # Tryton goes on by itself.
    written(writing, "PurchaseOrder", "status", key=made, status="confirmed")
    record = read_back(writing, "PurchaseOrder", made)
    assert record["statusKey"] == key("Status", "purchase-orders", "processing")
    with pytest.raises(SourceError, match='You can not call "draft"'):
        written(writing, "PurchaseOrder", "status", key=made, status="draft")


def test_an_order_is_cancelled(writing: Connector, order: dict[str, Any]) -> None:
    made = written(writing, "PurchaseOrder", "create", order, reference="cancelled")
    written(writing, "PurchaseOrder", "status", key=made, status="cancelled")
    record = read_back(writing, "PurchaseOrder", made)
    assert record["statusKey"] == key("Status", "purchase-orders", "cancelled")


def test_a_second_try_makes_no_second_order(
    tryton: Tryton, writing: Connector, order: dict[str, Any]
) -> None:
    made = written(writing, "PurchaseOrder", "create", order, reference="once")
    assert written(writing, "PurchaseOrder", "create", order, reference="once", retried=True) == made
    assert tryton.call(f"{PURCHASE}.search_count", [["reference", "=", "once"]]) == 1
    assert written(writing, "PurchaseOrder", "create", order, reference="twice", retried=True) != made


def test_the_words_of_tryton_are_kept(tryton: Tryton, writing: Connector, order: dict[str, Any]) -> None:
    before = tryton.call(f"{PURCHASE}.search_count", [])
    order["lineItems"][1]["price"] = Decimal("1.23456")
    with pytest.raises(SourceError, match="number of digits") as failure:
        written(writing, "PurchaseOrder", "create", order)
    assert not isinstance(failure.value, PartlyWritten)
    order["currencyKey"] = "ZWL"
    with pytest.raises(SourceError, match="the source has no currency ZWL"):
        written(writing, "PurchaseOrder", "create", order)
    # Header and lines stand or fall together.
    assert tryton.call(f"{PURCHASE}.search_count", []) == before


def test_a_material_and_a_product_are_made_and_changed(writing: Connector, plant: dict[str, Any]) -> None:
    material = {"code": "M-7001", "name": "Bearing", "description": "deep groove", "cost": Decimal("12.34")}
    made = written(writing, "Part", "create", material)
    expected = {**material, "cost": "12.34", "uomKey": key("UnitOfMeasure", plant["unit"]), "isActive": True}
    assert shown(read_back(writing, "Part", made), expected) == expected
    assert written(writing, "Part", "create", material, retried=True) == made
    with pytest.raises(SourceError, match="Code of active product must be unique"):
        written(writing, "Part", "create", material)
    written(writing, "Part", "update", {"name": "Roller bearing", "isActive": False}, key=made)
    expected |= {"name": "Roller bearing", "isActive": False}
    assert shown(read_back(writing, "Part", made), expected) == expected

    product = {"code": "M-7002", "name": "Pump", "uomKey": plant["unit"], "price": Decimal("99.5000")}
    made = written(writing, "Product", "create", product)
    written(writing, "Product", "update", {"code": "M-7003"}, key=made)
    expected = {"code": "M-7003", "name": "Pump", "price": "99.5000"}
    assert shown(read_back(writing, "Product", made), expected) == expected
    with pytest.raises(SourceError):
        written(writing, "Product", "update", {"code": "M-7004"}, key=[999_999])
