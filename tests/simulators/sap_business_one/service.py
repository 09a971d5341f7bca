"""Sessions, and sets of rows in memory."""

import copy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.simulators.odata4.filter import Wrong, parse_filter
from tests.transport.servers import Exchange, Server, serving

from .metadata import KEYS, SECRET, SETS, TYPES, document
from .rows import ROWS
from .writes import Refused, change

_ROOT = "/b1s/v2/"
_PAGE = 20
_OPTIONS = {"$select", "$filter", "$orderby", "$top", "$skip", "$count"}
_DATED = re.compile(r"(\w+) (?:eq|gt|ge|lt) '([^']*)'")


class ServiceLayer:
    """`forbidden`: sets the user may not read. `busy`: how many of the next requests find no worker.

    `asked` keeps the options of every read by set, `logins` counts, `sessions` are those that are open.
    """

    company, user, password = "SBOPLANT", "appliance", "Pass-1!"

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = copy.deepcopy(ROWS)
        self.forbidden: set[str] = set()
        self.unfilterable: set[str] = set()
        self.busy = 0
        self.logins = 0
        self.sessions: set[str] = set()
        self.asked: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def put(self, name: str, **row: Any) -> None:
        self.rows[name].append(row)
        key = KEYS[SETS[name]]
        self.rows[name].sort(key=lambda row: row[key])

    def expire(self) -> None:
        self.sessions.clear()

    def _serve(self, exchange: Exchange) -> None:
        if exchange.headers.get("Expect"):
            exchange.reply(500, b"")
            return
        if self.busy:
            self.busy -= 1
            exchange.reply(
                503, b"<html><title>503 Service Unavailable</title></html>", Content_Type="text/html"
            )
            return
        address = urlsplit(exchange.path)
        if not address.path.startswith(_ROOT):
            exchange.reply(404, b"<html><title>404 Not Found</title></html>", Content_Type="text/html")
            return
        path = unquote(address.path.removeprefix(_ROOT))
        if (exchange.command, path) == ("POST", "Login"):
            self._log_in(exchange)
            return
        cookies = SimpleCookie(exchange.headers.get("Cookie", ""))
        session = cookies["B1SESSION"].value if "B1SESSION" in cookies else ""
        if session not in self.sessions or "ROUTEID" not in cookies:
            _refuse(exchange, 401, 301, "Invalid session or session already timeout.")
        elif (exchange.command, path) == ("POST", "Logout"):
            self.sessions.discard(session)
            exchange.reply(204, b"")
        else:
            self._answer(exchange, path, dict(parse_qsl(address.query, keep_blank_values=True)))

    def _log_in(self, exchange: Exchange) -> None:
        given = json.loads(exchange.body)
        self.logins += 1
        if given != {"CompanyDB": self.company, "UserName": self.user, "Password": self.password}:
            _refuse(exchange, 401, -304, "Fail to get DB Credentials from SLD")
            return
        session = f"session-{self.logins}"
        self.sessions.add(session)
        body = json.dumps({"SessionId": session, "Version": "1000190", "SessionTimeout": 30}).encode()
        exchange.send_response(200)
        exchange.send_header("Content-Type", "application/json")
        exchange.send_header("Set-Cookie", f"B1SESSION={session};HttpOnly;")
        exchange.send_header("Set-Cookie", "ROUTEID=.node1; path=/b1s")
        exchange.send_header("Content-Length", str(len(body)))
        exchange.end_headers()
        exchange.wfile.write(body)

    def _answer(self, exchange: Exchange, path: str, options: dict[str, str]) -> None:
        if exchange.command == "GET":
            self._read(exchange, path, options)
            return
        try:
            status, answer = change(self.rows, self.forbidden, exchange.command, path, exchange.body)
        except Refused as refused:
            _refuse(exchange, refused.status, refused.code, str(refused))
            return
        body = json.dumps(answer).encode() if answer is not None else b""
        exchange.reply(status, body, **({"Content_Type": "application/json"} if body else {}))

    def _read(self, exchange: Exchange, path: str, options: dict[str, str]) -> None:
        if path == "$metadata":
            exchange.reply(200, document().encode(), Content_Type="application/xml")
            return
        if path == "":
            exchange.reply(200, json.dumps({"value": [{"name": n} for n in SETS]}).encode())
            return
        if path in self.forbidden:
            _refuse(exchange, 403, -1, "You are not permitted to perform this action")
            return
        if path not in SETS:
            _refuse(exchange, 404, -2028, "No matching records found (ODBC -2028)")
            return
        self.asked.append((path, options))
        try:
            answer = self._page(path, options, exchange.headers.get("Prefer", ""))
        except Wrong as wrong:
            _refuse(exchange, wrong.status, -1000, str(wrong))
            return
        exchange.reply(200, json.dumps(answer).encode(), Content_Type="application/json")

    def _page(self, name: str, options: dict[str, str], prefer: str) -> dict[str, Any]:
        kind = SETS[name]
        types = TYPES[kind]
        if not set(options) <= _OPTIONS:
            raise Wrong(f"unknown option in {sorted(options)}")
        names = options.get("$select", "").split(",") if options.get("$select") else list(types)
        for title in [*names, *options.get("$orderby", KEYS[kind]).split(",")]:
            if title not in types:
                raise Wrong(f"Property '{title}' of '{kind}' is invalid")
        if SECRET & set(names):
            raise AssertionError("a password is read")
        test = self._filter(options.get("$filter", ""), types)
        order = options.get("$orderby", KEYS[kind])
        rows = [row for row in self.rows[name] if test({**dict.fromkeys(types), **row})]
        rows.sort(key=lambda row: row[order])
        begin = int(options.get("$skip", 0))
        asked = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        size = int(asked[1]) if asked else _PAGE
        limit = int(options["$top"]) if "$top" in options else len(rows)
        shown = rows[begin : begin + min(size, limit)]
        answer: dict[str, Any] = {"@odata.context": f"$metadata#{name}"}
        if options.get("$count") == "true":
            answer["@odata.count"] = len(rows)
        answer["value"] = [{title: row.get(title) for title in names} for row in shown]
        if begin + size < min(len(rows), begin + limit):
            kept = {**options, "$skip": str(begin + size)}
            answer["@odata.nextLink"] = f"{name}?" + "&".join(f"{k}={quote(v)}" for k, v in kept.items())
        return answer

    def _filter(self, text: str, types: dict[str, str]) -> Any:
        """Dates and enumerations are compared in quotes, like texts; a date must be one."""
        if not text:
            return lambda row: True
        for title, value in _DATED.findall(text):
            if title in self.unfilterable:
                raise Wrong(f"{title} cannot be filtered")
            if types.get(title) == "Edm.DateTimeOffset" and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                raise Wrong(f"{value} is no date")
        plain = {
            title: "Edm.Int32" if kind == "Edm.Int32" else "Edm.String"
            for title, kind in types.items()
            if not kind.startswith("Collection")
        }
        return parse_filter(text, plain, {})


def _refuse(exchange: Exchange, status: int, code: int, message: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    exchange.reply(status, body, Content_Type="application/json")
