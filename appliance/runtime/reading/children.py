"""Puts the lines of documents into them, where the source lists lines apart: a few requests for a whole page."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from msgspec import structs

from appliance.errors import SourceAnswerInvalid, SourceError
from appliance.runtime.definition import Children, Http, HttpRead, NoPaging, OffsetPaging, Paging
from appliance.runtime.document import envelope
from appliance.runtime.reading.paging import (
    Answered,
    first_position,
    is_past_the_end,
    next_position,
    page_variables,
)
from appliance.runtime.request import compile_request
from appliance.runtime.select import decode, dig, steps
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template

Row = dict[str, Any]


class ChildRows:
    """The children of rows of one kind."""

    def __init__(self, source: Source, http: Http, read: HttpRead, children: Children, *, where: str) -> None:
        self._source = source
        self._children = children
        own = children.request
        self._request = compile_request(own or read.request, http, where=f"{where}.request", safe=True)
        self._vars = compile_template({**({} if own else read.vars), **children.vars}, where=f"{where}.vars")
        self._term = compile_template(children.term, where=f"{where}.term")
        self._paging: Paging = children.paging if own else read.paging
        if children.size and not isinstance(self._paging, NoPaging):
            self._paging = structs.replace(self._paging, size=children.size)
        if isinstance(self._paging, OffsetPaging):
            # Children that came twice could not be told from two.
            self._paging = structs.replace(self._paging, overlap=0)
        self._rows = children.rows if own else read.rows
        self._envelope = envelope(read.answer, self._rows, {"count": children.count})
        self._by = steps(children.by)
        self._of = steps(children.of) if children.of else []

    def put_into(self, rows: list[Row], context: Mapping[str, Any]) -> list[Row]:
        """The rows, each with the list of its children, which is empty where there are none.

        Raises SourceError as the source answers, SourceAnswerInvalid for an answer without a list.
        """
        children = self._children
        if children.when and not context.get(children.when):
            return [{**row, children.into: []} for row in rows]
        parents = list(dict.fromkeys(value for row in rows if (value := dig(row, self._by)) is not None))
        chunks = [parents[i : i + children.chunk] for i in range(0, len(parents), children.chunk)]
        found: dict[str, list[Any]] = {str(parent): [] for parent in parents}
        for chunk, listed in zip(chunks, self._ask_all(chunks, context), strict=True):
            for child in listed:
                parent = dig(child, self._of) if self._of else chunk[0]
                found.get(str(parent), []).append(child)
        return [{**row, children.into: found.get(str(dig(row, self._by)), [])} for row in rows]

    def _ask_all(self, chunks: Sequence[list[Any]], context: Mapping[str, Any]) -> list[list[Any]]:
        ask: Callable[[list[Any]], list[Any]] = lambda chunk: self._ask(chunk, context)  # noqa: E731
        if len(chunks) <= 1:
            return [ask(chunk) for chunk in chunks]
        with ThreadPoolExecutor(min(self._children.concurrency, len(chunks)), "children") as pool:
            return list(pool.map(ask, chunks))

    def _ask(self, parents: list[Any], context: Mapping[str, Any]) -> list[Any]:
        """All children of some rows, page after page."""
        terms = self._children.joint.join(str(self._term({"parent": parent})) for parent in parents)
        known = {**context, "since": None, "mark": None, "window": {}, "parents": parents, "terms": terms}
        position: dict[str, Any] | None = first_position(self._paging)
        listed: list[Any] = []
        while position is not None:
            page = page_variables(self._paging, position, getattr(self._paging, "size", 0))
            asked = {**known, "page": page}
            try:
                answer = self._source.send(self._request({**asked, **self._vars(asked)}))
            except SourceError as refusal:
                if not is_past_the_end(position, refusal):
                    raise
                return listed
            rows, beside = self._envelope.read(answer.body)
            if rows is None:
                raise SourceAnswerInvalid(
                    f"The source's answer holds no rows at {self._rows!r}. "
                    "Its version may differ from the one this connector knows."
                )
            listed += [decode(row) for row in rows]
            counted = str(beside.get("count"))
            count = int(counted) if counted.isdigit() else None
            position = next_position(self._paging, position, Answered(rows, count=count))
        return listed
