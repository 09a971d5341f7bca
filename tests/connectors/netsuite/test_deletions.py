"""NetSuite: what a reconciliation sees of deletions, and documents that are not finished."""

import pytest

from appliance.runtime.connector import Connector
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there, unproven
from tests.connectors.netsuite.test_netsuite import connector, key, suite
from tests.simulators.netsuite import NetSuite

__all__ = ["connector", "suite"]


def test_keys_alone_are_those_of_the_reads_and_prove_what_is_gone(connector: Connector) -> None:
    assert {"PurchaseOrder", "LineItem", "Vendor", "Part"} <= narrowed_reads_fit(connector)
    assert unproven(connector) == {"Account", "Stock"}


def test_no_line_is_asked_for_where_keys_are_wanted(suite: NetSuite, connector: Connector) -> None:
    suite.asked.clear()
    assert there(connector, "PurchaseOrder") == {key("PurchaseOrder", 100)}
    assert suite.asked and not any("transactionline" in query for query in suite.asked)


@pytest.mark.parametrize(
    ("entity", "number", "status", "finished"),
    [
        ("PurchaseOrder", 100, "PurchOrd:D", "PurchOrd:H"),
        ("PurchaseRequisition", 101, "PurchReq:B", "PurchReq:D"),
        ("Invoice", 103, "VendBill:A", "VendBill:B"),
    ],
)
def test_a_document_is_open_until_it_is_finished(
    suite: NetSuite, connector: Connector, entity: str, number: int, status: str, finished: str
) -> None:
    suite.change("transaction", number, status=status, lastmodifieddate="@2019-01-01 00:00:00")
    assert open_keys(connector, entity) == {key(entity, number)}
    suite.change("transaction", number, status=finished)
    assert open_keys(connector, entity) == set()
