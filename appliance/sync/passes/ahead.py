"""Fetches pages ahead of their writing, so that the source's time and ours overlap.

A handful of pages wait at most, however large the source is. Small pages that have arrived together are joined and
written in one transaction: what is written for every transaction is then written for fewer.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from dataclasses import replace
from types import TracebackType
from typing import Self

from appliance.runtime.protocols import Page, Pages, Position, Since

PAGES_AHEAD = 3
ROWS_TOGETHER = 500
WATCH_SECONDS = 1.0


class FetchAhead:
    """The pages of a pass from a position on, in order. Leave it by `with`: fetching ends then."""

    def __init__(
        self,
        pages: Pages,
        position: Position,
        since: Since,
        *,
        resuming: bool,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """`watch` is called every second that no page comes; what it raises ends the pass."""
        self._watch = watch
        self._pages = pages
        self._since = since
        self._ended = threading.Event()
        self._arrived: queue.Queue[Page | BaseException] = queue.Queue(PAGES_AHEAD)
        # In the context of the run, which the lines that it logs then name.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._fetch, position, resuming), name="fetch", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A request under way is not waited for: its page is thrown away.
        self._ended.set()
        while not self._arrived.empty():
            self._arrived.get_nowait()

    def __iter__(self) -> Iterator[Page]:
        """Raises what fetching raised, after the pages before it were given out."""
        while True:
            page, failure = self._take()
            if page is not None:
                yield page
                if page.next is None:
                    return
            if failure is not None:
                raise failure

    def _take(self) -> tuple[Page | None, BaseException | None]:
        first = self._wait()
        if isinstance(first, BaseException):
            return None, first
        joined = first
        # A row that is gone may come again on the page after: removals are written before that.
        while joined.next is not None and not joined.removed and len(joined.rows) < ROWS_TOGETHER:
            try:
                following = self._arrived.get_nowait()
            except queue.Empty:
                break
            if isinstance(following, BaseException):
                return joined, following
            joined = _join(joined, following)
        return joined, None

    def _wait(self) -> Page | BaseException:
        while True:
            try:
                return self._arrived.get(timeout=WATCH_SECONDS)
            except queue.Empty:
                self._watch()

    def _fetch(self, position: Position, resuming: bool) -> None:
        following: Position | None = position
        while following is not None and not self._ended.is_set():
            try:
                page = self._pages.fetch(following, self._since, resuming=resuming, sample=False)
            except BaseException as failure:  # noqa: BLE001 - raised again where the pages are used
                self._put(failure)
                return
            self._put(page)
            following, resuming = page.next, False

    def _put(self, what: Page | BaseException) -> None:
        while not self._ended.is_set():
            try:
                self._arrived.put(what, timeout=0.5)
                return
            except queue.Full:
                continue


def _join(first: Page, second: Page) -> Page:
    return replace(
        second,
        rows=[*first.rows, *second.rows],
        expected=second.expected if first.expected is None else first.expected,
        mark=first.mark if second.mark is None else second.mark,
        notices=(*first.notices, *second.notices),
        rejected=(*first.rejected, *second.rejected),
    )
