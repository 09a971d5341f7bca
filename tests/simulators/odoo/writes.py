"""What Odoo's models take: creation, changes and buttons, and what they refuse."""

import re
from typing import Any

from tests.simulators.odoo.rows import Row

NEW = "2026-01-09 07:00:00"
# What references lead to, and what must be there.
TARGETS = {
    "partner_id": "res.partner",
    "currency_id": "res.currency",
    "company_id": "res.company",
    "user_id": "res.users",
    "owner_user_id": "res.users",
    "product_id": "product.product",
    "product_uom": "uom.uom",
    "product_uom_id": "uom.uom",
    "uom_id": "uom.uom",
    "categ_id": "product.category",
    "equipment_id": "maintenance.equipment",
    "maintenance_team_id": "maintenance.team",
}
REQUIRED = {
    "purchase.order": ("partner_id",),
    "purchase.order.line": ("product_id",),
    "product.product": ("name",),
    "maintenance.request": ("name",),
    "maintenance.equipment": ("name",),
}
CHOICES = {
    "kanban_state": ("normal", "blocked", "done"),
    "maintenance_type": ("corrective", "preventive"),
    "priority": ("0", "1", "2", "3"),
}
DEFAULTS: dict[str, Row] = {
    "purchase.order": {"state": "draft", "currency_id": (2, "EUR"), "company_id": (1, "Plant Ltd")},
    "purchase.order.line": {"product_uom": (3, "Units"), "product_uom_id": (3, "Units"), "state": "draft"},
    "product.product": {"active": True, "type": "consu", "uom_id": (3, "Units"), "currency_id": (2, "EUR")},
    "maintenance.request": {"kanban_state": "normal", "maintenance_type": "corrective"},
    "maintenance.equipment": {"active": True},
}
FLOATS = ("product_qty", "price_unit", "standard_price", "list_price", "duration")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")


class WriteRefused(Exception):
    """`kind` as in OdooError."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Forms:
    """Changes `rows`; `fields` tells which a model has in this release."""

    def __init__(self, rows: dict[str, list[Row]], fields: dict[str, set[str]]) -> None:
        self.rows, self._fields = rows, fields

    def create(self, model: str, values: Row) -> int:
        for name in REQUIRED.get(model, ()):
            if not values.get(name):
                raise WriteRefused("ValidationError", f"Mandatory field not set: {name} of {model}")
        number = 1 + max((row["id"] for row in self.rows[model]), default=0)
        blank = dict.fromkeys(set(self._fields[model]) | set(self.rows[model][0]))
        row = {**blank, **DEFAULTS.get(model, {}), "create_date": NEW, "write_date": NEW, "id": number}
        if model == "purchase.order":
            row["name"] = f"P{number:05}"
        self.rows[model].append(row)
        try:
            self.write(model, number, values)
        except WriteRefused:
            # One call is one transaction.
            self.rows[model].remove(row)
            raise
        return number

    def write(self, model: str, number: int, values: Row) -> None:
        row = next((row for row in self.rows[model] if row["id"] == number), None)
        if row is None:
            raise WriteRefused("MissingError", "Record does not exist or has been deleted.")
        checked = {name: self._value(model, row, name, value) for name, value in values.items()}
        commands = checked.pop("order_line", None) or []
        lines = [self._line(row, command) for command in commands]
        row |= {**checked, "write_date": NEW}
        for line in lines:
            self.create("purchase.order.line", line)

    def press(self, model: str, button: str, number: int) -> None:
        """Does nothing to an order that is not in the state before, as Odoo."""
        row = next(row for row in self.rows[model] if row["id"] == number)
        if (model, button) == ("purchase.order", "button_confirm"):
            row["state"] = "purchase" if row["state"] in ("draft", "sent") else row["state"]
        elif (model, button) == ("purchase.order", "button_cancel"):
            if row["invoice_status"] == "invoiced":
                raise WriteRefused("UserError", "You must first cancel their related vendor bills.")
            row["state"] = "cancel"
        else:
            raise WriteRefused("AttributeError", f"The method {model}.{button} does not exist")

    def _line(self, order: Row, command: Any) -> Row:
        if not (isinstance(command, list) and len(command) == 3 and command[:2] == [0, 0]):
            raise WriteRefused("ValueError", f"Wrong value for order_line: {command}")
        line: Row = {**command[2], "order_id": order["id"]}
        for name in ("product_id", "product_qty", "price_unit"):
            if name == "product_id" and not line.get(name):
                raise WriteRefused("ValidationError", "Missing required fields on accountable line.")
        checked = {
            n: self._value("purchase.order.line", {}, n, v) for n, v in line.items() if n != "order_id"
        }
        product = next(row for row in self.rows["product.product"] if row["id"] == checked["product_id"][0])
        return {"name": product["name"], "price_unit": product["standard_price"], "product_qty": 1.0, **line}

    def _value(self, model: str, row: Row, name: str, value: Any) -> Any:
        if (model, name) == ("purchase.order", "order_line"):
            return value
        if name not in self._fields[model]:
            raise WriteRefused("ValueError", f"Invalid field '{name}' on model '{model}'")
        if value is None or value is False:
            return False if name == "active" else None
        if (model, name) == ("purchase.order.line", "order_id"):
            order = next(row for row in self.rows["purchase.order"] if row["id"] == value)
            return (value, order["name"])
        if name in TARGETS:
            target = next((r for r in self.rows[TARGETS[name]] if r["id"] == value), None)
            if type(value) is not int or target is None:
                raise WriteRefused(
                    "MissingError", f"Record does not exist or has been deleted: {name} {value}"
                )
            label = f"[{target['default_code']}] " if target.get("default_code") else ""
            return (value, label + str(target.get("complete_name") or target["name"]))
        if name in CHOICES and value not in CHOICES[name]:
            raise WriteRefused("ValueError", f"Wrong value for {model}.{name}: '{value}'")
        shape = MOMENT if name in ("date_order", "date_planned", "schedule_date") else None
        shape = DAY if name in ("effective_date", "scrap_date") else shape
        if shape is not None and not (isinstance(value, str) and shape.fullmatch(value)):
            raise WriteRefused("ValueError", f"time data '{value}' does not match format")
        return float(value) if name in FLOATS else value
