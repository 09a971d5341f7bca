"""Odoo: what a reconciliation sees of deletions and archived records, and documents that are not finished."""

from collections.abc import Iterator

import pytest

from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING
from tests.connectors.narrowing import narrowed_reads_fit, open_keys, there
from tests.runtime.opened import MODEL, PART, opened
from tests.simulators.odoo import Odoo
from tests.simulators.odoo.service import DATABASE, KEY, LOGIN


def connected(url: str, release: str) -> Connector:
    sign_in = {"database": DATABASE, "username": LOGIN, "api_key": KEY}
    return opened("odoo", {"url": url, "release": release, **sign_in, "all_partners": False})


def key(entity: str, number: int) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(number)])


@pytest.fixture
def odoo() -> Odoo:
    return Odoo(17)


@pytest.fixture
def connector(odoo: Odoo) -> Iterator[Connector]:
    with odoo.served() as server:
        made = connected(server.url, "17")
        yield made
        made.close()


@pytest.mark.parametrize("release", ["14", "17", "19"])
def test_keys_alone_are_those_of_the_reads(release: str) -> None:
    with Odoo(int(release)).served() as server:
        connector = connected(server.url, release)
        assert {"PurchaseOrder", "Vendor", "WorkOrder", "Invoice"} <= narrowed_reads_fit(connector)
        connector.close()


def test_lines_are_not_asked_for_where_keys_are_wanted(odoo: Odoo, connector: Connector) -> None:
    there(connector, "PurchaseOrder")
    asked = str(odoo.calls)
    assert "purchase.order.line" not in asked


def test_a_deleted_order_is_no_longer_there(odoo: Odoo, connector: Connector) -> None:
    assert key("PurchaseOrder", 3) in there(connector, "PurchaseOrder")
    odoo.models.rows["purchase.order"] = [r for r in odoo.models.rows["purchase.order"] if r["id"] != 3]
    assert key("PurchaseOrder", 3) not in there(connector, "PurchaseOrder")


def test_an_archived_vendor_and_an_archived_request_are_gone(odoo: Odoo, connector: Connector) -> None:
    vendors, orders = there(connector, "Vendor"), there(connector, "WorkOrder")
    for row in odoo.models.rows["res.partner"]:
        row["active"] = False
    odoo.models.rows["maintenance.request"][0]["archive"] = True
    assert vendors and not there(connector, "Vendor")
    assert len(there(connector, "WorkOrder")) == len(orders) - 1


def test_orders_are_open_until_they_are_billed_or_cancelled(odoo: Odoo, connector: Connector) -> None:
    rows = odoo.models.rows["purchase.order"]
    for row in rows:
        row["write_date"] = "2019-01-01 00:00:00"
    rows[0]["state"], rows[1]["invoice_status"] = "cancel", "invoiced"
    assert open_keys(connector, "PurchaseOrder") == {key("PurchaseOrder", row["id"]) for row in rows[2:]}


def test_the_lines_of_open_orders_come_with_them(connector: Connector) -> None:
    pages = connector.open_pages("PurchaseOrder")
    assert pages is not None
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    assert page.rows and b'"product_qty"' in page.rows[0]
