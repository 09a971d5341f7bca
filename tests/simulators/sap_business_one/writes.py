"""POST, PATCH and actions: what the service takes, what it fills in, and what it refuses.

Lines of a document are merged by their number, which is the documented default; unknown and computed properties, values
of another type and a partner or item that is not there are refused. A closed document cannot be changed.
"""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from .metadata import KEYS, SETS, TYPES

_PATH = re.compile(r"(\w+)\((?:'((?:[^']|'')*)'|(-?\d+))\)(?:/(\w+))?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d(T00:00:00Z)?")
_TODAY = "2026-01-20T00:00:00Z"

# What the service computes or keeps itself.
_COMPUTED = {
    *(
        "DocEntry",
        "DocNum",
        "DocTotal",
        "DocTotalFc",
        "VatSum",
        "DocumentStatus",
        "Cancelled",
        "CancelStatus",
    ),
    *("CreationDate", "CreateDate", "UpdateDate", "LineTotal", "RowTotalFC", "LineStatus", "UserSign"),
    *("RemainingOpenQuantity", "QuantityOnStock", "ServiceCallID", "AuthorizationStatus", "ClosingDate"),
}
_DOCUMENTS = {name for name, kind in SETS.items() if kind == "Document"}
_WRITABLE = {*_DOCUMENTS, "StockTransfers", "Items", "BusinessPartners", "ServiceCalls"}
Rows = dict[str, list[dict[str, Any]]]


class Refused(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def change(
    rows: Rows, forbidden: Iterable[str], method: str, path: str, body: bytes
) -> tuple[int, dict[str, Any] | None]:
    """Carry a request out; its status and answer. Raises Refused, nothing being changed then."""
    found = _PATH.fullmatch(path)
    name = found[1] if found else path
    if name in forbidden:
        raise Refused(403, -1, "You are not permitted to perform this action")
    if name not in _WRITABLE:
        raise Refused(404, -1, f"Unrecognized resource path: {path}")
    content = json.loads(body, parse_float=Decimal) if body else {}
    if found is None:
        if method != "POST":
            raise Refused(405, -1, f"{method} is not allowed here")
        row = _created(rows, name, content)
        rows[name].append(row)
        return 201, json.loads(json.dumps(row))
    key = found[2].replace("''", "'") if found[3] is None else int(found[3])
    row = next((row for row in rows[name] if row[KEYS[SETS[name]]] == key), {})
    if not row:
        raise Refused(404, -2028, "No matching records found (ODBC -2028)")
    if found[4]:
        if method != "POST" or name != "PurchaseOrders":
            raise Refused(400, -1, f"Unrecognized action {found[4]}")
        _act(row, found[4])
    elif method == "PATCH":
        _changed(rows, name, row, content)
    else:
        raise Refused(405, -1, f"{method} is not allowed here")
    return 204, None


def _act(row: dict[str, Any], action: str) -> None:
    open_ = row["DocumentStatus"] == "bost_Open" and row["Cancelled"] == "tNO"
    if action in ("Cancel", "Close") and open_:
        row |= {"DocumentStatus": "bost_Close"} | ({"Cancelled": "tYES"} if action == "Cancel" else {})
    elif action == "Reopen" and not open_ and row["Cancelled"] == "tNO":
        row |= {"DocumentStatus": "bost_Open"}
    else:
        raise Refused(400, -5006, f"Document is already closed or open: {action}")


def _created(rows: Rows, name: str, content: dict[str, Any]) -> dict[str, Any]:
    kind = SETS[name]
    row = _checked(rows, name, kind, content)
    number = 1 + max((one[KEYS[kind]] for one in rows[name] if isinstance(one[KEYS[kind]], int)), default=0)
    match name:
        case "Items" | "BusinessPartners":
            key = KEYS[kind]
            if not row.get(key) or row[key] in [one[key] for one in rows[name]]:
                raise Refused(400, -2035, f"'{row.get(key)}' already exists or is missing [{key}]")
            return {"Valid": "tYES", "Frozen": "tNO", "CreateDate": _TODAY, **row}
        case "ServiceCalls":
            if not row.get("CustomerCode"):
                raise Refused(400, -5002, "Specify a business partner [OSCL.customer]")
            return {
                "ServiceCallID": number,
                "Status": -3,
                "Priority": "scp_Low",
                "CreationDate": _TODAY,
            } | row
        case "StockTransfers":
            return (
                {"DocEntry": number, "DocNum": number, "DocumentStatus": "bost_Open"}
                | row
                | {"CreationDate": _TODAY}
            )
    if not row.get("CardCode"):
        raise Refused(400, -5002, "Enter a valid business partner [CardCode]")
    if name in ("PurchaseOrders", "Orders") and not row.get("DocDueDate"):
        raise Refused(400, -10, "Enter due date [DocDueDate]")
    if not row.get("DocumentLines"):
        raise Refused(400, -5002, "You cannot add a document without lines")
    made = {
        "DocEntry": number,
        "DocNum": 1000 + number,
        "DocType": "dDocument_Items",
        "DocDate": _TODAY,
        "TaxDate": _TODAY,
        "DocCurrency": "EUR",
        "DocumentStatus": "bost_Open",
        "Cancelled": "tNO",
        "CancelStatus": "csNo",
        "AuthorizationStatus": "dasWithout",
        "UserSign": 7,
        "CreationDate": _TODAY,
        **row,
    }
    made["DocumentLines"] = [
        _line(rows, made, line, number) for number, line in enumerate(row["DocumentLines"])
    ]
    made["DocTotal"] = sum(line["LineTotal"] for line in made["DocumentLines"])
    return made


def _changed(rows: Rows, name: str, row: dict[str, Any], content: dict[str, Any]) -> None:
    if row.get("DocumentStatus") == "bost_Close":
        raise Refused(400, -5002, "Document is closed and cannot be changed")
    changed = {**row, **_checked(rows, name, SETS[name], content, changing=True)}
    if "DocumentLines" in content:
        lines = [dict(line) for line in row["DocumentLines"]]
        for sent in changed["DocumentLines"]:
            number = sent.get("LineNum")
            line = next((line for line in lines if line["LineNum"] == number), None)
            if number is not None and line is None:
                raise Refused(400, -5002, f"Line {number} is not there")
            if line is None:
                lines.append(_line(rows, changed, sent, 1 + max(one["LineNum"] for one in lines)))
            else:
                line |= sent | ({"Price": sent["UnitPrice"]} if "UnitPrice" in sent else {})
        changed["DocumentLines"] = lines
    row |= changed


def _line(rows: Rows, document: dict[str, Any], sent: dict[str, Any], number: int) -> dict[str, Any]:
    line = {"LineNum": number, "LineStatus": "bost_Open", "Currency": document["DocCurrency"], **sent}
    if line.get("BaseType") == 22:
        orders = [order for order in rows["PurchaseOrders"] if order["DocEntry"] == line.get("BaseEntry")]
        based = [
            one for order in orders for one in order["DocumentLines"] if one["LineNum"] == line["BaseLine"]
        ]
        if not based or orders[0]["CardCode"] != document["CardCode"]:
            raise Refused(400, -5002, "Base document line is not there [BaseEntry]")
        line = {**based[0], **line}
    if line.get("ItemCode") not in [item["ItemCode"] for item in rows["Items"]]:
        raise Refused(400, -1116, f"Item number '{line.get('ItemCode')}' is missing [DocumentLines.ItemCode]")
    line.setdefault("Price", line.get("UnitPrice", 0))
    return {**line, "LineTotal": float(Decimal(str(line["Price"])) * Decimal(str(line["Quantity"])))}


def _checked(
    rows: Rows, name: str, kind: str, content: dict[str, Any], *, changing: bool = False
) -> dict[str, Any]:
    """The properties as they are kept. Raises Refused."""
    kept: dict[str, Any] = {}
    for title, value in content.items():
        told = TYPES[kind].get(title)
        if told is None:
            raise Refused(400, -1000, f"Property '{title}' of '{kind}' is invalid")
        if title in _COMPUTED or (changing and title == KEYS.get(kind)):
            raise Refused(400, -1000, f"Property '{title}' of '{kind}' is read only")
        if told.startswith("Collection"):
            inner = told.removeprefix("Collection(SAPB1.").removesuffix(")")
            kept[title] = [_checked(rows, name, inner, line) for line in value]
        else:
            kept[title] = _taken(title, told, value)
    partner = kept.get("CardCode")
    if (
        partner
        and name in _DOCUMENTS
        and partner not in [one["CardCode"] for one in rows["BusinessPartners"]]
    ):
        raise Refused(400, -5002, f"'{partner}' is not a valid business partner [CardCode]")
    return kept


def _taken(title: str, told: str, value: Any) -> Any:
    if value is None:
        return None
    good = isinstance(value, str)
    match told:
        case "Edm.Int32":
            good = type(value) is int
        case "Edm.Double":
            good = type(value) in (int, Decimal)
            value = float(value) if good else value
        case "Edm.DateTimeOffset":
            good = good and _DAY.fullmatch(value) is not None
            value = f"{value[:10]}T00:00:00Z" if good else value
        case "SAPB1.BoYesNoEnum":
            good = value in ("tYES", "tNO")
    if not good:
        raise Refused(400, -1000, f"Value '{value}' of '{title}' is not of the type {told}")
    return value
