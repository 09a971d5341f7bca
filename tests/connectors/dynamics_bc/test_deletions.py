"""Business Central: what a reconciliation sees of deletions, and documents that are not finished."""

from tests.connectors.dynamics_bc.test_dynamics_bc import central, cloud, server
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.simulators.dynamics_bc import BusinessCentral
from tests.transport.servers import Server

__all__ = ["central", "server"]


def test_keys_alone_are_those_of_the_reads(central: BusinessCentral, server: Server) -> None:
    connector = cloud(server)
    assert {"PurchaseOrder", "Part", "Vendor", "Invoice"} <= narrowed_reads_fit(connector)
    before = there(connector, "PurchaseOrder")
    central.tables.rows["purchaseOrders"].pop()
    assert len(there(connector, "PurchaseOrder")) == len(before) - 1


def test_every_order_there_is_open_and_a_paid_invoice_is_not(
    central: BusinessCentral, server: Server
) -> None:
    connector = cloud(server)
    for row in (*central.tables.rows["purchaseOrders"], *central.tables.rows["purchaseInvoices"]):
        row |= {"lastModifiedDateTime": "2019-01-01T00:00:00Z", "status": "Open"}
    assert open_keys(connector, "PurchaseOrder") == there(connector, "PurchaseOrder")
    everything = open_keys(connector, "Invoice")
    assert everything == there(connector, "Invoice")
    central.tables.rows["purchaseInvoices"][0]["status"] = "Paid"
    assert len(open_keys(connector, "Invoice")) == len(everything) - 1
