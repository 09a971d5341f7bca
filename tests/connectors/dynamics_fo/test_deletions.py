"""Finance & Operations: what a reconciliation sees of deletions."""

from tests.connectors.dynamics_fo.test_dynamics_fo import connected, operations, server
from tests.connectors.narrowing import narrowed_reads_fit, there
from tests.simulators.dynamics_fo import Operations
from tests.transport.servers import Server

__all__ = ["operations", "server"]


def test_keys_alone_are_those_of_the_reads(operations: Operations, server: Server) -> None:
    connector = connected(server)
    assert {"PurchaseOrder", "WorkOrder", "Asset", "Vendor"} <= narrowed_reads_fit(connector)
    before = there(connector, "WorkOrder")
    operations.tables.rows["AssetMaintenanceWorkOrderTablesV2"].pop()
    assert len(there(connector, "WorkOrder")) == len(before) - 1
