"""One OData service of a source: its metadata, its addresses, requests to it, and reads of single entities."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from appliance.runtime.definition import Http, RequestTemplate
from appliance.runtime.protocols.odata.batch import Operation, Part, decode_batch, encode_batch
from appliance.runtime.protocols.odata.edmx import Metadata, parse_metadata
from appliance.runtime.protocols.odata.literals import key_predicate
from appliance.runtime.request import compile_request, follow_link, join
from appliance.runtime.select import decode, encode
from appliance.runtime.source import Source
from appliance.transport.http import Request, Response

KEYS_A_BATCH = 50

_ACCEPT = {
    2: {"Accept": "application/json"},
    # Numbers as text keep all their digits, whatever the service computes with.
    4: {
        "Accept": "application/json;odata.metadata=minimal;IEEE754Compatible=true",
        "OData-MaxVersion": "4.0",
    },
}


class ODataService:
    """`path` leads from `http.base_url` to the service; `version` is 2 or 4."""

    def __init__(self, source: Source, http: Http, path: str, version: int, *, where: str) -> None:
        self.version = version
        self._source = source
        self._path = path
        self._root = compile_request(RequestTemplate(path=path), http, where=where, safe=True)

    def metadata(self) -> Metadata:
        """Read once for a source. Raises SourceError."""

        def load() -> Metadata:
            request = self.request("$metadata", [])
            request = replace(request, headers={**request.headers, "Accept": "application/xml"})
            return parse_metadata(self._source.send(request).body)

        return self._source.learned(("metadata", self._path, self.version), load)

    def request(
        self, path: str, params: Sequence[tuple[str, str]], headers: Mapping[str, str] | None = None
    ) -> Request:
        """A GET of a path below the service."""
        root = self._root(self._source.fields)
        return replace(
            root,
            url=join(root.url, path),
            params=[*root.params, *params],
            headers={**root.headers, **_ACCEPT[self.version], **(headers or {})},
        )

    def following(self, request: Request, link: str) -> Request:
        """`request` for a link the service gave out, with the parameters of `request` that the link lacks.

        What every request carries, such as the SAP client, many services leave out of their links.
        """
        url = follow_link(request.url, link)
        there = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
        return replace(request, url=url, params=[pair for pair in request.params if pair[0] not in there])

    def batch(self, parts: Sequence[Part], *, safe: bool, interactive: bool = False) -> list[Response]:
        """The answers to the operations of a `$batch`, unjudged. `safe`: all of them may be repeated."""
        content_type, body = encode_batch(parts)
        request = self.request("$batch", [], {"Content-Type": content_type, "Accept": "multipart/mixed"})
        request = replace(request, method="POST", body=body, safe=safe)
        return decode_batch(self._source.send(request, interactive=interactive))

    def read_keys(
        self,
        set_name: str,
        keys: Sequence[Mapping[str, Any]],
        params: Sequence[tuple[str, str]] = (),
    ) -> list[bytes | None]:
        """Entities by their keys as JSON texts, None for those that are not there.

        `keys` hold the key properties, as JSON answers give them. One `$batch` for 50 keys. Raises SourceError
        when one of them is refused.
        """
        metadata = self.metadata()
        kind = metadata.sets[set_name]
        query = "&".join(f"{name}={quote(value, safe='$,:@/()')}" for name, value in params)
        rows: list[bytes | None] = []
        for begin in range(0, len(keys), KEYS_A_BATCH):
            operations = [
                Operation(
                    "GET",
                    set_name
                    + quote(key_predicate(self.version, kind, key, metadata.enums), safe="()'=,")
                    + (f"?{query}" if query else ""),
                    dict(_ACCEPT[self.version]),
                )
                for key in keys[begin : begin + KEYS_A_BATCH]
            ]
            rows += [self._entity(answer) for answer in self.batch(operations, safe=True)]
        return rows

    def _entity(self, answer: Response) -> bytes | None:
        if answer.status == 404:
            return None
        self._source.judge(answer)
        entity = decode(answer.body)
        return encode(entity.get("d") if self.version == 2 else entity)
