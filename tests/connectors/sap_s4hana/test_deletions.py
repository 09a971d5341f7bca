"""S/4HANA: what a reconciliation sees of deletion flags, and documents that are not finished."""

import pytest

from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.connectors.sap_s4hana.asking import connected
from tests.simulators.sap_s4hana import S4
from tests.transport.servers import Server


def test_keys_alone_are_those_of_the_reads(s4: S4, server: Server) -> None:
    assert {"PurchaseOrder", "WorkOrder", "Part", "Vendor"} <= narrowed_reads_fit(connected(s4, server))


@pytest.mark.parametrize(
    ("entity", "name", "flag", "value"),
    [
        ("WorkOrder", "MaintenanceOrder", "MaintOrdProcessSubPhaseCode", "0105"),
        ("ServiceRequest", "MaintenanceNotification", "NotifProcessingPhase", "5"),
        ("Part", "A_Product", "IsMarkedForDeletion", True),
        ("PurchaseOrder", "PurchaseOrder", "PurchaseOrderDeletionCode", "L"),
    ],
)
def test_what_is_flagged_for_deletion_is_gone(
    s4: S4, server: Server, entity: str, name: str, flag: str, value: object
) -> None:
    connector = connected(s4, server)
    assert there(connector, entity)
    for service in s4.rows.values():
        for row in service.get(name, []):
            row[flag] = value
    assert there(connector, entity) == set()


@pytest.mark.parametrize(
    ("entity", "name", "field", "waiting", "finished"),
    [
        ("WorkOrder", "MaintenanceOrder", "MaintOrdProcessPhaseCode", "08", "09"),
        ("ServiceRequest", "MaintenanceNotification", "NotifProcessingPhase", "3", "4"),
        ("Invoice", "A_SupplierInvoice", "SupplierInvoiceStatus", "A", "5"),
    ],
)
def test_a_document_is_open_until_it_is_finished(
    s4: S4, server: Server, entity: str, name: str, field: str, waiting: str, finished: str
) -> None:
    connector = connected(s4, server)
    rows = [row for service in s4.rows.values() for row in service.get(name, [])]
    for row in rows:
        row[field] = waiting
    everything = open_keys(connector, entity)
    assert everything == there(connector, entity) != set()
    for row in rows:
        row[field] = finished
    assert open_keys(connector, entity) == set()
