"""The parameters of a list: which page, how many, changed since when.

Cursors are opaque and signed, bound to connection, entity and filter: a cursor of another list is refused rather
than answered wrongly. They name the last record seen, so inserts and deletes neither skip nor double a record.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from werkzeug.datastructures import MultiDict

from appliance.clock import to_ms
from appliance.errors import InvalidInput

PARAMETERS = ("page", "per_page", "pageSize", "cursor", "modified_after")
DEFAULT_PER_PAGE = 100
DEEPEST_PAGE = 1_000_000
# The parser ignores what follows the microseconds.
LONGEST_MOMENT = 40


class CursorInvalid(InvalidInput):
    code = "CURSOR_INVALID"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """`after` is the place a cursor names, None when pages are counted. `since` is in milliseconds since 1970."""

    page: int
    per_page: int
    after: tuple[int, int] | None
    since: int | None


def parse_list_query(
    given: "MultiDict[str, str]", limit: int, read_cursor: Callable[[str, int | None], tuple[int, int]]
) -> ListQuery:
    """Check the parameters. A page size over `limit` is cut to it. Raises InvalidInput naming what is allowed."""
    for name in given:
        if name not in PARAMETERS:
            raise InvalidInput(
                f"There is no parameter {name[:60]!r}. Parameters: {', '.join(PARAMETERS)}.",
                details={"parameter": name[:60], "allowed": list(PARAMETERS)},
            )
        if len(given.getlist(name)) > 1:
            raise InvalidInput(f"{name} is given more than once.", details={"parameter": name})
    since = _moment(given.get("modified_after"))
    cursor = given.get("cursor")
    return ListQuery(
        page=_whole(given.get("page"), "page", 1, DEEPEST_PAGE),
        per_page=min(
            _whole(given.get("per_page") or given.get("pageSize"), "per_page", DEFAULT_PER_PAGE, 10_000),
            limit,
        ),
        after=read_cursor(cursor, since) if cursor else None,
        since=since,
    )


class Cursors:
    """Writes and reads cursors. `scope` is what a cursor is bound to beside the filter: connection and list."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, scope: str, since: int | None, place: tuple[int, int]) -> str:
        content = msgspec.json.encode(place)
        return base64.urlsafe_b64encode(self._sign(scope, since, content) + content).decode().rstrip("=")

    def read(self, scope: str, since: int | None, cursor: str) -> tuple[int, int]:
        """The place of a cursor. Raises CursorInvalid."""
        try:
            decoded = base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor) % 4))
            signature, content = decoded[:16], decoded[16:]
            if not hmac.compare_digest(signature, self._sign(scope, since, content)):
                raise CursorInvalid(
                    "The cursor belongs to another list, filter or connection. "
                    "Repeat the request without it and go on with the cursors it gives."
                )
            return msgspec.json.decode(content, type=tuple[int, int])
        except (binascii.Error, ValueError, msgspec.DecodeError):
            raise CursorInvalid(
                "The cursor is damaged. Send `next_cursor` exactly as it was answered."
            ) from None

    def _sign(self, scope: str, since: int | None, content: bytes) -> bytes:
        bound = msgspec.json.encode([scope, since])
        return hmac.digest(self._key, bound + b"\0" + content, hashlib.sha256)[:16]


def _whole(text: str | None, name: str, default: int, highest: int) -> int:
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 1 <= int(text) <= highest:
        raise InvalidInput(
            f"{name} is a whole number from 1 to {highest}.", details={"parameter": name, "value": text[:40]}
        )
    return int(text)


def _moment(text: str | None) -> int | None:
    if not text:
        return None
    try:
        if len(text) > LONGEST_MOMENT:
            raise ValueError
        # A plus sign of an offset arrives as a blank when the client did not escape it.
        moment = datetime.fromisoformat(
            text.strip().replace(" ", "+") if text.count(":") > 2 else text.strip()
        )
    except ValueError:
        raise InvalidInput(
            "modified_after is a date or a time such as 2026-01-31 or 2026-01-31T08:00:00Z.",
            details={"parameter": "modified_after", "value": text[:40]},
        ) from None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def links(path: str, given: dict[str, Any], page: int, last_page: int | None) -> dict[str, str | None]:
    """The `links` of a list answer; `last` and `next` are null where the number of pages is not known."""

    def link(number: int | None) -> str | None:
        if number is None:
            return None
        return f"{path}?{urlencode({**given, 'page': number})}"

    return {
        "first": link(1),
        "last": link(last_page),
        "prev": link(page - 1 if page > 1 else None),
        "next": link(page + 1 if last_page is not None and page < last_page else None),
    }
