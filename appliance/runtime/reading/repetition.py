"""Tells a page that has come before, so that no pass goes on for ever.

What is kept in a position is small whatever the number of pages: the page before, and one earlier page that moves up
at every power of two. A circle of any length meets it, after three times as many pages as it has at most.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.errors import SourceAnswerInvalid


def watched(
    position: Mapping[str, Any], following: Mapping[str, Any], rows: Sequence[bytes]
) -> dict[str, Any] | None:
    """`following` with what tells later pages from the one at `position`; None when that one has come before.

    A page is known by how many rows it has, its first and its last; one without rows by where it leads.
    """
    before = position.get("seen") or {"pages": 0}
    this = _print(rows, following)
    if this in (before.get("last"), before.get("kept")):
        return None
    if all(following[name] == position.get(name) for name in following):
        return None
    pages = before["pages"] + 1
    kept = this if pages & (pages - 1) == 0 else before["kept"]
    return {**following, "seen": {"last": this, "kept": kept, "pages": pages}}


def same_page(where: str = "") -> SourceAnswerInvalid:
    return SourceAnswerInvalid(
        f"{where}{': ' if where else ''}The source gives the same page again and again. Its paging does not work as "
        "its documentation says; the pass was stopped so that nothing is read for ever."
    )


def _print(rows: Sequence[bytes], following: Mapping[str, Any]) -> str:
    text = b"%d" % len(rows) + rows[0] + rows[-1] if rows else json.dumps(following, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:16]
