"""How rows are asked for, one file a protocol. Each gives pages for a position; none knows what a sync is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Position = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Since:
    """From where on rows are asked for: all of them when both are None.

    `moment` is a time in UTC, `until` the one before which they changed, None without an end. `mark` is what the
    last successful pass left, such as the highest row version or a delta token: plain JSON data that only the
    protocol understands.
    """

    moment: datetime | None = None
    mark: Any = None
    until: datetime | None = None


EVERYTHING = Since()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source. `rows` are JSON texts as the source sent them."""

    rows: list[bytes]
    next: Position | None
    """Where to go on; None after the last page."""

    expected: int | None = None
    """How many rows the whole pass has, where the source counts."""

    mark: Any = None
    """What a pass leaves for the next one when it ends after this page; None keeps what an earlier page left."""

    notices: tuple[str, ...] = ()
    """What an administrator should know though the pass goes on."""

    removed: tuple[bytes, ...] = ()
    """JSON texts with the key properties of rows that the source says are gone."""

    rejected: tuple[str, ...] = ()
    """Why rows could not be read at all, a reason for each; they are counted and the pass goes on."""

    endless: bool = False
    """Whether the source could not be asked for rows until `since.until`, so that what follows runs to the end."""


class Pages(Protocol):
    """Reads one entity page by page. Holds no state between calls but what it learned of the source."""

    def first(self) -> Position: ...

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        """The page at `position` of the rows changed at or after `since`, and before its `until`.

        `resuming` tells that the position was kept from an earlier attempt: ResumeRefused is raised when the source
        no longer knows it. `sample` asks for as few rows as the source allows (a probe). Raises SourceError.
        """
        ...
