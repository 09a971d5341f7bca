"""An Atlas CMMS server as its published source describes it: lists by POST with filters, details one by one.

Built from the facts of the open source: endpoints, field names, filter operations and the one form in which a time is
taken. The words of errors that are not published are ours.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


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
        listed, _, number = path.rpartition("/")
        if exchange.command == "GET" and listed in DETAILS and number.isdigit():
            return self.details.get(path, [])
        raise Refused(404, "Not found")

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
    if operation not in OPERATIONS or field not in ("updatedAt", "workOrder", "cancelled"):
        raise Refused(400, f"{field} {operation}")
    match operation:
        case "nu":
            return row.get(field) is None
        case "nn":
            return row.get(field) is not None
        case "eq" if isinstance(value, bool):
            return bool(row.get(field)) is value
        case "ge" if one.get("enumName") == "JS_DATE" and _TIME.fullmatch(str(value)):
            return str(row[field])[:23] >= str(value)[:23]
    raise Refused(400, f"{field} {operation} {value}")
