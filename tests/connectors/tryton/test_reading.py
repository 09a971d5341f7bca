"""What the Tryton connector reads of a real Tryton."""

from collections.abc import Iterator
from typing import Any

import pytest

from appliance.runtime.connector import Connector
from appliance.runtime.select import decode
from tests.connectors.tryton.asking import BY_ID, LINE, PURCHASE, date, ids, key, time
from tests.real.tryton import Tryton
from tests.runtime.opened import MODEL, PART, all_pages

pytestmark = pytest.mark.real

HEADER = [
    "number",
    "reference",
    "description",
    "comment",
    "company",
    "party",
    "warehouse",
    "currency.code",
    "purchase_date",
    "delivery_date",
    "payment_term.name",
    "state",
    "invoice_state",
    "shipment_state",
    "untaxed_amount_cache",
    "total_amount_cache",
    "create_date",
    "last_modified_at",
    "lines",
]
DETAIL = [
    "sequence",
    "type",
    "product",
    "product.code",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "delivery_date",
    "note",
    "to_location",
    "create_date",
    "last_modified_at",
]


def test_every_entity_is_read_and_counted(connector: Connector, everything: dict[str, Any]) -> None:
    assert len(connector.definition.entities) == 18
    empty = {entity for entity, records in everything.items() if not records}
    assert empty <= {"BillOfMaterial"}, "the loaded database holds rows of all others"
    for entity in connector.definition.entities:
        pages = all_pages(connector, entity)
        assert pages[0].expected == sum(len(page.rows) for page in pages) == len(everything[entity])


def test_pages_are_bounded_and_go_on_by_id(connector: Connector) -> None:
    pages = all_pages(connector, "PurchaseOrder")
    assert [len(page.rows) for page in pages[:-1]] == [100] * (len(pages) - 1)
    assert len(pages) > 1
    numbers = [decode(row)["id"] for page in pages for row in page.rows]
    assert numbers == sorted(set(numbers))


def test_an_order_with_its_lines_is_what_tryton_says(tryton: Tryton, everything: dict[str, Any]) -> None:
    orders = tryton.call(f"{PURCHASE}.search_read", [], 0, None, BY_ID, HEADER)
    assert len({order["state"] for order in orders}) >= 4
    for order in orders[::7]:
        record = everything["PurchaseOrder"][key("PurchaseOrder", order["id"])]
        money = {
            name: order[name] and order[name]["decimal"]
            for name in ("untaxed_amount_cache", "total_amount_cache")
        }
        expected = {
            "key": key("PurchaseOrder", order["id"]),
            "organizationKey": key("Organization", order["company"]),
            "orderDate": date(order["purchase_date"]),
            "vendorKey": key("Vendor", order["party"]),
            "orderNo": order["number"] or order["reference"] or None,
            "statusKey": key("Status", "purchase-orders", order["state"]),
            "title": order["description"] or order["reference"] or None,
            "description": order["description"] or None,
            "notes": order["comment"] or None,
            "terms": order["payment_term."] and order["payment_term."]["name"],
            "dueAt": date(order["delivery_date"]),
            "currencyKey": key("Currency", order["currency."]["code"]),
            "locationKey": order["warehouse"] and key("Location", order["warehouse"]),
            "totalNetValue": money["untaxed_amount_cache"],
            "totalGrossValue": money["total_amount_cache"],
            "updatedAt": time(order["last_modified_at"]),
            "customFields": {
                "reference": order["reference"],
                "invoiceState": order["invoice_state"],
                "shipmentState": order["shipment_state"],
            },
        }
        lines = tryton.call(f"{LINE}.search_read", [["purchase", "=", order["id"]]], 0, None, None, DETAIL)
        assert {name: value for name, value in record.items() if name in expected} == expected
        assert all(record[name] is None for name in record if name not in expected and name != "lineItems")
        found = {line["key"]: line for line in record["lineItems"]}
        assert len(found) == len(lines) == len(order["lines"])
        for line in lines:
            described = found[key("LineItem", line["id"])]
            expected_line = {
                "key": key("LineItem", line["id"]),
                "productKey": line["product"] and key("Product", line["product"]),
                "materialKey": line["product"] and key("Part", line["product"]),
                "locationKey": line["to_location"] and key("Location", line["to_location"]),
                "lineNo": None if line["sequence"] is None else str(line["sequence"]),
                "code": line["product."] and (line["product."]["code"] or None),
                "type": line["type"],
                "name": line["description"] or None,
                "description": line["description"] or None,
                "quantity": None if line["quantity"] is None else repr(line["quantity"]),
                "uomKey": line["unit"] and key("UnitOfMeasure", line["unit"]),
                "price": line["unit_price"] and line["unit_price"]["decimal"],
                "notes": line["note"] or None,
                "dueAt": date(line["delivery_date"]),
                "createdAt": time(line["create_date"]),
                "updatedAt": time(line["last_modified_at"]),
            }
            for name in ("quantity", "price"):
                # JSON numbers, compared digit by digit.
                described[name] = None if described[name] is None else str(described[name])
            assert {name: described[name] for name in expected_line} == expected_line


def references(entity: str, record: dict[str, Any], where: str = "") -> Iterator[tuple[str, str, str]]:
    """Field, entity and key of every reference of a record."""
    for name, field in MODEL.entities[entity].fields.items():
        value = record.get(name)
        if value is None or name == "key":
            continue
        if field.type == "key":
            yield f"{where}{entity}.{name}", str(field.to), value
        elif field.type == "keys" and field.to:
            for one in value:
                yield f"{where}{entity}.{name}", field.to, one
        elif field.type == "object":
            yield from references(str(field.of), value, where)
        elif field.type == "list":
            for item in value:
                yield from references(str(field.of), item, f"{entity}/")


def test_references_lead_to_records_that_are_read(everything: dict[str, Any]) -> None:
    followed: dict[str, int] = {}
    dangling: set[tuple[str, str]] = set()
    for entity, records in everything.items():
        for record in records.values():
            for name, target, one in references(entity, record):
                followed[name] = followed.get(name, 0) + 1
                if one not in everything[target]:
                    dangling.add((name, target))
    assert dangling == set()
    for name in (
        "PurchaseOrder.vendorKey",
        "PurchaseOrder.statusKey",
        "PurchaseOrder.currencyKey",
        "PurchaseOrder/POLineItem.uomKey",
        "PurchaseOrder/POLineItem.productKey",
        "PurchaseOrder/POLineItem.materialKey",
        "PurchaseOrder.locationKey",
        "StockTransfer.fromLocationKey",
        "Location.parentKey",
        "Storeroom.locationKey",
        "Part.uomKey",
    ):
        assert followed.get(name), name


def test_keys_are_unique_and_of_their_entity(everything: dict[str, Any]) -> None:
    for entity, records in everything.items():
        assert all(found.startswith(f"{MODEL.entities[entity].prefix}{PART}") for found in records)


STATES = {
    "purchase-orders": "purchase.purchase",
    "purchase-requisitions": "purchase.requisition",
    "production-orders": "production",
    "stock-transfers": "stock.move",
    "invoices": "account.invoice",
}


@pytest.mark.parametrize(("scope", "model"), STATES.items())
def test_the_statuses_are_those_of_tryton(
    tryton: Tryton, connector: Connector, scope: str, model: str
) -> None:
    described = tryton.call(f"model.{model}.fields_get", ["state"])["state"]["selection"]
    assert set(connector.definition.statuses[scope]) == {code for code, _ in described if code}


def test_values_have_the_types_of_the_model(everything: dict[str, Any]) -> None:
    for entity, records in everything.items():
        kinds = {name: field.type for name, field in MODEL.entities[entity].fields.items()}
        for record in records.values():
            for name, value in record.items():
                if value is None or kinds[name] not in ("boolean", "string", "decimal"):
                    continue
                assert isinstance(value, bool if kinds[name] == "boolean" else str), (entity, name, value)


def test_supplier_invoices_only(tryton: Tryton, connector: Connector) -> None:
    assert ids(connector, "Invoice") == set(
        tryton.call("model.account.invoice.search", [["type", "=", "in"]], 0, None, None)
    )
