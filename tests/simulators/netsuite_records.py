"""The record API of NetSuite for purchase orders, as it is generally known: references by id, the key in Location."""

import re
import sqlite3
from collections.abc import Callable
from typing import Any

RECORD = "/services/rest/record/v1/"
NOW = "@2026-01-09 09:00:00"
DAY = re.compile(r"\d{4}-\d\d-\d\d")
HEADER = {
    "externalId": "externalid", "entity": "entity", "subsidiary": "", "currency": "currency", "location": "",
    "employee": "employee", "otherRefNum": "otherrefnum", "memo": "memo", "tranDate": "trandate", "dueDate": "duedate",
}  # fmt: skip
LINE = {
    "item": "item",
    "quantity": "quantity",
    "rate": "rate",
    "description": "memo",
    "location": "location",
    "expectedReceiptDate": "",
}
LEADS = {
    "entity": "vendor",
    "subsidiary": "subsidiary",
    "currency": "currency",
    "location": "location",
    "employee": "employee",
    "item": "item",
}


class Refused(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {
            "type": "https://www.rfc-editor.org/rfc/rfc9110",
            "title": "Refused",
            "status": status,
            "o:errorDetails": [{"detail": detail, "o:errorCode": code}],
        }


class PurchaseOrders:
    """Set `forbidden` where the role may only view orders."""

    def __init__(self, rows: sqlite3.Connection, put: Callable[..., None]) -> None:
        self._rows, self._put = rows, put
        self.forbidden = False

    def write(self, method: str, path: str, body: dict[str, Any]) -> str | None:
        """The Location of what is new."""
        kind, _, number = path.removeprefix(RECORD).partition("/")
        if kind != "purchaseOrder" or (method, bool(number)) not in (("POST", False), ("PATCH", True)):
            raise Refused(404, "NONEXISTENT_ID", "No such resource")
        if self.forbidden:
            raise Refused(403, "INSUFFICIENT_PERMISSION", "Permission Violation: Purchase Order")
        lines = body.pop("item", {}).get("items", [])
        values = self._checked(body, HEADER)
        columns = {HEADER[name]: value for name, value in values.items() if HEADER[name]}
        if number:
            if not self._rows.execute('SELECT 1 FROM "transaction" WHERE id = ?', (number,)).fetchone():
                raise Refused(404, "NONEXISTENT_ID", "The record instance does not exist.")
            for column, value in columns.items():
                self._rows.execute(f'UPDATE "transaction" SET "{column}" = ? WHERE id = ?', (value, number))
            return None
        checked = [self._checked(line, LINE) for line in lines]
        self._demand(values, checked)
        (last,) = self._rows.execute('SELECT max(id) FROM "transaction"').fetchone()
        made = last + 1
        base = {"type": "PurchOrd", "tranid": f"PO{made}", "status": "PurchOrd:A", "createddate": NOW,
                "lastmodifieddate": NOW, "trandate": NOW, "currency": 1}  # fmt: skip
        self._put("transaction", id=made, **{**base, **columns})
        for position, line in enumerate(checked, 1):
            told = {LINE[name]: value for name, value in line.items() if LINE[name]}
            self._put("transactionline", transaction=made, uniquekey=made * 10 + position, mainline="F", taxline="F",
                      subsidiary=values.get("subsidiary", 1), linesequencenumber=position,
                      linelastmodifieddate=NOW, **told)  # fmt: skip
        return f"https://inside.example{RECORD}purchaseOrder/{made}"

    def _demand(self, values: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        if not values.get("entity"):
            raise Refused(400, "USER_ERROR", "Please enter value(s) for: Vendor")
        if not lines or any(not line.get("item") for line in lines):
            raise Refused(400, "USER_ERROR", "You must enter at least one line item for this transaction.")
        own = values.get("externalId")
        if self._rows.execute('SELECT 1 FROM "transaction" WHERE externalid = ?', (own,)).fetchone():
            raise Refused(400, "DUP_RCRD", "This record already exists")

    def _checked(self, body: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in body.items():
            if name not in known:
                raise Refused(
                    400, "INVALID_CONTENT", f"Error while accessing a resource. Unknown field {name}."
                )
            values[name] = self._reference(name, value) if name in LEADS else value
            if name.endswith("Date") and not DAY.fullmatch(str(value)):
                raise Refused(400, "INVALID_CONTENT", f"Invalid date in {name}.")
            if name.endswith("Date"):
                values[name] = f"@{value} 00:00:00"
            if name in ("quantity", "rate") and not isinstance(value, int | float):
                raise Refused(400, "INVALID_CONTENT", f"Invalid value for {name}.")
        return values

    def _reference(self, name: str, value: Any) -> int | None:
        if value == {"id": None}:
            return None
        if not (isinstance(value, dict) and set(value) == {"id"} and isinstance(value["id"], str)):
            raise Refused(400, "INVALID_CONTENT", f"Invalid reference in {name}.")
        if not self._rows.execute(f'SELECT 1 FROM "{LEADS[name]}" WHERE id = ?', (value["id"],)).fetchone():
            raise Refused(400, "INVALID_KEY_OR_REF", f"Invalid reference key {value['id']} for {name}.")
        return int(value["id"])
