"""Paging: where the next page is. A position is plain JSON data, the checkpoint of a pass; None ends the pass.

A source that ignores what it is asked for would be read for ever: a page that has come before is an error.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from appliance.errors import SourceAnswerInvalid, SourceError
from appliance.runtime.definition import (
    CursorPaging,
    KeysetPaging,
    LinkPaging,
    NoPaging,
    NumberPaging,
    OffsetPaging,
    Paging,
)
from appliance.runtime.protocols import Since
from appliance.runtime.reading.overlap import again, back, fresh, lost, onward
from appliance.runtime.reading.repetition import same_page, watched
from appliance.runtime.select import key_decoder

Position = dict[str, Any]
Counted = OffsetPaging | NumberPaging | KeysetPaging

# Fewer rows than this, no source known has for the limit of its pages.
_SMALLEST_LIMIT = 20
# Statuses by which sources refuse a page behind the last one.
_PAST_THE_END = (400, 404, 410, 416, 422)

_NEXT = re.compile(r'<([^>]*)>[^,]*;\s*rel="?next"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a page was answered with: its rows, the value at `next`, the promised count, the Link header."""

    rows: Sequence[bytes]
    next: Any = None
    count: int | None = None
    link_header: str = ""
    exact: bool = False
    """Whether a page with fewer rows than asked for surely is the last one."""


def first_position(paging: Paging) -> Position:
    match paging:
        case OffsetPaging():
            return {"offset": 0}
        case NumberPaging():
            return {"number": paging.first}
        case KeysetPaging():
            return {"after": None}
        case CursorPaging():
            return {"cursor": None}
        case LinkPaging():
            return {"link": None}
        case NoPaging():
            return {}


def page_variables(paging: Paging, position: Position, size: int) -> dict[str, Any]:
    """What a request template may use as `${page.…}`."""
    offset = position.get("offset")
    return {
        "size": size,
        "offset": offset,
        "last": None if offset is None else offset + max(1, size) - 1,
        "end": None if offset is None else offset + max(1, size),
        "number": position.get("number"),
        "after": position.get("after"),
        "cursor": position.get("cursor"),
    }


def call_context(
    fields: Mapping[str, Any],
    variables: Callable[[Mapping[str, Any]], Any],
    paging: Paging,
    position: Position,
    since: Since,
    *,
    sample: bool,
) -> dict[str, Any]:
    """What the templates of a remote call may use: form fields, `since`, `mark`, `page` and the read's `vars`.

    `variables` are those, compiled.
    """
    context: dict[str, Any] = {
        **fields,
        "since": since.moment,
        "mark": since.mark,
        "page": page_variables(paging, position, 1 if sample else getattr(paging, "size", 0)),
    }
    return {**context, **variables(context)}


def next_position(paging: Paging, position: Position, answered: Answered) -> Position | None:
    """The position after a page. Raises SourceAnswerInvalid for a page that came before."""
    following = _following(paging, position, answered)
    if following is None or "back" in following:
        # What is gone back for comes again, and is no repetition.
        return following
    watching = watched(position, following, answered.rows)
    if watching is None:
        if position.get("doubtful"):
            return None
        if isinstance(paging, OffsetPaging) and paging.overlap:
            # Rows that come before it push the same rows onto the next page.
            return again(position, following)
        raise same_page()
    return watching


def is_past_the_end(position: Position, refusal: SourceError) -> bool:
    """Whether a source only says so that there was no page behind one that might have been the last."""
    return bool(position.get("doubtful")) and refusal.details.get("status") in _PAST_THE_END


def _following(paging: Paging, position: Position, answered: Answered) -> Position | None:
    rows = len(answered.rows)
    match paging:
        case OffsetPaging():
            if paging.overlap and lost(position, answered.rows):
                return {**back(position, paging.size), "longest": _longest(paging, position)}
            if paging.overlap and not fresh(position, answered.rows):
                return None
            goes_on = _goes_on(paging, position, position["offset"] + rows, answered)
            following = {"offset": position["offset"] + rows}
            if paging.overlap:
                following = onward(position, answered.rows, paging.overlap)
            return {**following, **_lengths(paging, position, rows)} if goes_on else None
        case NumberPaging():
            number = position["number"] + 1
            # Pages are as long as the source allows; rows that a user may not see are missing in some.
            read = (number - paging.first) * max(rows, _longest(paging, position))
            goes_on = _goes_on(paging, position, read, answered)
            return {"number": number, **_lengths(paging, position, rows)} if goes_on else None
        case KeysetPaging():
            if _is_short(paging, position, answered):
                return None
            return {"after": after_row(paging, answered.rows[-1]), **_lengths(paging, position, rows)}
        case CursorPaging():
            return {"cursor": plain(answered.next)} if answered.next else None
        case LinkPaging():
            link = answered.next
            if not paging.next:
                found = _NEXT.search(answered.link_header)
                link = found[1] if found else None
            if link and not isinstance(link, str):
                raise SourceAnswerInvalid(
                    f"The source's answer holds no address of the next page at {paging.next!r}."
                )
            return {"link": link} if link else None
        case NoPaging():
            return None


def after_row(paging: KeysetPaging, row: bytes) -> Any:
    """What the page after a row is asked for by: the value of one path, the list of several.

    Raises SourceAnswerInvalid when one is missing: asked for again without it, the source would begin anew.
    """
    paths = [paging.by] if isinstance(paging.by, str) else list(paging.by)
    values = [plain(value) for value in key_decoder(paths)(row)]
    if None in values:
        missing = paths[values.index(None)]
        raise SourceAnswerInvalid(
            f"The last row of a page has nothing at {missing!r}, by which the next page is asked for."
        )
    return values[0] if isinstance(paging.by, str) else values


def plain(value: Any) -> Any:
    """A value of an answer as it can be kept in a checkpoint: exact decimals become whole numbers or text."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else str(value)


def _goes_on(paging: OffsetPaging | NumberPaging, position: Position, read: int, answered: Answered) -> bool:
    if not answered.rows or paging.until == "empty":
        return bool(answered.rows)
    short = len(answered.rows) < paging.size
    if answered.count is not None and (short or paging.until == "count"):
        return read < answered.count
    return not _is_short(paging, position, answered)


def _is_short(paging: Counted, position: Position, answered: Answered) -> bool:
    """Whether a page ends the pass by how many rows it has.

    A source may give fewer rows than asked for, up to a limit of its own. Its pages then are as long as one another,
    and a first page tells by a round number that it may be such a one.
    """
    rows = len(answered.rows)
    if rows >= paging.size or paging.exact or answered.exact:
        return rows < paging.size
    longest = _longest(paging, position)
    return (
        rows < longest
        if longest
        else rows < _SMALLEST_LIMIT or (rows % 10 != 0 and rows % 25 != 0 and rows % 100 != 99)
    )


def _longest(paging: Counted, position: Position) -> int:
    """Rows of the longest page so far; 0 before the first."""
    longest: int = position.get("longest", paging.size if "seen" in position else 0)
    return longest


def _lengths(paging: Counted, position: Position, rows: int) -> Position:
    """What later pages are measured by, where not all were as long as asked for."""
    longest = max(rows, _longest(paging, position))
    known: Position = {"longest": longest} if longest < paging.size else {}
    return {**known, "doubtful": True} if rows < paging.size else known
