"""Reads one record over HTTP by the source's key."""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.errors import SourceError
from appliance.runtime.definition import Http, HttpRead, One
from appliance.runtime.document import XmlEnvelope, XmlRpcEnvelope, read_document
from appliance.runtime.request import compile_request
from appliance.runtime.select import Envelope, dig, encode, steps
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template


class SingleRow:
    def __init__(self, http: Http, read: HttpRead, one: One, *, where: str) -> None:
        own = one.request
        self._record = one.record
        self._request = compile_request(own or read.request, http, where=f"{where}.request", safe=True)
        self._vars = compile_template({**({} if own else read.vars), **one.vars}, where=f"{where}.vars")

    def find(
        self,
        source: Source,
        envelope: Envelope | XmlEnvelope | XmlRpcEnvelope,
        context: Mapping[str, Any],
        key: Sequence[Any],
    ) -> bytes | None:
        """The row as the source answers it, None when it has none (a list without it, or status 404 or 410)."""
        asked = {**context, "key": list(key)}
        try:
            response = source.send(self._request({**asked, **self._vars(asked)}), interactive=True)
        except SourceError as failure:
            if failure.details.get("status") in (404, 410):
                return None
            raise
        if self._record is None:
            rows, _ = envelope.read(response.body)
            return rows[0] if rows else None
        found = dig(read_document(response.body), steps(self._record) if self._record else [])
        return encode(found) if isinstance(found, dict) else None
