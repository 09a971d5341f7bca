"""Writing to SAP Business One, against the simulator of its Service Layer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.writer import OutcomeUnknown
from tests.connectors.sap_business_one.expected import filled, key
from tests.connectors.sap_business_one.test_sap_business_one import Served, connected
from tests.runtime.written import read_back, write

JANUARY, FEBRUARY = datetime(2026, 1, 25, 6, 30, tzinfo=UTC), datetime(2026, 2, 3, tzinfo=UTC)
LINE: dict[str, Any] = {
    "materialKey": "P/50",
    "storeroomKey": "01",
    "accountKey": "MAINT",
    "uomKey": 1,
    "quantity": Decimal("2.5"),
    "price": Decimal("0.125"),
    "lineRef": "S50",
    "notes": "Urgent",
    "dueAt": FEBRUARY,
}
PURCHASE: dict[str, Any] = {
    "vendorKey": "V1",
    "title": "offer 78",
    "description": "For the pump",
    "orderDate": JANUARY,
    "dueAt": FEBRUARY,
    "currencyKey": "EUR",
    "lineItems": [LINE, {"productKey": "P/50", "quantity": 1, "price": 3}],
}


@pytest.fixture
def b1() -> Iterator[Served]:
    b1 = Served()
    with b1.served() as server:
        b1.url = server.url
        yield b1


@pytest.fixture
def connector(b1: Served) -> Iterator[Connector]:
    one = connected(b1, branch=1, tax_group="S1", reference_field="U_Reference")
    yield one
    one.close()


def read(connector: Connector, entity: str, source_key: list[Any]) -> dict[str, Any]:
    record: dict[str, Any] = filled(read_back(connector, entity, source_key))
    return record


def test_a_purchase_order_is_made_with_its_lines(b1: Served, connector: Connector) -> None:
    number = write(connector, "PurchaseOrder", "create", PURCHASE, reference="abc")
    record = read(connector, "PurchaseOrder", number)
    first, second = record.pop("lineItems")
    assert record == {
        "key": key("PurchaseOrder", *map(str, number)),
        "organizationKey": key("Organization", "1"),
        "orderDate": "2026-01-25T00:00:00Z",
        "vendorKey": key("Vendor", "V1"),
        "userRequestedKey": key("User", "7"),
        "orderNo": "1004",
        "statusKey": key("Status", "purchase-orders", "bost_Open"),
        "title": "offer 78",
        "description": "For the pump",
        "dueAt": "2026-02-03T00:00:00Z",
        "currencyKey": key("Currency", "EUR"),
        "totalGrossValue": "3.3125",
        "updatedAt": "2026-01-20T00:00:00Z",
        "customFields": {"DocType": "dDocument_Items", "U_Reference": "abc"},
    }
    assert first == {
        "key": key("LineItem", str(number[0]), "0"),
        "accountKey": key("Account", "MAINT"),
        "vendorKey": key("Vendor", "V1"),
        "materialKey": key("Part", "P/50"),
        "productKey": key("Product", "P/50"),
        "statusKey": key("Status", "lines", "bost_Open"),
        "storeroomKey": key("Storeroom", "01"),
        "lineNo": "0",
        "code": "P/50",
        "lineRef": "S50",
        "quantity": "2.5",
        "uomKey": key("UnitOfMeasure", "1"),
        "currencyKey": key("Currency", "EUR"),
        "price": "0.125",
        "lineTotalValue": "0.3125",
        "notes": "Urgent",
        "dueAt": "2026-02-03T00:00:00Z",
    }
    assert (second["lineNo"], Decimal(second["price"])) == ("1", 3)
    assert [line["VatGroup"] for line in b1.rows["PurchaseOrders"][-1]["DocumentLines"]] == ["S1", "S1"]


def test_only_what_is_given_changes_and_lines_are_known_by_their_number(connector: Connector) -> None:
    before = read(connector, "PurchaseOrder", [1])
    lines = [{"lineNo": "0", "quantity": 9}, {"materialKey": "P/50", "quantity": 2, "price": 1}]
    write(connector, "PurchaseOrder", "update", {"title": NULL, "lineItems": lines}, key=[1])
    after = read(connector, "PurchaseOrder", [1])
    first, new = after.pop("lineItems")
    assert after == {name: value for name, value in before.items() if name not in ("lineItems", "title")}
    assert Decimal(first.pop("quantity")) == 9
    assert first == {name: value for name, value in before["lineItems"][0].items() if name != "quantity"}
    assert (new["lineNo"], Decimal(new["quantity"])) == ("1", 2)


def test_nothing_changes_when_a_line_is_refused(connector: Connector) -> None:
    before = read(connector, "PurchaseOrder", [1])
    with pytest.raises(SourceError, match="Line 7 is not there"):
        record = {"title": "other", "lineItems": [{"lineNo": "7", "quantity": 1}]}
        write(connector, "PurchaseOrder", "update", record, key=[1])
    assert read(connector, "PurchaseOrder", [1]) == before


@pytest.mark.parametrize(
    ("way", "code"),
    [(["bost_Close"], "bost_Close"), (["bost_Close", "bost_Open"], "bost_Open"), (["cancelled"],) * 2],
)
def test_orders_are_closed_opened_again_and_cancelled(
    connector: Connector, way: list[str], code: str | list[str]
) -> None:
    for one in way:
        write(connector, "PurchaseOrder", "status", {}, key=[1], status=one)
    last = code if isinstance(code, str) else code[0]
    assert read(connector, "PurchaseOrder", [1])["statusKey"] == key("Status", "purchase-orders", last)
    if last != "bost_Open":
        with pytest.raises(SourceError, match="already closed"):
            write(connector, "PurchaseOrder", "status", {}, key=[1], status="cancelled")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vendorKey": "V9"}, "'V9' is not a valid business partner"),
        ({"lineItems": []}, "without lines"),
        ({"lineItems": [{"materialKey": "NONE", "quantity": 1}]}, "Item number 'NONE' is missing"),
        ({"lineItems": [{**LINE, "uomKey": "PC"}]}, "Value 'PC' of 'UoMEntry'"),
    ],
)
def test_a_refusal_keeps_the_words_of_the_source(
    b1: Served, connector: Connector, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(SourceError, match=words):
        write(connector, "PurchaseOrder", "create", {**PURCHASE, **change})
    assert len(b1.rows["PurchaseOrders"]) == 3


def test_a_closed_order_is_not_changed(connector: Connector) -> None:
    write(connector, "PurchaseOrder", "status", {}, key=[1], status="bost_Close")
    with pytest.raises(SourceError, match="Document is closed"):
        write(connector, "PurchaseOrder", "update", {"title": "late"}, key=[1])


def test_a_missing_right_and_an_ended_session(b1: Served, connector: Connector) -> None:
    b1.forbidden.add("PurchaseOrders")
    with pytest.raises(SourceAccessDenied, match="not permitted"):
        write(connector, "PurchaseOrder", "create", PURCHASE)
    b1.forbidden.clear()
    b1.expire()
    assert write(connector, "PurchaseOrder", "create", PURCHASE) == [4]


def test_the_same_order_is_made_once(connector: Connector) -> None:
    first = write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe")
    assert write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe", retried=True) == first
    assert write(connector, "PurchaseOrder", "create", PURCHASE, reference="beef", retried=True) != first


def test_without_a_field_for_our_reference_nothing_is_repeated(b1: Served) -> None:
    connector = connected(b1)
    assert write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe") == [4]
    with pytest.raises(OutcomeUnknown):
        write(connector, "PurchaseOrder", "create", PURCHASE, reference="cafe", retried=True)
    connector.close()
    assert b1.rows["PurchaseOrders"][-1].get("U_Reference") is None


def test_goods_are_received_for_an_order(connector: Connector) -> None:
    record = {
        "vendorKey": "V1",
        "poKey": 1,
        "orderNo": "LS-1",
        "completedAt": JANUARY,
        "lineItems": [{"lineNo": "0", "quantity": Decimal("2.5"), "storeroomKey": "01"}],
    }
    receipt = read(connector, "Receiving", write(connector, "Receiving", "create", record, reference="a"))
    (line,) = receipt["lineItems"]
    assert (receipt["poKey"], receipt["orderNo"]) == (key("PurchaseOrder", "1"), "LS-1")
    assert (receipt["orderDate"], line["lineRef"]) == ("2026-01-25T00:00:00Z", "22/1/0")
    assert (line["quantity"], line["materialKey"]) == ("2.5", key("Part", "P/50"))
    with pytest.raises(SourceError, match="Base document line"):
        write(connector, "Receiving", "create", {**record, "poKey": 99})


def test_a_supplier_invoice_is_entered_for_an_order(connector: Connector) -> None:
    record = {
        "vendorKey": "V1",
        "poKey": 1,
        "invoiceNumber": "R-17",
        "invoiceDate": JANUARY,
        "dueDate": FEBRUARY,
        "receivedDate": JANUARY,
        "lineItem": [{"lineNo": "0", "quantity": 12, "price": Decimal("0.2")}],
    }
    invoice = read(connector, "Invoice", write(connector, "Invoice", "create", record))
    (line,) = invoice["lineItems"]
    assert (invoice["invoiceNumber"], invoice["vendorKey"]) == ("R-17", key("Vendor", "V1"))
    assert (invoice["invoiceDate"], invoice["dueDate"]) == ("2026-01-25", "2026-02-03")
    assert (line["lineRef"], Decimal(line["quantity"])) == ("22/1/0", 12)


def test_goods_are_sent_back(connector: Connector) -> None:
    record = {"vendorKey": "V1", "organizationKey": 1, "description": "Wrong size", "lineItems": [LINE]}
    sent = read(connector, "ReturnOrder", write(connector, "ReturnOrder", "create", record))
    assert (sent["vendorKey"], sent["description"]) == (key("Vendor", "V1"), "Wrong size")
    assert (sent["organizationKey"], len(sent["lineItems"])) == (key("Organization", "1"), 1)


def test_a_sales_order_is_made(connector: Connector) -> None:
    record = {
        "customerKey": "C1",
        "code": "PO-9",
        "date": JANUARY,
        "shipmentDate": FEBRUARY,
        "lines": [{"productKey": "P/50", "quantity": 2, "price": Decimal("1.5"), "storeroomKey": "01"}],
    }
    order = read(connector, "SalesOrder", write(connector, "SalesOrder", "create", record))
    (line,) = order["lines"]
    assert (order["customerKey"], order["code"]) == (key("Customer", "C1"), "PO-9")
    assert (order["date"], order["shipmentDate"]) == ("2026-01-25T00:00:00Z", "2026-02-03T00:00:00Z")
    assert (line["productKey"], line["price"]) == (key("Product", "P/50"), "1.5")


def test_stock_is_moved(connector: Connector) -> None:
    record = {
        "fromStoreroomKey": "01",
        "toStoreroomKey": "02",
        "date": JANUARY,
        "lineItems": [{"productKey": "P/50", "quantity": Decimal("1.5")}],
    }
    moved = read(connector, "StockTransfer", write(connector, "StockTransfer", "create", record))
    (line,) = moved["lineItems"]
    assert (moved["fromStoreroomKey"], moved["toStoreroomKey"]) == (
        key("Storeroom", "01"),
        key("Storeroom", "02"),
    )
    assert (line["storeroomKey"], line["quantity"]) == (key("Storeroom", "02"), "1.5")


def test_items_are_made_and_changed(connector: Connector) -> None:
    record = {
        "code": "P/51",
        "name": "Seal 51",
        "partNumber": "X51",
        "vendorKeys": ["V1"],
        "minimumQuantity": Decimal(2),
    }
    number = write(connector, "Part", "create", record)
    part = read(connector, "Part", number)
    assert number == ["P/51"]
    assert (part["code"], part["name"], part["partNumber"]) == ("P/51", "Seal 51", "X51")
    assert (part["vendorKeys"], Decimal(part["minimumQuantity"])) == ([key("Vendor", "V1")], 2)
    write(connector, "Part", "update", {"isActive": False}, key=number)
    assert read(connector, "Part", number)["isActive"] is False
    assert read(connector, "Part", number)["name"] == "Seal 51"
    with pytest.raises(SourceError, match="already exists"):
        write(connector, "Part", "create", record)
    product = write(
        connector, "Product", "create", {"code": "O'B", "name": "Tap", "groupKey": 100, "ean": "4001"}
    )
    write(connector, "Product", "update", {"name": "Tap 2"}, key=product)
    made = read(connector, "Product", product)
    assert (made["name"], made["ean"], made["groupKey"]) == ("Tap 2", "4001", key("ProductGroup", "100"))


def test_customers_are_made_and_changed(connector: Connector) -> None:
    number = write(connector, "Customer", "create", {"code": "C2", "name": "Canal"})
    write(connector, "Customer", "update", {"name": "Canal Ltd"}, key=number)
    assert (read(connector, "Customer", ["C2"])["name"], number) == ("Canal Ltd", ["C2"])


def test_a_service_call_is_made(connector: Connector) -> None:
    record = {
        "title": "Pump leaks",
        "description": "Since Monday",
        "customFields": {"CustomerCode": "C1", "ItemCode": "P/50", "InternalSerialNum": "I1"},
    }
    call = read(connector, "ServiceRequest", write(connector, "ServiceRequest", "create", record))
    assert (call["title"], call["description"]) == ("Pump leaks", "Since Monday")
    assert call["statusKey"] == key("Status", "service-requests", "-3")
    assert call["customFields"]["CustomerCode"] == "C1"
    with pytest.raises(SourceError, match="Specify a business partner"):
        write(connector, "ServiceRequest", "create", {"title": "Pump leaks"})
