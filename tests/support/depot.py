"""A source over HTTPS that fails on demand, connected as a customer's own connector folder.

It has a session login and two lists in numbered pages. Open the appliance with `connectors_dir=CONNECTORS` and the
authority of its certificate among `ca_files`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from appliance.clock import Clock
from tests.transport.authority import Authority
from tests.transport.servers import Exchange, Server, server_context

PAGE = 4
PASSWORD = "let-me-in"
ENTITIES = {"Vendor": "vendors", "PurchaseOrder": "orders"}

Row = dict[str, Any]


class Asked(NamedTuple):
    """A page of a list that is asked for; `times` counts how often in this fault, from 1."""

    path: str
    page: int
    times: int


Misbehave = Callable[["Depot", Exchange, Asked], bool]
"""Answers a request in its own way, or returns False to have it answered as it should be."""


class Depot:
    """Rows by list and id. `misbehave` is asked before every page; set it by `misbehaving`."""

    def __init__(self, clock: Clock, authority: Authority) -> None:
        self.clock = clock
        self.authority = authority
        self.rows: dict[str, dict[str, Row]] = {path: {} for path in ENTITIES.values()}
        self.sessions: set[str] = set()
        self.over = threading.Event()
        """Set when what keeps a request hanging ends."""
        self._misbehave: Misbehave = lambda depot, exchange, asked: False
        self._asked: dict[tuple[str, int], int] = {}
        self._logins = 0
        self._port = 0
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self._port}"

    def put(self, path: str, *ids: str, **values: Any) -> None:
        """Write rows as of now."""
        stamp = self.clock.now().astimezone(UTC).isoformat(timespec="milliseconds")
        for one in ids:
            held = self.rows[path].get(one, {"name": one})
            self.rows[path][one] = {**held, "id": one, **values, "changed": stamp}

    def page(self, path: str, number: int, since: str | None = None) -> list[Row]:
        rows = [
            row
            for _, row in sorted(self.rows[path].items())
            if since is None or datetime.fromisoformat(row["changed"]) >= datetime.fromisoformat(since)
        ]
        return rows[(number - 1) * PAGE : number * PAGE]

    def open(self) -> None:
        """Answer, at the same port as before."""
        server = Server(self._answer, self._context(), port=self._port)
        self._server, self._port = server, server.port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()

    def close(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @contextmanager
    def misbehaving(self, misbehave: Misbehave) -> Iterator[None]:
        self._asked.clear()
        self._misbehave = misbehave
        try:
            yield
        finally:
            self._misbehave = lambda depot, exchange, asked: False
            self.over.set()

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.close()
        try:
            yield
        finally:
            self.open()

    @contextmanager
    def certified(self, pair: tuple[Path, Path]) -> Iterator[None]:
        """Another certificate and key for a while."""
        assert self._server is not None
        self._server.context = server_context(pair)
        try:
            yield
        finally:
            self._server.context = self._context()

    def _context(self) -> Any:
        return server_context(self.authority.issue("localhost"))

    def _answer(self, exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        path = parts.path.strip("/")
        if path == "login":
            self._log_in(exchange)
        elif path == "me":
            known = self._known(exchange)
            answer(exchange, {"id": 1} if known else {"message": "no session"}, 200 if known else 401)
        else:
            self._list(exchange, path, {name: one for name, (one,) in parse_qs(parts.query).items()})

    def _log_in(self, exchange: Exchange) -> None:
        if json.loads(exchange.body) != {"password": PASSWORD}:
            answer(exchange, {"message": "wrong password"}, 401)
            return
        self._logins += 1
        self.sessions.add(f"session-{self._logins}")
        answer(exchange, {"session": f"session-{self._logins}"})

    def _list(self, exchange: Exchange, path: str, query: dict[str, str]) -> None:
        number = int(query["page"])
        times = self._asked[path, number] = self._asked.get((path, number), 0) + 1
        if self._misbehave(self, exchange, Asked(path, number, times)):
            return
        if not self._known(exchange):
            answer(exchange, {"message": "no session"}, 401)
            return
        answer(exchange, {"rows": self.page(path, number, query.get("since"))})

    def _known(self, exchange: Exchange) -> bool:
        return exchange.headers["X-Session"] in self.sessions


def answer(exchange: Exchange, content: Any, status: int = 200, **headers: str) -> None:
    """Answer JSON, or bytes as they are."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    exchange.reply(status, body, **{"Content_Type": "application/json", **headers})
