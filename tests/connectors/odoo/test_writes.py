"""What the Odoo connector writes, over both interfaces and in every group of releases."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from tests.connectors.expecting import key
from tests.connectors.writing import REFERENCE, read_back, shown, written
from tests.runtime.opened import opened
from tests.simulators.odoo import Odoo
from tests.simulators.odoo.service import DATABASE, KEY, LOGIN

RELEASES = ("14", "16", "17", "19")
Open = Callable[[str], tuple[Odoo, Connector]]


@pytest.fixture
def connect() -> Iterator[Open]:
    with ExitStack() as stack:

        def connected(release: str) -> tuple[Odoo, Connector]:
            odoo = Odoo(int(release))
            server = stack.enter_context(odoo.served())
            fields = {"url": server.url, "release": release, "database": DATABASE, "username": LOGIN}
            connector = opened("odoo", {**fields, "api_key": KEY, "all_partners": False})
            stack.callback(connector.close)
            return odoo, connector

        yield connected


LINE = {"materialKey": 21, "quantity": Decimal("2.5"), "price": Decimal("9.99"), "uomKey": 3}
ORDER: dict[str, Any] = {
    "vendorKey": 7,
    "title": "A-99",
    "orderDate": datetime(2026, 1, 8, 9, 30, tzinfo=UTC),
    "dueAt": datetime(2026, 2, 1, 12, tzinfo=UTC),
    "currencyKey": 2,
    "notes": "Gate 3",
    "lineItems": [
        {**LINE, "description": "Sealed", "lineNo": "20"},
        {"productKey": 21, "quantity": Decimal(4)},
    ],
}
EXPECTED: dict[str, Any] = {
    "vendorKey": key("Vendor", 7),
    "title": "A-99",
    "orderDate": "2026-01-08T09:30:00Z",
    "dueAt": "2026-02-01T12:00:00Z",
    "currencyKey": key("Currency", 2),
    "notes": "Gate 3",
    "statusKey": key("Status", "purchase-orders", "draft"),
    "lineItems": [
        {
            "materialKey": key("Part", 21),
            "description": "Sealed",
            "quantity": "2.5",
            "price": "9.99",
            "uomKey": key("UnitOfMeasure", 3),
            "lineNo": "20",
        },
        {"productKey": key("Product", 21), "description": "Bearing 6204", "quantity": "4.0", "price": "9.25"},
    ],
}


@pytest.mark.parametrize("release", RELEASES)
def test_an_order_is_made_changed_and_confirmed(connect: Open, release: str) -> None:
    _, connector = connect(release)
    made = written(connector, "PurchaseOrder", "create", ORDER)
    record = read_back(connector, "PurchaseOrder", made)
    assert shown(record, EXPECTED) == EXPECTED
    assert record["customFields"]["origin"] == REFERENCE

    change = {"notes": NULL, "title": "A-100", "lineItems": [LINE]}
    assert written(connector, "PurchaseOrder", "update", change, key=made) == made
    after = read_back(connector, "PurchaseOrder", made)
    assert (after["notes"], after["title"], len(after["lineItems"])) == (None, "A-100", 3)
    same = set(record) - {"notes", "title", "lineItems", "customFields"}
    assert {name: after[name] for name in same} == {name: record[name] for name in same}

    for status in ("purchase", "cancel"):
        assert written(connector, "PurchaseOrder", "status", key=made, status=status) == made
        after = read_back(connector, "PurchaseOrder", made)
        assert after["statusKey"] == key("Status", "purchase-orders", status)


@pytest.mark.parametrize("release", RELEASES)
def test_a_second_try_makes_no_second_order(connect: Open, release: str) -> None:
    _, connector = connect(release)
    made = written(connector, "PurchaseOrder", "create", ORDER)
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True) == made
    assert written(connector, "PurchaseOrder", "create", ORDER, retried=True, reference="other") != made


@pytest.mark.parametrize("release", ("16", "19"))
def test_requests_equipment_and_products(connect: Open, release: str) -> None:
    _, connector = connect(release)
    request = {
        "title": "Noise",
        "instructions": "Check",
        "severity": "3",
        "estimatedTime": "1.5",
        "categoryName": "preventive",
    }
    sent = {**request, "assetKey": 41, "teamKey": 1, "estimatedTime": Decimal("1.5")}
    made = written(
        connector, "WorkOrder", "create", {**sent, "scheduledAt": datetime(2026, 1, 9, 8, tzinfo=UTC)}
    )
    expected = {**request, "assetKey": key("Asset", 41), "scheduledAt": "2026-01-09T08:00:00Z"}
    assert shown(read_back(connector, "WorkOrder", made), expected) == expected
    written(connector, "WorkOrder", "update", {"title": "Loud"}, key=made)
    written(connector, "WorkOrder", "status", key=made, status="blocked")
    expected |= {"title": "Loud", "statusKey": key("Status", "work-orders", "blocked")}
    assert shown(read_back(connector, "WorkOrder", made), expected) == expected

    made = written(
        connector, "ServiceRequest", "create", {"title": "Leak", "assetKey": 41, "userRequestedKey": 5}
    )
    expected = {"title": "Leak", "assetKey": key("Asset", 41), "userRequestedKey": key("User", 5)}
    assert shown(read_back(connector, "ServiceRequest", made), expected) == expected

    asset = {"name": "Pump 9", "vendorKey": 7, "serialNumber": "S-9", "modelName": "X", "notes": "new"}
    made = written(connector, "Asset", "create", {**asset, "activatedAt": datetime(2026, 1, 2, tzinfo=UTC)})
    written(connector, "Asset", "update", {"isActive": False, "notes": NULL}, key=made)
    expected = {**asset, "vendorKey": key("Vendor", 7), "notes": None, "isActive": False}
    expected["activatedAt"] = "2026-01-02T00:00:00Z"
    assert shown(read_back(connector, "Asset", made), expected) == expected

    part = {"code": "BRG-9", "name": "Bearing", "description": "deep", "cost": "12.34"}
    made = written(connector, "Part", "create", {**part, "cost": Decimal("12.34")})
    written(connector, "Part", "update", {"name": "Ring"}, key=made)
    assert shown(read_back(connector, "Part", made), {**part, "name": "Ring"}) == {**part, "name": "Ring"}

    product = {"code": "P-9", "name": "Pump", "price": "99.5", "ean": "4006381333931"}
    made = written(
        connector, "Product", "create", {**product, "price": Decimal("99.5"), "uomKey": 3, "groupKey": 6}
    )
    written(connector, "Product", "update", {"price": Decimal("98.75")}, key=made)
    expected = {**product, "price": "98.75", "uomKey": key("UnitOfMeasure", 3)}
    assert shown(read_back(connector, "Product", made), expected) == expected


@pytest.mark.parametrize("release", ("17", "19"))
def test_the_words_of_odoo_are_kept_and_nothing_is_left_behind(connect: Open, release: str) -> None:
    odoo, connector = connect(release)
    before = len(odoo.models.rows["purchase.order"])
    with pytest.raises(SourceError, match="Missing required fields on accountable line"):
        written(
            connector, "PurchaseOrder", "create", {**ORDER, "lineItems": [LINE, {"quantity": Decimal(1)}]}
        )
    with pytest.raises(SourceError, match="Record does not exist"):
        written(connector, "PurchaseOrder", "create", {**ORDER, "vendorKey": 999})
    with pytest.raises(SourceError, match=r"Wrong value for maintenance\.request\.priority"):
        written(connector, "WorkOrder", "create", {"title": "x", "severity": "high"})
    assert len(odoo.models.rows["purchase.order"]) == before
    odoo.models.rows["purchase.order"][0]["invoice_status"] = "invoiced"
    with pytest.raises(SourceError, match="cancel their related vendor bills"):
        written(connector, "PurchaseOrder", "status", key=[1], status="cancel")
    odoo.models.forbidden.add("purchase.order")
    with pytest.raises(SourceAccessDenied):
        written(connector, "PurchaseOrder", "create", ORDER)
