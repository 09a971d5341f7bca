"""Business One: what a reconciliation sees of deletions, and documents that are not finished."""

import pytest

from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.connectors.sap_business_one.test_sap_business_one import Served, b1, connected

__all__ = ["b1"]


def test_keys_alone_are_those_of_the_reads(b1: Served) -> None:
    assert {"PurchaseOrder", "Part", "Vendor", "ServiceRequest"} <= narrowed_reads_fit(connected(b1))


@pytest.mark.parametrize(
    ("entity", "name", "field", "waiting", "finished"),
    [
        ("PurchaseOrder", "PurchaseOrders", "DocumentStatus", "bost_Open", "bost_Close"),
        ("LineItem", "PurchaseOrders", "DocumentStatus", "bost_Open", "bost_Close"),
        ("Receipt", "PurchaseDeliveryNotes", "DocumentStatus", "bost_Open", "bost_Close"),
        ("Invoice", "PurchaseInvoices", "DocumentStatus", "bost_Open", "bost_Close"),
        ("ServiceRequest", "ServiceCalls", "Status", 5, -1),
    ],
)
def test_a_document_is_open_until_it_is_closed(
    b1: Served, entity: str, name: str, field: str, waiting: object, finished: object
) -> None:
    connector = connected(b1)
    for row in b1.rows[name]:
        row |= {field: waiting, "UpdateDate": "2019-01-01T00:00:00Z", "CreationDate": "2019-01-01T00:00:00Z"}
    everything = open_keys(connector, entity)
    assert everything == there(connector, entity) != set()
    for row in b1.rows[name]:
        row[field] = finished
    assert open_keys(connector, entity) == set()
