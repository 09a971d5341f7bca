"""Paging by offset that begins each page with rows of the one before, so that rows that move are not lost.

Rows that go make those after them move up, over the border of a page that was read. A page that still shows one of
the last rows that were read goes on from there; where none of them is in it, the pass goes back to find them.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.reading.repetition import same_page

_MOST_MOVES = 3


def fresh(position: dict[str, Any], rows: Sequence[bytes]) -> list[bytes]:
    """The rows of a page that did not come, just as they are, at the end of the page before."""
    before = position.get("anchors")
    return [row for row in rows if _print(row) not in before] if before else list(rows)


def lost(position: dict[str, Any], rows: Sequence[bytes]) -> bool:
    """Whether a page shows none of the last rows before it, so that rows between may never have been read."""
    before = position.get("anchors")
    return bool(before and position["offset"] and not {_print(row) for row in rows}.intersection(before))


def back(position: dict[str, Any], size: int) -> dict[str, Any]:
    """Where to look for the last rows that were read: a page before, then two, four and on to the beginning.

    Raises SourceAnswerInvalid when pages do not fit one another again and again.
    """
    moved = position.get("moved", 0) + ("back" not in position)
    if moved > _MOST_MOVES:
        raise SourceAnswerInvalid(
            "The source's rows come in another order each time, so that pages by offset lose some. Let the request "
            "name an order that is the same for every page, such as that of the key."
        )
    distance = position.get("back", size)
    offset = max(0, position["offset"] - distance)
    return {"offset": offset, "anchors": position["anchors"], "back": 2 * distance, "moved": moved}


def again(position: dict[str, Any], following: dict[str, Any]) -> dict[str, Any]:
    """The position after a page that was like one before. Raises SourceAnswerInvalid when that goes on."""
    repeated = position.get("repeated", 0) + 1
    if repeated > _MOST_MOVES:
        raise same_page()
    return {**following, "seen": position.get("seen"), "repeated": repeated}


def onward(position: dict[str, Any], rows: Sequence[bytes], overlap: int) -> dict[str, Any]:
    """The position after a page that fits the one before."""
    moved = {"moved": position["moved"]} if "back" in position else {}
    offset = max(0, position["offset"] + len(rows) - overlap)
    return {"offset": offset, "anchors": [_print(row) for row in rows[-overlap:]], **moved}


def _print(row: bytes) -> str:
    return hashlib.sha256(row).hexdigest()[:12]
