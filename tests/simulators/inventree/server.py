"""The server. A parameter, an order or a field that the schema does not have fails, which the real one lets pass."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.transport.servers import Exchange, Server, serving

from .forms import Forms

TOKEN = "inv-a-token-of-the-plant"
LISTS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("api.json").read_text("utf-8"))
_ID = {"id": "pk"}


class InvenTree:
    """Set `denied` to lists the user may not see, `busy` to how many requests are answered 429, `before_460` to be a
    server that passes over `updated_after`."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in LISTS}
        self.denied: set[str] = set()
        self._forms = Forms(self.rows, self.denied)
        self.busy = 0
        self.before_460 = False
        self.asked: list[tuple[str, dict[str, str]]] = []

    def put(self, listed: str, /, **values: Any) -> None:
        unknown = set(values) - set(LISTS[listed]["fields"])
        assert not unknown, f"{listed} has no {unknown}"
        self.rows[listed].append({**dict.fromkeys(LISTS[listed]["fields"]), **values})

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        status, answer = self._answer(exchange, parts.path.removeprefix("/api/"), query)
        content = b"" if status == 204 else json.dumps(answer).encode()
        exchange.reply(status, content, Content_Type="application/json")

    def _answer(self, exchange: Exchange, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if exchange.headers["Authorization"] != f"Token {TOKEN}":
            return 401, {"detail": "Invalid token."}
        if self.busy:
            self.busy -= 1
            return 429, {"detail": "Request was throttled."}
        if path == "user/me/":
            return 200, {"pk": 1, "username": "appliance"}
        if exchange.command == "GET" and path in self.denied:
            return 403, {"detail": "You do not have permission to perform this action."}
        answer = self._forms.answer(exchange.command, path, exchange.body)
        if answer is not None:
            return answer
        if exchange.command != "GET" or path not in LISTS:
            return 404, {"detail": "Not found."}
        self.asked.append((path, query))
        wrong = _wrong(LISTS[path]["parameters"], query)
        if wrong:
            return 400, {"non_field_errors": [wrong]}
        rows = self._chosen(path, query)
        offset, limit = int(query.get("offset", 0)), int(query["limit"])
        base = f"http://inside.plant.example/api/{path}?limit={limit}&offset="
        following = f"{base}{offset + limit}" if offset + limit < len(rows) else None
        previous = f"{base}{max(0, offset - limit)}" if offset else None
        shown = rows[offset : offset + limit]
        return 200, {"count": len(rows), "next": following, "previous": previous, "results": shown}

    def _chosen(self, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
        rows = list(self.rows[path])
        for name, value in query.items():
            match name:
                case "order" | "part" | "supplier":
                    rows = [row for row in rows if row[name] == int(value)]
                case "updated_after" if not self.before_460:
                    rows = [row for row in rows if (row["updated_at"] or "")[:10] > value]
                case "outstanding":
                    # Pending, placed and on hold.
                    rows = [row for row in rows if (row["status"] in (10, 20, 25)) is (value == "true")]
                case "min_date":
                    rows = [row for row in rows if row["date"][:10] >= value]
                case "is_supplier" | "in_stock" | "salable":
                    rows = [row for row in rows if row[name] is (value == "true")]
                case "ordering":
                    field = _ID.get(value, value)
                    rows.sort(key=lambda row: (str(type(row.get(field))), row.get(field) or 0, row["pk"]))
        return rows


def _wrong(known: dict[str, Any], query: dict[str, str]) -> str:
    if "limit" not in query:
        return "limit is required"
    for name, value in query.items():
        kind = known.get(name)
        if kind is None:
            return f"no parameter {name}"
        fits = {
            "integer": r"\d+",
            "date": r"\d{4}-\d\d-\d\d",
            "boolean": "true|false",
        }
        if value not in kind if isinstance(kind, list) else not re.fullmatch(fits[kind], value):
            return f"{name} may not be {value}"
    return ""
