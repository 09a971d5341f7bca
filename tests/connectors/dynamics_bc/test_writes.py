"""What the Business Central connector writes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import OutcomeUnknown, RecordGone, WriteConflict
from tests.connectors.expecting import key
from tests.connectors.writing import read_back, shown, written
from tests.runtime.opened import opened
from tests.simulators.dynamics_bc import COMPANY, KEY, ROOT, USER, BusinessCentral, guid


@pytest.fixture
def central() -> BusinessCentral:
    return BusinessCentral()


@pytest.fixture
def connector(central: BusinessCentral) -> Iterator[Connector]:
    with central.served() as server:
        fields = {"sign_in": "key", "username": USER, "password": KEY, "company": COMPANY}
        made = opened("dynamics_bc", {**fields, "url": server.url + ROOT, "cost_dimension": "DEPARTMENT"})
        yield made
        made.close()


LINE = {"materialKey": "P-1", "quantity": Decimal("2.5")}
ORDER: dict[str, Any] = {
    "vendorKey": "V-10",
    "orderDate": datetime(2026, 1, 8, tzinfo=UTC),
    "dueAt": datetime(2026, 2, 1, tzinfo=UTC),
    "deliveryAddress": {"addressee": "Plant South", "city": "Ulm"},
    "lineItems": [
        {
            **LINE,
            "price": Decimal("12.345"),
            "uomKey": "PCS",
            "name": "Seal, dry",
            "storeroomKey": guid(3),
            "dueAt": datetime(2026, 2, 2, tzinfo=UTC),
        },
        LINE,
    ],
}


def test_an_order_is_made_with_its_lines_and_changed(central: BusinessCentral, connector: Connector) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    item = {"materialKey": key("Part", "P-1"), "productKey": key("Product", "P-1"), "quantity": "2.5"}
    expected = {
        "key": key("PurchaseOrder", *made),
        "orderNo": made[0],
        "vendorKey": key("Vendor", "V-10"),
        "orderDate": "2026-01-08T00:00:00Z",
        "dueAt": "2026-02-01T00:00:00Z",
        "statusKey": key("Status", "purchase-orders", "Draft"),
        "deliveryAddress": {"addressee": "Plant South", "city": "Ulm"},
        "lineItems": [
            {
                **item,
                "price": "12.345",
                "name": "Seal, dry",
                "storeroomKey": key("Storeroom", guid(3)),
                "uomKey": key("UnitOfMeasure", "PCS"),
                "dueAt": "2026-02-02T00:00:00Z",
            },
            {**item, "name": "Seal", "storeroomKey": None},
        ],
    }
    before = read_back(connector, "PurchaseOrder", made)
    assert shown(before, expected) == expected
    changed = {"dueAt": datetime(2026, 3, 1, tzinfo=UTC), "deliveryAddress": {"city": "Bonn"}}
    assert written(connector, "PurchaseOrder", "update", changed, key=made) == made
    expected |= {
        "dueAt": "2026-03-01T00:00:00Z",
        "deliveryAddress": {"addressee": "Plant South", "city": "Bonn"},
    }
    after = read_back(connector, "PurchaseOrder", made)
    assert shown(after, expected) == expected
    same = set(before) - {"dueAt", "deliveryAddress", "updatedAt"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


def test_an_order_changed_at_the_same_moment_is_a_conflict(
    central: BusinessCentral, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = written(connector, "PurchaseOrder", "create", ORDER)
    answer = central.tables.answer

    def meanwhile(*asked: Any) -> Any:
        told = answer(*asked)
        central.tables.rows["purchaseOrders"][-1]["@odata.etag"] = 'W/"other"'
        return told

    monkeypatch.setattr(central.tables, "answer", meanwhile)
    with pytest.raises(WriteConflict):
        written(connector, "PurchaseOrder", "update", {"dueAt": datetime(2026, 3, 1, tzinfo=UTC)}, key=made)


def test_items_are_made_once_and_changed(central: BusinessCentral, connector: Connector) -> None:
    part = {"code": "M-7", "name": "Bearing", "description": "deep groove", "cost": Decimal("12.34")}
    made = written(connector, "Part", "create", part)
    assert written(connector, "Part", "create", part, retried=True) == made == ["M-7"]
    written(connector, "Part", "update", {"isActive": False}, key=made)
    expected = {**part, "cost": "12.34", "isActive": False}
    assert shown(read_back(connector, "Part", made), expected) == expected
    with pytest.raises(OutcomeUnknown):
        written(connector, "Part", "create", {"name": "Without a code"}, retried=True)
    product = {"name": "Pump", "groupKey": "SPARE", "uomKey": "PCS", "price": Decimal("99.5")}
    made = written(connector, "Product", "create", product)
    expected = {
        "code": made[0],
        "name": "Pump",
        "price": "99.5",
        "groupKey": key("ProductGroup", "SPARE"),
        "uomKey": key("UnitOfMeasure", "PCS"),
    }
    assert shown(read_back(connector, "Product", made), expected) == expected


def test_the_words_of_business_central_are_kept(central: BusinessCentral, connector: Connector) -> None:
    before = {name: len(central.tables.rows[name]) for name in ("purchaseOrders", "purchaseOrderLines")}
    with pytest.raises(SourceError, match=r"A .vendorNumber. or a .vendorId. must be provided"):
        written(connector, "PurchaseOrder", "create", {"lineItems": [LINE]})
    with pytest.raises(SourceError, match="cannot be found in the related table"):
        written(
            connector, "PurchaseOrder", "create", {**ORDER, "lineItems": [LINE, {**LINE, "uomKey": "KG"}]}
        )
    with pytest.raises(SourceError, match="already exists"):
        written(connector, "Part", "create", {"code": "P-1", "name": "Again"})
    assert {name: len(central.tables.rows[name]) for name in before} == before
    with pytest.raises(RecordGone):
        written(connector, "PurchaseOrder", "update", ORDER, key=["none"])
    central.tables.denied.add("items")
    with pytest.raises(SourceAccessDenied):
        written(connector, "Part", "create", {"code": "P-9", "name": "x"})
