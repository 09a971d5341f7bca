"""The Odoo connector against a simulator of both interfaces and of every group of releases."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, outbound, probed
from tests.simulators.odoo import Odoo
from tests.simulators.odoo.service import DATABASE, KEY, LOGIN

RELEASES = ("14", "16", "17", "19")
Open = Callable[..., tuple[Odoo, Connector]]


@pytest.fixture
def connect() -> Iterator[Open]:
    with ExitStack() as stack:

        def connected(release: str = "17", **fields: Any) -> tuple[Odoo, Connector]:
            odoo = Odoo(int(release))
            server = stack.enter_context(odoo.served())
            base = {
                "url": server.url,
                "release": release,
                "database": DATABASE,
                "username": LOGIN,
                "api_key": KEY,
            }
            connector = opened("odoo", {**base, "all_partners": False, **fields})
            stack.callback(connector.close)
            return odoo, connector

        yield connected


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """What is not null, without customFields."""
    return {
        name: value for name, value in record.items() if value not in (None, []) and name != "customFields"
    }


ORG, EUR, UNITS, ANN = key("Organization", 1), key("Currency", 2), key("UnitOfMeasure", 3), key("User", 5)
ACME, PART_KEY, PRODUCT = key("Vendor", 7), key("Part", 21), key("Product", 21)
STOCK, VENDORS, TEAM, PUMP = key("Location", 8), key("Location", 9), key("Team", 1), key("Asset", 41)
STAMPS = {"createdAt": "2026-01-02T08:00:00Z", "updatedAt": "2026-01-04T10:00:00Z"}
STAMP = {"updatedAt": STAMPS["updatedAt"]}
NAME = "[BRG-1] Bearing 6204"
REQUEST = {
    "teamKey": TEAM, "title": "Pump leaks", "severity": "2", "estimatedTime": "1.5", "categoryName": "corrective",
    "assetKey": PUMP, **STAMPS,
}  # fmt: skip

EXPECTED: dict[str, dict[str, Any]] = {
    "PurchaseOrder": {
        "key": key("PurchaseOrder", 1), "organizationKey": ORG, "orderDate": "2026-01-02T09:00:00Z",
        "vendorKey": ACME, "userRequestedKey": ANN, "orderNo": "P00001",
        "statusKey": key("Status", "purchase-orders", "purchase"), "title": "A-1", "dueAt": "2026-01-20T12:00:00Z",
        "approvedAt": "2026-01-02T10:00:00Z", "terms": "30 Days", "currencyKey": EUR, "totalNetValue": "99.9",
        "totalGrossValue": "109.89", **STAMP,
        "lineItems": [{
            "key": key("LineItem", 11), "vendorKey": ACME, "materialKey": PART_KEY, "productKey": PRODUCT,
            "statusKey": key("Status", "purchase-orders", "purchase"), "lineNo": "10", "name": NAME,
            "description": "Bearing 6204, sealed", "quantity": "10.0", "receivedQuantity": "4.0", "uomKey": UNITS,
            "currencyKey": EUR, "price": "9.99", "discount": "0.0", "lineTaxValue": "9.99",
            "lineTotalValue": "109.89", "dueAt": "2026-01-20T12:00:00Z", **STAMPS}],
    },
    "PurchaseRequisition": {
        "key": key("PurchaseRequisition", 1), "requesterKey": ANN, "userRequestedKey": ANN, "code": "TE00001",
        "statusKey": key("Status", "purchase-requisitions", "ongoing"), **STAMPS,
        "lineItems": [{
            "key": key("LineItem", "requisition", 11), "materialKey": PART_KEY, "productKey": PRODUCT, "name": NAME,
            "quantity": "10.0", "uomKey": UNITS, "currencyKey": EUR, "price": "9.5", **STAMPS}],
    },
    "Receipt": {
        "key": key("Receipt", 31), "vendorKey": ACME, "poKey": key("PurchaseOrder", 1), "code": "WH/IN/00001",
        "orderNo": "P00001", "orderDate": "2026-01-20T12:00:00Z", "completedAt": "2026-01-03T11:00:00Z", **STAMPS,
        "lineItems": [{
            "key": key("LineItem", "move", 11), "locationKey": STOCK, "vendorKey": ACME, "materialKey": PART_KEY,
            "productKey": PRODUCT, "statusKey": key("Status", "receipts", "done"), "lineNo": "10", "name": NAME,
            "quantity": "10.0", "receivedQuantity": "4.0", "uomKey": UNITS, "price": "9.99", **STAMPS}],
    },
    "Invoice": {
        "key": key("Invoice", 51), "title": "A-778", "invoiceNumber": "A-778", "vendorKey": ACME,
        "statusKey": key("Status", "invoices", "posted"), "invoiceDate": "2026-01-04", "dueDate": "2026-02-03",
        "receivedDate": "2026-01-04", "currencyKey": EUR, "totalNetValue": "39.96", "totalTaxValue": "4.0",
        "totalGrossValue": "43.96", **STAMPS,
        "lineItems": [{
            "key": key("InvoiceLineItem", 61), "vendorKey": ACME, "productKey": PRODUCT, "currencyKey": EUR,
            "lineNo": "10", "lineRef": "Bearing", "quantity": "4.0", "uomKey": UNITS, "price": "9.99",
            "discount": "0.0", "lineTotalValue": "43.96", **STAMPS}],
    },
    "Vendor": {"key": ACME, "name": "Acme Supply", "code": "V7", **STAMPS},
    "Company": {
        "key": key("Company", 7), "name": "Acme Supply", "code": "V7", **STAMPS,
        "addresses": [{"country": "Germany", "addressLines": "1 Mill Road", "city": "Ulm", "postCode": "89073",
                       "phone": "555-0100"}],
    },
    "Organization": {"key": ORG, "name": "Plant Ltd", "code": "1", "currencyKey": EUR, **STAMPS},
    "Currency": {"key": EUR, "name": "EUR", "code": "EUR", "isActive": True, **STAMPS},
    "Account": {"key": key("Account", 1), "code": "M1", "name": "Maintenance", **STAMPS},
    "Part": {
        "key": PART_KEY, "categoryName": "All / Spares", "code": "BRG-1", "partNumber": "BRG-1",
        "name": "Bearing 6204", "isActive": True, "uomKey": UNITS, "cost": "9.25", "currency": "EUR", **STAMPS,
    },
    "Product": {
        "key": PRODUCT, "groupKey": key("ProductGroup", 6), "uomKey": UNITS, "code": "BRG-1", "name": "Bearing 6204",
        "type": "consu", "price": "14.5", "currencyKey": EUR, "partNumber": "BRG-1", **STAMPS,
    },
    "ProductGroup": {
        "key": key("ProductGroup", 6), "code": "6", "name": "Spares", "description": "All / Spares", **STAMPS,
    },
    "UnitOfMeasure": {"key": UNITS, "name": "Units", "code": "Units", "isActive": True},
    "Location": {
        "key": STOCK, "organizationKey": ORG, "name": "Stock", "description": "WH/Stock", "code": "Stock",
        "type": "internal", "isActive": True, **STAMPS,
    },
    "Storeroom": {
        "key": key("Storeroom", 1), "locationKey": STOCK, "code": "WH", "name": "Plant store", **STAMPS,
    },
    "Stock": {
        "key": key("Stock", 1), "productKey": PRODUCT, "materialKey": PART_KEY, "locationKey": STOCK,
        "position": "WH/Stock", "uomKey": UNITS, "quantity": "12.5", **STAMPS,
    },
    "StockTransfer": {
        "key": key("StockTransfer", 1), "organizationKey": ORG, "fromLocationKey": VENDORS, "toLocationKey": STOCK,
        "statusKey": key("Status", "stock-transfers", "done"), "code": "WH/IN/00001", "date": "2026-01-03T11:00:00Z",
        "orderNumber": "P00001", "shipmentNumber": "WH/IN/00001", **STAMPS,
        "lineItems": [{"productKey": PRODUCT, "materialKey": PART_KEY, "quantity": "4.0", "locationKey": STOCK}],
    },
    "WorkOrder": {
        **REQUEST, "key": key("WorkOrder", 1), "code": "1", "organizationKey": ORG, "status": "In Progress",
        "statusKey": key("Status", "work-orders", "blocked"), "scheduledAt": "2026-01-06T08:00:00Z",
    },
    "ServiceRequest": {
        **REQUEST, "key": key("ServiceRequest", 1), "workOrderKey": key("WorkOrder", 1), "userRequestedKey": ANN,
        "statusKey": key("Status", "service-requests", "blocked"), "dueAt": "2026-01-06T08:00:00Z",
    },
    "PreventiveMaintenance": {
        "key": key("PreventiveMaintenance", 2), "assetKeys": [PUMP], "teamKey": TEAM, "title": "Grease",
        "status": "In Progress", "statusKey": key("Status", "pm", "normal"), "severity": "2", "estimatedTime": "1.5",
        "categoryName": "preventive", "dueAt": "2026-01-06T08:00:00Z", **STAMPS,
        "triggers": [{"type": "week", "interval": "2", "recurring": True}],
    },
    "Asset": {
        "key": PUMP, "vendorKey": ACME, "teamKey": TEAM, "name": "Pump P-101", "isPhysical": True,
        "categoryName": "Pumps", "isActive": True, "modelName": "X200", "serialNumber": "SN-1",
        "activatedAt": "2020-05-01T00:00:00Z", **STAMPS,
    },
    "Team": {"key": TEAM, "name": "Mechanics", "organizationKey": ORG, **STAMPS},
    "User": {"key": ANN, "organizationKey": ORG, "name": "Ann Lee", "description": "ann", "isActive": True, **STAMPS},
    "Document": {
        "key": key("Document", 71), "name": "order.pdf", "type": "binary", "contentType": "application/pdf", **STAMPS,
    },
}  # fmt: skip
SINCE_17 = {"PreventiveMaintenance"}


def test_every_entity_has_its_record_here(connect: Open) -> None:
    assert set(EXPECTED) | {"Status"} == set(connect()[1].definition.entities)


@pytest.mark.parametrize("release", RELEASES)
def test_records_field_by_field_in_every_release(connect: Open, release: str) -> None:
    _, connector = connect(release)
    for entity, expected in EXPECTED.items():
        if entity in SINCE_17 and release in ("14", "16"):
            assert all_records(connector, entity) == {}
            continue
        record = shown(all_records(connector, entity)[str(expected["key"])])
        for name in ("lineItems", "addresses", "triggers"):
            if name in record:
                record[name] = [shown(item) for item in record[name]]
        if entity == "PurchaseOrder" and release in ("14", "16"):
            # Odoo has had the discount of a line since 17.
            assert "discount" not in record["lineItems"][0]
            record["lineItems"][0]["discount"] = "0.0"
        assert record == expected, entity


def test_references_lead_to_records(connect: Open) -> None:
    _, connector = connect()
    everything = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    known = {found for records in everything.values() for found in records}
    referred = set(re.findall(rf"[0-9a-f]{{2}}{PART}[0-9a-f]{{32}}", json.dumps(everything)))
    own = {str(MODEL.entities[name].prefix) for name in ("LineItem", "InvoiceLineItem")}
    assert {found for found in referred - known if found[:2] not in own} == set()


STATES = {
    "purchase-orders": ("PurchaseOrder", "purchase.order", "state"),
    "purchase-requisitions": ("PurchaseRequisition", "purchase.requisition", "state"),
    "invoices": ("Invoice", "account.move", "state"),
    "work-orders": ("WorkOrder", "maintenance.request", "kanban_state"),
    "service-requests": ("ServiceRequest", "maintenance.request", "kanban_state"),
    "pm": ("PreventiveMaintenance", "maintenance.request", "kanban_state"),
}


@pytest.mark.parametrize("scope", STATES)
def test_every_status_has_its_name_and_an_unknown_one_passes(connect: Open, scope: str) -> None:
    odoo, connector = connect()
    entity, model, field = STATES[scope]
    statuses = all_records(connector, "Status")
    for code in (*connector.definition.statuses[scope], "ours"):
        for row in odoo.models.rows[model]:
            row[field] = code
        found = {record["statusKey"] for record in all_records(connector, entity).values()}
        assert found == {key("Status", scope, code)}
        assert (found <= set(statuses)) == (code != "ours")


def test_every_state_of_a_received_line_has_its_name(connect: Open) -> None:
    odoo, connector = connect()
    for code in connector.definition.statuses["receipts"]:
        odoo.models.rows["stock.move"][0]["state"] = code
        (receipt,) = all_records(connector, "Receipt").values()
        assert receipt["lineItems"][0]["statusKey"] == key("Status", "receipts", code)


# Pages, lines and changes


@pytest.mark.parametrize("release", ["17", "19"])
def test_pages_give_each_row_once_with_one_request_for_the_lines_of_a_page(
    connect: Open, release: str
) -> None:
    odoo, connector = connect(release)
    order = odoo.models.rows["purchase.order"][0]
    odoo.models.rows["purchase.order"] = [{**order, "id": n, "name": f"P{n}"} for n in range(1, 451)]
    line = odoo.models.rows["purchase.order.line"][0]
    odoo.models.rows["purchase.order.line"] = [
        {**line, "id": n, "order_id": ((n + 1) // 2, "P")} for n in range(1, 901)
    ]
    pages = all_pages(connector, "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [200, 200, 50] and pages[0].expected == 450
    rows = [decode(row) for page in pages for row in page.rows]
    assert [row["id"] for row in rows] == list(range(1, 451))
    assert all([line["id"] for line in row["lines"]] == [2 * row["id"] - 1, 2 * row["id"]] for row in rows)
    asked = [model for model, method, _ in odoo.calls if method == "search_read"]
    assert asked == ["purchase.order", "purchase.order.line"] * 3


@pytest.mark.parametrize("release", RELEASES)
def test_a_change_is_asked_for_from_its_very_second_and_a_line_brings_its_order(
    connect: Open, release: str
) -> None:
    odoo, connector = connect(release)
    orders, lines = odoo.models.rows["purchase.order"], odoo.models.rows["purchase.order.line"]
    orders[2]["write_date"] = "2026-02-01 08:00:00"
    lines[-1]["write_date"] = "2026-02-01 08:00:01"

    def found(second: int) -> list[int]:
        since = Since(datetime(2026, 2, 1, 8, 0, second, tzinfo=UTC))
        return [
            decode(row)["id"] for page in all_pages(connector, "PurchaseOrder", since) for row in page.rows
        ]

    assert [found(second) for second in (0, 1, 2)] == [[3, 5], [5], []]


@pytest.mark.parametrize("release", RELEASES)
def test_nothing_is_read_when_nothing_changed(connect: Open, release: str) -> None:
    _, connector = connect(release)
    later = Since(datetime(2026, 3, 1, tzinfo=UTC))
    for entity, definition in connector.definition.entities.items():
        if definition.incremental == "changed":
            pages = all_pages(connector, entity, later)
            assert [(len(page.rows), page.expected) for page in pages] == [(0, 0)], entity


def test_a_changed_template_brings_its_variants(connect: Open) -> None:
    _, connector = connect()
    assert len(all_records(connector, "Part", Since(datetime(2026, 1, 5, tzinfo=UTC)))) == 1
    assert all_records(connector, "Part", Since(datetime(2026, 1, 5, 0, 0, 1, tzinfo=UTC))) == {}


def test_a_draft_bill_has_no_number(connect: Open) -> None:
    draft = all_records(connect("14")[1], "Invoice")[str(key("Invoice", 53))]
    assert (draft["invoiceNumber"], draft["title"], draft["customFields"]["number"]) == (None, None, "/")


def test_archived_rows_are_read_and_partners_as_the_form_says(connect: Open) -> None:
    some, every = (all_records(connect(all_partners=all_of)[1], "Vendor") for all_of in (False, True))
    assert set(some) == {key("Vendor", 7), key("Vendor", 9)}
    assert set(every) == {key("Vendor", 7), key("Vendor", 8), key("Vendor", 9)}
    assert some[str(key("Vendor", 9))]["customFields"]["active"] is False


# Access


@pytest.mark.parametrize("release", RELEASES)
def test_the_probe_reads_every_entity_of_the_release(connect: Open, release: str) -> None:
    _, connector = connect(release)
    report = probed(connector, outbound())
    assert report.failure is None
    assert set(report.readable) == set(connector.definition.entities)
    assert [stage.message for stage in report.stages if "does not fit" in stage.message] == []


@pytest.mark.parametrize("release", ["17", "19"])
def test_a_wrong_password_or_key(connect: Open, release: str) -> None:
    _, connector = connect(release, api_key="Wrong-Pass-9")
    report = probed(connector, outbound())
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert [stage.name for stage in report.stages if stage.state == "failed"] == ["authenticate"]
    assert "Wrong-Pass-9" not in str(report.as_dicts())


def test_a_password_changed_later_is_refused_at_the_call(
    connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, connector = connect()
    all_records(connector, "Team")
    monkeypatch.setattr("tests.simulators.odoo.service.KEY", "another")
    with pytest.raises(SourceCredentialsRejected):
        all_records(connector, "Team")


@pytest.mark.parametrize("release", ["17", "19"])
def test_a_missing_right_is_a_warning_and_on_orders_a_failure(connect: Open, release: str) -> None:
    odoo, connector = connect(release)
    odoo.models.forbidden, odoo.models.hidden = {"account.move"}, {"maintenance.request"}
    report = probed(connector, outbound())
    assert report.failure is None and "Invoice" not in report.readable
    told = {stage.name: stage for stage in report.stages}
    assert told["read Invoice"].state == "warning" and "not allowed to access" in told["read Invoice"].message
    # A rule that hides all rows says nothing; the test tells that there are none.
    assert "or none the user may see" in told["read WorkOrder"].message
    odoo.models.forbidden = {"purchase.order"}
    assert isinstance(probed(connector, outbound()).failure, SourceAccessDenied)


@pytest.mark.parametrize("release", ["17", "19"])
def test_a_missing_module_and_a_wrong_database_are_told(connect: Open, release: str) -> None:
    odoo, connector = connect(release)
    del odoo.models.rows["maintenance.team"]
    with pytest.raises(SourceError, match=r"module of this entity is (not )?installed"):
        all_records(connector, "Team")
    _, elsewhere = connect(release, database="nowhere")
    with pytest.raises(SourceError, match=r"no database of this name|Database not found"):
        all_records(elsewhere, "Team")


def test_the_wrong_release_is_told(connect: Open) -> None:
    odoo, connector = connect("17")
    odoo.models.release = 16
    with pytest.raises(SourceError, match="check the release in the form"):
        all_records(connector, "StockTransfer")


def test_too_many_requests_wait(connect: Open) -> None:
    odoo, connector = connect("19")
    odoo.throttled = 1
    with pytest.raises(SourceThrottled):
        all_records(connector, "Team")
