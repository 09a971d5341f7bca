"""What Odoo's models answer: domains, fields, hidden rows."""

from collections.abc import Callable
from typing import Any

from tests.simulators.odoo.rows import Row
from tests.simulators.odoo.writes import Forms, WriteRefused

# List of children: model and the field that leads back.
LISTS = {
    ("purchase.order", "order_line"): ("purchase.order.line", "order_id"),
    ("purchase.requisition", "line_ids"): ("purchase.requisition.line", "requisition_id"),
    ("stock.picking", "move_ids"): ("stock.move", "picking_id"),
    ("stock.picking", "move_lines"): ("stock.move", "picking_id"),
    ("account.move", "invoice_line_ids"): ("account.move.line", "move_id"),
}
REFERENCES = {
    ("stock.picking", "picking_type_id"): "stock.picking.type",
    ("stock.quant", "location_id"): "stock.location",
    ("product.product", "product_tmpl_id"): "product.template",
}
# Fields that only some releases have.
RELEASES = {
    ("stock.move", "quantity_done"): {14, 16},
    ("stock.move", "quantity"): {17, 19},
    ("stock.move.line", "qty_done"): {14, 16},
    ("stock.move.line", "quantity"): {17, 19},
    ("stock.picking", "move_lines"): {14},
    ("stock.picking", "move_ids"): {16, 17, 19},
    ("purchase.order.line", "product_uom"): {14, 16, 17},
    ("purchase.order.line", "product_uom_id"): {19},
    ("purchase.order.line", "discount"): {17, 19},
    ("account.move.line", "exclude_from_invoice_tab"): {14},
    **{
        ("maintenance.request", name): {17, 19}
        for name in ("recurring_maintenance", "repeat_interval", "repeat_unit", "repeat_type", "repeat_until")
    },
}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    ">": lambda a, b: bool(a and a > b),
    ">=": lambda a, b: bool(a and a >= b),
    "in": lambda a, b: a in b,
    "not in": lambda a, b: a not in b,
}


class OdooError(Exception):
    """`kind` is the last part of the exception's name in Odoo."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Models:
    """`forbidden`: models the user has no right on. `hidden`: models whose rows a rule keeps from the user."""

    def __init__(self, rows: dict[str, list[Row]], release: int) -> None:
        self.rows, self.release = rows, release
        self.forbidden: set[str] = set()
        self.hidden: set[str] = set()

    def call(self, model: str, method: str, args: list[Any], named: dict[str, Any]) -> Any:
        if model not in self.rows:
            raise OdooError("UserError", f"Object {model} doesn't exist")
        if model in self.forbidden:
            raise OdooError("AccessError", f"You are not allowed to access '{model}' records.")
        if method in ("create", "write") or method.startswith("button_"):
            return self._change(model, method, args, named)
        known = {"search_read": ("domain", "fields", "offset", "limit", "order"), "search_count": ("domain",)}
        if method not in known:
            raise OdooError("AttributeError", f"The method {model}.{method} does not exist")
        given = dict(zip(known[method], args, strict=False)) | named
        context = given.pop("context", {})
        unknown = set(given) - set(known[method])
        if unknown:
            raise OdooError("TypeError", f"{method}() got an unexpected keyword argument {unknown}")
        found = self._search(model, given.get("domain", []), context)
        if method == "search_count":
            return len(found)
        if given.get("order") != "id asc":
            raise OdooError("ValueError", "the tests read in the order of id")
        names = given.get("fields") or []
        for name in names:
            self._known(model, name)
        return [
            {"id": row["id"], **{n: _shown(row.get(n)) for n in names}}
            for row in found[: given["limit"] or None]
        ]

    def _change(self, model: str, method: str, args: list[Any], named: dict[str, Any]) -> Any:
        names = {"create": ("vals_list",), "write": ("ids", "vals")}.get(method, ("ids",))
        given = dict(zip(names, args, strict=False)) | named
        if set(given) != set(names):
            raise OdooError("TypeError", f"{method}() takes {names}")
        forms = Forms(self.rows, {name: self._fields(name) for name in self.rows})
        try:
            if method == "create":
                wanted = given["vals_list"]
                made = [
                    forms.create(model, values)
                    for values in (wanted if isinstance(wanted, list) else [wanted])
                ]
                return made if isinstance(wanted, list) else made[0]
            for number in given["ids"]:
                if method == "write":
                    forms.write(model, number, given["vals"])
                else:
                    forms.press(model, method, number)
        except WriteRefused as refused:
            raise OdooError(refused.kind, str(refused)) from None
        return True if method == "write" else None

    def _fields(self, model: str) -> set[str]:
        names = {name for row in self.rows[model] for name in row}
        return {name for name in names if self.release in RELEASES.get((model, name), {self.release})}

    def _search(self, model: str, domain: list[Any], context: dict[str, Any]) -> list[Row]:
        rows = [] if model in self.hidden else self.rows[model]
        named = {term[0] for term in domain if isinstance(term, list)}
        if context.get("active_test", True) and "active" not in named:
            rows = [row for row in rows if row.get("active", True)]
        terms = list(domain)
        tests = []
        while terms:
            tests.append(self._term(model, terms))
        return sorted((row for row in rows if all(t(row) for t in tests)), key=lambda row: row["id"])

    def _term(self, model: str, terms: list[Any]) -> Callable[[Row], bool]:
        term = terms.pop(0)
        if term in ("|", "&"):
            one, other = self._term(model, terms), self._term(model, terms)
            return (
                (lambda row: one(row) or other(row)) if term == "|" else (lambda row: one(row) and other(row))
            )
        if not (
            isinstance(term, list) and len(term) == 3 and isinstance(term[0], str) and term[1] in OPERATORS
        ):
            raise OdooError("ValueError", f"Invalid leaf {term}")
        path, operator, value = term
        test = OPERATORS[operator]
        self._values(model, {}, path.split("."))
        return lambda row: any(test(found, value) for found in self._values(model, row, path.split(".")))

    def _values(self, model: str, row: Row, path: list[str]) -> list[Any]:
        name, *rest = path
        self._known(model, name)
        if (model, name) in LISTS:
            child, back = LISTS[model, name]
            mine = [r for r in self.rows[child] if row and r[back] and r[back][0] == row["id"]]
            return [value for r in mine for value in self._values(child, r, rest)]
        value = row.get(name)
        if rest:
            target = REFERENCES[model, name]
            return [
                v
                for r in self.rows[target]
                if value and r["id"] == value[0]
                for v in self._values(target, r, rest)
            ]
        return [value[0] if isinstance(value, tuple) else False if value is None else value]

    def _known(self, model: str, name: str) -> None:
        there = (model, name) in LISTS or any(name in row for row in self.rows[model])
        if not there or self.release not in RELEASES.get((model, name), {self.release}):
            raise OdooError("ValueError", f"Invalid field '{name}' on model '{model}'")


def _shown(value: Any) -> Any:
    return False if value is None else list(value) if isinstance(value, tuple) else value
