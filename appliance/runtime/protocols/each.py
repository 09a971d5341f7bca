"""One entity from several lists of a source, such as the statuses of orders and those of receipts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from appliance.runtime.definition import Http, HttpRead
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.fallback import json_pages
from appliance.runtime.select import decode, encode
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template


class EachPages:
    """Reads list after list. A position is `{"each": number of the list, "at": position in it}`."""

    def __init__(self, source: Source, http: Http, read: HttpRead, *, where: str) -> None:
        self._lists: Sequence[dict[str, Any]] = [
            compile_template(one, where=f"{where}.each")(source.fields) for one in read.each
        ]
        self._pages = [
            json_pages(source, http, read, where=f"{where}.each[{number}]", each=one)
            for number, one in enumerate(self._lists)
        ]

    def first(self) -> Position:
        return {"each": 0, "at": self._pages[0].first()}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        number = position["each"]
        page = self._pages[number].fetch(position["at"], since, resuming=resuming, sample=sample)
        rows = [encode({**decode(row), "each": self._lists[number]}) for row in page.rows]
        following: Position | None = None
        if page.next is not None:
            following = {"each": number, "at": page.next}
        elif number + 1 < len(self._pages) and not sample:
            following = {"each": number + 1, "at": self._pages[number + 1].first()}
        # Of several lists each may end where it is asked to; one that does not is read again in the next slice.
        return replace(page, rows=rows, next=following, expected=None, endless=False)
