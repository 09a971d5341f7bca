"""Maximo: what a reconciliation sees of deletions, and documents that are not in history."""

import pytest

from tests.connectors.maximo.test_maximo import Open, connect, maximo
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.simulators.maximo import Maximo

__all__ = ["connect", "maximo"]


def test_keys_alone_are_those_of_the_reads(connect: Open) -> None:
    assert {"WorkOrder", "Asset", "Stock", "Receipt", "Vendor"} <= narrowed_reads_fit(connect())


def test_a_deleted_asset_is_no_longer_there(maximo: Maximo, connect: Open) -> None:
    connector = connect()
    before = there(connector, "Asset")
    maximo.structures["asset"].pop()
    assert len(there(connector, "Asset")) == len(before) - 1


@pytest.mark.parametrize(
    ("entity", "structure"),
    [
        ("ServiceRequest", "sr"),
        ("PurchaseOrder", "po"),
        ("PurchaseRequisition", "pr"),
        ("Invoice", "invoice"),
    ],
)
def test_a_document_is_open_until_it_goes_to_history(
    maximo: Maximo, connect: Open, entity: str, structure: str
) -> None:
    connector = connect()
    rows = maximo.structures[structure]
    for row in rows:
        row["changedate"] = "2019-01-01T00:00:00-05:00"
    assert len(open_keys(connector, entity)) == len(rows)
    rows[0]["historyflag"] = True
    assert len(open_keys(connector, entity)) == len(rows) - 1


def test_tasks_of_work_orders_are_not_among_the_open_ones(connect: Open) -> None:
    connector = connect()
    assert open_keys(connector, "WorkOrder") == there(connector, "WorkOrder")
