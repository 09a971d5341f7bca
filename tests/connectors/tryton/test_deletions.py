"""Tryton: what a reconciliation sees of deletions and deactivated records, and documents that are not finished."""

from collections.abc import Callable

import pytest

from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there, unproven
from tests.connectors.tryton.asking import COMPANY, PURCHASE, key
from tests.real.tryton import Tryton

pytestmark = pytest.mark.real


def test_keys_alone_are_those_of_the_reads(connector: Connector) -> None:
    assert {"PurchaseOrder", "Currency", "Vendor", "Storeroom"} <= narrowed_reads_fit(connector)
    assert unproven(connector) == {"Currency"}


def test_a_deleted_order_is_no_longer_there(
    tryton: Tryton, connector: Connector, new_order: Callable[[], int]
) -> None:
    number = new_order()
    assert key("PurchaseOrder", number) in there(connector, "PurchaseOrder")
    tryton.call(f"{PURCHASE}.cancel", [number], context=COMPANY)
    tryton.call(f"{PURCHASE}.delete", [number], context=COMPANY)
    assert key("PurchaseOrder", number) not in there(connector, "PurchaseOrder")


def test_a_draft_is_open_and_a_cancelled_order_is_not(
    tryton: Tryton, connector: Connector, new_order: Callable[[], int]
) -> None:
    number = new_order()
    assert key("PurchaseOrder", number) in open_keys(connector, "PurchaseOrder")
    tryton.call(f"{PURCHASE}.cancel", [number], context=COMPANY)
    assert key("PurchaseOrder", number) not in open_keys(connector, "PurchaseOrder")


def test_the_open_documents_are_counted_as_such(connector: Connector, new_order: Callable[[], int]) -> None:
    new_order()
    pages = connector.open_pages("PurchaseOrder")
    assert pages is not None
    first = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    assert first.expected == len(open_keys(connector, "PurchaseOrder"))


def test_a_deactivated_party_is_gone(tryton: Tryton, connector: Connector) -> None:
    (number,) = tryton.call("model.party.party.create", [{"name": "For a while"}], context=COMPANY)
    assert key("Vendor", number) in there(connector, "Vendor")
    tryton.call("model.party.party.write", [number], {"active": False}, context=COMPANY)
    assert key("Vendor", number) not in there(connector, "Vendor")
