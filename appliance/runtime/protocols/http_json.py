"""JSON over HTTP: REST, JSON-RPC and their kin."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import CursorPaging, Http, HttpRead, LinkPaging, NoPaging
from appliance.runtime.paging import first_position, next_position
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.request import compile_request, follow_link
from appliance.runtime.select import Envelope, key_decoder
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template


class JsonPages:
    def __init__(self, source: Source, http: Http, read: HttpRead, *, where: str) -> None:
        self._source = source
        self._read = read
        self._paging = read.paging
        self._vars = compile_template(read.vars, where=f"{where}.vars")
        self._request = compile_request(read.request, http, where=f"{where}.request", safe=True)
        self._count = (
            None
            if read.count_request is None
            else compile_request(read.count_request, http, where=f"{where}.count_request", safe=True)
        )
        following = self._paging.next if isinstance(self._paging, CursorPaging | LinkPaging) else ""
        self._envelope = Envelope(
            read.rows, {"next": following, "count": read.count if not self._count else ""}
        )
        self._counted = Envelope(read.count, {}) if self._count else None

    def first(self) -> Position:
        return first_position(self._paging)

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        size = 1 if sample else getattr(self._paging, "size", 0)
        context = self._context(position, since, size)
        request = self._request(context)
        link = position.get("link")
        if link:
            request = replace(request, url=follow_link(request.url, link), params=[])
        response = self._source.send(request, resuming=resuming)
        rows, beside = self._envelope.read(response.body)
        if rows is None:
            raise SourceAnswerInvalid(
                f"The source's answer holds no rows at {self._read.rows!r}. "
                "Its version may differ from the one this connector knows.",
            )
        following = None if sample else self._next(position, rows, beside)
        return Page(rows, following, self._expected(position, beside, context, sample))

    def _next(self, position: Position, rows: list[bytes], beside: Mapping[str, Any]) -> Position | None:
        if isinstance(self._paging, NoPaging) or not rows:
            return None
        return next_position(
            self._paging, position, len(rows), dict(beside), lambda path: key_decoder([path])(rows[-1])[0]
        )

    def _expected(
        self, position: Position, beside: Mapping[str, Any], context: Mapping[str, Any], sample: bool
    ) -> int | None:
        if self._count is None:
            counted = beside.get("count")
            return int(counted) if isinstance(counted, int | str) and str(counted).isdigit() else None
        if sample or position != self.first():
            return None
        answer = self._source.answer(self._source.send(self._count(context)), self._read.count)
        return answer if isinstance(answer, int) else None

    def _context(self, position: Position, since: Since, size: int) -> dict[str, Any]:
        page = {"size": size, "offset": None, "number": None, "after": None, "cursor": None, **position}
        context = {**self._source.fields, "since": since.moment, "mark": since.mark, "page": page}
        return {**context, **self._vars(context)}
