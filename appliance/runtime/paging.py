"""Paging: where the next page is. A position is plain JSON data, the checkpoint of a pass; None ends the pass.

A source that ignores what it is asked for would be read for ever: a page that has come before is an error.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import (
    CursorPaging,
    KeysetPaging,
    LinkPaging,
    NoPaging,
    NumberPaging,
    OffsetPaging,
    Paging,
)
from appliance.runtime.repetition import same_page, watched
from appliance.runtime.select import key_decoder

Position = dict[str, Any]

_NEXT = re.compile(r'<([^>]*)>[^,]*;\s*rel="?next"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a page was answered with: its rows, the value at `next`, the promised count, the Link header."""

    rows: Sequence[bytes]
    next: Any = None
    count: int | None = None
    link_header: str = ""


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


def next_position(paging: Paging, position: Position, answered: Answered) -> Position | None:
    """The position after a page. Raises SourceAnswerInvalid for a page that came before."""
    following = _following(paging, position, answered)
    if following is None:
        return None
    watching = watched(position, following, answered.rows)
    if watching is None:
        raise same_page()
    return watching


def _following(paging: Paging, position: Position, answered: Answered) -> Position | None:
    rows = len(answered.rows)
    match paging:
        case OffsetPaging():
            offset = position["offset"] + rows
            return {"offset": offset} if _goes_on(paging, offset, answered) else None
        case NumberPaging():
            number = position["number"] + 1
            read = (number - paging.first) * paging.size
            return {"number": number} if _goes_on(paging, read, answered) else None
        case KeysetPaging():
            if rows < paging.size:
                return None
            return {"after": after_row(paging, answered.rows[-1])}
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


def _goes_on(paging: OffsetPaging | NumberPaging, read: int, answered: Answered) -> bool:
    if not answered.rows:
        return False
    if paging.until == "count" and answered.count is not None:
        return read < answered.count
    return paging.until == "empty" or len(answered.rows) >= paging.size
