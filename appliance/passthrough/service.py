"""Hands requests on, by the rules of the connection, and records each."""

import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.clock import Clock
from appliance.connections.condition.health import Health
from appliance.connections.lifecycle import Connections
from appliance.connections.tables import CONNECTED, OFFLINE, Connection
from appliance.errors import ApplianceError, ConfigurationError, Conflict, InvalidInput
from appliance.passthrough.rules import METHODS, Rules
from appliance.passthrough.tables import Call, PassthroughTable
from appliance.runtime.connector import Connector
from appliance.runtime.passthrough import forward, query_rows, told_headers
from appliance.store.database import Database
from appliance.transport.http import Response

log = logging.getLogger(__name__)

MOST_ROWS = 1_000
LARGEST_ANSWER = 8 * 1024 * 1024
_ASKED = frozenset(("path", "method", "headers", "query", "base64encoded", "body", "sql", "parameters"))

OpenConnector = Callable[[Connection], Connector]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, for the record."""

    name: str
    request_id: str


class Passthrough:
    def __init__(
        self,
        database: Database,
        connections: Connections,
        health: Health,
        open_connector: OpenConnector,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._health = health
        self._open_connector = open_connector
        self._clock = clock
        self.table = PassthroughTable(database)

    def open_for(self, connection_id: str, rules: list[str], *, by: str) -> Rules:
        """Set what a connection may hand on; an empty list closes it. Raises InvalidInput."""
        connection = self._connections.get(connection_id)
        opened = Rules.of(rules)
        self.table.set_rules(connection.id, opened, by=by, now=self._clock.now_ms())
        log.warning("pass-through of connection %s set to %s by %s", connection.id, list(opened.texts), by)
        return opened

    def do(self, connection_id: str, asked: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Status, headers and body of the answer, or the rows of a query.

        Raises InvalidInput, PassthroughClosed, Conflict for a connection that is not connected, SourceError.
        """
        connection = self._connections.get(connection_id)
        if connection.status not in (CONNECTED, OFFLINE):
            raise Conflict("This connection is disconnected, or waits to be reauthorized.")
        unknown = set(asked) - _ASKED
        if unknown:
            raise InvalidInput(f"There is no {min(unknown)!r} here. There are: {', '.join(sorted(_ASKED))}.")
        method = "SQL" if asked.get("sql") else str(asked.get("method") or "").upper()
        what = str(asked.get("sql") or asked.get("path") or "")
        began = self._clock.monotonic()
        status, size, error = None, 0, None
        try:
            if method == "SQL":
                answer = self._query(connection, asked)
            else:
                answer, size = self._request(connection, method, what, asked)
                status = answer["status"]
        except ApplianceError as failure:
            error = failure.code
            raise
        finally:
            spent = round((self._clock.monotonic() - began) * 1000)
            self.table.note(
                Call(
                    *(connection.id, self._clock.now_ms(), caller.name, caller.request_id, method[:10]),
                    *(what[:2000], status, spent, size, error),
                )
            )
        return answer

    def _request(
        self, connection: Connection, method: str, path: str, asked: Mapping[str, Any]
    ) -> tuple[dict[str, Any], int]:
        if method not in METHODS:
            raise InvalidInput(f"method is one of {', '.join(METHODS)}.", details={"parameter": "method"})
        self.table.rules(connection.id).check(method, path)
        headers = _texts(asked.get("headers"), "headers")
        query = _pairs(asked.get("query"))
        body, content_type = _body(asked)
        if content_type and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = content_type
        connector = self._open_connector(connection)
        try:
            response = forward(connector, method, path, query=query, headers=headers, body=body)
        except ApplianceError as failure:
            self._health.source_failed(connection, connector, failure)
            raise
        finally:
            connector.close()
        # The answer is handed on unjudged; only a good one proves something.
        if response.status < 300:
            self._health.source_answered(connection)
        return _told(response), len(response.body)

    def _query(self, connection: Connection, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.table.rules(connection.id).check_sql()
        given = asked.get("parameters") or {}
        if isinstance(given, list):
            given = {str(number): value for number, value in enumerate(given, 1)}
        if not isinstance(given, dict) or not isinstance(asked["sql"], str):
            raise InvalidInput("sql is a text, and parameters a list (:1, :2) or an object (:name).")
        connector = self._open_connector(connection)
        try:
            rows = query_rows(connector, asked["sql"], given, most=MOST_ROWS)
        except ConfigurationError as refusal:
            raise InvalidInput(refusal.message, details={"parameter": "sql"}) from None
        except ApplianceError as failure:
            self._health.source_failed(connection, connector, failure)
            raise
        finally:
            connector.close()
        self._health.source_answered(connection)
        return {"rows": rows}


def _told(response: Response) -> dict[str, Any]:
    if len(response.body) > LARGEST_ANSWER:
        raise InvalidInput(f"The answer is larger than {LARGEST_ANSWER // 2**20} MB. Ask for a part of it.")
    told: dict[str, Any] = {
        "status": response.status,
        "headers": told_headers(response),
        "base64encoded": False,
    }
    try:
        if "json" in (response.header("Content-Type") or ""):
            msgspec.json.decode(response.body)
            return {**told, "body": msgspec.Raw(response.body)}
        return {**told, "body": response.body.decode("utf-8")}
    except (UnicodeDecodeError, msgspec.DecodeError):
        return {**told, "body": base64.b64encode(response.body).decode(), "base64encoded": True}


def _body(asked: Mapping[str, Any]) -> tuple[bytes | None, str]:
    body = asked.get("body")
    if body is None:
        return None, ""
    if asked.get("base64encoded"):
        try:
            return base64.b64decode(str(body), validate=True), "application/octet-stream"
        except (binascii.Error, ValueError):
            raise InvalidInput(
                "body is not Base64, as base64encoded says.", details={"parameter": "body"}
            ) from None
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return msgspec.json.encode(body), "application/json"


def _texts(given: Any, name: str) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidInput(f"{name} is an object of texts.", details={"parameter": name})
    return dict(given)


def _pairs(given: Any) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise InvalidInput("query is an object; a list repeats the name.", details={"parameter": "query"})
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        for single in value if isinstance(value, list) else [value]:
            if not isinstance(single, str | int | float | bool):
                raise InvalidInput(f"query.{name[:60]} is a text, a number or a list of them.")
            pairs.append((str(name), str(single).lower() if isinstance(single, bool) else str(single)))
    return pairs
