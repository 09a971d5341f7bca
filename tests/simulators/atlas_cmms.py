"""An Atlas CMMS server as its published source describes it: lists by POST with filters, details one by one.

Built from the facts of the open source: endpoints, field names, filter operations and the one form in which a time is
taken. The words of errors that are not published are ours.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulators import atlas_writing as writing
from tests.simulators.atlas_writing import Refused
from tests.transport.servers import Exchange, Server, serving

API_KEY, EMAIL, PASSWORD = "atlas key of the plant", "appliance@plant.example", "Atlas-2026!"
SEARCHES = [
    "work-orders",
    "requests",
    "preventive-maintenances",
    "assets",
    "locations",
    "parts",
    "vendors",
    "purchase-orders",
    "meters",
    "users",
    "teams",
    "files",
]
DETAILS = [
    "tasks/work-order",
    "labors/work-order",
    "part-quantities/work-order",
    "readings/meter",
    "asset-downtimes/asset",
]
OPERATIONS = {"cn", "nc", "eq", "ne", "bw", "bn", "ew", "en", "nu", "nn", "gt", "ge", "lt", "le", "in", "inm"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Atlas:
    """Set `denied` to lists the role or plan lacks, `api_access` to whether the licence has it, `busy` to how many
    requests are too many. `sign_ins` counts; a token is good until `expire`."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SEARCHES}
        self.details: dict[str, list[dict[str, Any]]] = {}
        self.denied: set[str] = set()
        self.api_access = True
        self.busy = 0
        self.sign_ins = 0
        self.asked: list[str] = []
        self._token = ""

    def put(self, listed: str, /, **values: Any) -> None:
        stamps = {"createdAt": "2026-01-02T08:00:00.000+00:00", "updatedAt": "2026-01-05T08:00:00.000+00:00"}
        self.rows[listed].append({**stamps, **values})

    def expire(self) -> None:
        self._token = ""

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        status = 200
        answer: Any
        try:
            answer = self._answer(exchange, exchange.path.removeprefix("/api/"))
        except Refused as refused:
            status, answer = refused.status, {"success": False, "message": str(refused)}
            if status == 429:
                answer = {"error": "Rate limit exceeded", "message": str(refused)}
        exchange.reply(status, json.dumps(answer).encode(), Content_Type="application/json")

    def _answer(self, exchange: Exchange, path: str) -> Any:
        body = json.loads(exchange.body or b"null")
        if (exchange.command, path) == ("POST", "auth/signin"):
            return self._sign_in(body)
        self._check(exchange)
        if self.busy:
            self.busy -= 1
            raise Refused(429, "Try again later")
        self.asked.append(path)
        if (exchange.command, path) == ("GET", "auth/me"):
            return {"id": 1, "email": EMAIL}
        name, _, rest = path.partition("/")
        if exchange.command == "POST" and rest == "search" and name in SEARCHES:
            return self._search(name, body)
        found = self._written(exchange.command, name, rest, body)
        if found is not None:
            return found
        listed, _, number = path.rpartition("/")
        if exchange.command == "GET" and listed in DETAILS and number.isdigit():
            return self.details.get(path, [])
        raise Refused(404, "Not found")

    def _written(self, method: str, name: str, rest: str, body: Any) -> Any:
        """What a single record or a write is answered with, None when it is neither."""
        number, _, part = rest.partition("/")
        part, _, query = part.partition("?")
        if name == "part-quantities":
            return self._quantities(method, rest, body)
        if name not in writing.TAKES or (method == "POST" and rest):
            return None
        if name in self.denied:
            raise Refused(403, "Access denied")
        if method == "POST":
            made = writing.create(name, body, self.rows)
            self.put(name, **made)
            return self.rows[name][-1]
        row = next((one for one in self.rows[name] if str(one["id"]) == number), None)
        if row is None:
            raise Refused(404, "Not found")
        match method, part:
            case "GET", "":
                return row
            case "DELETE", "":
                self.rows[name].remove(row)
                return {"success": True, "message": "Deleted successfully"}
            case "PATCH", "":
                writing.replace(name, row, body, self.rows)
                return row
            case "PATCH", "change-status" if name == "work-orders":
                writing.checked(body, {"status": writing.STATUSES, "feedback": "text", "signature": "text"})
                row |= body
                return row
            case "PATCH", "respond" if name == "purchase-orders":
                writing.respond(row, query, self.rows)
                return row
        raise Refused(405, "Method not allowed")

    def _quantities(self, method: str, rest: str, body: Any) -> Any:
        """Lines of purchase orders, and parts used on work orders."""
        of, _, number = rest.partition("/")
        if (method, of) == ("PATCH", "purchase-order"):
            order = next(row for row in self.rows["purchase-orders"] if str(row["id"]) == number)
            return writing.set_lines(order, body, self.rows)
        used = [
            (path, one)
            for path, rows in self.details.items()
            for one in rows
            if path.startswith("part-quant")
        ]
        if (method, rest) == ("POST", ""):
            wanted = {"part*": writing.REFERENCE, "workOrder*": writing.REFERENCE, "quantity*": "number"}
            writing.checked(body, wanted)
            row = {
                "id": 9000 + len(used),
                "part": writing.part(body, self.rows),
                "quantity": body["quantity"],
            }
            self.details.setdefault(f"part-quantities/work-order/{body['workOrder']['id']}", []).append(row)
            return row
        path, row = next(((path, one) for path, one in used if str(one["id"]) == rest), ("", None))
        if row is None:
            return None
        if method == "DELETE":
            self.details[path].remove(row)
            return {"success": True, "message": "Deleted successfully"}
        writing.checked(body, {"quantity*": "number"})
        part = next(one for one in self.rows["parts"] if one["id"] == row["part"]["id"])
        taken = (body["quantity"] if part.get("unit") else int(body["quantity"])) - row["quantity"]
        if taken > part["quantity"]:
            raise Refused(406, "There is not enough of this part")
        part["quantity"] -= taken
        row["quantity"] += taken
        return row

    def _sign_in(self, body: dict[str, Any]) -> dict[str, Any]:
        if body != {"email": EMAIL, "password": PASSWORD, "type": "CLIENT"}:
            raise Refused(403, "Invalid credentials")
        self.sign_ins += 1
        self._token = f"token-{self.sign_ins}"
        return {"accessToken": self._token, "refreshToken": "r", "tokenType": "Bearer", "expiresAt": 1}

    def _check(self, exchange: Exchange) -> None:
        if "x-api-key" in exchange.headers:
            if exchange.headers["x-api-key"] != API_KEY or not self.api_access:
                raise Refused(403, "Invalid API key" if self.api_access else "The API key needs API_ACCESS")
        elif not self._token or exchange.headers["Authorization"] != f"Bearer {self._token}":
            raise Refused(401, "Expired or invalid JWT token")

    def _search(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        if name in self.denied:
            raise Refused(403, "Access denied")
        rows = sorted(self.rows[name], key=lambda row: int(row["id"]))
        if (body["sortField"], body["direction"]) != ("id", "ASC"):
            raise Refused(400, "sorted otherwise")
        for one in body["filterFields"]:
            rows = [row for row in rows if _holds(one, row)]
        size, page = int(body.get("pageSize", 10)), int(body.get("pageNum", 0))
        content = rows[page * size : (page + 1) * size]
        return {
            "content": content,
            "totalElements": len(rows),
            "totalPages": -(-len(rows) // size),
            "number": page,
            "size": size,
            "last": (page + 1) * size >= len(rows),
            "first": page == 0,
            "empty": not content,
        }


def _holds(one: dict[str, Any], row: dict[str, Any]) -> bool:
    field, operation, value = one["field"], one["operation"], one.get("value")
    if operation not in OPERATIONS or field not in ("updatedAt", "workOrder", "cancelled", "status"):
        raise Refused(400, f"{field} {operation}")
    match operation:
        case "nu":
            return row.get(field) is None
        case "nn":
            return row.get(field) is not None
        case "in" if one.get("enumName") == "STATUS" and field == "status":
            return row.get(field) in one["values"]
        case "eq" if isinstance(value, bool):
            return bool(row.get(field)) is value
        case "ge" if one.get("enumName") == "JS_DATE" and _TIME.fullmatch(str(value)):
            return str(row[field])[:23] >= str(value)[:23]
    raise Refused(400, f"{field} {operation} {value}")
