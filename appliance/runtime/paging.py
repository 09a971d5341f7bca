"""Paging: where the next page is. Every kind is a pair of functions over a small position that can be kept.

A position is plain JSON data: the checkpoint of a pass. `None` as the next position ends the pass.
"""

from collections.abc import Callable
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

Position = dict[str, Any]


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


def next_position(
    paging: Paging,
    position: Position,
    rows: int,
    beside: dict[str, Any],
    last_key: Callable[[str], Any],
) -> Position | None:
    """The position after a page of `rows` rows; `last_key(path)` reads a value of its last row.

    Raises SourceAnswerInvalid when the source hands out the same position again, which would never end.
    """
    following = _following(paging, position, rows, beside, last_key)
    if following is not None and following == position:
        raise SourceAnswerInvalid(
            "The source gives the same page again and again. Its paging does not work as its documentation says; "
            "the pass was stopped so that nothing is read for ever.",
            details={"position": position},
        )
    return following


def _following(
    paging: Paging,
    position: Position,
    rows: int,
    beside: dict[str, Any],
    last_key: Callable[[str], Any],
) -> Position | None:
    match paging:
        case NoPaging():
            return None
        case OffsetPaging():
            return {"offset": position["offset"] + rows} if rows >= paging.size else None
        case NumberPaging():
            return {"number": position["number"] + 1} if rows >= paging.size else None
        case KeysetPaging():
            return {"after": last_key(paging.by)} if rows >= paging.size else None
        case CursorPaging():
            return {"cursor": beside["next"]} if beside.get("next") else None
        case LinkPaging():
            return {"link": beside["next"]} if beside.get("next") else None
