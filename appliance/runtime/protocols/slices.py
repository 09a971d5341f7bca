"""A long period in slices of time, so that no request asks a source for all of it.

Slices are half open, [from, to), and follow one another without a gap; the last has no end, so that what changes
while the pass goes on is in it. A row that changes meanwhile moves to a later slice.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from appliance.clock import Clock
from appliance.runtime.definition import Window
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import Page, Pages, Position, Since


class SlicedPages:
    """Reads `pages` slice by slice where a pass goes back further than one, else all at once.

    A position is `{"from", "to", "days", "at"}`: the slice in ISO 8601 (`to` None in the last one), its length, and
    the position within it. A pass that goes on later goes on in its slice.
    """

    def __init__(self, pages: Pages, window: Window, clock: Clock) -> None:
        self._pages = pages
        self._window = window
        self._clock = clock

    def first(self) -> Position:
        return {"from": None, "to": None, "days": 0, "at": self._pages.first()}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        if since.moment is None or sample:
            return self._whole(position, since, resuming, sample)
        if position["from"] is None:
            position = self._slice(since.moment, self._window.days)
        page = self._in_slice(position, since, resuming)
        following = self._after(position, page)
        # What the source counts are the rows of the slice.
        whole = position["to"] is None and position["from"] == since.moment.isoformat()
        return replace(page, next=following, expected=page.expected if whole else None, endless=False)

    def _whole(self, position: Position, since: Since, resuming: bool, sample: bool) -> Page:
        page = self._pages.fetch(position["at"], since, resuming=resuming, sample=sample)
        return replace(page, next=page.next and {**position, "at": page.next})

    def _in_slice(self, position: Position, since: Since, resuming: bool) -> Page:
        asked = replace(since, moment=_moment(position["from"]), until=_moment(position["to"]))
        try:
            return self._pages.fetch(position["at"], asked, resuming=resuming, sample=False)
        except ResumeRefused:
            # The slices before it need not be read again.
            return self._pages.fetch(self._pages.first(), asked, resuming=False, sample=False)

    def _after(self, position: Position, page: Page) -> Position | None:
        if page.endless:
            position = {**position, "to": None}
        empty = not page.rows and position["at"] == self._pages.first()
        if page.next is not None:
            return {**position, "at": page.next}
        if position["to"] is None:
            return None
        longest = max(self._window.days, self._window.most)
        days = min(2 * position["days"], longest) if empty else self._window.days
        beginning = _moment(position["to"])
        assert beginning is not None
        return self._slice(beginning, days)

    def _slice(self, beginning: datetime, days: int) -> Position:
        end = beginning + timedelta(days=days)
        return {
            "from": beginning.isoformat(),
            "to": end.isoformat() if end < self._clock.now() else None,
            "days": days,
            "at": self._pages.first(),
        }


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
