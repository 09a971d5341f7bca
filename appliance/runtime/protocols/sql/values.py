"""Values of a database: as JSON for the row, and as plain data that a position keeps and gives back unchanged."""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode
# What a driver gives as text where MySQL holds a date that is none.
_ZERO_DATE = re.compile(r"0000-00-00( 00:00:00(\.0+)?)?")


def row_text(row: Mapping[str, Any], *, trim: bool = False) -> bytes:
    """A row as JSON. Decimals keep all digits, times are ISO without a zone where the column has none, bytes base64.

    `trim` takes the blanks from the end of texts.
    """
    return _encode({name: _plain(value, trim) for name, value in row.items()})


def _plain(value: Any, trim: bool) -> Any:
    kind = type(value)
    if kind is str and trim:
        value = value.rstrip(" ")
    if kind is list:
        # Children of the row, and arrays.
        return [
            {name: _plain(inner, trim) for name, inner in item.items()} if type(item) is dict else item
            for item in value
        ]
    if kind is Decimal and not value.is_finite():
        return None
    if kind is str and value.startswith("0000-00-00") and _ZERO_DATE.fullmatch(value):
        return None
    if kind is timedelta:
        # A time of day, which MySQL lets go beyond 24 hours.
        seconds = int(value.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return value


def version_number(value: Any) -> int | None:
    """A row version, 8 bytes, as the number it is."""
    return int.from_bytes(value, "big") if isinstance(value, bytes | bytearray) else value


def version_bytes(number: int) -> bytes:
    return number.to_bytes(8, "big")


_UNPACK: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "uuid": UUID,
    "bytes": base64.b64decode,
}


def pack(value: Any) -> Any:
    """A key or cursor value as JSON data; `unpack` gives it back with its type. Raises TypeError for other kinds."""
    match value:
        case bool() | int() | str():
            return value
        case float():
            return value
        case Decimal():
            return ["decimal", str(value)]
        case datetime():
            return ["datetime", value.isoformat()]
        case date():
            return ["date", value.isoformat()]
        case time():
            return ["time", value.isoformat()]
        case UUID():
            return ["uuid", str(value)]
        case bytes() | bytearray() | memoryview():
            return ["bytes", base64.b64encode(value).decode()]
    raise TypeError(type(value).__name__)


def unpack(packed: Any) -> Any:
    return _UNPACK[packed[0]](packed[1]) if isinstance(packed, list) else packed
