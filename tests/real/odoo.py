"""An Odoo 14 that somebody else runs, to test against: its address is given by environment variables.

    APPLIANCE_TEST_ODOO_URL       such as http://127.0.0.1:8069; without it the tests of a real Odoo are not collected
    APPLIANCE_TEST_ODOO_DATABASE  odoo14 when not given; with the demo data and the modules purchase, stock,
                                  purchase_requisition, account and maintenance
    APPLIANCE_TEST_ODOO_USER      its administrator, admin when not given
    APPLIANCE_TEST_ODOO_PASSWORD  admin when not given

Odoo is LGPL-3: it is neither imported here nor a dependency of the appliance. The tests write into the database.
"""

import os
import xmlrpc.client
from collections.abc import Iterator, Sequence
from typing import Any

from tests.real.cache import Unavailable

Row = dict[str, Any]
ORDERS = 300
MARK = "Generated order"
PLAIN_USER, PLAIN_PASSWORD = "plain", "plant-floor-8"
EVEN_ARCHIVED = {"context": {"active_test": False}}


def odoo_address() -> str:
    """The address, empty when there is no Odoo to test against."""
    return os.environ.get("APPLIANCE_TEST_ODOO_URL", "").rstrip("/")


class Odoo:
    """Calls as the administrator, over the XML-RPC of the standard library. Raises Unavailable when refused."""

    def __init__(self) -> None:
        self.url = odoo_address()
        self.database = os.environ.get("APPLIANCE_TEST_ODOO_DATABASE", "odoo14")
        self.user = os.environ.get("APPLIANCE_TEST_ODOO_USER", "admin")
        self.password = os.environ.get("APPLIANCE_TEST_ODOO_PASSWORD", "admin")
        common = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc/2/common")
        self._uid = common.authenticate(self.database, self.user, self.password, {})
        if not self._uid:
            raise Unavailable(f"Odoo at {self.url} does not know {self.user} in {self.database}")
        self._object = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc/2/object", allow_none=True)

    def call(self, model: str, method: str, *args: Any, **named: Any) -> Any:
        """What a method of a model returns. Raises xmlrpc.client.Fault."""
        return self._object.execute_kw(
            self.database, self._uid, self.password, model, method, list(args), named
        )

    def do(self, model: str, method: str, *args: Any, **named: Any) -> None:
        """The same for a method that returns nothing or records, which Odoo does and then cannot say."""
        try:
            self.call(model, method, *args, **named)
        except xmlrpc.client.Fault as fault:
            if "cannot marshal" not in fault.faultString:
                raise

    def rows(self, model: str, fields: Sequence[str] = (), domain: Sequence[Any] = ()) -> list[Row]:
        """Rows by id, archived ones too; with all fields but files when none are named."""
        if not fields:
            kinds = self.call(model, "fields_get", [], ["type"])
            fields = [name for name, about in kinds.items() if about["type"] != "binary"]
        found: list[Row] = self.call(
            model, "search_read", list(domain), list(fields), order="id", **EVEN_ARCHIVED
        )
        return found

    def count(self, model: str, domain: Sequence[Any] = ()) -> int:
        found: int = self.call(model, "search_count", list(domain), **EVEN_ARCHIVED)
        return found

    def fill(self) -> None:
        """Make orders in all states, with their receipts and bills, unless they are there."""
        if self.count("purchase.order", [["partner_ref", "like", MARK]]) < ORDERS:
            _fill(self)


def _fill(odoo: Odoo) -> None:
    arrivals = odoo.rows("stock.picking.type", ["company_id"], [["code", "=", "incoming"]])
    # The company and where its goods arrive; the main company first.
    companies = [(row["company_id"][0], row["id"]) for row in arrivals]
    terms = odoo.rows("account.payment.term", ["name"])
    incoterms = odoo.rows("account.incoterms", ["name"])
    vendors = odoo.call(
        "res.partner",
        "create",
        [{"name": f"Vendor {n} & Söhne <{n}>", "ref": f"V{n}", "is_company": True} for n in range(7)],
    )
    products = [
        (row["id"], row["uom_po_id"][0])
        for row in odoo.rows(
            "product.product",
            ["uom_po_id"],
            [["purchase_ok", "=", True], ["type", "=", "product"], ["tracking", "=", "none"]],
        )
    ]
    made: list[int] = []
    for begin in range(0, ORDERS, 50):
        orders = [_order(n, vendors, products, companies) for n in range(begin, begin + 50)]
        for order in orders[::2]:
            order |= {"payment_term_id": terms[0]["id"], "incoterm_id": incoterms[-1]["id"]}
        made += odoo.call("purchase.order", "create", orders)
    confirmed = [number for n, number in enumerate(made) if n % 5 in (1, 2, 3)]
    odoo.do("purchase.order", "button_confirm", confirmed)
    odoo.do("purchase.order", "button_done", confirmed[::7])
    odoo.do("purchase.order", "button_cancel", [number for n, number in enumerate(made) if n % 25 == 4])
    odoo.do(
        "purchase.order", "write", [number for n, number in enumerate(made) if n % 25 == 9], {"state": "sent"}
    )
    for number in list(_receivable(odoo, confirmed))[:40]:
        _receive(odoo, number)
    bills = [_bill(n, vendors, products) for n in range(30)]
    billed = odoo.call("account.move", "create", bills)
    odoo.do("account.move", "action_post", billed[::2])
    _maintenance(odoo, vendors)
    odoo.do("stock.picking", "write", odoo.call("stock.picking", "search", [])[:9], {"note": "Dock 2 & 3"})
    odoo.do(
        "product.product",
        "write",
        [product for product, _ in products[:3]],
        {"description_purchase": "In oil"},
    )
    agreement = odoo.rows("purchase.requisition", ["name"])[0]["id"]
    odoo.do("purchase.requisition", "write", [agreement], {"vendor_id": vendors[0]})
    # A user who may read nothing of purchasing.
    group = odoo.call("ir.model.data", "xmlid_to_res_id", "base.group_user")
    plain = {"name": "Plain", "login": PLAIN_USER, "password": PLAIN_PASSWORD, "groups_id": [(6, 0, [group])]}
    odoo.call("res.users", "create", plain, context={"no_reset_password": True})


def _order(
    n: int, vendors: Sequence[int], products: Sequence[tuple[int, int]], companies: Sequence[tuple[int, int]]
) -> Row:
    lines: list[Any] = []
    for step in range(1 + n % 4):
        product, unit = products[(n * 3 + step) % len(products)]
        lines.append(
            (0, 0, {"product_id": product, "name": f"Line {step} of {n}", "product_qty": 1 + n % 9 + step / 4,
                    "product_uom": unit, "price_unit": round(3.33 * (step + 1) + n / 100, 2),
                    "sequence": 10 * (step + 1), "date_planned": f"2026-03-{1 + n % 28:02} 12:00:00"})
        )  # fmt: skip
    if n % 6 == 0:
        lines.append(
            (0, 0, {"display_type": "line_section", "name": "Section", "product_qty": 0, "sequence": 1})
        )
    if n % 10 == 0:
        lines.append((0, 0, {"display_type": "line_note", "name": "Note", "product_qty": 0, "sequence": 99}))
    company, arrival = companies[-1] if n % 50 == 49 else companies[0]
    return {
        "partner_id": vendors[n % len(vendors)],
        "partner_ref": f"{MARK} {n}",
        "origin": f"WO-{n}" if n % 3 == 0 else False,
        "notes": f"Keep dry & <cool>\nBest, Jörg {n}" if n % 4 == 0 else False,
        "date_order": f"2026-02-{1 + n % 28:02} 09:{n % 60:02}:00",
        "company_id": company,
        "picking_type_id": arrival,
        "order_line": lines,
    }


def _receivable(odoo: Odoo, orders: Sequence[int]) -> Iterator[int]:
    for row in odoo.rows("stock.picking", ["state"], [["purchase_id", "in", list(orders)]]):
        if row["state"] == "assigned":
            yield row["id"]


def _receive(odoo: Odoo, picking: int) -> None:
    """Receive a half of every move; Odoo makes another transfer of what is left."""
    for move in odoo.rows("stock.move", ["product_uom_qty"], [["picking_id", "=", picking]]):
        odoo.do("stock.move", "write", [move["id"]], {"quantity_done": round(move["product_uom_qty"] / 2, 2)})
    odoo.do("stock.picking", "button_validate", [picking], context={"skip_backorder": True})


def _bill(n: int, vendors: Sequence[int], products: Sequence[tuple[int, int]]) -> Row:
    product, unit = products[n % len(products)]
    lines: list[Any] = [
        (0, 0, {"product_id": product, "product_uom_id": unit, "name": f"Billed {n}", "quantity": 2.5,
                "price_unit": 7.25 + n}),
        (0, 0, {"display_type": "line_section", "name": "Section"}),
        (0, 0, {"display_type": "line_note", "name": "Note"}),
    ]  # fmt: skip
    return {
        "move_type": "in_refund" if n % 10 == 9 else "in_invoice",
        "partner_id": vendors[n % len(vendors)],
        "ref": f"A-{n}" if n % 3 else False,
        "invoice_date": f"2026-04-{1 + n % 28:02}",
        "invoice_line_ids": lines,
    }


def _maintenance(odoo: Odoo, vendors: Sequence[int]) -> None:
    equipment = odoo.rows("maintenance.equipment", ["name"])
    teams = odoo.rows("maintenance.team", ["name"])
    bought = {
        "partner_id": vendors[1],
        "maintenance_team_id": teams[0]["id"],
        "cost": 1200.5,
        "note": "Oil <A> & B",
    }
    odoo.do("maintenance.equipment", "write", [row["id"] for row in equipment[:3]], bought)
    odoo.do(
        "maintenance.equipment", "write", [equipment[1]["id"]], {"scrap_date": "2026-06-01", "active": False}
    )
    requests = [
        {
            "name": f"Pump {n} leaks",
            "description": f"Under the flange <{n}>" if n % 2 else False,
            "equipment_id": equipment[n % len(equipment)]["id"],
            "maintenance_team_id": teams[n % len(teams)]["id"],
            "maintenance_type": "preventive" if n % 4 == 0 else "corrective",
            "kanban_state": ("normal", "blocked", "done")[n % 3],
            "priority": str(n % 4),
            "schedule_date": f"2026-05-{1 + n % 28:02} 08:00:00",
            "duration": n / 4,
        }
        for n in range(40)
    ]
    odoo.call("maintenance.request", "create", requests)
    made = odoo.call("maintenance.request", "search", [])
    odoo.do("maintenance.request", "write", made[:3], {"archive": True})
    (closed,) = odoo.rows("maintenance.stage", ["name"], [["done", "=", True]])[:1]
    odoo.do("maintenance.request", "write", made[3:6], {"stage_id": closed["id"], "close_date": "2026-05-30"})
