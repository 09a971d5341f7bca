"""What InvenTree takes: the fields its published schema does not mark as read only, with their types.

The real server passes over fields it does not know or that are read only; this one refuses them.
"""

import json
import re
from typing import Any

Row = dict[str, Any]
Answer = tuple[int, Any]

TAKES: dict[str, dict[str, str]] = {
    "order/po/": {
        "supplier": "integer", "reference": "string", "supplier_reference": "string", "description": "string",
        "notes": "string", "target_date": "date", "destination": "integer", "order_currency": "string",
    },
    "order/po-line/": {
        "order": "integer", "part": "integer", "quantity": "number", "purchase_price": "decimal", "line": "string",
        "reference": "string", "notes": "string", "discount": "number", "target_date": "date",
        "destination": "integer",
    },
    "part/": {
        "IPN": "string", "name": "string", "description": "string", "notes": "string", "minimum_stock": "number",
        "assembly": "boolean", "active": "boolean", "units": "string", "category": "integer", "salable": "boolean",
    },
}  # fmt: skip
REQUIRED = {
    "order/po/": ("supplier",),
    "order/po-line/": ("order", "part", "quantity"),
    "part/": ("name",),
}
LEADS = {
    "supplier": "company/",
    "destination": "stock/location/",
    "category": "part/category/",
    "order": "order/po/",
}
# Action to the statuses it leads from, and the one it leads to.
ACTIONS = {
    "issue": ((10, 25), 20),
    "hold": ((10, 20), 25),
    "complete": ((20,), 30),
    "cancel": ((10, 20, 25), 40),
}
FITS = {
    "integer": lambda v: type(v) is int,
    "number": lambda v: type(v) in (int, float),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "decimal": lambda v: re.fullmatch(r"-?\d+(\.\d{1,6})?", str(v)),
    "date": lambda v: re.fullmatch(r"\d{4}-\d\d-\d\d", str(v)),
}


class Forms:
    def __init__(self, rows: dict[str, list[Row]], denied: set[str]) -> None:
        self._rows, self._denied = rows, denied

    def answer(self, method: str, path: str, body: bytes) -> Answer | None:
        """None for what is a list that is read."""
        match = re.fullmatch(r"(order/po/|order/po-line/|part/|stock/)(?:(\d+)/)?(?:(\w+)/)?", path)
        if match is None or (method == "GET" and match[2] is None):
            return None
        listed, number, action = match.groups()
        if listed in self._denied:
            return 403, {"detail": "You do not have permission to perform this action."}
        values = json.loads(body or b"{}")
        if listed == "stock/" and action:
            return self._stock(action, values)
        row = next((row for row in self._rows[listed] if row["pk"] == int(number or 0)), None)
        if number and row is None:
            return 404, {"detail": f"No {listed} matches the given query."}
        if method == "GET":
            return 200, row
        if method == "DELETE" and row is not None:
            self._rows[listed].remove(row)
            return 204, None
        if action and row is not None:
            return self._act(row, action)
        wrong = self._wrong(listed, values, new=row is None)
        if wrong:
            return 400, wrong
        if row is None:
            return 201, self._create(listed, values)
        row |= values
        return 200, row

    def _create(self, listed: str, values: Row) -> Row:
        rows = self._rows[listed]
        made = {**dict.fromkeys(rows[0]), "pk": max(row["pk"] for row in rows) + 1, **values}
        if listed == "order/po/":
            made |= {
                "status": 10,
                "creation_date": "2026-01-09",
                "reference": values.get("reference") or f"PO-{made['pk']}",
            }
        if listed == "order/po-line/":
            bought = next(row for row in self._rows["company/part/"] if row["pk"] == values["part"])
            made |= {"internal_part": bought["part"], "sku": bought["SKU"], "received": 0.0}
        if listed == "part/":
            made = {**made, "active": values.get("active", True), "total_in_stock": 0.0}
        rows.append(made)
        return made

    def _act(self, order: Row, action: str) -> Answer:
        before, after = ACTIONS[action]
        if order["status"] not in before:
            return 400, {"non_field_errors": [f"Order cannot be changed by {action}"]}
        order["status"] = after
        return 201, {}

    def _stock(self, action: str, values: Row) -> Answer:
        if action not in ("count", "transfer") or set(values) - {"items", "notes", "location"}:
            return 404, {"detail": "Not found."}
        for item in values["items"]:
            row = next((row for row in self._rows["stock/"] if row["pk"] == item["pk"]), None)
            if row is None:
                return 400, {"items": [{"pk": [f'Invalid pk "{item["pk"]}" - object does not exist.']}]}
            if not FITS["decimal"](item["quantity"]) or float(item["quantity"]) < 0:
                return 400, {"items": [{"quantity": ["Quantity must not be negative"]}]}
            if action == "transfer":
                wrong = self._leads({"destination": values.get("location")})
                if wrong:
                    return 400, {"location": wrong["destination"]}
                row["location"] = values["location"]
            else:
                row["quantity"] = float(item["quantity"])
        return 201, values

    def _wrong(self, listed: str, values: Row, *, new: bool) -> Row:
        missing = [name for name in REQUIRED[listed] if new and values.get(name) is None]
        if missing:
            return {missing[0]: ["This field is required."]}
        for name, value in values.items():
            kind = TAKES[listed].get(name)
            if kind is None:
                return {name: ["There is no such field, or it is read only."]}
            if value is not None and not FITS[kind](value):
                return {name: [f"A valid {kind} is required."]}
        if listed == "order/po/" and any(
            row["reference"] == values.get("reference") for row in self._rows[listed]
        ):
            return {"reference": ["purchase order with this reference already exists"]}
        if listed == "order/po-line/" and values.get("quantity", 1) <= 0:
            return {"quantity": ["Quantity must be greater than zero"]}
        return self._leads(values)

    def _leads(self, values: Row) -> Row:
        for name, target in LEADS.items():
            if values.get(name) is not None and all(row["pk"] != values[name] for row in self._rows[target]):
                return {name: [f'Invalid pk "{values[name]}" - object does not exist.']}
        return {}
