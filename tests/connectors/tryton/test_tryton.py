"""The Tryton connector against a real Tryton."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceError
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.probe import Report
from appliance.runtime.protocols import EVERYTHING, Page, Since
from appliance.runtime.select import decode, encode
from appliance.transport.http import Request
from tests.real.tryton import Tryton
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, outbound, probed

pytestmark = pytest.mark.real

PURCHASE, LINE = "model.purchase.purchase", "model.purchase.line"
BY_ID = [["id", "ASC"]]
COMPANY = {"company": 1}
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


def connected(tryton: Tryton, **fields: Any) -> Connector:
    base = {
        "url": tryton.url,
        "database": tryton.database,
        "username": tryton.user,
        "password": tryton.password,
    }
    return opened("tryton", {**base, "company": 1, **fields})


@pytest.fixture(scope="module")
def connector(tryton: Tryton) -> Iterator[Connector]:
    made = connected(tryton)
    yield made
    made.close()


@pytest.fixture(scope="module")
def everything(connector: Connector) -> dict[str, dict[str, dict[str, Any]]]:
    """All records of all entities, by entity and key."""
    return {entity: all_records(connector, entity) for entity in connector.definition.entities}


@pytest.fixture
def new_order(tryton: Tryton) -> Callable[[], int]:
    """Makes a draft order of one line and returns its id."""

    def make() -> int:
        (party,) = tryton.call(
            "model.party.party.search_read", [["name", "=", "Supplier 001"]], 0, 1, None, ["addresses"]
        )
        (warehouse,) = tryton.call("model.stock.location.search", [["code", "=", "WH"]], 0, 1, None)
        (product,) = tryton.call("model.product.product.search_read", [], 0, 1, BY_ID, ["default_uom"])
        line = {"product": product["id"], "unit": product["default_uom"], "quantity": 2.5}
        line["unit_price"] = {"__class__": "Decimal", "decimal": "3.5000"}
        order = {"party": party["id"], "warehouse": warehouse, "lines": [["create", [line]]]}
        order["invoice_address"] = party["addresses"][0]
        (number,) = tryton.call(f"{PURCHASE}.create", [order], context=COMPANY)
        return int(number)

    return make


def key(entity: str, *parts: object) -> str | None:
    return unified_key(
        str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts if part is not None]
    )


def date(value: dict[str, int] | None) -> str | None:
    return None if value is None else f"{value['year']:04}-{value['month']:02}-{value['day']:02}T00:00:00Z"


def time(value: dict[str, int]) -> str:
    moment = datetime(
        value["year"],
        value["month"],
        value["day"],
        value["hour"],
        value["minute"],
        value["second"],
        value["microsecond"],
        UTC,
    )
    milliseconds = round(moment.timestamp() * 1000)
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(
        timespec="milliseconds" if milliseconds % 1000 else "seconds"
    )
    return text.replace("+00:00", "Z")


def moment(tryton: Tryton, model: str, number: int) -> datetime:
    (row,) = tryton.call(f"{model}.read", [number], ["last_modified_at"])
    return datetime.fromisoformat(time(row["last_modified_at"]))


def ids(connector: Connector, entity: str, since: Since = EVERYTHING) -> set[int]:
    return {decode(row)["id"] for page in all_pages(connector, entity, since) for row in page.rows}


# What is read


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
            "title": order["reference"] or None,
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


# What has changed


def test_a_changed_order_is_read_again_from_its_very_second(
    tryton: Tryton, connector: Connector, new_order: Callable[[], int]
) -> None:
    number = new_order()
    tryton.call(f"{PURCHASE}.write", [number], {"description": "changed"}, context=COMPANY)
    changed = moment(tryton, PURCHASE, number)
    assert number in ids(connector, "PurchaseOrder", Since(changed))
    assert number not in ids(connector, "PurchaseOrder", Since(changed + timedelta(seconds=1)))


def test_a_line_changed_alone_brings_its_order(
    tryton: Tryton, connector: Connector, new_order: Callable[[], int]
) -> None:
    number = new_order()
    (row,) = tryton.call(f"{PURCHASE}.read", [number], ["lines"])
    # Tryton stamps rows itself; wait for its clock to leave the second in which the order was made.
    header = moment(tryton, PURCHASE, number)
    while True:
        tryton.call(f"{LINE}.write", row["lines"], {"quantity": 7.0}, context=COMPANY)
        line = moment(tryton, LINE, row["lines"][0])
        if line.replace(microsecond=0) > header:
            break
        threading.Event().wait(0.1)
    assert moment(tryton, PURCHASE, number) == header
    (record,) = (
        record
        for found, record in all_records(
            connector, "PurchaseOrder", Since(line.replace(microsecond=0))
        ).items()
        if found == key("PurchaseOrder", number)
    )
    assert record["lineItems"][0]["quantity"] == "7.0"


def test_a_changed_template_brings_its_variants(tryton: Tryton, connector: Connector) -> None:
    (product,) = tryton.call("model.product.product.search_read", [], 0, 1, BY_ID, ["template"])
    tryton.call(
        "model.product.template.write",
        [product["template"]],
        {"list_price": {"__class__": "Decimal", "decimal": "99.9900"}},
        context=COMPANY,
    )
    since = Since(moment(tryton, "model.product.template", product["template"]))
    for entity in ("Part", "Product"):
        assert ids(connector, entity, since) == {product["id"]}
    (record,) = all_records(connector, "Product", since).values()
    assert record["price"] == "99.9900"


def test_nothing_is_read_when_nothing_changed(connector: Connector) -> None:
    tomorrow = Since(datetime.now(UTC) + timedelta(days=1))
    for entity, definition in connector.definition.entities.items():
        if definition.incremental == "changed":
            pages = all_pages(connector, entity, tomorrow)
            assert [(len(page.rows), page.expected) for page in pages] == [(0, 0)], entity


# Signing in and rights


def test_an_expired_session_logs_in_again_between_two_pages(tryton: Tryton) -> None:
    connector = connected(tryton)
    pages = connector.pages("PurchaseOrder")
    first = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    assert first.next is not None
    sessions = logged_out(tryton, connector)
    second: Page = pages.fetch(first.next, EVERYTHING, resuming=True, sample=False)
    assert len(second.rows) == 100
    assert {decode(row)["id"] for row in second.rows}.isdisjoint({decode(row)["id"] for row in first.rows})
    assert sessions != session_of(connector)
    connector.close()


def session_of(connector: Connector) -> str:
    return str(connector.source._authenticator._headers["Authorization"])  # type: ignore[union-attr]


def logged_out(tryton: Tryton, connector: Connector) -> str:
    """End the connector's session at the server, as its time limit would; returns its header."""
    session = session_of(connector)
    tryton.call_as(session, "common.db.logout")
    return session


def probe_of(tryton: Tryton, **fields: Any) -> Report:
    connector = connected(tryton, **fields)
    try:
        return probed(connector, outbound())
    finally:
        connector.close()


def test_the_probe_reads_every_entity(tryton: Tryton, connector: Connector) -> None:
    report = probe_of(tryton)
    assert report.failure is None
    assert set(report.readable) == set(connector.definition.entities)
    assert [stage.message for stage in report.stages if "does not fit" in stage.message] == []


def test_a_user_without_rights_is_denied_in_tryton_s_words(tryton: Tryton) -> None:
    guest = connected(tryton, username="guest", password=tryton.plain_password)
    with pytest.raises(SourceAccessDenied, match='You are not allowed to access "Purchase"') as told:
        all_pages(guest, "PurchaseOrder")
    assert tryton.plain_password not in told.value.message
    report = probed(guest, outbound())
    assert isinstance(report.failure, SourceAccessDenied), "purchase orders are required"
    guest.close()


def test_a_user_of_purchasing_reads_what_it_may_and_is_told_the_rest(tryton: Tryton) -> None:
    report = probe_of(tryton, username="buyer", password=tryton.plain_password)
    assert report.failure is None
    assert {"PurchaseOrder", "Vendor", "Part"} <= set(report.readable)
    denied = {
        stage.name: stage.message
        for stage in report.stages
        if stage.state == "warning" and stage.name.startswith("read")
    }
    assert denied, "the buyer may not read supplier invoices or production orders"
    assert all("You are not allowed to access" in message for message in denied.values())


def test_a_wrong_password(tryton: Tryton) -> None:
    report = probe_of(tryton, username="nobody", password="Plant-2025!")
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert report.stages[-1].name == "authenticate"
    assert "Plant-2025!" not in str(report.as_dicts())


def test_a_wrong_database(tryton: Tryton) -> None:
    report = probe_of(tryton, database="nowhere")
    assert isinstance(report.failure, SourceError)
    assert "There is no database of this name on the server." in report.failure.message


def test_an_error_of_a_call_comes_with_tryton_s_words_and_the_right_advice(tryton: Tryton) -> None:
    connector = connected(tryton)

    def ask(method: str, *params: Any) -> str:
        body = encode({"id": 1, "method": method, "params": [*params, {}]})
        request = Request(
            "POST",
            connector.source.base_url,
            headers={"Content-Type": "application/json"},
            body=body,
            safe=True,
        )
        with pytest.raises(SourceError) as told:
            connector.source.send(request)
        return told.value.message

    unknown = ask("model.no.such.search", [])
    assert "The Tryton module of this entity may not be active. It said: 'no.such'" in unknown
    missing = ask(f"{PURCHASE}.read", [10**9], ["number"])
    assert "You are trying to read records" in missing
    assert "module" not in missing
    connector.close()


def test_the_company_is_sent_along(tryton: Tryton) -> None:
    connector = connected(tryton, company=1)
    assert connector.source.client is not None
    sent: list[Any] = []
    send = connector.source.client.send

    def watched(request: Any, **options: Any) -> Any:
        sent.append(decode(request.body))
        return send(request, **options)

    connector.source.client.send = watched  # type: ignore[method-assign]
    all_pages(connector, "Organization")
    assert [call["params"][-1] for call in sent[1:]] == [{"company": 1, "active_test": False}] * (
        len(sent) - 1
    )
    connector.close()


def test_inactive_records_are_read_too(tryton: Tryton, connector: Connector) -> None:
    (party,) = tryton.call("model.party.party.create", [{"name": "Gone Ltd"}])
    tryton.call("model.party.party.write", [party], {"active": False})
    records = all_records(connector, "Vendor", Since(moment(tryton, "model.party.party", party)))
    assert records[str(key("Vendor", party))]["customFields"]["active"] in (False, 0)
