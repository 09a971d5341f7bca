"""Writes of ERPNext: required fields and links of its DocTypes, drafts, submission and cancellation.

Required fields are those of the DocTypes of 15. The real site passes over fields it does not know; this one refuses
them.
"""

import re
from typing import Any

from tests.simulators.erpnext_rows import Document, child, document

DAY = re.compile(r"\d{4}-\d\d-\d\d")
NOW = "2026-01-09 08:00:00.000000"
REQUIRED = {
    "Purchase Order": ("supplier", "company", "schedule_date", "items"),
    "Item": ("item_code", "item_group", "stock_uom"),
    "Issue": ("subject",),
}
# Fields that rows of the tests do not show.
MORE = {"Purchase Order": {"order_confirmation_no"}}
LINKS = {
    "supplier": "Supplier",
    "company": "Company",
    "currency": "Currency",
    "item_group": "Item Group",
    "stock_uom": "UOM",
    "uom": "UOM",
    "warehouse": "Warehouse",
    "cost_center": "Cost Center",
}
SERIES = {"Purchase Order": "PUR-ORD-2026-{:05}", "Issue": "ISS-2026-{:05}"}


class Failed(Exception):
    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class Forms:
    def __init__(self, documents: dict[str, list[Document]]) -> None:
        self._documents = documents
        for row in documents["Purchase Order"]:
            row.setdefault("order_confirmation_no", None)

    def save(self, method: str, doctype: str, name: str | None, values: Document) -> Document:
        if method == "POST" and name is None:
            return self._insert(doctype, values)
        if method != "PUT" or name is None:
            raise Failed(405, "MethodNotAllowed", "Not permitted")
        row = next((row for row in self._documents[doctype] if row["name"] == name), None)
        if row is None:
            raise Failed(404, "DoesNotExistError", f"{doctype} {name} not found")
        return self._update(doctype, row, values)

    def _insert(self, doctype: str, values: Document) -> Document:
        self._check(doctype, values)
        if doctype == "Purchase Order":
            values.setdefault("company", "Plant Ltd")
        for field in REQUIRED.get(doctype, ()):
            if not values.get(field):
                raise Failed(417, "MandatoryError", f"[{doctype}]: {field}")
        rows = self._documents[doctype]
        name = values["item_code"] if doctype == "Item" else SERIES[doctype].format(len(rows) + 1)
        if any(row["name"] == name for row in rows):
            raise Failed(409, "DuplicateEntryError", f"('{doctype}', '{name}')")
        blank = {field: _blank(value) for field, value in rows[0].items()}
        row = {**blank, **document(name), "creation": NOW, "modified": NOW, **values}
        if doctype == "Purchase Order":
            row |= {"status": "Draft", "currency": values.get("currency", "EUR")}
            row["title"] = values.get("title") or "Pumps Ltd"
            row["transaction_date"] = values.get("transaction_date", "2026-01-09")
            row["items"] = self._lines(row, values["items"])
        if doctype == "Issue":
            row["status"] = "Open"
        rows.append(row)
        return row

    def _update(self, doctype: str, row: Document, values: Document) -> Document:
        self._check(doctype, values)
        wanted = values.pop("docstatus", row["docstatus"])
        if (row["docstatus"], wanted) not in ((0, 0), (0, 1), (1, 1), (1, 2)):
            raise Failed(417, "DocstatusTransitionError", f"Cannot change docstatus from {row['docstatus']}")
        if row["docstatus"] and values:
            raise Failed(417, "UpdateAfterSubmitError", "Not allowed to change fields after submission")
        if values.get("maintenance_status") == "Completed" and not (
            values.get("completion_date") or row["completion_date"]
        ):
            raise Failed(417, "ValidationError", "Please select Completion Date")
        if "items" in values:
            values["items"] = self._lines({**row, **values}, values["items"])
        row |= {**values, "docstatus": wanted, "modified": NOW}
        if doctype == "Purchase Order":
            row["status"] = {0: "Draft", 1: "To Receive and Bill", 2: "Cancelled"}[wanted]
        return row

    def _lines(self, order: Document, lines: list[Document]) -> list[Document]:
        made = []
        for number, line in enumerate(lines, 1):
            self._check("Purchase Order Item", line)
            item = next(
                (row for row in self._documents["Item"] if row["name"] == line.get("item_code")), None
            )
            if item is None:
                raise Failed(
                    417, "LinkValidationError", f"Could not find Row #{number}: Item: {line.get('item_code')}"
                )
            if not line.get("qty"):
                raise Failed(417, "MandatoryError", f"Row #{number}: qty")
            if not line.get("schedule_date"):
                raise Failed(417, "ValidationError", f"Row #{number}: Please enter Reqd by Date")
            filled = {
                "item_name": item["item_name"],
                "description": item["description"],
                "uom": item["stock_uom"],
            }
            money = {"rate": line.get("rate", 0.0), "amount": line["qty"] * line.get("rate", 0.0)}
            blank = {
                field: _blank(value)
                for field, value in self._documents["Purchase Order"][0]["items"][0].items()
            }
            made.append({**blank, **child(f"{order['name']}-{number}", number), **filled, **money, **line})
        return made

    def _check(self, doctype: str, values: Document) -> None:
        known: Any = self._documents["Purchase Order"][0]["items"][0]
        known = known if doctype == "Purchase Order Item" else self._documents[doctype][0]
        for field, value in values.items():
            if field not in known and field not in MORE.get(doctype, ()):
                raise Failed(417, "DataError", f"Unknown column '{field}'")
            if field.endswith("_date") and value is not None and not DAY.fullmatch(str(value)):
                raise Failed(417, "ValidationError", f"{value} is not a valid date.")
            target = LINKS.get(field)
            if target and value and all(row["name"] != value for row in self._documents[target]):
                raise Failed(417, "LinkValidationError", f"Could not find {target}: {value}")


def _blank(value: Any) -> Any:
    return (
        []
        if isinstance(value, list)
        else None
        if isinstance(value, str)
        else type(value)()
        if value is not None
        else None
    )
