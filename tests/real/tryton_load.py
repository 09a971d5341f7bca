# ruff: noqa: N806 -- proteus hands out model classes, named as classes
"""Fill an empty Tryton database with a small plant's purchasing, through Tryton's own workflow.

Runs as a program inside Tryton's virtual environment, never in ours:

    python tryton_load.py DATABASE_URI TRYTON_CONFIG ORDERS

It speaks proteus, Tryton's client library, and nothing else of Tryton, so that every row passes the same
defaults, checks and state changes as a clerk's entry. Everything is drawn from one seed and from fixed dates
in 2025; two runs give the same rows but for create and write dates. Prints one JSON object of counts.
"""

import datetime as dt
import json
import random
import sys
from decimal import Decimal
from typing import Any

from proteus import Model, Wizard  # type: ignore[import-not-found] # lives in Tryton's environment
from proteus import config as session

SEED = 20250303
SUPPLIERS = 50
PRODUCTS = 200
FIRST_DAY = dt.date(2025, 3, 3)
UNITS = ("Unit", "Kilogram", "Meter", "Liter")
# Password of every user made here; admin's is given when the database is made.
USER_PASSWORD = "plant-floor-8"
# The states orders are taken to, in turn. No delay is set for processing: `confirmed` soon is `processing`.
STATES = (
    "draft",
    "quotation",
    "processing",
    "done",
    "processing",
    "cancelled",
    "quotation",
    "confirmed",
    "processing",
    "draft",
)


def named(model: str, name: str) -> Any:
    """The one record of `model` called `name`; ValueError when there is none or several."""
    (record,) = Model.get(model).find([("name", "=", name)])
    return record


def save_all(model: Any, records: list[Any]) -> None:
    """Save in small batches: one batch is one uniqueness clause, soon too deep for SQLite."""
    for start in range(0, len(records), 25):
        model.save(records[start : start + 25])


def add_company() -> Any:
    """Company, chart of accounts and fiscal year 2025, as Tryton's first-start assistants make them."""
    Currency = Model.get("currency.currency")
    euro = Currency(name="Euro", code="EUR", numeric_code="978", symbol="€", rounding=Decimal("0.01"))
    euro.rates.new(rate=Decimal("1"), date=dt.date(2025, 1, 1))
    euro.save()
    dollar = Currency(name="US Dollar", code="USD", numeric_code="840", symbol="$", rounding=Decimal("0.01"))
    dollar.rates.new(rate=Decimal("1.25"), date=dt.date(2025, 1, 1))
    dollar.save()

    assistant = Wizard("company.company.config")
    assistant.execute("company")
    party = Model.get("party.party")(name="Example Plant")
    party.save()
    assistant.form.party = party
    assistant.form.currency = euro
    assistant.execute("add")
    (company,) = Model.get("company.company").find([])

    User = Model.get("res.user")
    admin = User(session.get_config().user)
    admin.companies.append(company)
    admin.company = company
    admin.save()
    session.get_config()._context = User.get_preferences(True, {})
    add_accounting(company)
    return company


def add_accounting(company: Any) -> None:
    chart = Wizard("account.create_chart")
    chart.execute("account")
    template = Model.get("ir.model.data").get_id("account.account_template_root_en", {})
    chart.form.account_template = Model.get("account.account.template")(template)
    chart.form.company = company
    chart.execute("create_account")
    chart.form.account_receivable = account("receivable")
    chart.form.account_payable = account("payable")
    chart.form.category_account_expense = account("expense")
    chart.form.category_account_revenue = account("revenue")
    chart.execute("create_properties")

    year = Model.get("account.fiscalyear")(name="2025", company=company)
    year.start_date, year.end_date = dt.date(2025, 1, 1), dt.date(2025, 12, 31)
    year.move_sequence = strict_sequence("Account Move", company)
    numbering = strict_sequence("Invoice", company)
    (kinds,) = year.invoice_sequences
    kinds.in_invoice_sequence = kinds.out_invoice_sequence = numbering
    kinds.in_credit_note_sequence = kinds.out_credit_note_sequence = numbering
    year.click("create_period")


def account(kind: str) -> Any:
    wanted = [(f"type.{kind}", "=", True), ("closed", "!=", True)]
    (found,) = Model.get("account.account").find(wanted, limit=1)
    return found


def strict_sequence(kind: str, company: Any) -> Any:
    sequence = Model.get("ir.sequence.strict")(name=f"{kind} 2025", company=company)
    sequence.sequence_type = named("ir.sequence.type", kind)
    sequence.save()
    return sequence


def add_users(company: Any) -> None:
    """`buyer` may do everything in purchasing; `guest` belongs to no group and may read no order."""
    User, Group = Model.get("res.user"), Model.get("res.group")
    for login, groups in (("buyer", ("Purchase", "Purchase Administrator", "Stock")), ("guest", ())):
        user = User(login=login, name=login.title(), password=USER_PASSWORD, email=f"{login}@example.test")
        user.companies.append(Model.get("company.company")(company.id))
        user.company = company
        for name in groups:
            user.groups.append(Group.find([("name", "=", name)])[0])
        user.save()


def add_places() -> list[Any]:
    """A second warehouse and three shelves; returns both warehouses."""
    Location = Model.get("stock.location")
    rooms = {
        kind: Location(name=f"North {kind}", code=f"N-{kind[:3].upper()}", type="storage")
        for kind in ("input", "output", "storage")
    }
    rooms["production"] = Location(name="North workshop", code="N-PRO", type="production")
    Location.save(list(rooms.values()))
    north = Location(name="North plant", code="NORTH", type="warehouse")
    north.input_location, north.output_location = rooms["input"], rooms["output"]
    (lost,) = Location.find([("type", "=", "lost_found")], limit=1)
    north.lost_found_location = lost
    north.storage_location, north.production_location = rooms["storage"], rooms["production"]
    north.save()
    (main,) = Location.find([("type", "=", "warehouse"), ("code", "=", "WH")])
    for row in ("A", "B", "C"):
        Location(name=f"Shelf {row}", code=f"WH-{row}", type="storage", parent=main.storage_location).save()
    return [main, north]


def add_suppliers() -> list[Any]:
    Party = Model.get("party.party")
    parties = []
    for number in range(1, SUPPLIERS + 1):
        party = Party(name=f"Supplier {number:03d}")
        (address,) = party.addresses
        address.street, address.city = f"Dock road {number}", "Harborville"
        address.postal_code = f"1{number:04d}"
        party.contact_mechanisms.new(type="email", value=f"orders{number:03d}@example.test")
        party.contact_mechanisms.new(type="phone", value=f"+1202555{number:04d}")
        parties.append(party)
    save_all(Party, parties)
    return parties


def add_products(draw: random.Random) -> list[Any]:
    Category = Model.get("product.category")
    category = Category(name="Spare parts", accounting=True)
    category.account_expense, category.account_revenue = account("expense"), account("revenue")
    category.save()
    Template = Model.get("product.template")
    units = [named("product.uom", name) for name in UNITS]
    templates = []
    for number in range(1, PRODUCTS + 1):
        template = Template(name=f"Part {number:04d}", type="goods", purchasable=True, producible=True)
        template.code = f"P-{number:04d}"
        template.default_uom = units[number % 10 % 4]
        template.account_category = category
        template.list_price = Decimal(draw.randint(100, 50000)) / 100
        template.products[0].cost_price = Decimal(draw.randint(100, 30000)) / 100
        template.products[0].suffix_code = f"{number % 7}"
        templates.append(template)
    save_all(Template, templates)
    return list(Model.get("product.product").find([], order=[("id", "ASC")]))


def add_stock(warehouses: list[Any], products: list[Any], draw: random.Random) -> None:
    """Opening stock by one confirmed inventory per warehouse: each line becomes a done stock move."""
    Inventory = Model.get("stock.inventory")
    for warehouse in warehouses:
        count = Inventory(location=warehouse.storage_location, date=FIRST_DAY)
        for product in products[::2]:
            line = count.lines.new()
            line.product, line.quantity = product, float(draw.randint(5, 200))
        count.click("confirm")


def add_orders(
    wanted: int, warehouses: list[Any], suppliers: list[Any], products: list[Any], draw: random.Random
) -> None:
    term = Model.get("account.invoice.payment_term")(name="30 days")
    term.lines.new(type="remainder").relativedeltas.new(days=30)
    term.save()
    (dollar,) = Model.get("currency.currency").find([("code", "=", "USD")])
    Purchase = Model.get("purchase.purchase")
    by_state: dict[str, list[Any]] = {}
    for number in range(wanted):
        order = Purchase(party=draw.choice(suppliers), payment_term=term, reference=f"EXT-{number:06d}")
        order.purchase_date = FIRST_DAY + dt.timedelta(days=draw.randint(0, 200))
        order.warehouse = warehouses[0 if draw.random() < 0.8 else 1]
        order.description = f"Stock order {number}"
        if number % 9 == 4:
            order.currency = dollar
        state = STATES[number % len(STATES)]
        # Without an invoice to wait for, an order is done as soon as its goods have arrived.
        order.invoice_method = "manual" if state == "done" else "order"
        for _ in range(1 + draw.randrange(4)):
            line = order.lines.new()
            line.product = draw.choice(products)
            line.quantity = float(draw.randint(1, 40))
            line.unit_price = Decimal(draw.randint(100, 90000)) / 100
        if number % 7 == 0:
            order.lines.new(type="comment", description="Call before delivery")
        by_state.setdefault(state, []).append(order)
    for state, orders in by_state.items():
        save_all(Purchase, orders)
        advance(orders, state)


def advance(orders: list[Any], state: str) -> None:
    """Take draft orders to `state` by the buttons a clerk would press."""
    Purchase = Model.get("purchase.purchase")
    if state == "draft":
        return
    if state == "cancelled":
        Purchase.click(orders, "cancel")
        return
    Purchase.click(orders, "quote")
    if state == "quotation":
        return
    Purchase.click(orders, "confirm")
    if state == "confirmed":
        return
    Purchase.click(orders, "process")
    if state == "done":
        for order in orders:
            receive(Purchase(order.id))


def receive(order: Any) -> None:
    shipment = Model.get("stock.shipment.in")(supplier=order.party, reference=f"DN-{order.reference}")
    shipment.warehouse = order.warehouse
    Move = Model.get("stock.move")
    shipment.incoming_moves.extend(Move(move.id) for move in order.moves)
    shipment.effective_date = order.purchase_date
    shipment.save()
    shipment.click("receive")
    shipment.click("do")


def add_invoices() -> None:
    """Post four of the draft supplier invoices that processing the orders has made."""
    Invoice = Model.get("account.invoice")
    drafts = [("type", "=", "in"), ("state", "=", "draft")]
    for invoice in Invoice.find(drafts, order=[("id", "ASC")], limit=4):
        invoice.invoice_date = dt.date(2025, 10, 1)
        invoice.reference = f"INV-{invoice.id:05d}"
        invoice.click("post")


def add_requests(company: Any, warehouse: Any, products: list[Any], suppliers: list[Any]) -> None:
    """Purchase requests from approved requisitions and from stock below its order point."""
    person = Model.get("party.party")(name="Rosa Planner")
    person.save()
    employee = Model.get("company.employee")(party=person, company=company)
    employee.save()
    Requisition = Model.get("purchase.requisition")
    for number in range(8):
        requisition = Requisition(employee=employee, description=f"Shutdown {number}")
        requisition.warehouse = warehouse
        requisition.supply_date = FIRST_DAY + dt.timedelta(days=60 + number)
        for product in products[number * 2 : number * 2 + 2]:
            line = requisition.lines.new()
            line.product, line.quantity, line.supplier = product, 3.0 + number, suppliers[number]
            line.unit_price = Decimal("12.50")
        requisition.save()
        if number >= 2:
            requisition.click("wait")
        if number >= 4:
            requisition.click("approve")
    OrderPoint = Model.get("stock.order_point")
    for product in products[1:21:2]:
        point = OrderPoint(type="purchase", product=product, location=warehouse)
        point.min_quantity, point.target_quantity = 10.0, 25.0
        point.save()
    Wizard("stock.supply").execute("create_")


def add_productions(warehouse: Any, products: list[Any]) -> None:
    """Six production orders of one bill of materials, two each in draft, waiting and done."""
    made, used = products[0], products[2:5]
    bom = Model.get("production.bom")(name="Pump set")
    for product in used:
        line = bom.inputs.new()
        line.product, line.quantity, line.unit = product, 2.0, product.default_uom
    line = bom.outputs.new()
    line.product, line.quantity, line.unit = made, 1.0, made.default_uom
    bom.save()
    made.boms.new(bom=bom)
    made.save()
    Production = Model.get("production")
    for number in range(6):
        order = Production(reference=f"MO-{number}", planned_date=FIRST_DAY + dt.timedelta(days=number))
        order.warehouse = warehouse
        order.product, order.bom, order.quantity = made, bom, 1.0 + number
        order.save()
        if number >= 2:
            order.click("wait")
        if number >= 4:
            for button in ("assign_force", "run", "do"):
                order.click(button)


def main() -> None:
    uri, configuration, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
    session.set_trytond(uri, user="admin", config_file=configuration)
    draw = random.Random(SEED)
    company = add_company()
    add_users(company)
    warehouses = add_places()
    suppliers = add_suppliers()
    products = add_products(draw)
    add_stock(warehouses, products, draw)
    add_orders(wanted, warehouses, suppliers, products, draw)
    add_invoices()
    add_requests(company, warehouses[0], products, suppliers)
    add_productions(warehouses[0], products)
    counted = ("purchase.purchase", "purchase.line", "purchase.request", "stock.move", "production")
    print(json.dumps({model: len(Model.get(model).find([])) for model in counted}))


if __name__ == "__main__":
    main()
