"""The node: one system with tables, one user, one client."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import defusedxml.ElementTree

from tests.transport.servers import Exchange, Server, serving

from .condition import parse

RFC = "{urn:sap-com:document:sap:rfc:functions}"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
WIDTH = 512
LINE = 72


class AbapException(Exception):
    """Answered as HTTP 500 with a fault."""


@dataclass
class Table:
    """`columns` are name, length and ABAP type; `rows` hold texts as the module writes them."""

    columns: tuple[tuple[str, int, str], ...]
    rows: list[dict[str, str]] = field(default_factory=list)


class SapNode:
    """`unsorted`: rows come in reverse. `calls`: the parameters of every call. `before`: called before each answer."""

    user, password, client = "SYNC", "Welcome1", "100"

    def __init__(self, **tables: Table) -> None:
        self.tables = tables
        self.unsorted = False
        self.knows_get_sorted = False
        self.forbidden: set[str] = set()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.before: Any = lambda function, parameters: None

    @contextmanager
    def served(self) -> Iterator[Server]:
        with serving(self._serve) as server:
            yield server

    def _serve(self, exchange: Exchange) -> None:
        address = urlsplit(exchange.path)
        proof = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if address.path != "/sap/bc/soap/rfc":
            exchange.reply(404, b"<html><title>404 Not Found</title></html>", Content_Type="text/html")
        elif exchange.headers.get("Authorization") != f"Basic {proof}":
            exchange.reply(401, b"<html>Logon failed</html>", Content_Type="text/html")
        elif parse_qs(address.query).get("sap-client") != [self.client]:
            exchange.reply(500, _fault("No logon to this client"), Content_Type="text/xml")
        else:
            try:
                exchange.reply(200, self._answer(exchange.body), Content_Type="text/xml; charset=utf-8")
            except AbapException as exception:
                exchange.reply(500, _fault(str(exception)), Content_Type="text/xml; charset=utf-8")

    def _answer(self, body: bytes) -> bytes:
        envelope = defusedxml.ElementTree.fromstring(body)
        call = envelope.find(f"{SOAP}Body")[0]
        if not call.tag.startswith(RFC):
            raise AbapException("the module is not in SAP's namespace")
        function = call.tag.removeprefix(RFC).replace("_-", "/")
        parameters = {child.tag: _value(child) for child in call}
        self.calls.append((function, parameters))
        self.before(function, parameters)
        module = {"RFC_READ_TABLE": self._read_table, "/PLANT/READ_TABLE": self._read_table}.get(function)
        exported = module(parameters) if module else self._other(function, parameters)
        name = function.replace("/", "_-")
        inner = "".join(f"<{key}>{_written(value)}</{key}>" for key, value in exported.items())
        return (
            '<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">'
            f'<SOAP-ENV:Body><urn:{name}.Response xmlns:urn="{RFC[1:-1]}">{inner}</urn:{name}.Response>'
            "</SOAP-ENV:Body></SOAP-ENV:Envelope>"
        ).encode()

    def _other(self, function: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if function != "BAPI_EQUI_GETLIST":
            raise AbapException(f"FU_NOT_FOUND: {function}")
        failed = parameters.get("WERKS") == "9999"
        message = {"TYPE": "E", "ID": "IL", "NUMBER": "001", "MESSAGE": "Plant 9999 does not exist"}
        tables: dict[str, Any] = {
            "RETURN": [message] if failed else [],
            "EQUIPMENT_LIST": [] if failed else [{"EQUIPMENT": "10000001", "DESCRIPT": "Pump & motor"}],
        }
        return {"COUNT": "1", **{name: rows for name, rows in tables.items() if name in parameters}}

    def _read_table(self, parameters: dict[str, Any]) -> dict[str, Any]:
        name = parameters["QUERY_TABLE"]
        if name not in self.tables:
            raise AbapException("TABLE_NOT_AVAILABLE")
        if name in self.forbidden:
            raise AbapException("NOT_AUTHORIZED")
        if "GET_SORTED" in parameters and not self.knows_get_sorted:
            raise AbapException("CALL_FUNCTION_PARM_UNKNOWN")
        table = self.tables[name]
        lengths = {column: length for column, length, _ in table.columns}
        types = {column: kind for column, _, kind in table.columns}
        wanted = [row["FIELDNAME"] for row in _rows(parameters.get("FIELDS"))] or list(lengths)
        if not set(wanted) <= set(lengths):
            raise AbapException("FIELD_NOT_VALID")
        delimiter = parameters.get("DELIMITER") or ""
        offset, described = 0, []
        for column in wanted:
            described.append(
                {"FIELDNAME": column, "OFFSET": f"{offset:06}", "LENGTH": f"{lengths[column]:06}"}
                | {"TYPE": types[column], "FIELDTEXT": column.title()}
            )
            offset += lengths[column] + len(delimiter)
        if parameters.get("NO_DATA") == "X":
            return self._sent(parameters, FIELDS=described, DATA=[])
        if offset - len(delimiter) > WIDTH:
            raise AbapException("DATA_BUFFER_EXCEEDED")
        rows = self._found(table, parameters)
        data = [
            {"WA": delimiter.join(row[c].ljust(lengths[c])[: lengths[c]] for c in wanted).rstrip()}
            for row in rows
        ]
        return self._sent(parameters, FIELDS=described, DATA=data)

    def _found(self, table: Table, parameters: dict[str, Any]) -> list[dict[str, str]]:
        lines = [row["TEXT"] for row in _rows(parameters.get("OPTIONS"))]
        if any(len(line) > LINE for line in lines):
            raise AbapException("OPTION_NOT_VALID: a line is longer than its field")
        try:
            test = parse(
                "".join(line.ljust(LINE) for line in lines), {column for column, _, _ in table.columns}
            )
        except ValueError as reason:
            raise AbapException(f"OPTION_NOT_VALID: {reason}") from None
        rows = [row for row in table.rows if test(row)]
        if self.unsorted and "GET_SORTED" not in parameters:
            rows.reverse()
        skip, count = int(parameters.get("ROWSKIPS") or 0), int(parameters.get("ROWCOUNT") or 0)
        return rows[skip : skip + count] if count else rows[skip:]

    def _sent(self, parameters: dict[str, Any], **tables: list[Any]) -> dict[str, Any]:
        return {name: rows for name, rows in tables.items() if name in parameters}


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _value(element: Any) -> Any:
    if not len(element):
        return element.text or ""
    if element[0].tag == "item":
        return [_value(child) for child in element]
    return {child.tag: _value(child) for child in element}


def _written(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<item>{_written(row)}</item>" for row in value)
    if isinstance(value, dict):
        return "".join(f"<{name}>{_written(inner)}</{name}>" for name, inner in value.items())
    return escape(str(value))


def _fault(text: str) -> bytes:
    return (
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body>'
        f"<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>{escape(text)}</faultstring>"
        "<detail/></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>"
    ).encode()
