"""The Maximo connector against a simulator that refuses what Maximo refuses."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceAccessDenied, SourceCredentialsRejected
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.select import decode
from tests.runtime.opened import MODEL, PART, all_pages, all_records, opened, outbound, probed
from tests.simulators.maximo import Maximo
from tests.simulators.maximo.service import KEY, PASSWORD, USER

Open = Callable[..., Connector]


@pytest.fixture
def maximo() -> Maximo:
    return Maximo()


@pytest.fixture
def connect(maximo: Maximo) -> Iterator[Open]:
    made: list[Connector] = []
    with maximo.served() as server:

        def connected(**fields: Any) -> Connector:
            base = {"url": f"{server.url}/maximo", "servlet": "api", "api_key": KEY, "structures": "mxapi"}
            made.append(opened("maximo", {**base, "by_day": False, **fields}))
            return made[-1]

        yield connected
        for connector in made:
            connector.close()


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """What is not null, without customFields."""
    return {
        name: value for name, value in record.items() if value not in (None, []) and name != "customFields"
    }


SITE, ORG = key("Site", "BEDFORD"), key("Organization", "EAGLENA")
ACCOUNT, VENDOR = key("Account", "EAGLENA", "6000-200"), key("Vendor", "EAGLENA", "ACME")
PUMP, ROOM = key("Asset", "BEDFORD", "P-101"), key("Location", "BEDFORD", "PUMPROOM")
BEARING = key("Part", "SET1", "BRG-1")
STORE_PLACE, STORE = key("Location", "BEDFORD", "CENTRAL"), key("Storeroom", "BEDFORD", "CENTRAL")
YARD_PLACE, YARD = key("Location", "BEDFORD", "YARD"), key("Storeroom", "BEDFORD", "YARD")
USD, WILSON = key("Currency", "USD"), key("User", "WILSON")
EACH, BOX = key("UnitOfMeasure", "EACH"), key("UnitOfMeasure", "BOX")
CHANGED = "2026-01-04T15:00:00Z"
LINE = {
    "vendorKey": VENDOR, "materialKey": BEARING, "storeroomKey": STORE, "lineNo": "1", "code": "BRG-1", "type": "ITEM",
    "name": "Bearing 6204", "description": "Bearing 6204", "uomKey": BOX, "currencyKey": USD,
}  # fmt: skip

EXPECTED: dict[str, dict[str, Any]] = {
    "Asset": {
        "key": PUMP, "siteKey": SITE, "parentKey": key("Asset", "BEDFORD", "PLANT"), "vendorKey": VENDOR,
        "locationKey": ROOM, "accountKeys": [ACCOUNT], "name": "Asset P-101", "description": "In the pump room.",
        "makeCompanyKey": key("Company", "EAGLENA", "FLOWCO"), "isPhysical": True, "categoryName": "PUMP",
        "criticality": "1", "isActive": True, "makeName": "FLOWCO", "serialNumber": "SN-1",
        "activatedAt": "2020-05-01T05:00:00Z", "updatedAt": CHANGED,
    },
    "Counter": {
        "key": key("Counter", "BEDFORD", "P-101", "RUNHOURS"), "siteKey": SITE, "assetKeys": [PUMP], "uomName": "HOURS",
        "uomKey": key("UnitOfMeasure", "HOURS"), "lastReading": "1250.5", "lastReadingAt": "2026-01-03T13:00:00Z",
        "updatedAt": CHANGED,
    },
    "Location": {
        "key": ROOM, "siteKey": SITE, "organizationKey": ORG, "name": "Pump room", "code": "PUMPROOM",
        "type": "OPERATING", "isActive": True, "updatedAt": CHANGED,
    },
    "Storeroom": {
        "key": STORE, "siteKey": SITE, "locationKey": STORE_PLACE, "code": "CENTRAL", "name": "Central store",
        "type": "STOREROOM", "updatedAt": CHANGED,
    },
    "WorkOrder": {
        "key": key("WorkOrder", "BEDFORD", "1001"), "locationKey": ROOM, "siteKey": SITE, "assetKey": PUMP,
        "accountKey": ACCOUNT, "title": "Repair 1", "serviceRequestKey": key("ServiceRequest", "SR", "1173"),
        "code": "1001", "pmKey": key("PreventiveMaintenance", "BEDFORD", "PM-7"), "organizationKey": ORG,
        "instructions": "Lock out first.", "status": "STARTED", "statusKey": key("Status", "work-orders", "INPRG"),
        "severity": "1", "estimatedTime": "3.5", "categoryName": "CM", "dueAt": "2026-01-09T22:00:00Z",
        "scheduledAt": "2026-01-06T13:00:00Z", "actualTime": "1.25",
        "tasks": [{"key": key("Task", "BEDFORD", "T1001"), "code": "10", "title": "Drain"}],
        "resources": [{"laborKey": key("Labor", "EAGLENA", "SMITH"), "name": "SMITH", "description": "MECH",
                       "registeredTime": "1.25", "rate": "40.00", "cost": "50.00",
                       "startedAt": "2026-01-06T13:00:00Z", "finishedAt": "2026-01-06T14:15:00Z"}],
        "createdAt": "2026-01-02T13:00:00Z", "updatedAt": "2026-01-01T15:00:00Z",
    },
    "ServiceRequest": {
        "key": key("ServiceRequest", "SR", "1173"), "siteKey": SITE, "locationKey": ROOM, "assetKey": PUMP,
        "userRequestedKey": WILSON, "title": "Pump leaks", "description": "Under the flange.",
        "statusKey": key("Status", "service-requests", "NEW"), "severity": "2", "categoryName": "HVAC",
        "dueAt": "2026-01-08T13:00:00Z", "createdAt": "2026-01-01T13:00:00Z", "updatedAt": CHANGED,
    },
    "PreventiveMaintenance": {
        "key": key("PreventiveMaintenance", "BEDFORD", "PM-7"), "assetKeys": [PUMP], "siteKey": SITE,
        "accountKey": ACCOUNT, "title": "Grease the pump", "status": "ACTIVE", "severity": "2", "categoryName": "PM",
        "statusKey": key("Status", "pm", "ACTIVE"), "dueAt": "2026-03-01T05:00:00Z",
        "triggers": [{"type": "MONTHS", "interval": "3", "recurring": True}], "updatedAt": CHANGED,
    },
    "User": {"key": WILSON, "name": "Mike Wilson", "description": "WILSON", "updatedAt": CHANGED},
    "Labor": {
        "key": key("Labor", "EAGLENA", "SMITH"), "organizationKeys": [ORG], "userKey": WILSON, "code": "SMITH",
        "name": "Mike Wilson", "firstName": "Mike", "lastName": "Wilson",
    },
    "Account": {"key": ACCOUNT, "code": "6000-200", "name": "Maintenance"},
    "PurchaseOrder": {
        "key": key("PurchaseOrder", "BEDFORD", "1017", "0"), "siteKey": SITE, "organizationKey": ORG,
        "orderDate": "2026-01-02T14:00:00Z", "vendorKey": VENDOR, "userRequestedKey": WILSON, "orderNo": "1017",
        "statusKey": key("Status", "purchase-orders", "APPR"), "title": "Bearings", "dueAt": "2026-01-20T05:00:00Z",
        "shippingMethod": "FOB", "terms": "NET30", "currencyKey": USD, "totalGrossValue": "109.89",
        "updatedAt": CHANGED,
        "lineItems": [{
            **LINE, "key": key("LineItem", "BEDFORD", "1017", "0", "1"), "accountKey": ACCOUNT, "lineRef": "1001",
            "quantity": "10.00", "receivedQuantity": "5.00", "price": "9.9900", "lineTaxValue": "9.99",
            "lineTotalValue": "99.90", "dueAt": "2026-01-20T05:00:00Z"}],
    },
    "PurchaseRequisition": {
        "key": key("PurchaseRequisition", "BEDFORD", "2001"), "siteKey": SITE, "requesterKey": WILSON,
        "userRequestedKey": WILSON, "code": "2001", "statusKey": key("Status", "purchase-requisitions", "WAPPR"),
        "totalGrossValue": "99.90", "createdAt": "2026-01-02T14:00:00Z", "updatedAt": CHANGED,
        "lineItems": [{**LINE, "key": key("LineItem", "BEDFORD", "2001", "1"), "quantity": 10, "price": "9.99",
                       "lineTotalValue": "99.90"}],
    },
    "Vendor": {
        "key": VENDOR, "name": "Acme Supply", "code": "ACME", "companyKey": key("Company", "EAGLENA", "ACME"),
        "organizationKey": ORG, "updatedAt": CHANGED,
    },
    "Company": {
        "key": key("Company", "EAGLENA", "ACME"), "organizationKey": ORG, "name": "Acme Supply", "code": "ACME",
        "addresses": [{"addressLines": "1 Mill Road, Hall B", "state": "MA", "city": "Boston", "postCode": "02101",
                       "phone": "555-0100"}],
        "currencyKey": USD, "updatedAt": CHANGED,
    },
    "Invoice": {
        "key": key("Invoice", "BEDFORD", "3001"), "title": "January", "invoiceNumber": "A-778", "vendorKey": VENDOR,
        "statusKey": key("Status", "invoices", "APPR"), "invoiceDate": "2026-01-04", "dueDate": "2026-02-03",
        "currencyKey": USD, "totalTaxValue": "9.99", "totalGrossValue": "109.89", "updatedAt": CHANGED,
        "lineItems": [{"key": key("InvoiceLineItem", "BEDFORD", "3001", "1"), "vendorKey": VENDOR, "lineNo": "1",
                       "code": "BRG-1", "lineRef": "Bearing 6204", "quantity": 10, "uomKey": BOX, "currencyKey": USD,
                       "price": "9.99", "lineTotalValue": "99.90"}],
    },
    "Part": {
        "key": BEARING, "categoryName": "BEARING", "code": "BRG-1", "partNumber": "BRG-1", "name": "Bearing 6204",
        "uomKey": EACH, "updatedAt": CHANGED,
    },
    "Stock": {
        "key": key("Stock", "BEDFORD", "CENTRAL", "SET1", "BRG-1"), "materialKey": BEARING, "locationKey": STORE_PLACE,
        "storeroomKey": STORE, "position": "A-1", "uomKey": EACH, "quantity": "12.50", "reorderPoint": "4.0",
        "reorderQuantity": 20, "minLevel": "4.0", "maxLevel": 40, "reorderLevel": "4.0", "updatedAt": CHANGED,
    },
    "Inventory": {
        "key": key("Inventory", "BEDFORD", "CENTRAL", "SET1", "BRG-1"), "code": "BRG-1", "name": "BRG-1 / CENTRAL",
        "quantity": "12.50", "unitCost": "9.9900", "locationKey": STORE_PLACE, "updatedAt": CHANGED,
    },
    "StockTransfer": {
        "key": key("StockTransfer", 502), "organizationKey": ORG, "fromLocationKey": STORE_PLACE,
        "toLocationKey": YARD_PLACE, "fromStoreroomKey": STORE, "toStoreroomKey": YARD,
        "statusKey": key("Status", "stock-transfers", "COMP"), "code": "502", "date": "2026-01-03T16:00:00Z",
        "lineItems": [{"materialKey": BEARING, "quantity": "5.00", "locationKey": YARD_PLACE, "storeroomKey": YARD}],
        "createdAt": CHANGED, "updatedAt": CHANGED,
    },
    "Receipt": {
        "key": key("Receipt", 501), "siteKey": SITE, "poKey": key("PurchaseOrder", "BEDFORD", "1017", "0"),
        "code": "501", "orderNo": "1017", "title": "DN-9", "description": "Bearing 6204",
        "completedAt": "2026-01-03T16:00:00Z", "currencyKey": USD, "totalNetValue": "49.95",
        "lineItems": [{"key": key("LineItem", 501), "storeroomKey": STORE, "materialKey": BEARING, "lineNo": "1",
                       "code": "BRG-1", "type": "RECEIPT", "description": "Bearing 6204", "receivedQuantity": "5.00",
                       "currencyKey": USD, "price": "9.99", "lineTotalValue": "49.95"}],
        "createdAt": CHANGED, "updatedAt": CHANGED,
    },
}  # fmt: skip


def test_every_entity_has_its_record_here(connect: Open) -> None:
    assert set(EXPECTED) | {"Status"} == set(connect().definition.entities)


@pytest.mark.parametrize("entity", EXPECTED)
def test_a_record_field_by_field(connect: Open, entity: str) -> None:
    record = shown(all_records(connect(), entity)[str(EXPECTED[entity]["key"])])
    for name in ("lineItems", "tasks", "resources", "triggers", "addresses"):
        if name in record:
            record[name] = [shown(item) for item in record[name]]
    assert record == EXPECTED[entity]


def test_references_lead_to_records(connect: Open) -> None:
    connector = connect()
    everything = {entity: all_records(connector, entity) for entity in connector.definition.entities}
    # Sites, organizations, currencies and units have no object structure of their own.
    unserved = {
        str(MODEL.entities[name].prefix) for name in ("Site", "Organization", "Currency", "UnitOfMeasure")
    }
    known = {found for records in everything.values() for found in records}
    referred = {
        found
        for records in everything.values()
        for record in records.values()
        for found in re.findall(rf"[0-9a-f]{{2}}{PART}[0-9a-f]{{32}}", json.dumps(record))
    }
    own = {str(MODEL.entities[name].prefix) for name in ("LineItem", "Task", "InvoiceLineItem")}
    assert {found for found in referred - known if found[:2] not in unserved | own} == set()


def test_a_reference_to_nothing_is_null_and_a_follow_up_order_has_no_request(connect: Open) -> None:
    connector = connect()
    top = all_records(connector, "Asset")[str(key("Asset", "BEDFORD", "PLANT"))]
    assert top["parentKey"] is None
    orders = all_records(connector, "WorkOrder")
    first, second = (orders[str(key("WorkOrder", "BEDFORD", number))] for number in (1001, 1002))
    assert first["parentKey"] is None and second["parentKey"] == first["key"]
    assert second["serviceRequestKey"] is None


def test_a_meter_that_reads_words_is_kept(connect: Open) -> None:
    oil = all_records(connect(), "Counter")[str(key("Counter", "BEDFORD", "P-101", "OIL"))]
    assert oil["lastReading"] is None and oil["customFields"]["reading"] == "GOOD"


def test_every_status_has_its_name_and_an_unknown_one_passes(maximo: Maximo, connect: Open) -> None:
    connector = connect()
    statuses = all_records(connector, "Status")
    structures = {
        "WorkOrder": ("wodetail", "work-orders"),
        "ServiceRequest": ("sr", "service-requests"),
        "PurchaseOrder": ("po", "purchase-orders"),
        "PurchaseRequisition": ("pr", "purchase-requisitions"),
        "Invoice": ("invoice", "invoices"),
        "PreventiveMaintenance": ("pm", "pm"),
        "StockTransfer": ("receipt", "stock-transfers"),
    }
    for entity, (structure, scope) in structures.items():
        for code in connector.definition.statuses[scope]:
            for row in maximo.structures[structure]:
                row["status_maxvalue"] = code
            found = {record["statusKey"] for record in all_records(connector, entity).values()}
            assert found == {key("Status", scope, code)} and found <= set(statuses)
        for row in maximo.structures[structure]:
            # A release that does not give the internal value.
            row |= {"status_maxvalue": None, "status": "OURS"}
        assert {r["statusKey"] for r in all_records(connector, entity).values()} == {
            key("Status", scope, "OURS")
        }


# Pages and changes


def test_pages_capped_by_the_server_give_each_row_once(maximo: Maximo, connect: Open) -> None:
    maximo.max_page = 3
    pages = all_pages(connect(), "WorkOrder")
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert pages[0].expected == 7
    assert [decode(row)["workorderid"] for page in pages for row in page.rows] == list(range(1001, 1008))


def test_a_forgotten_page_begins_the_pass_again(maximo: Maximo, connect: Open) -> None:
    maximo.max_page = 3
    pages = connect().pages("WorkOrder")
    first = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    maximo.expired = True
    assert first.next is not None
    with pytest.raises(ResumeRefused):
        pages.fetch(first.next, EVERYTHING, resuming=True, sample=False)


@pytest.mark.parametrize(("second", "expected"), [(0, {1004, 1005, 1006, 1007}), (1, {1005, 1006, 1007})])
def test_changes_are_asked_for_from_their_very_second(connect: Open, second: int, expected: set[int]) -> None:
    since = Since(datetime(2026, 1, 4, 15, 0, second, tzinfo=UTC))
    found = {
        decode(row)["workorderid"] for page in all_pages(connect(), "WorkOrder", since) for row in page.rows
    }
    assert found == expected


def test_a_fixed_condition_stands_before_the_change(maximo: Maximo, connect: Open) -> None:
    connector, since = connect(), Since(datetime(2026, 1, 4, 15, tzinfo=UTC))
    assert (
        len(all_records(connector, "Receipt", since))
        == len(all_records(connector, "StockTransfer", since))
        == 1
    )
    assert maximo.asked[-1]["oslc.where"] == 'issuetype="TRANSFER" and transdate>="2026-01-04T15:00:00Z"'


def test_a_server_that_takes_local_times_only_is_asked_by_day(maximo: Maximo, connect: Open) -> None:
    maximo.local_times = True
    since = Since(datetime(2026, 1, 4, 15, tzinfo=UTC))
    with pytest.raises(Exception, match="Ask for changes by day"):
        all_records(connect(), "WorkOrder", since)
    found = all_records(connect(by_day=True), "WorkOrder", since)
    assert {record["code"] for record in found.values()} == {str(number) for number in range(1003, 1008)}


def test_what_maximo_does_not_stamp_is_compared(connect: Open) -> None:
    entities = connect().definition.entities
    compared = {name for name, entity in entities.items() if entity.incremental == "compare"}
    assert compared == {"Part", "Stock", "Inventory", "User", "Labor", "Account", "Status"}


# Access


def test_the_probe_reads_every_entity(connect: Open) -> None:
    connector = connect()
    report = probed(connector, outbound())
    assert report.failure is None and set(report.readable) == set(connector.definition.entities)
    assert [stage.message for stage in report.stages if "does not fit" in stage.message] == []


def test_user_and_password_sign_in_at_the_other_servlet(connect: Open) -> None:
    connector = connect(servlet="oslc", api_key=None, username=USER, password=PASSWORD)
    assert len(all_records(connector, "WorkOrder")) == 7


@pytest.mark.parametrize(
    "fields",
    [{"api_key": "another"}, {"servlet": "oslc", "username": USER, "password": "Wrong-Pass-9"}],
)
def test_a_wrong_key_or_password(connect: Open, fields: dict[str, str]) -> None:
    report = probed(connect(**fields), outbound())
    assert isinstance(report.failure, SourceCredentialsRejected)
    (failed,) = [stage for stage in report.stages if stage.state == "failed"]
    assert failed.name == "authenticate" and "BMXAA0021E" in failed.message
    assert "Wrong-Pass-9" not in str(report.as_dicts())


def test_a_missing_right_is_a_warning_and_on_work_orders_a_failure(maximo: Maximo, connect: Open) -> None:
    maximo.forbidden = {"vendor"}
    report = probed(connect(), outbound())
    assert report.failure is None and "Vendor" not in report.readable and "WorkOrder" in report.readable
    (warning,) = [stage for stage in report.stages if stage.name == "read Vendor"]
    assert warning.state == "warning" and "BMXAA0024E" in warning.message
    maximo.forbidden = {"wodetail"}
    assert isinstance(probed(connect(), outbound()).failure, SourceAccessDenied)


def test_the_older_structures_can_be_chosen(maximo: Maximo, connect: Open) -> None:
    maximo.family = "mx"
    report = probed(connect(), outbound())
    assert report.failure is not None and "try the other object structures" in report.failure.message
    assert len(all_records(connect(structures="mx"), "WorkOrder")) == 7
