"""Fiix: what a reconciliation sees of deletions, and documents that are not finished."""

from appliance.runtime.connector import Connector
from tests.connectors.fiix.test_fiix import connector, fiix, key
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there, unproven
from tests.simulators.fiix import Fiix

__all__ = ["connector", "fiix"]


def test_keys_alone_are_those_of_the_reads_and_prove_what_is_gone(connector: Connector) -> None:
    assert {"PurchaseOrder", "WorkOrder", "Status", "Part"} <= narrowed_reads_fit(connector)
    assert unproven(connector) == {"Status"}


def test_a_removed_work_order_is_no_longer_there(fiix: Fiix, connector: Connector) -> None:
    assert key("WorkOrder", 401) in there(connector, "WorkOrder")
    fiix.remove("WorkOrder", 401)
    assert key("WorkOrder", 401) not in there(connector, "WorkOrder")


def test_what_has_no_date_of_completion_is_open(fiix: Fiix, connector: Connector) -> None:
    assert open_keys(connector, "WorkOrder") == {key("WorkOrder", 401)}
    assert open_keys(connector, "ServiceRequest") == set()
    assert open_keys(connector, "PurchaseOrder") == {key("PurchaseOrder", 100)}
