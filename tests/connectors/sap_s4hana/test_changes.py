"""Which rows are asked for, and that each is read once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from appliance.runtime.protocols import EVERYTHING, Since
from tests.connectors.sap_s4hana.asking import connected, key, records
from tests.runtime.opened import all_pages
from tests.simulators.sap_s4hana import S4
from tests.simulators.sap_s4hana.maintenance_rows import maintenance_order
from tests.simulators.sap_s4hana.rows import order
from tests.simulators.sap_s4hana.services import ORDERS2, PURCHASING4, READINGS4, V2
from tests.transport.servers import Server

SINCE = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)
OLD_ORDERS = f"{V2}API_PURCHASEORDER_PROCESS_SRV/"


@pytest.mark.parametrize("old", [False, True])
def test_each_order_is_read_once_over_all_pages(s4: S4, server: Server, old: bool) -> None:
    rows = [order(4500000000 + number) for number in range(230)]
    s4.rows[PURCHASING4]["PurchaseOrder"] = s4.rows[OLD_ORDERS]["A_PurchaseOrder"] = rows
    if old:
        s4.inactive.add(PURCHASING4)
    pages = all_pages(connected(s4, server), "PurchaseOrder")
    assert [len(page.rows) for page in pages] == [100, 100, 30]
    assert pages[0].expected == 230
    assert len({row for page in pages for row in page.rows}) == 230
    told = [notice for page in pages for notice in page.notices]
    assert len(told) == old
    assert not old or "A_PurchaseOrder of sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV is read" in told[0]


def test_a_pass_goes_on_in_the_service_it_began_in(s4: S4, server: Server) -> None:
    """Another service has other page positions, and becoming available in between changes nothing."""
    rows = [order(4500000000 + number) for number in range(150)]
    s4.rows[PURCHASING4]["PurchaseOrder"] = s4.rows[OLD_ORDERS]["A_PurchaseOrder"] = rows
    s4.inactive.add(PURCHASING4)
    before = connected(s4, server).pages("PurchaseOrder")
    first = before.fetch(before.first(), EVERYTHING, resuming=False, sample=False)
    s4.inactive.clear()
    position = msgspec.json.decode(msgspec.json.encode(first.next))
    after = connected(s4, server).pages("PurchaseOrder")
    second = after.fetch(position, EVERYTHING, resuming=True, sample=False)
    assert (len(second.rows), second.next) == (50, None)
    assert not set(first.rows) & set(second.rows)


@pytest.mark.parametrize("old", [False, True])
def test_orders_changed_since_and_those_never_changed_but_new(s4: S4, server: Server, old: bool) -> None:
    january = {"CreationDate": "2026-01-04"}
    rows = [
        order(1, **january, LastChangeDateTime="2026-02-01T08:29:59Z"),
        order(2, **january, LastChangeDateTime="2026-02-01T08:30:00Z"),
        order(3, **january, LastChangeDateTime=None),
        # A business date: from the day before on, whatever the zone of the system.
        order(4, CreationDate="2026-01-31", LastChangeDateTime=None),
        order(5, CreationDate="2026-01-30", LastChangeDateTime=None),
        order(6, CreationDate="2026-02-02", LastChangeDateTime=None),
    ]
    s4.rows[PURCHASING4]["PurchaseOrder"] = s4.rows[OLD_ORDERS]["A_PurchaseOrder"] = rows
    if old:
        s4.inactive.add(PURCHASING4)
    found = records(s4, server, "PurchaseOrder", Since(SINCE))
    assert set(found) == {key("PurchaseOrder", number) for number in "246"}


CHANGES: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "Vendor",
        f"{V2}API_BUSINESS_PARTNER/",
        "A_BusinessPartner",
        {"LastChangeDate": "2026-02-01"},
        {"LastChangeDate": "2026-01-30"},
    ),
    (
        "Part",
        f"{V2}API_PRODUCT_SRV/",
        "A_Product",
        {"LastChangeDateTime": "2026-02-01T08:30:00Z"},
        {"LastChangeDateTime": "2026-02-01T08:29:00Z"},
    ),
    (
        "Invoice",
        f"{V2}API_SUPPLIERINVOICE_PROCESS_SRV/",
        "A_SupplierInvoice",
        {"CreationDate": "2026-01-31"},
        {"CreationDate": "2026-01-30"},
    ),
    (
        "Receiving",
        f"{V2}API_MATERIAL_DOCUMENT_SRV/",
        "A_MaterialDocumentHeader",
        {"CreationDate": "2026-01-31"},
        {"CreationDate": "2026-01-30"},
    ),
    (
        "Asset",
        f"{V2}API_EQUIPMENT/",
        "Equipment",
        {"LastChangeDateTime": "2026-02-01T08:30:00Z"},
        {"LastChangeDateTime": "2026-02-01T08:29:00Z"},
    ),
    (
        "ServiceRequest",
        f"{V2}API_MAINTNOTIFICATION/",
        "MaintenanceNotification",
        {"LastChangeDateTime": "2026-02-01T08:30:00Z"},
        {"LastChangeDateTime": "2026-02-01T08:29:00Z"},
    ),
    (
        "CounterReading",
        READINGS4,
        "MeasurementDocument",
        {"MsmtRdngDate": "2026-01-31"},
        {"MsmtRdngDate": "2026-01-30"},
    ),
]


@pytest.mark.parametrize(("entity", "service", "name", "late", "early"), CHANGES)
def test_the_boundary_of_what_has_changed(
    s4: S4,
    server: Server,
    entity: str,
    service: str,
    name: str,
    late: dict[str, Any],
    early: dict[str, Any],
) -> None:
    rows = s4.rows[service][name]
    for row in rows:
        row |= early
    assert records(s4, server, entity, Since(SINCE)) == {}
    for row in rows:
        row |= late
    assert records(s4, server, entity, Since(SINCE)) != {}


def test_work_orders_that_were_never_changed_count_by_their_creation(s4: S4, server: Server) -> None:
    s4.rows[ORDERS2]["MaintenanceOrder"] = [
        maintenance_order(1, MaintOrderCreationDateTime="2026-02-01T08:30:00Z"),
        maintenance_order(2, MaintOrderCreationDateTime="2026-02-01T08:29:59Z"),
        maintenance_order(3, LastChangeDateTime="2026-02-03T00:00:00Z"),
    ]
    found = records(s4, server, "WorkOrder", Since(SINCE))
    assert set(found) == {key("WorkOrder", number) for number in "13"}


def test_the_first_version_of_the_maintenance_service_is_asked_by_what_it_has(s4: S4, server: Server) -> None:
    s4.inactive.add(ORDERS2)
    s4.rows[f"{V2}API_MAINTENANCEORDER/"]["MaintenanceOrder"] = [
        maintenance_order(1, LastChangeDateTime="2026-02-03T00:00:00Z"),
        maintenance_order(2, LastChangeDateTime="2026-01-03T00:00:00Z"),
    ]
    assert set(records(s4, server, "WorkOrder", Since(SINCE))) == {key("WorkOrder", "1")}


def test_late_changes_have_an_overlap(s4: S4, server: Server) -> None:
    """Invoices carry no change time: a month is read again, and a week of readings."""
    entities = connected(s4, server).definition.entities
    assert timedelta(seconds=entities["Invoice"].overlap_seconds) == timedelta(days=31)
    assert timedelta(seconds=entities["CounterReading"].overlap_seconds) == timedelta(days=7)


def test_the_customers_own_fields_come_along(s4: S4, server: Server) -> None:
    s4.rows[PURCHASING4]["PurchaseOrder"][0]["YY1_Budget_PDH"] = "B-7"
    (page,) = all_pages(connected(s4, server), "PurchaseOrder")
    assert b'"YY1_Budget_PDH": "B-7"' in page.rows[0]
