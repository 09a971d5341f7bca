"""JSON, XML and XML-RPC over HTTP: REST, remote calls and their kin."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from appliance.errors import SourceAnswerInvalid, SourceError
from appliance.runtime.definition import CursorPaging, Http, HttpRead, KeysetPaging, LinkPaging
from appliance.runtime.document import envelope, read_document
from appliance.runtime.errors import EndOfData, EndOfPages
from appliance.runtime.mapping.transforms import text
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.reading.children import ChildRows
from appliance.runtime.reading.learned import learned_values
from appliance.runtime.reading.local_time import local_time
from appliance.runtime.reading.newest_first import Newest
from appliance.runtime.reading.overlap import fresh
from appliance.runtime.reading.paging import (
    Answered,
    after_row,
    first_position,
    is_past_the_end,
    next_position,
    page_variables,
    plain,
)
from appliance.runtime.reading.shape import Row, explode, kept, pivot, with_details
from appliance.runtime.reading.single import SingleRow
from appliance.runtime.request import compile_request, follow_link
from appliance.runtime.select import decode, encode, key_decoder
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template


class JsonPages:
    def __init__(
        self,
        source: Source,
        http: Http,
        read: HttpRead,
        *,
        where: str,
        each: Mapping[str, Any] | None = None,
    ) -> None:
        self._source = source
        self._http = http
        self._known = source.fields if each is None else {**source.fields, "each": each}
        self._read = read
        self._paging = read.paging
        self._always = frozenset(http.query)
        self._vars = compile_template(read.vars, where=f"{where}.vars")
        self._request = compile_request(read.request, http, where=f"{where}.request", safe=True)
        self._count = (
            None
            if read.count_request is None
            else compile_request(read.count_request, http, where=f"{where}.count_request", safe=True)
        )
        self._detail = (
            None
            if read.detail is None
            else compile_request(read.detail.request, http, where=f"{where}.detail", safe=True)
        )
        self._children = [
            ChildRows(source, http, read, children, where=f"{where}.children[{number}]")
            for number, children in enumerate(read.children)
        ]
        self._one = None if read.one is None else SingleRow(http, read, read.one, where=f"{where}.one")
        following = self._paging.next if isinstance(self._paging, CursorPaging | LinkPaging) else ""
        beside = {"next": following, "count": "" if self._count else read.count}
        self._envelope = envelope(read.answer, read.rows, beside)
        self._mark = key_decoder([read.mark]) if read.mark and isinstance(read.mark, str) else None
        self._goes_on_by_key = isinstance(read.mark, tuple) and bool(read.mark)
        self._newest = (
            None
            if read.newest_first is None
            else Newest(read.newest_first, source.fields.get("time_zone") or None, where=where)
        )
        self._looks_into_rows = bool(
            read.mark or read.newest_first or self._is_reshaped() or isinstance(read.paging, KeysetPaging)
        )
        self._add = compile_template(read.add, where=f"{where}.add")(source.fields)
        self._also = [encode(row) for row in read.also]

    def first(self) -> Position:
        return first_position(self._paging)

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        asked = position
        if self._goes_on_by_key and position["after"] is None:
            asked = {**position, "after": since.mark}
        context = self._context(asked, since, 1 if sample else getattr(self._paging, "size", 0))
        request = self._request(context)
        if position.get("link"):
            url = follow_link(request.url, position["link"])
            there = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
            # What every request carries some sources leave out of their links.
            carried = [pair for pair in request.params if pair[0] in self._always - there]
            request = replace(request, url=url, params=carried)
        try:
            response = self._source.send(request, resuming=resuming)
        except EndOfPages:
            if position == self.first():
                raise
            return Page(self._also, None)
        except EndOfData:
            return Page(self._also, None)
        except SourceError as refusal:
            if not is_past_the_end(position, refusal):
                raise
            return Page(self._also, None)
        rows, beside = self._envelope.read(response.body)
        if rows is None:
            raise SourceAnswerInvalid(
                f"The source's answer holds no rows at {self._read.rows!r}. "
                "Its version may differ from the one this connector knows.",
            )
        if self._looks_into_rows and not all(row.startswith(b"{") for row in rows):
            raise SourceAnswerInvalid(
                f"What the source's answer holds at {self._read.rows!r} are not records."
            )
        counted = str(beside.get("count"))
        count = int(counted) if counted.isdigit() else None
        link_header = response.headers.get("Link", "")
        answered = Answered(rows, beside.get("next"), count, link_header)
        following = None if sample else next_position(self._paging, position, answered)
        following, notices = self._stopped(position, following, rows, since)
        rows = fresh(position, rows)
        mark = self._highest(rows, position.get("mark", since.mark))
        if following is not None and mark is not None:
            following = {**following, "mark": mark}
        expected = self._expected(position, count, context, sample) if self._counts(since) else None
        shaped, rejected = self._shaped(rows, context)
        found = shaped if following else shaped + self._also
        return Page(found, following, expected, mark, notices, rejected=rejected)

    def _stopped(
        self, position: Position, following: Position | None, rows: list[bytes], since: Since
    ) -> tuple[Position | None, tuple[str, ...]]:
        """The next position, None where rows come newest first and what follows is older than asked for."""
        if (
            self._newest is None
            or following is None
            or since.moment is None
            or "back" in following
            or not rows
        ):
            return following, ()
        if position.get("unordered") or not self._newest.falls(rows):
            told = "The source does not list what changed last first: every pass reads all rows."
            return {**following, "unordered": True}, () if position.get("unordered") else (told,)
        return None if self._newest.is_behind(rows[-1], since.moment) else following, ()

    def one(self, names: Sequence[str], key: Sequence[Any]) -> bytes | None:
        """The row with these values of the source's key; None when there is none, or `one` is not declared."""
        if self._one is None:
            return None
        context = self._context(self.first(), Since(), 1)
        found = self._one.find(self._source, self._envelope, context, key)
        shaped = self._shaped([found], context)[0] if found is not None else []
        if not self._read.explode:
            return shaped[0] if shaped else None
        # A row of several, such as one bin of a part.
        values, wanted = key_decoder(list(names)), [text(part) for part in key]
        return next((row for row in shaped if [text(value) for value in values(row)] == wanted), None)

    def _is_reshaped(self) -> bool:
        read = self._read
        return bool(
            read.explode
            or read.pivot
            or read.detail
            or read.children
            or read.only
            or read.without
            or read.add
        )

    def _shaped(self, rows: list[bytes], context: Mapping[str, Any]) -> tuple[list[bytes], tuple[str, ...]]:
        """The rows in the shape the mapping expects, and why others are not among them.

        Most reads need none and are not decoded.
        """
        read = self._read
        if not self._is_reshaped():
            return rows, ()
        rejected: tuple[str, ...] = ()
        # Left out first, so that no detail is asked for in vain.
        shaped: list[Row] = kept([decode(row) for row in rows], read.only, read.without)
        if read.detail is not None and self._detail is not None:
            prepare = self._detail
            shaped, gone = with_details(
                shaped,
                read.detail,
                lambda row: read_document(self._source.send(prepare({**context, "row": row})).body),
            )
            rejected = tuple(f"A listed row is gone, or hidden from the user: {one.message}" for one in gone)
        for children in self._children:
            shaped = children.put_into(shaped, context)
        if read.pivot is not None:
            shaped = pivot(shaped, read.pivot)
        if read.explode:
            shaped = explode(shaped, read.explode)
        return [encode({**row, **self._add}) for row in shaped], rejected

    def _highest(self, rows: list[bytes], before: Any) -> Any:
        """The highest mark of these rows and those before; pages need not come in its order, but for a keyset."""
        if self._goes_on_by_key and isinstance(self._paging, KeysetPaging):
            return after_row(self._paging, rows[-1]) if rows else before
        if self._mark is None:
            return None
        marks = [value for row in rows for value in map(plain, self._mark(row)) if value is not None]
        return max([*marks, *([] if before is None else [before])], default=None)

    def _counts(self, since: Since) -> bool:
        """Whether the source counts the rows that a pass gives, rather than what they are made or chosen of."""
        ends_early = self._newest is not None and since.moment is not None
        return not (ends_early or self._read.explode or self._read.only or self._read.without)

    def _expected(
        self, position: Position, count: int | None, context: Mapping[str, Any], sample: bool
    ) -> int | None:
        if self._count is None or sample or position != self.first():
            return count
        answer = self._source.answer(self._source.send(self._count(context)), self._read.count)
        return answer if isinstance(answer, int) else None

    def _context(self, position: Position, since: Since, size: int) -> dict[str, Any]:
        page = page_variables(self._paging, position, size)
        local = local_time(since.moment, self._source.fields.get("time_zone"))
        context = {
            **self._known,
            "learned": learned_values(self._source, self._http),
            "since": since.moment,
            "since_local": local,
            "mark": since.mark,
            "page": page,
            "window": {
                "from": since.moment,
                "to": since.until,
                "from_local": local,
                "to_local": local_time(since.until, self._source.fields.get("time_zone")),
            },
        }
        return {**context, **self._vars(context)}
