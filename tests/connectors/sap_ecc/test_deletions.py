"""SAP ECC: what a reconciliation sees of deletion flags, and documents that are not finished."""

import pytest

from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there, unproven
from tests.connectors.sap_ecc.test_sap_ecc import connected, sap
from tests.simulators.sap_ecc import Ecc

__all__ = ["sap"]


def test_keys_alone_are_those_of_the_reads_and_prove_what_is_gone(sap: Ecc) -> None:
    connector = connected(sap)
    assert {"PurchaseOrder", "WorkOrder", "Part", "Vendor"} <= narrowed_reads_fit(connector)
    assert unproven(connector) == set()


def test_other_tables_are_not_read_where_keys_are_wanted(sap: Ecc) -> None:
    connector = connected(sap)
    sap.calls.clear()
    there(connector, "WorkOrder")
    assert "AFIH" not in str(sap.calls)


@pytest.mark.parametrize(
    ("entity", "table", "flag"),
    [("WorkOrder", "AUFK", "LOEKZ"), ("Asset", "EQUI", "LVORM"), ("PurchaseOrder", "EKKO", "LOEKZ")],
)
def test_what_is_flagged_for_deletion_is_gone(sap: Ecc, entity: str, table: str, flag: str) -> None:
    connector = connected(sap)
    before = there(connector, entity)
    assert before
    for row in sap.tables[table].rows:
        row[flag] = "X"
    assert there(connector, entity) == set()


@pytest.mark.parametrize(
    ("entity", "table", "column", "waiting", "finished"),
    [
        ("WorkOrder", "AUFK", "IDAT2", "00000000", "20260120"),
        ("ServiceRequest", "QMEL", "QMDAB", "00000000", "20260120"),
        ("PurchaseOrder", "EKPO", "ELIKZ", "", "X"),
        ("LineItem", "EKPO", "ELIKZ", "", "X"),
        ("PurchaseRequisition", "EBAN", "EBAKZ", "", "X"),
    ],
)
def test_a_document_is_open_until_it_is_finished(
    sap: Ecc, entity: str, table: str, column: str, waiting: str, finished: str
) -> None:
    connector = connected(sap)
    for row in sap.tables[table].rows:
        row |= {column: waiting} | ({"LOEKZ": ""} if "LOEKZ" in row else {})
    everything = open_keys(connector, entity)
    assert everything == there(connector, entity) != set()
    for row in sap.tables[table].rows:
        row[column] = finished
    assert open_keys(connector, entity) == set()
