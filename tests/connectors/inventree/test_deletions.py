"""InvenTree: what a reconciliation sees of deletions, and orders that are not finished."""

from appliance.runtime.connector import Connector
from tests.connectors.inventree.test_inventree import connector, inventree, key
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.simulators.inventree import InvenTree

__all__ = ["connector", "inventree"]


def test_keys_alone_are_those_of_the_reads(inventree: InvenTree, connector: Connector) -> None:
    assert "PurchaseOrder" in narrowed_reads_fit(connector)
    inventree.asked.clear()
    assert there(connector, "PurchaseOrder") == {key("PurchaseOrder", 100)}
    assert {path for path, _ in inventree.asked} == {"order/po/"}
    inventree.rows["order/po/"].clear()
    assert there(connector, "PurchaseOrder") == set()


def test_an_order_is_open_until_it_is_complete(inventree: InvenTree, connector: Connector) -> None:
    (order,) = inventree.rows["order/po/"]
    assert open_keys(connector, "PurchaseOrder") == {key("PurchaseOrder", 100)}
    order["status"] = 30
    assert open_keys(connector, "PurchaseOrder") == set()
