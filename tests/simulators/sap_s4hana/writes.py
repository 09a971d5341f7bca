"""What modifies: tokens and sessions, creation with what lies below, changes with ETags, change sets, functions.

From the published metadata (what is creatable, updatable and required, lengths) and what is known of the Gateway. The
checks that a customer's configuration adds are few here: vendors and orders exist, an order has lines, an order is
released before it is completed.
"""

import copy
import hashlib
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.transport.servers import Exchange

from .filter import Wrong
from .functions import call
from .services import PURCHASING4, SERVICES, V2, Set
from .wire import refusal, taken_value

if TYPE_CHECKING:
    from .system import S4

_KEYED = re.compile(r"(\w+)\((.*)\)")
_KEY = re.compile(r"(?:(\w+)=)?(?:datetime)?'((?:[^']|'')*)'")
_OPERATION = re.compile(
    rb"application/http\r\n.*?\r\n\r\n(\w+) (\S+) HTTP/1.1\r\n(.*?)(?:\r\n\r\n(.*))?$", re.DOTALL
)
_SESSION = "SAP_SESSIONID_S4H_100"
Answer = tuple[int, bytes, dict[str, str]]


class Writes:
    """`tokens`: session and service to the token given. `sent`: bodies taken, as method, path and content.

    `meanwhile` is done before a change is carried out, as by another user.
    """

    def __init__(self, system: "S4") -> None:
        self._system = system
        self.tokens: dict[tuple[str, str], str] = {}
        self.sent: list[tuple[str, str, Any]] = []
        self.numbers = 100
        self.meanwhile: Callable[[], None] = lambda: None

    def answer(
        self, exchange: Exchange, root: str, name: str, options: dict[str, str], headers: dict[str, str]
    ) -> bool:
        """Whether this was a request for a token or for one entity, or a write; it is answered then."""
        method = exchange.command
        if headers.get("x-csrf-token", "").lower() == "fetch":
            self._fetch(exchange, root, name)
        elif method == "GET" and "(" in name:
            self._reply(exchange, self._carry_out(root, method, name, options, headers, b""))
        elif method == "GET":
            return False
        else:
            self._check_token(root, headers)
            if name == "$batch":
                self._batch(exchange, root, headers)
            else:
                self._reply(exchange, self._carry_out(root, method, name, options, headers, exchange.body))
        return True

    def _fetch(self, exchange: Exchange, root: str, name: str) -> None:
        if name:
            raise Wrong("A token is given with the service document", 404)
        session = f"session-{len(self.tokens)}"
        found = re.search(rf"{_SESSION}=([\w-]+)", exchange.headers.get("Cookie") or "")
        session = found[1] if found else session
        token = self.tokens.setdefault((session, root), f"token-{len(self.tokens)}")
        cookie = f"{_SESSION}={session}; path=/; HttpOnly"
        exchange.reply(200, b"{}", Content_Type="application/json", X_CSRF_Token=token, Set_Cookie=cookie)

    def _check_token(self, root: str, headers: dict[str, str]) -> None:
        found = re.search(rf"{_SESSION}=([\w-]+)", headers.get("cookie", ""))
        if not found or self.tokens.get((found[1], root)) != headers.get("x-csrf-token"):
            wrong = Wrong("CSRF token validation failed", 403)
            wrong.headers = {"X_CSRF_Token": "Required"}
            raise wrong

    def _reply(self, exchange: Exchange, answer: Answer) -> None:
        status, body, headers = answer
        kind = {"Content_Type": "application/json"} if body else {}
        exchange.reply(status, body, **kind, **headers)

    def _batch(self, exchange: Exchange, root: str, headers: dict[str, str]) -> None:
        kind = headers.get("content-type", "")
        if not kind.startswith("multipart/mixed"):
            raise Wrong("The content type of a batch is multipart/mixed", 415)
        answered: list[bytes] = []
        for part in _parts(kind, exchange.body):
            inner = re.match(rb"Content-Type: (multipart/mixed; boundary=\S+)\r\n\r\n(.*)", part, re.DOTALL)
            if inner is None:
                answered.append(_written(self._one(root, part, ("GET",))))
                continue
            before = copy.deepcopy(self._system.rows)
            answers = [
                self._one(root, one, ("POST", "PATCH", "PUT", "DELETE"))
                for one in _parts(inner[1].decode(), inner[2])
            ]
            refused = next((one for one in answers if one[0] >= 400), None)
            if refused is not None:
                # All or nothing, and one answer for all.
                self._system.rows = before
                answered.append(_written(refused))
            else:
                content = b"".join(b"--c\r\n" + _written(one) + b"\r\n" for one in answers)
                answered.append(b"Content-Type: multipart/mixed; boundary=c\r\n\r\n" + content + b"--c--")
        body = b"".join(b"--b\r\n" + one + b"\r\n" for one in answered) + b"--b--\r\n"
        exchange.reply(202, body, Content_Type="multipart/mixed; boundary=b")

    def _one(self, root: str, part: bytes, allowed: tuple[str, ...]) -> Answer:
        found = _OPERATION.search(part)
        assert found, part
        method, path = found[1].decode(), unquote(found[2].decode())
        lines = [line.split(": ", 1) for line in found[3].decode().split("\r\n")]
        try:
            if method not in allowed:
                raise Wrong(f"{method} is not allowed in this part of a batch", 400)
            headers = {name.lower(): value for name, value in lines}
            return self._carry_out(root, method, path, {}, headers, (found[4] or b"").strip())
        except Wrong as wrong:
            return wrong.status, refusal(SERVICES[root].version, wrong), {}

    def _carry_out(
        self, root: str, method: str, path: str, options: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        service = SERVICES[root]
        name, way = path, ""
        keyed = _KEYED.match(path)
        if keyed:
            name, way = keyed[1], path[keyed.end() :].lstrip("/")
        if method == "POST" and not keyed and name not in service.sets:
            self.sent.append((method, path, options))
            return 200, json.dumps({"d": call(self._system.rows[root], name, options)}).encode(), {}
        if name not in service.sets:
            raise Wrong(f"Resource not found for segment '{name}'", 404)
        one = service.sets[name]
        content = json.loads(body) if body else {}
        if body:
            if headers.get("content-type") != "application/json":
                raise Wrong("The content type is application/json", 415)
            self.sent.append((method, path, content))
        if not keyed:
            if method != "POST" or "POST" not in one.writable:
                raise Wrong(f"Entity set '{name}' does not support the operation {method}", 405)
            return self._created(root, name, content, {})
        row = self._found(root, name, one, keyed[2])
        if method == "POST" and way in one.children:
            return self._created(root, one.children[way], content, {key: row.get(key) for key in one.keys})
        tag = {"ETag": _tag(row)} if one.etags else {}
        if method == "GET":
            shown = self._system.shown(root, one, row, {}, headers)
            return 200, json.dumps(shown if service.version == 4 else {"d": shown}).encode(), tag
        self.meanwhile()
        tag = {"ETag": _tag(row)} if one.etags else {}
        if method != "PATCH" or "PATCH" not in one.writable:
            raise Wrong(f"Entity set '{name}' does not support the operation {method}", 405)
        if one.etags and headers.get("if-match", "*") != "*" and headers["if-match"] != tag["ETag"]:
            raise Wrong("Precondition failed", 412)
        if one.etags and "if-match" not in headers:
            raise Wrong("The request requires an If-Match header", 428)
        values, nested = self._values(root, one, content, creating=False)
        if nested:
            raise Wrong(f"Inline content {nested} is not allowed in a change", 400)
        row |= values
        return 204, b"", {}

    def _found(self, root: str, name: str, one: Set, key: str) -> dict[str, Any]:
        parts = {part or one.keys[0]: value.replace("''", "'") for part, value in _KEY.findall(key)}
        if set(parts) != set(one.keys):
            raise Wrong(f"The key predicate of '{name}' is not {', '.join(one.keys)}", 400)
        wanted = {part: value.removesuffix("T00:00:00") for part, value in parts.items()}
        rows = self._system.rows[root].setdefault(name, [])
        row = next((r for r in rows if all((r.get(k) or "") == v for k, v in wanted.items())), None)
        if row is None:
            raise Wrong(f"Resource not found for segment '{name}'", 404)
        return row

    def _values(
        self, root: str, one: Set, content: dict[str, Any], *, creating: bool
    ) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
        service = SERVICES[root]
        fixed = set(one.marked("!")) | (set() if creating else {*one.marked("+"), *one.keys})
        values, nested = {}, {}
        for name, value in content.items():
            if name in one.children:
                nested[name] = value["results"] if service.version == 2 else value
            elif name not in one.types:
                raise Wrong(f"Property {name} not found in type", 400)
            elif name in fixed:
                raise Wrong(f"Property '{name}' is read only", 400)
            else:
                values[name] = taken_value(service.version, one.types[name], name, value)
        return values, nested

    def _created(self, root: str, name: str, content: dict[str, Any], above: dict[str, Any]) -> Answer:
        service = SERVICES[root]
        before = copy.deepcopy(self._system.rows)
        try:
            row = self._insert(root, name, content, above)
        except Wrong:
            self._system.rows = before
            raise
        shown = self._system.shown(root, service.sets[name], row, {}, {})
        key = ",".join(f"{key}='{row.get(key) or ''}'" for key in service.sets[name].keys)
        body = json.dumps(shown if service.version == 4 else {"d": shown}).encode()
        return 201, body, {"Location": f"http://s4app01.internal:50000{root}{name}({key})"}

    def _insert(self, root: str, name: str, content: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
        one = SERVICES[root].sets[name]
        values, nested = self._values(root, one, content, creating=True)
        missing = [wanted for wanted in one.required if not values.get(wanted)]
        if missing:
            raise Wrong(f"Enter a value for {missing[0]}", 400)
        inherited = {
            key: above.get(key, above.get(key.replace("PurchasingDocument", "PurchaseOrder")))
            for key in one.keys
            if key in above or key.startswith("PurchasingDocument")
        }
        self.numbers += 1
        row = {**values, **inherited, **self._system_values(root, name, {**inherited, **values}, nested)}
        self._system.rows[root].setdefault(name, []).append(row)
        for way, rows in nested.items():
            for inner in rows:
                self._insert(root, one.children[way], inner, {key: row.get(key) for key in one.keys})
        return row

    def _system_values(
        self, root: str, name: str, row: dict[str, Any], nested: dict[str, Any]
    ) -> dict[str, Any]:
        """What SAP gives a new row, and its checks of it. Raises Wrong."""
        rows, number = self._system.rows, self.numbers
        match name:
            case "PurchaseOrder" | "A_PurchaseOrder":
                vendors = rows[f"{V2}API_BUSINESS_PARTNER/"]["A_BusinessPartner"]
                if row["Supplier"] not in [vendor["Supplier"] for vendor in vendors]:
                    raise Wrong(f"Supplier {row['Supplier']} does not exist", 400, "06/321")
                if not any(nested.values()):
                    raise Wrong("Document contains no items", 400, "06/074")
                date = row.get("PurchaseOrderDate") or "2026-01-20"
                return {
                    "PurchaseOrder": f"45{number:08d}",
                    "PurchaseOrderDate": date,
                    "CreationDate": "2026-01-20",
                    "PurchasingProcessingStatus": "02",
                }
            case "PurchaseOrderItem" | "A_PurchaseOrderItem":
                taken = [r for r in rows[root][name] if r["PurchaseOrder"] == row["PurchaseOrder"]]
                line = row.get("PurchaseOrderItem") or str(10 * (len(taken) + 1))
                if not row.get("Material") and not row.get("MaterialGroup"):
                    raise Wrong(f"Item {line}: enter a material group", 400, "06/436")
                set_ = "PurchaseOrder" if root == PURCHASING4 else "A_PurchaseOrder"
                order = next(o for o in rows[root][set_] if o["PurchaseOrder"] == row["PurchaseOrder"])
                return {"PurchaseOrderItem": line, "DocumentCurrency": order.get("DocumentCurrency")}
            case "MaintenanceOrder":
                return {
                    "MaintenanceOrder": f"400{number:04d}",
                    "SystemStatusText": "CRTD MANC",
                    "MaintOrderCreationDateTime": "2026-01-20T08:00:00Z",
                }
            case "MaintOrderOpComponent":
                return {"MaintOrderComponentInternalID": f"{number:022d}"}
            case "MaintenanceNotification":
                long = row.pop("MaintNotifLongTextForEdit", "")
                return {
                    "MaintenanceNotification": f"{10000000 + number}",
                    "NotifProcessingPhase": "1",
                    "CreationDate": "2026-01-20",
                    "MaintNotificationLongText": long,
                }
            case "Equipment":
                return {"Equipment": f"{210200000 + number}", "ValidityEndDate": "9999-12-31"}
            case "A_Product":
                if row["Product"] in [product["Product"] for product in rows[root][name]]:
                    raise Wrong(f"Product {row['Product']} already exists", 400, "M3/041")
                return {"CreationDate": "2026-01-20"}
            case "A_MaterialDocumentHeader":
                return {
                    "MaterialDocumentYear": row["PostingDate"][:4],
                    "MaterialDocument": f"50{number:08d}",
                    "InventoryTransactionType": {"01": "WE"}.get(row["GoodsMovementCode"], "WA"),
                    "CreationDate": "2026-01-20",
                }
            case "A_MaterialDocumentItem":
                orders = rows[PURCHASING4]["PurchaseOrderItem"]
                order = (row.get("PurchaseOrder"), row.get("PurchaseOrderItem"))
                found = [o for o in orders if (o["PurchaseOrder"], o["PurchaseOrderItem"]) == order]
                if not found or row.get("GoodsMovementRefDocType") != "B":
                    raise Wrong(f"PO item {' '.join(map(str, order))} does not exist", 400, "M7/062")
                taken = [r for r in rows[root][name] if r["MaterialDocument"] == row["MaterialDocument"]]
                return {
                    "MaterialDocumentItem": str(len(taken) + 1),
                    "Material": row.get("Material") or found[0]["Material"],
                    "QuantityInBaseUnit": row["QuantityInEntryUnit"],
                    "MaterialBaseUnit": row.get("EntryUnit") or found[0]["PurchaseOrderQuantityUnit"],
                }
        return {}


def _parts(content_type: str, body: bytes) -> list[bytes]:
    boundary = content_type.partition("boundary=")[2].encode()
    return [part.strip(b"\r\n") for part in body.split(b"--" + boundary)[1:-1]]


def _written(answer: Answer) -> bytes:
    status, body, headers = answer
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"HTTP/1.1 {status} X\r\n{lines}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return b"Content-Type: application/http\r\n\r\n" + head.encode() + body


def _tag(row: dict[str, Any]) -> str:
    return f'W/"{hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]}"'
