"""Ways to ask for changes, for sources of which some releases refuse to filter by change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from appliance.errors import SourceError
from appliance.runtime.definition import Http, HttpRead
from appliance.runtime.errors import CannotFilter
from appliance.runtime.protocols import EVERYTHING, Page, Pages, Position, Since
from appliance.runtime.protocols.http_json import JsonPages
from appliance.runtime.reading.ways import chosen, in_way
from appliance.runtime.source import Source

# Statuses by which sources say that they know no such filter.
_REFUSES = (400, 422, 501)

# A time before everything, for a filter that is only tried.
_LONG_AGO = Since(datetime(1990, 1, 2, tzinfo=UTC))


def json_pages(
    source: Source, http: Http, read: HttpRead, *, where: str, each: Mapping[str, Any] | None = None
) -> Pages:
    """The pages of a read over HTTP in the way that its form chooses, with its `fallback` where it has one."""
    read = chosen(read, source.fields)
    pages = JsonPages(source, http, read, where=where, each=each)
    if read.fallback is None:
        return pages
    # Slices of time are for the first way; another one runs to the end.
    whole = structs.replace(read, window=None, fallback=None)
    others = [
        JsonPages(source, http, in_way(whole, way), where=f"{where}.fallback[{number}]", each=each)
        for number, way in enumerate(read.fallback)
    ]
    return FallbackPages([pages, *others])


class FallbackPages:
    """Asks for changes in the first of `ways` that the source accepts, and for everything where it accepts none.

    A position holds `way`, the number of the one that a pass began with (that of all ways for everything, None
    before the first page), and `at`, the position within it.
    """

    def __init__(self, ways: Sequence[JsonPages]) -> None:
        self._ways = ways
        self._accepted: int | None = None

    def first(self) -> Position:
        return {"way": None}

    def one(self, names: Sequence[str], key: Sequence[Any]) -> bytes | None:
        """A single row, as JsonPages gives it; no way of asking for changes bears on it."""
        return self._ways[0].one(names, key)

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        if position["way"] is not None:
            return self._ask(position["way"], position["at"], since, resuming, sample)
        if since.moment is None and not sample:
            return self._ask(0, None, since, resuming, sample)
        if self._accepted is not None:
            return self._ask(self._accepted, None, since, resuming, sample)
        return self._first_accepted(_LONG_AGO if sample else since, resuming, sample)

    def _first_accepted(self, since: Since, resuming: bool, sample: bool) -> Page:
        said = ""
        for number in range(len(self._ways)):
            try:
                page = self._ask(number, None, since, resuming, sample)
            except SourceError as refusal:
                if not isinstance(refusal, CannotFilter) and refusal.details.get("status") not in _REFUSES:
                    raise
                said = said or refusal.message
            else:
                break
        else:
            number = len(self._ways)
            page = self._ask(number, None, since, resuming, sample)
        self._accepted = number
        return page if number == 0 else replace(page, notices=(self._notice(number, said), *page.notices))

    def _ask(self, number: int, at: Position | None, since: Since, resuming: bool, sample: bool) -> Page:
        everything = number == len(self._ways)
        pages = self._ways[0 if everything else number]
        # Only the first way is known to end where a slice of time does.
        asked = EVERYTHING if everything else since if number == 0 else replace(since, until=None)
        page = pages.fetch(at or pages.first(), asked, resuming=resuming, sample=sample)
        following = page.next and {"way": number, "at": page.next}
        return replace(page, next=following, endless=number > 0)

    def _notice(self, number: int, said: str) -> str:
        if number == len(self._ways):
            instead = "every pass reads all rows and compares them"
        else:
            instead = f"it is asked in way {number} of {len(self._ways) - 1} instead"
        return f"The source refuses to filter by change; {instead}. {said}"
