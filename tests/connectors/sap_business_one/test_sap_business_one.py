"""Reading SAP Business One, against the simulator of its Service Layer."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.errors import SourceCredentialsRejected, SourceError, SourceUnreachable
from appliance.runtime.connector import Connector, Connectors
from appliance.runtime.form import check_form
from appliance.runtime.protocols import EVERYTHING, Since
from tests.connectors.sap_business_one.expected import EXPECTED, filled, key
from tests.runtime.opened import CREATED, MODEL, PART, all_pages, all_records, catalog, outbound, probed
from tests.simulators.sap_business_one import ServiceLayer
from tests.simulators.sap_business_one.metadata import SECRET

SINCE = Since(datetime(2026, 6, 2, 1, tzinfo=UTC))
CATALOG = catalog()
DEFINITION = CATALOG.folder("sap_business_one").definition
READ = [name for name in DEFINITION.entities if name != "Status"]
BY_CHANGE = [name for name in READ if DEFINITION.entities[name].incremental == "changed"]


class Served(ServiceLayer):
    url = ""


@pytest.fixture
def b1() -> Iterator[Served]:
    b1 = Served()
    with b1.served() as server:
        b1.url = server.url
        yield b1


@pytest.fixture(scope="module")
def still() -> Iterator[Connector]:
    """A connector of a system that no test changes."""
    b1 = Served()
    with b1.served() as server:
        b1.url = server.url
        yield connected(b1)


def connected(b1: Served, **fields: Any) -> Connector:
    given = {"url": b1.url, "company": b1.company, "username": b1.user, "password": b1.password, **fields}
    way = Connectors(MODEL, CATALOG, outbound().client, SystemClock())
    return way.open("sap_business_one", check_form(DEFINITION, given).all, part=PART, created_at=CREATED)


@pytest.mark.parametrize("entity", READ)
def test_every_field_of_a_record(still: Connector, entity: str) -> None:
    wanted = EXPECTED[entity]
    assert filled(all_records(still, entity)[wanted["key"]]) == wanted


def test_keys_that_point_to_other_records_find_them(still: Connector) -> None:
    there = {found for entity in DEFINITION.entities for found in all_records(still, entity)}
    held = {value for entity in READ for value in keys_in(EXPECTED[entity])}
    assert held - there == set()


def keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_in(inner)
    elif isinstance(value, str) and re.fullmatch("[0-9a-f]{2}5f0c2a[0-9a-f]{32}", value):
        yield value


# Statuses and money


class First:
    """The first row of a set, to be read again and again in other states."""

    def __init__(self, b1: Served, entity: str, name: str) -> None:
        self.row = b1.rows[name][0]
        self.entity = entity
        self.connector = connected(b1)

    def status(self, **change: Any) -> str | None:
        self.row.update(change)
        records = all_records(self.connector, self.entity)
        status: str | None = records[EXPECTED[self.entity]["key"]]["statusKey"]
        return status


@pytest.mark.parametrize(
    ("entity", "name", "scope"),
    [
        ("PurchaseOrder", "PurchaseOrders", "purchase-orders"),
        ("PurchaseRequisition", "PurchaseRequests", "purchase-requisitions"),
        ("ReturnOrder", "PurchaseReturns", "return-orders"),
        ("Invoice", "PurchaseInvoices", "invoices"),
        ("SalesOrder", "Orders", "sales-orders"),
    ],
)
def test_a_document_is_cancelled_in_approval_open_or_closed(
    b1: Served, entity: str, name: str, scope: str
) -> None:
    first = First(b1, entity, name)
    named = all_records(first.connector, "Status")
    states = {
        "bost_Open": {},
        "bost_Close": {"DocumentStatus": "bost_Close"},
        "bost_Paid": {"DocumentStatus": "bost_Paid"},
        "bost_Delivered": {"DocumentStatus": "bost_Delivered", "AuthorizationStatus": "dasApproved"},
        "dasPending": {"AuthorizationStatus": "dasPending"},
        "dasRejected": {"AuthorizationStatus": "dasRejected"},
        "dasCancelled": {"AuthorizationStatus": "dasCancelled"},
        "cancelled": {"Cancelled": "tYES", "CancelStatus": "csYes"},
    }
    assert set(states) == set(DEFINITION.statuses[scope])
    for code, row in states.items():
        found = first.status(**row)
        assert (found, found in named) == (key("Status", scope, code), True)
    unknown = first.status(Cancelled="tNO", AuthorizationStatus="dasWithout", DocumentStatus="bost_New")
    assert unknown == key("Status", scope, "bost_New")


@pytest.mark.parametrize(
    ("entity", "name", "field", "scope"),
    [
        ("StockTransfer", "StockTransfers", "DocumentStatus", "stock-transfers"),
        ("ProductionOrder", "ProductionOrders", "ProductionOrderStatus", "production-orders"),
        ("ServiceRequest", "ServiceCalls", "Status", "service-requests"),
    ],
)
def test_every_other_status_has_a_name_and_an_unknown_one_passes(
    b1: Served, entity: str, name: str, field: str, scope: str
) -> None:
    first = First(b1, entity, name)
    named = all_records(first.connector, "Status")
    for code in DEFINITION.statuses[scope]:
        found = first.status(**{field: int(code) if field == "Status" else code})
        assert (found, found in named) == (key("Status", scope, code), True)
    assert first.status(**{field: 12}) == key("Status", scope, "12")


def test_a_document_that_cancels_another_is_left_out(still: Connector) -> None:
    assert key("PurchaseOrder", "3") not in all_records(still, "PurchaseOrder")
    assert key("LineItem", "3", "0") not in all_records(still, "LineItem")


def test_totals_are_those_of_the_document_s_currency(still: Connector) -> None:
    order = all_records(still, "PurchaseOrder")[str(key("PurchaseOrder", "2"))]
    invoice = all_records(still, "Invoice")[str(key("Invoice", "2"))]
    assert (order["currencyKey"], order["totalGrossValue"]) == (key("Currency", "USD"), "110.5")
    assert (order["lineItems"][0]["lineTotalValue"], invoice["totalTaxValue"]) == ("100.0", "10.5")


# Pages and changes


@pytest.mark.parametrize("entity", ["Part", "Stock", "LineItem"])
def test_every_row_of_many_pages_comes_once(b1: Served, entity: str) -> None:
    for number in range(230):
        place = {"WarehouseCode": "01", "InStock": 1.5}
        b1.put("Items", ItemCode=f"I{number}", InventoryItem="tYES", ItemWarehouseInfoCollection=[place])
        line = {"LineNum": 0, "ItemCode": f"I{number}"}
        b1.put("PurchaseOrders", DocEntry=number + 10, CancelStatus="csNo", DocumentLines=[line])
    pages = all_pages(connected(b1), entity)
    rows = [row for page in pages for row in page.rows]
    assert (len(rows), len(set(rows)), len(pages) > 2) == (232, 232, True)


@pytest.mark.parametrize("entity", BY_CHANGE)
def test_nothing_comes_when_nothing_changed(still: Connector, entity: str) -> None:
    assert all_records(still, entity, SINCE) == {}


@pytest.mark.parametrize(
    ("entity", "name"), [("PurchaseOrder", "PurchaseOrders"), ("LineItem", "PurchaseOrders")]
)
def test_a_row_of_the_day_before_comes_again_an_older_one_does_not(
    b1: Served, entity: str, name: str
) -> None:
    b1.rows[name][0]["UpdateDate"] = "2026-06-01T00:00:00Z"
    b1.rows[name][1]["UpdateDate"] = "2026-05-31T00:00:00Z"
    assert list(all_records(connected(b1), entity, SINCE)) == [EXPECTED[entity]["key"]]


@pytest.mark.parametrize(("entity", "name"), [("Vendor", "BusinessPartners"), ("Part", "Items")])
def test_a_record_never_changed_counts_by_its_creation(b1: Served, entity: str, name: str) -> None:
    row = next(r for r in b1.rows[name] if r.get("CardType", "cSupplier") == "cSupplier")
    row.update(UpdateDate=None, CreateDate="2026-06-02T00:00:00Z")
    assert list(all_records(connected(b1), entity, SINCE)) == [EXPECTED[entity]["key"]]


def test_a_set_that_cannot_be_filtered_by_creation_is_by_change_alone(b1: Served) -> None:
    b1.unfilterable = {"CreateDate"}
    b1.rows["Items"][0]["UpdateDate"] = "2026-06-02T00:00:00Z"
    pages = all_pages(connected(b1), "Part", SINCE)
    assert sum(len(page.rows) for page in pages) == 1
    assert "UpdateDate is used" in " ".join(notice for page in pages for notice in page.notices)


def test_fields_of_the_customer_are_read_and_passwords_never(b1: Served) -> None:
    connector = connected(b1)
    for entity in READ:
        all_records(connector, entity)
    selected = {title for _, options in b1.asked for title in options["$select"].split(",")}
    assert {"U_Rating", "U_Shelf"} <= selected
    assert not selected & SECRET


# Sessions and access


def test_one_session_serves_all_and_is_ended(b1: Served) -> None:
    connector = connected(b1)
    for entity in ("Vendor", "Part"):
        all_records(connector, entity)
    assert (b1.logins, len(b1.sessions)) == (1, 1)
    connector.close()
    assert b1.sessions == set()


def test_an_expired_session_signs_in_again_between_two_pages(b1: Served) -> None:
    for number in range(150):
        b1.put("Items", ItemCode=f"I{number}")
    pages = connected(b1).pages("Part")
    first = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    b1.expire()
    assert first.next is not None
    second = pages.fetch(first.next, EVERYTHING, resuming=True, sample=False)
    assert (len(first.rows), len(second.rows), b1.logins) == (100, 52, 2)


def test_a_wrong_password_is_tried_once_and_not_shown(b1: Served) -> None:
    report = probed(connected(b1, password="Wrong-Pass-1"))
    assert isinstance(report.failure, SourceCredentialsRejected)
    assert "System Landscape Directory" in report.failure.message
    assert b1.logins == 1
    assert "Wrong-Pass-1" not in str(report.as_dicts())


def test_the_test_of_a_connection_reads_every_entity(b1: Served) -> None:
    report = probed(connected(b1))
    assert (report.failure, set(report.readable)) == (None, set(DEFINITION.entities))
    assert [s.message for s in report.stages if s.name.startswith("read") and "fit" in s.message] == []


def test_a_set_the_user_may_not_read_leaves_its_entity_out(b1: Served) -> None:
    b1.forbidden = {"ServiceCalls"}
    report = probed(connected(b1))
    assert report.failure is None
    assert set(DEFINITION.entities) - set(report.readable) == {"ServiceRequest"}
    (stage,) = [s for s in report.stages if s.name == "read ServiceRequest"]
    assert (stage.state, "not permitted" in stage.message) == ("warning", True)


def test_a_layer_without_a_free_worker_is_not_available_now(b1: Served) -> None:
    connector = connected(b1)
    all_records(connector, "Vendor")
    b1.busy = 1
    with pytest.raises(SourceUnreachable):
        all_records(connector, "Vendor")
    assert len(all_records(connector, "Vendor")) == 1


def test_an_address_without_version_2_says_so(b1: Served) -> None:
    connector = connected(b1, url=f"{b1.url}/old")
    with pytest.raises(SourceError, match="must offer version 2"):
        all_records(connector, "Vendor")
    assert probed(connector, outbound()).failure is not None
