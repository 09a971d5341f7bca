"""How rows are asked for, one file a protocol. Each gives pages for a position; none knows what a sync is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Position = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source. `rows` are JSON texts as the source sent them."""

    rows: list[bytes]
    next: Position | None
    """Where to go on; None after the last page."""

    expected: int | None = None
    """How many rows the whole pass has, where the source counts."""

    cursor: Position | None = None
    """On the last page, where the source offers it: the position at which the next incremental pass begins."""

    removed: tuple[bytes, ...] = ()
    """JSON texts with the key properties of rows that the source says are gone."""

    notices: tuple[str, ...] = ()
    """What the user should know of this source, such as a filter it does not support. Nothing failed."""


class Pages(Protocol):
    """Reads one entity page by page. Holds no state between calls but what it learned of the source."""

    def first(self) -> Position: ...

    def fetch(self, position: Position, since: datetime | None, *, resuming: bool, sample: bool) -> Page:
        """The page at `position` of the rows changed at or after `since` (all when None).

        `resuming` tells that the position was kept from an earlier attempt: ResumeRefused is raised when the source
        no longer knows it. `sample` asks for as few rows as the source allows (a probe). Raises SourceError.
        """
        ...
