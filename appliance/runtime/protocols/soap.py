"""Rows from an operation of a SOAP service that a WSDL describes."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import CursorPaging, Http, LinkPaging, RequestTemplate, SoapRead
from appliance.runtime.errors import EndOfData
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.reading.paging import Answered, call_context, first_position, next_position
from appliance.runtime.request import compile_request, follow_link, join
from appliance.runtime.select import dig, encode, steps
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template
from appliance.transport.http import Request, Response
from appliance.transport.soap import SoapClient


class SoapPages:
    """Addresses of the WSDL keep path and query; scheme and host always are the configured ones."""

    def __init__(self, source: Source, http: Http, read: SoapRead, *, where: str) -> None:
        self._source = source
        self._read = read
        self._root = compile_request(RequestTemplate(), http, where=where, safe=True)
        self._wsdl = compile_template(read.wsdl, where=f"{where}.wsdl")
        self._vars = compile_template(read.vars, where=f"{where}.vars")
        self._arguments = compile_template(read.arguments, where=f"{where}.arguments")

    def first(self) -> Position:
        return first_position(self._read.paging)

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        read = self._read
        context = call_context(self._source.fields, self._vars, read.paging, position, since, sample=sample)
        try:
            result = _plain(self._client().call(read.operation, self._arguments(context)))
        except EndOfData:
            return Page([], None)
        found = dig(result, steps(read.rows)) if read.rows else result
        if found is None and read.rows and dig(result, steps(read.rows)[:-1]) is None and result is not None:
            raise SourceAnswerInvalid(f"The result of {read.operation} holds nothing at {read.rows!r}.")
        rows = [encode(row) for row in (found if isinstance(found, list) else [found] if found else [])]
        if sample:
            return Page(rows[:1], None)
        following = read.paging.next if isinstance(read.paging, CursorPaging | LinkPaging) else ""
        counted = str(dig(result, steps(read.count))) if read.count else ""
        count = int(counted) if counted.isdigit() else None
        answered = Answered(rows, dig(result, steps(following)) if following else None, count, exact=True)
        return Page(rows, next_position(read.paging, position, answered), count)

    def _client(self) -> SoapClient:
        """The loaded WSDL, once for a source."""
        read = self._read
        address = join(self._root(self._source.fields).url, str(self._wsdl(self._source.fields)))

        def load() -> SoapClient:
            return SoapClient(
                address,
                service=read.service,
                port=read.port,
                fetch=self._fetch,
                post=self._post,
                clean=self._source.cleaned,
            )

        return self._source.learned(("wsdl", address, read.service, read.port, read.endpoint), load)

    def _fetch(self, address: str) -> bytes:
        return self._source.send(self._at(address)).body

    def _post(self, address: str, message: bytes, headers: Mapping[str, str]) -> Response:
        request = self._at(address)
        if self._read.endpoint:
            request = replace(request, url=join(self._root(self._source.fields).url, self._read.endpoint))
        sent = {**request.headers, **{name: str(value) for name, value in headers.items()}}
        return self._source.send(replace(request, method="POST", body=message, headers=sent))

    def _at(self, address: str) -> Request:
        """A request to an address of the WSDL on the configured host, with the query parameters of every request."""
        root = self._root(self._source.fields)
        there = {name for name, _ in parse_qsl(urlsplit(address).query, keep_blank_values=True)}
        return replace(
            root,
            url=follow_link(root.url, address),
            params=[(name, value) for name, value in root.params if name not in there],
            headers={**root.headers, "Accept": "text/xml, application/soap+xml"},
        )


def _plain(value: Any) -> Any:
    """Data that JSON can hold: times as ISO 8601, bytes as base64, floats by their shortest digits."""
    match value:
        case None | bool() | int() | str() | Decimal():
            return value
        case float():
            return Decimal(repr(value)) if abs(value) < float("inf") else None
        case datetime() | date() | time():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case _:
            return str(value)
