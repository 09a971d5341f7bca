"""The server: XML-RPC by the codec of the standard library, and JSON-2."""

import json
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulators.odoo.models import Models, OdooError
from tests.simulators.odoo.rows import rows_of_a_company
from tests.transport.servers import Exchange, Server, serving

DATABASE, LOGIN, KEY, UID = "plant", "sync", "odoo-key-1", 5
FAULTS = {"UserError": 2, "ValidationError": 2, "MissingError": 2, "AccessDenied": 3, "AccessError": 4}
STATUSES = {
    "UserError": 404,
    "ValidationError": 422,
    "MissingError": 404,
    "AccessDenied": 401,
    "AccessError": 403,
    "TypeError": 422,
}


class Odoo:
    """Set the attributes of `models` between requests. `throttled`: requests to refuse with 429."""

    def __init__(self, release: int = 17) -> None:
        self.models = Models(rows_of_a_company(release), release)
        self.throttled = 0
        self.calls: list[tuple[str, str, list[Any]]] = []

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        if self.throttled:
            self.throttled -= 1
            exchange.reply(429, b"Too Many Requests", Retry_After="1")
        elif exchange.command != "POST":
            exchange.reply(405, b"")
        elif exchange.path in ("/xmlrpc/2/common", "/xmlrpc/2/object"):
            exchange.reply(200, self._xmlrpc(exchange.path, exchange.body), Content_Type="text/xml")
        elif exchange.path.startswith("/json/2/") and self.models.release >= 19:
            status, content = self._json2(exchange)
            exchange.reply(status, json.dumps(content).encode(), Content_Type="application/json")
        else:
            exchange.reply(404, b"<html><title>404 Not Found</title></html>")

    def _xmlrpc(self, path: str, body: bytes) -> bytes:
        params, method = xmlrpc.client.loads(body)
        try:
            answer: Any = (
                self._common(method, params) if path.endswith("common") else self._object(method, params)
            )
        except OdooError as failure:
            code = FAULTS.get(failure.kind, 1)
            text = (
                f"Traceback (most recent call last):\n{failure.kind}: {failure}"
                if code == 1
                else str(failure)
            )
            answer = xmlrpc.client.Fault(code, text)
        if answer is None:
            # The method has been carried out by then.
            answer = xmlrpc.client.Fault(1, "TypeError: cannot marshal None unless allow_none is enabled")
        content = answer if isinstance(answer, xmlrpc.client.Fault) else (answer,)
        return xmlrpc.client.dumps(content, methodresponse=True).encode()

    def _common(self, method: str | None, params: tuple[Any, ...]) -> Any:
        assert method == "authenticate"
        database, login, password, _ = params
        if database != DATABASE:
            raise OdooError(
                "OperationalError", f'connection failed: FATAL:  database "{database}" does not exist'
            )
        return UID if (login, password) == (LOGIN, KEY) else False

    def _object(self, method: str | None, params: tuple[Any, ...]) -> Any:
        database, uid, password, model, name, args, *named = params
        if method != "execute_kw" or type(uid) is not int:
            raise OdooError("TypeError", "execute_kw takes the number of the user")
        if (database, uid, password) != (DATABASE, UID, KEY):
            raise OdooError("AccessDenied", "Access Denied")
        self.calls.append((model, name, args))
        return self.models.call(model, name, args, named[0] if named else {})

    def _json2(self, exchange: Exchange) -> tuple[int, Any]:
        model, _, method = exchange.path.removeprefix("/json/2/").partition("/")
        try:
            if exchange.headers.get("Authorization") != f"Bearer {KEY}":
                raise OdooError("AccessDenied", "Invalid apikey")
            if exchange.headers.get("X-Odoo-Database", DATABASE) != DATABASE:
                return 404, {"name": "werkzeug.exceptions.NotFound", "message": "Database not found."}
            if not exchange.headers.get("User-Agent") or "json" not in exchange.headers.get(
                "Content-Type", ""
            ):
                return 415, "a JSON body"
            named = json.loads(exchange.body)
            self.calls.append((model, method, [named.get("domain")]))
            return 200, self.models.call(model, method, [], named)
        except OdooError as failure:
            name = f"odoo.exceptions.{failure.kind}" if failure.kind in FAULTS else f"builtins.{failure.kind}"
            error = {
                "name": name,
                "message": str(failure),
                "arguments": [str(failure)],
                "debug": "Traceback …",
            }
            return STATUSES.get(failure.kind, 500), error
