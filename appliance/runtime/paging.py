"""Paging: where the next page is. A position is plain JSON data, the checkpoint of a pass; None ends the pass.

A source that ignores what it is asked for would be read for ever: every position remembers what the page before
began and ended with, and the same page again is an error.
"""

import hashlib
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
    seen = _seen(answered.rows)
    repeated = seen is not None and seen == position.get("seen")
    if repeated or all(following[name] == position.get(name) for name in following):
        raise SourceAnswerInvalid(
            "The source gives the same page again and again. Its paging does not work as its documentation says; "
            "the pass was stopped so that nothing is read for ever."
        )
    return {**following, "seen": seen}


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
            after = plain(key_decoder([paging.by])(answered.rows[-1])[0])
            if after is None:
                # Asked for again without it, the source would begin anew.
                raise SourceAnswerInvalid(
                    f"The last row of a page has nothing at {paging.by!r}, by which the next page is asked for."
                )
            return {"after": after}
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


def _seen(rows: Sequence[bytes]) -> str | None:
    if not rows:
        return None
    return hashlib.sha256(b"%d" % len(rows) + rows[0] + rows[-1]).hexdigest()[:16]
