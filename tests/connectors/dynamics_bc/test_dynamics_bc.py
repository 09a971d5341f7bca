"""Business Central: every entity, both ways to sign in, paging, changes, and what goes wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, probed
from tests.simulators.dynamics.tokens import CLIENT, SECRET, TENANT
from tests.simulators.dynamics_bc import COMPANY, KEY, NONE, ROOT, STAMP, USER, BusinessCentral, guid, order
from tests.transport.servers import Server


@pytest.fixture
def central() -> BusinessCentral:
    return BusinessCentral()


@pytest.fixture
def server(central: BusinessCentral) -> Iterator[Server]:
    with central.served() as running:
        yield running


def cloud(server: Server, **fields: Any) -> Connector:
    base = {"sign_in": "application", "tenant": TENANT, "client_id": CLIENT, "client_secret": SECRET}
    place = {"url": server.url + ROOT, "company": COMPANY, "login_server": server.url}
    return opened("dynamics_bc", {**base, **place, "cost_dimension": "DEPARTMENT", **fields})


def on_premises(server: Server, **fields: Any) -> Connector:
    base = {"sign_in": "key", "username": USER, "password": KEY, "url": server.url + ROOT, "company": COMPANY}
    return opened("dynamics_bc", {**base, "cost_dimension": "DEPARTMENT", **fields})


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def given(record: dict[str, Any]) -> dict[str, Any]:
    """What is not null or empty, line items and addresses likewise."""
    return {
        name: [given(item) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else given(value)
        if isinstance(value, dict) and name != "customFields"
        else value
        for name, value in record.items()
        if value is not None and value != [] and value != ""
    }


UPDATED = {"updatedAt": STAMP}

EXPECTED: dict[str, dict[str, Any]] = {
    "Receipt": {
        "key": key("Receipt", guid(2001)),
        "vendorKey": key("Vendor", "V-10"),
        "poKey": key("PurchaseOrder", "100001"),
        "code": "R-1",
        "orderNo": "100001",
        "title": "Pumps Ltd",
        "completedAt": "2026-01-04T00:00:00Z",
        "currencyKey": key("Currency", "EUR"),
        "lineItems": [
            {
                "key": key("LineItem", guid(200101)),
                "vendorKey": key("Vendor", "V-10"),
                "materialKey": key("Part", "P-1"),
                "productKey": key("Product", "P-1"),
                "lineNo": "10000",
                "code": "P-1",
                "type": "Item",
                "name": "Line 1",
                "quantity": "2.5",
                "receivedQuantity": "2.5",
                "uomKey": key("UnitOfMeasure", "PCS"),
                "currencyKey": key("Currency", "EUR"),
                "price": "12.345",
                "dueAt": "2026-02-01T00:00:00Z",
            }
        ],
        **UPDATED,
    },
    "Invoice": {
        "key": key("Invoice", guid(3001)),
        "title": "77/26",
        "invoiceNumber": "I-1",
        "vendorKey": key("Vendor", "V-10"),
        "poKey": key("PurchaseOrder", "100001"),
        "statusKey": key("Status", "invoices", "Paid"),
        "invoiceDate": "2026-01-05",
        "dueDate": "2026-02-05",
        "currencyKey": key("Currency", "EUR"),
        "totalNetValue": "30.86",
        "totalTaxValue": "5.86",
        "totalGrossValue": "36.72",
        "lineItems": [
            {
                "key": key("InvoiceLineItem", guid(300101)),
                "productKey": key("Product", "P-1"),
                "code": "P-1",
                "lineRef": "Line 1",
                "quantity": "2.5",
                "uomKey": key("UnitOfMeasure", "PCS"),
                "price": "12.345",
            }
        ],
        "customFields": {"postingDate": "2026-01-05"},
        **UPDATED,
    },
    "Vendor": {
        "key": key("Vendor", "V-10"),
        "code": "V-10",
        "name": "Pumps Ltd",
        "customFields": {
            "blocked": "_x0020_",
            "currencyCode": "EUR",
            "email": "",
            "phoneNumber": "",
            "taxRegistrationNumber": "DE1",
        },
        **UPDATED,
    },
    "Organization": {"key": key("Organization", COMPANY), "code": "PLANT", "name": "Plant Ltd"},
    "Part": {
        "key": key("Part", "P-1"),
        "categoryName": "SPARE",
        "code": "P-1",
        "partNumber": "P-1",
        "name": "Seal",
        "isActive": True,
        "uomKey": key("UnitOfMeasure", "PCS"),
        "cost": "12.345",
        "customFields": {"type": "Inventory"},
        **UPDATED,
    },
    "Product": {
        "key": key("Product", "P-1"),
        "groupKey": key("ProductGroup", "SPARE"),
        "uomKey": key("UnitOfMeasure", "PCS"),
        "code": "P-1",
        "name": "Seal",
        "type": "Inventory",
        "price": "20.5",
        "ean": "4006381333931",
        "partNumber": "P-1",
        **UPDATED,
    },
    "ProductGroup": {"key": key("ProductGroup", "SPARE"), "code": "SPARE", "name": "Spare parts", **UPDATED},
    "Stock": {
        "key": key("Stock", "P-1"),
        "productKey": key("Product", "P-1"),
        "materialKey": key("Part", "P-1"),
        "uomKey": key("UnitOfMeasure", "PCS"),
        "quantity": "7.25",
    },
    "StockAdjustment": {
        "key": key("StockAdjustment", "41"),
        "date": "2026-01-04T00:00:00Z",
        "reason": "Count",
        "adjustmentNumber": "J-9",
        "type": "Negative_x0020_Adjmt_x002E_",
        "lineItems": [
            {"productKey": key("Product", "P-1"), "materialKey": key("Part", "P-1"), "quantity": "-1.5"}
        ],
        "customFields": {"entryNumber": 41, "documentType": "_x0020_"},
        **UPDATED,
    },
    "Storeroom": {
        "key": key("Storeroom", guid(3)),
        "code": "MAIN",
        "name": "Main store",
        "customFields": {"contact": "", "email": ""},
        **UPDATED,
    },
    "Location": {"key": key("Location", "HALL1"), "code": "HALL1", "name": "Hall 1", **UPDATED},
    "Asset": {
        "key": key("Asset", "FA-1"),
        "locationKey": key("Location", "HALL1"),
        "name": "Press",
        "isPhysical": True,
        "categoryName": "TANGIBLE / MACH",
        "isActive": True,
        "serialNumber": "S1",
        "customFields": {"number": "FA-1", "employeeNumber": "E1", "underMaintenance": True},
        **UPDATED,
    },
    "Account": {
        "key": key("Account", "MAINT"),
        "code": "MAINT",
        "name": "Maintenance",
        "customFields": {"dimension": "DEPARTMENT"},
        **UPDATED,
    },
    "UnitOfMeasure": {
        "key": key("UnitOfMeasure", "PCS"),
        "code": "PCS",
        "name": "Piece",
        "customFields": {"internationalStandardCode": "EA"},
    },
    "Currency": {"key": key("Currency", "EUR"), "code": "EUR", "name": "Euro", **UPDATED},
    "Labor": {
        "key": key("Labor", "E1"),
        "code": "E1",
        "name": "Anna Muster",
        "firstName": "Anna",
        "lastName": "Muster",
        "roleName": "Fitter",
        "isActive": True,
        **UPDATED,
    },
    "User": {
        "key": key("User", "9d1b0c52-0000-4000-8000-000000000001"),
        "name": "Anna Muster",
        "description": "ANNA",
        "isActive": True,
    },
}


def test_an_order_with_lines_field_by_field(server: Server) -> None:
    records = all_records(cloud(server), "PurchaseOrder")
    record = given(records[str(key("PurchaseOrder", "100001"))])
    lines = record.pop("lineItems")
    assert record == {
        "key": key("PurchaseOrder", "100001"),
        "orderDate": "2026-01-02T00:00:00Z",
        "vendorKey": key("Vendor", "V-10"),
        "orderNo": "100001",
        "statusKey": key("Status", "purchase-orders", "Open"),
        "title": "Pumps Ltd",
        "deliveryAddress": {
            "addressee": "Plant North",
            "addressLines": "Quay 1",
            "city": "Bremen",
            "postCode": "28195",
            "country": "DE",
        },
        "currencyKey": key("Currency", "EUR"),
        "totalNetValue": "1234.1",
        "totalGrossValue": "1468.58",
        "customFields": {"fullyReceived": False, "purchaser": "RL", "postingDate": "2026-01-03"},
        **UPDATED,
    }
    assert lines[0] == {
        "key": key("LineItem", guid(100101)),
        "accountKey": key("Account", "MAINT"),
        "vendorKey": key("Vendor", "V-10"),
        "materialKey": key("Part", "P-1"),
        "productKey": key("Product", "P-1"),
        "storeroomKey": key("Storeroom", guid(3)),
        "lineNo": "10000",
        "code": "P-1",
        "type": "Item",
        "name": "Line 1",
        "quantity": "2.5",
        "receivedQuantity": 1,
        "uomKey": key("UnitOfMeasure", "PCS"),
        "currencyKey": key("Currency", "EUR"),
        "price": "12.345",
        "discount": 0,
        "lineTaxValue": "5.86",
        "lineTotalValue": "30.86",
        "dueAt": "2026-02-01T00:00:00Z",
    }


def test_only_a_line_of_an_item_refers_to_a_part_and_only_one_of_an_asset_to_an_asset(server: Server) -> None:
    records = all_records(cloud(server), "PurchaseOrder")
    item, account, asset = records[str(key("PurchaseOrder", "100001"))]["lineItems"]
    assert [row["materialKey"] is not None for row in (item, account, asset)] == [True, False, False]
    assert [row["assetKey"] for row in (item, account, asset)] == [None, None, key("Asset", "FA-1")]
    assert account["storeroomKey"] is None, f"{NONE} means none"


@pytest.mark.parametrize("entity", EXPECTED)
def test_each_entity_field_by_field(server: Server, entity: str) -> None:
    record = next(iter(all_records(cloud(server), entity).values()))
    assert given(record) == EXPECTED[entity]


def test_no_entity_is_without_a_test(server: Server) -> None:
    assert {*EXPECTED, "PurchaseOrder", "Status"} == set(cloud(server).definition.entities)


def test_every_reference_leads_to_a_record(server: Server) -> None:
    connector = cloud(server)
    records = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    there = {name for entity in records.values() for name in entity}
    looked = list(walk([*records.values()]))
    assert len(looked) > 300
    assert {value for value in looked if value not in there} == set()


def walk(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from walk(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, name)
    elif name.endswith("Key") and value is not None:
        yield value


def test_every_state_of_an_order_and_an_unknown_one(central: BusinessCentral, server: Server) -> None:
    states = ["Draft", "In_x0020_Review", "Open", "Parked"]
    central.tables.rows["purchaseOrders"] = [order(number, state) for number, state in enumerate(states, 1)]
    connector = cloud(server)
    statuses = all_records(connector, "Status")
    found = [record["statusKey"] for record in all_records(connector, "PurchaseOrder").values()]
    assert found == [key("Status", "purchase-orders", state) for state in states]
    assert [name in statuses for name in found] == [True, True, True, False]


def test_pages_give_each_row_once_and_the_server_may_give_fewer(
    central: BusinessCentral, server: Server
) -> None:
    central.tables.page = 8
    pages = all_pages(cloud(server), "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [8, 8, 8, 6]
    assert len({row for page in pages for row in page.rows}) == 30


def test_what_changed_at_the_moment_itself_is_read_again(central: BusinessCentral, server: Server) -> None:
    rows = central.tables.rows["purchaseOrders"]
    rows[3]["lastModifiedDateTime"] = "2026-01-03T10:00:00.000Z"
    rows[4]["lastModifiedDateTime"] = "2026-01-03T09:59:59.999Z"
    since = Since(datetime(2026, 1, 3, 10, 0, tzinfo=UTC))
    assert set(all_records(cloud(server), "PurchaseOrder", since)) == {key("PurchaseOrder", "100004")}


def test_a_dead_page_link_begins_the_pass_again(server: Server) -> None:
    pages = cloud(server).pages("PurchaseOrder")
    with pytest.raises(SourceError) as raised:
        pages.fetch(
            {"link": f"{ROOT}/api/v2.0/companies({COMPANY})/purchaseOrders?$skiptoken=old"},
            Since(),
            resuming=True,
            sample=False,
        )
    assert raised.value.code == "SOURCE_RESUME_REFUSED"


def test_the_probe_in_the_cloud_and_on_premises(server: Server) -> None:
    for connector in (cloud(server), on_premises(server)):
        report = probed(connector)
        assert report.failure is None
        assert set(report.readable) == set(connector.definition.entities)


def test_wrong_credentials_are_told_and_not_shown(server: Server) -> None:
    for connector in (
        cloud(server, client_secret="other-secret"),
        on_premises(server, password="other-secret"),
    ):
        report = probed(connector)
        assert isinstance(report.failure, SourceCredentialsRejected)
        assert "other-secret" not in str(report.as_dicts())


def test_a_token_that_has_expired_is_renewed_once(central: BusinessCentral, server: Server) -> None:
    connector = cloud(server)
    all_pages(connector, "Vendor")
    central.tokens.expire()
    assert len(all_records(connector, "Vendor")) == 1
    assert len(central.tokens.given) == 2


def test_a_missing_right_on_one_entity_is_a_warning(central: BusinessCentral, server: Server) -> None:
    central.tables.denied = {"employees"}
    report = probed(cloud(server))
    assert report.failure is None
    assert [stage.name for stage in report.stages if stage.state == "warning" and stage.name != "tls"] == [
        "read Labor"
    ]


def test_orders_that_may_not_be_read_are_a_failure(central: BusinessCentral, server: Server) -> None:
    central.tables.denied = {"purchaseOrders"}
    assert probed(cloud(server)).failure is not None


def test_throttling_another_company_and_services_that_are_off(
    central: BusinessCentral, server: Server
) -> None:
    central.throttled = 1
    with pytest.raises(SourceThrottled):
        all_pages(cloud(server), "Vendor")
    report = probed(cloud(server, company=guid(99)))
    assert report.failure is not None
    assert "id of a company" in report.failure.message
    central.disabled = True
    report = probed(on_premises(server))
    assert report.failure is not None
    assert "not enabled" in report.failure.message
