"""The service itself."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.transport.servers import Exchange, Server, serving

from .rows import Row, rows

SECRET = "s3cret/+of the & client"
_TOKEN = "token-that-nobody-may-keep"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_HEAD_ONLY = ("text", "steps")


class Refused(Exception):
    def __init__(self, status: int, problem: str) -> None:
        self.status, self.problem = status, problem


class Anvil:
    """`rows` may be changed between requests. `flaws` are words for what it does wrong:

    exclusive        `changed_from` leaves out rows of that very moment
    unfiltered       `changed_from` is taken and not obeyed
    forgetful        a cursor works once
    amnesic          a cursor that is used again leaves out a row
    miscounting      the number of rows is one too many
    shifting         pages overlap by a row
    endless          the last page leads to itself
    echo             answers repeat the client's secret
    """

    def __init__(self) -> None:
        self.rows = rows()
        self.flaws: set[str] = set()
        self.closed: set[str] = set()
        self._used: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def answer(self, exchange: Exchange) -> None:
        try:
            content = self._content(exchange)
            status = 200
        except Refused as refused:
            content, status = {"problem": refused.problem}, refused.status
        exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json")

    def _content(self, exchange: Exchange) -> Any:
        parts = urlsplit(exchange.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        if parts.path == "/oauth/token":
            return self._token(exchange)
        if exchange.command != "GET" or exchange.body:
            raise Refused(405, "only GET, without a body")
        if exchange.headers["Authorization"] != f"Bearer {_TOKEN}":
            raise Refused(401, "no valid token")
        if exchange.headers["Accept"] != "application/json":
            raise Refused(406, "only application/json")
        path = parts.path.removeprefix("/api/v3/").split("/")
        if not parts.path.startswith("/api/v3/") or len(path) > 2:
            raise Refused(404, "no such path")
        if path == ["session"] and not query:
            return {"client": "appliance"} | ({"secret": SECRET} if "echo" in self.flaws else {})
        if path[0] not in self.rows:
            raise Refused(404, "no such collection")
        if path[0] in self.closed:
            raise Refused(403, "the scope read does not reach here")
        if len(path) == 2:
            return self._single(path[0], path[1], query)
        return self._list(path[0], query)

    def _token(self, exchange: Exchange) -> Any:
        given = {name: values[0] for name, values in parse_qs(exchange.body.decode()).items()}
        if exchange.command != "POST" or set(given) != {"grant_type", "client_id", "client_secret", "scope"}:
            raise Refused(400, "a token request has grant_type, client_id, client_secret and scope")
        if (given["client_id"], given["client_secret"]) != ("appliance", SECRET):
            raise Refused(401, "unknown client")
        return {"access_token": _TOKEN, "token_type": "Bearer", "expires_in": 600}

    def _single(self, collection: str, name: str, query: dict[str, str]) -> Any:
        if query or not name.isdigit() or int(name) not in self.rows[collection]:
            raise Refused(404, "no such row")
        return {"data": self.rows[collection][int(name)]}

    def _list(self, collection: str, query: dict[str, str]) -> Any:
        unknown = set(query) - {"limit", "cursor", "changed_from"}
        if unknown:
            raise Refused(400, f"no such parameter: {', '.join(unknown)}")
        if not re.fullmatch(r"[1-9]\d?", query.get("limit", "")) or int(query["limit"]) > 50:
            raise Refused(400, "limit is 1 to 50")
        found = [row for _, row in sorted(self.rows[collection].items()) if self._is_wanted(row, query)]
        after = self._after(collection, query.get("cursor"))
        rest = [row for row in found if row["id"] > after]
        page = rest[: int(query["limit"])]
        following = None
        if len(rest) > len(page) or "endless" in self.flaws:
            following = _cursor(page[-1]["id"] - ("shifting" in self.flaws) if page else after)
        hidden = _HEAD_ONLY if collection == "jobs" else ()
        data = [{name: value for name, value in row.items() if name not in hidden} for row in page]
        return {
            "data": data,
            "meta": {"count": len(found) + ("miscounting" in self.flaws)},
            "paging": {"next": following},
        }

    def _is_wanted(self, row: Row, query: dict[str, str]) -> bool:
        start = query.get("changed_from")
        if start is None:
            return True
        if not _MOMENT.fullmatch(start):
            raise Refused(400, "changed_from is such as 2026-01-05T08:00:00.000Z")
        if "unfiltered" in self.flaws:
            return True
        changed = str(row["changed"])
        return changed > start if "exclusive" in self.flaws else changed >= start

    def _after(self, collection: str, cursor: str | None) -> int:
        if cursor is None:
            return 0
        with self._lock:
            if "forgetful" in self.flaws and (collection, cursor) in self._used:
                raise Refused(410, "this cursor has expired")
            skipped = "amnesic" in self.flaws and (collection, cursor) in self._used
            self._used.add((collection, cursor))
        try:
            return skipped + int(base64.urlsafe_b64decode(cursor.removeprefix("c")))
        except ValueError:
            raise Refused(400, "no cursor of ours") from None


def _cursor(last: int) -> str:
    return "c" + base64.urlsafe_b64encode(str(last).encode()).decode()


@contextmanager
def running(anvil: Anvil) -> Iterator[Server]:
    with serving(anvil.answer) as server:
        yield server
