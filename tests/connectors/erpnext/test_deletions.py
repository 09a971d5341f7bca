"""ERPNext: what a reconciliation sees of deletions, and documents that are not finished."""

from collections.abc import Iterator

import pytest

from appliance.runtime.connector import Connector
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there, unproven
from tests.runtime.opened import opened
from tests.simulators.erpnext import KEY, SECRET, Frappe


@pytest.fixture
def site() -> Frappe:
    return Frappe()


@pytest.fixture
def connector(site: Frappe) -> Iterator[Connector]:
    with site.served() as server:
        base = {"url": server.url, "api_key": KEY, "api_secret": SECRET, "time_zone": "Europe/Berlin"}
        made = opened("erpnext", base)
        yield made
        made.close()


def test_keys_alone_are_those_of_the_reads_and_prove_what_is_gone(connector: Connector) -> None:
    assert {"PurchaseOrder", "Stock", "WorkOrder", "Vendor"} <= narrowed_reads_fit(connector)
    assert unproven(connector) == {"Stock"}


def test_a_deleted_order_is_no_longer_there_and_no_document_is_opened_to_see_it(
    site: Frappe, connector: Connector
) -> None:
    before = there(connector, "PurchaseOrder")
    gone = site.documents["Purchase Order"].pop()
    site.asked.clear()
    assert len(there(connector, "PurchaseOrder")) == len(before) - 1
    assert all("fields" in options for _, options in site.asked), gone


@pytest.mark.parametrize(
    ("entity", "doctype", "field", "finished"),
    [
        ("PurchaseOrder", "Purchase Order", "status", "Completed"),
        ("PurchaseRequisition", "Material Request", "status", "Ordered"),
        ("Receipt", "Purchase Receipt", "status", "Completed"),
        ("Invoice", "Purchase Invoice", "status", "Paid"),
        ("WorkOrder", "Asset Maintenance Log", "maintenance_status", "Completed"),
        ("AssetDowntime", "Asset Repair", "repair_status", "Completed"),
        ("ServiceRequest", "Issue", "status", "Closed"),
    ],
)
def test_a_document_is_open_until_it_is_finished(
    site: Frappe, connector: Connector, entity: str, doctype: str, field: str, finished: str
) -> None:
    waiting = {"repair_status": "Pending", "maintenance_status": "Planned"}.get(field, "Draft")
    for row in site.documents[doctype]:
        row |= {field: waiting, "modified": "2019-01-01 00:00:00.000000"}
    everything = open_keys(connector, entity)
    site.documents[doctype][0][field] = finished
    assert len(everything) >= 1
    assert len(open_keys(connector, entity)) == len(everything) - 1
