"""Places between two pages, and positions in the change feed: opaque, signed, bound to what they belong to.

A cursor names the last record seen, so inserts and deletes neither skip nor double a record. A cursor of another
list, filter, order or connection is refused rather than answered wrongly.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from appliance.errors import InvalidInput

LONGEST = 4000
_SIGNATURE = 16


class CursorInvalid(InvalidInput):
    """The cursor is damaged, or of another list; begin again without it."""

    code = "CURSOR_INVALID"


class Cursors:
    """Writes and reads them. `scope` is plain data: everything that a cursor is bound to."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, scope: Any, content: list[Any]) -> str:
        packed = msgspec.json.encode(content)
        return base64.urlsafe_b64encode(self._sign(scope, packed) + packed).decode().rstrip("=")

    def read(self, scope: Any, cursor: str) -> list[Any]:
        """What was written under the same scope. Raises CursorInvalid."""
        try:
            if len(cursor) > LONGEST:
                raise ValueError
            decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise CursorInvalid(
                "The cursor is damaged. Send it exactly as it was answered.", details={"parameter": "cursor"}
            ) from None
        signature, packed = decoded[:_SIGNATURE], decoded[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(scope, packed)):
            raise CursorInvalid(
                "The cursor belongs to another list, filter, order or connection, or to a time before a restore. "
                "Repeat the request without it and go on with the cursors it gives.",
                details={"parameter": "cursor"},
            )
        return msgspec.json.decode(packed, type=list[Any])

    def _sign(self, scope: Any, packed: bytes) -> bytes:
        bound = msgspec.json.encode(scope)
        return hmac.digest(self._key, bound + b"\0" + packed, hashlib.sha256)[:_SIGNATURE]
