"""The REST interface that a new connector's folder describes in its comments: numbered pages of JSON.

Strict: parameters, their formats and the key are exactly those, or the request is refused.
"""

import json
import re
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.transport.servers import Exchange, Server, serving

KEY = "plain-rest-key"


class PlainRest:
    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {
            "vendors": [{"number": f"V{n}", "name": f"Vendor {n}", **_dated(n)} for n in range(1, 8)],
            "work-orders": [
                {
                    "number": f"WO{n}",
                    "subject": f"Order {n}",
                    "text": "Grease it.",
                    "state": "open" if n % 2 else "done",
                    "hours": 1.25,
                    "due_at": "2026-02-01",
                    "x_permit": "hot work",
                    **_dated(n),
                }
                for n in range(1, 251)
            ],
        }

    def running(self) -> AbstractContextManager[Server]:
        return serving(self._answer)

    def _answer(self, exchange: Exchange) -> None:
        status, content = self._content(exchange)
        exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json")

    def _content(self, exchange: Exchange) -> tuple[int, Any]:
        parts = urlsplit(exchange.path)
        query = dict(parse_qsl(parts.query))
        if exchange.headers["X-Api-Key"] != KEY:
            return 401, {"message": "no such key"}
        if (exchange.command, exchange.path) == ("GET", "/api/v1/me"):
            return 200, {"id": 7}
        rows = self.rows.get(parts.path.removeprefix("/api/v1/"))
        since = query.pop("updated_since", "1970-01-01T00:00:00Z")
        if rows is None or exchange.command != "GET":
            return 404, {"message": "no such collection"}
        if set(query) != {"page", "per_page", "sort"} or query["sort"] != "id":
            return 400, {"message": "page, per_page and sort=id, nothing else"}
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", since):
            return 400, {"message": "updated_since is such as 2026-01-05T08:00:00Z"}
        size, number = int(query["per_page"]), int(query["page"])
        found = [row for row in rows if row["updated_at"] >= since]
        return 200, {"items": found[(number - 1) * size : number * size], "total": len(found)}


def _dated(n: int) -> dict[str, Any]:
    day, hour = divmod(n, 10)
    return {
        "id": n,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": f"2026-01-{day + 2:02}T{hour:02}:00:00Z",
    }
