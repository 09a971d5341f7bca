"""Values of a source to values of the unified model. Every function takes None for None.

Unknown is null: blank text becomes None. Quantities and amounts never pass through binary floating point.
A value that cannot be read raises ValueError, which rejects the row.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact, InvalidOperation, localcontext
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.clock import iso, to_ms

Transform = Callable[[Any], Any]

_ODATA_TIME = re.compile(r"/Date\((-?\d+)(?:[+-]\d{1,4})?\)/")
_AS_IT_GOES_OUT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?!000)\d{3})?Z", re.ASCII).fullmatch
_TRUE = {"true", "1", "x", "y", "yes", "t"}
# Blank is how ABAP writes false.
_FALSE = {"false", "0", "", "n", "no", "f"}
# SAP and others write "for ever" as the last day of the calendar; it means no date.
_END_OF_TIME_MS = 253_402_214_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A few characters such as 1E999999999 would become gigabytes of digits.
_LARGEST_EXPONENT = 1000
_SIX_DECIMALS = Decimal("0.000001")
_COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


def text(value: Any) -> str | None:
    if value is None:
        return None
    if type(value) is str:
        return value if value and not value.isspace() else None
    if type(value) is bool:
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    raise ValueError(f"{_kind(value)} where text is expected")


def integer(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if type(value) is int:
        return value
    number_value = number(value)
    if number_value is None:
        return None
    if number_value != number_value.to_integral_value():
        raise ValueError(f"{value!s:.40} is not a whole number")
    return int(number_value)


def number(value: Any) -> Decimal | None:
    """An exact decimal. Text may carry blanks around it; locale formats are not guessed."""
    if value is None:
        return None
    kind = type(value)
    if kind is str:
        stripped = value.strip()
        if not stripped:
            return None
        try:
            exact_value = Decimal(stripped)
        except InvalidOperation:
            exact_value = Decimal("nan")
        if "_" in stripped or not exact_value.is_finite():
            raise ValueError(f"{stripped:.40} is not a number")
        return _bounded(exact_value)
    if kind is Decimal:
        return _bounded(value)
    if kind is int:
        return Decimal(value)
    if kind is float:
        # Only from readers of binary formats (spreadsheets); the shortest text that means the same number.
        return _bounded(Decimal(repr(value)))
    raise ValueError(f"{_kind(value)} where a number is expected")


def _bounded(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("a number that is not finite")
    if abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise ValueError(f"{value!s:.40} is too large or too small a number")
    return value


def decimal(value: Any) -> str | None:
    """An exact decimal as plain digits, for fields that go out as text."""
    if type(value) is Decimal and value.is_finite():
        # What most sources send is plain digits already.
        digits = str(value)
        if "E" not in digits and len(digits) < _LARGEST_EXPONENT:
            return digits
    exact = number(value)
    return None if exact is None else format(exact, "f")


def divided(value: Any, by: Any) -> Decimal | None:
    """Divided by a number, exactly where that is possible, else to six decimals; by none or zero it stays."""
    dividend, divisor = number(value), number(by)
    if dividend is None or not divisor:
        return dividend
    with localcontext() as arithmetic:
        arithmetic.clear_flags()
        quotient = dividend / divisor
        return quotient.quantize(_SIX_DECIMALS) if arithmetic.flags[Inexact] else quotient


def boolean(value: Any) -> bool | None:
    if value is None or type(value) is bool:
        return value
    if isinstance(value, int):
        return value != 0
    if type(value) is str:
        lowered = value.strip().lower()
        if lowered in _TRUE:
            return True
        if lowered in _FALSE:
            return False
    raise ValueError(f"{value!s:.40} is neither true nor false")


def unpadded(value: Any) -> str | None:
    """A key of digits without its leading zeros, as SAP shows it; one with other characters stays as it is."""
    key = text(value)
    return (key.lstrip("0") or "0") if key is not None and key.isdigit() else key


def word_of(words: Sequence[str]) -> Transform:
    """The first of the words that stands in a text of words with blanks between; None when none does."""

    def find(value: Any) -> str | None:
        standing = (text(value) or "").split()
        return next((word for word in words if word in standing), None)

    return find


def anything(value: Any) -> Any:
    return value


def without_false(convert: Transform) -> Transform:
    """A conversion for sources such as Odoo, which write false where there is no value of any type."""
    return lambda value: None if value is False else convert(value)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else type(value).__name__


def _odata2_ms(value: Any) -> int | None:
    if _blank(value):
        return None
    match = _ODATA_TIME.fullmatch(value)
    if match is None:
        return iso_ms(value)
    milliseconds = int(match[1])
    # The offset behind the milliseconds is for display; the milliseconds are UTC already.
    return None if milliseconds >= _END_OF_TIME_MS else _in_calendar(milliseconds)


def iso_ms(value: Any, zone: ZoneInfo | None = None) -> int | None:
    """`zone` is that of times without one; a date alone is a business date and stands in no zone."""
    if value is None or (type(value) is str and not value.strip()):
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if zone is None or _is_date(value) else zone)
    return to_ms(moment)


def _blank(value: Any) -> bool:
    return value is None or (type(value) is str and not value.strip())


def _is_date(value: str) -> bool:
    return "T" not in value and " " not in value


def _in_calendar(milliseconds: int) -> int:
    """Raises OverflowError for a time before the year 1 or after 9999, of which no date can be made."""
    _ = _EPOCH + timedelta(milliseconds=milliseconds)
    return milliseconds


def _parts_ms(value: Any) -> int | None:
    """A mapping with year, month, day and perhaps hour, minute, second, microsecond, in UTC."""
    if value is None:
        return None
    try:
        moment = datetime(
            value["year"],
            value["month"],
            value["day"],
            value.get("hour", 0),
            value.get("minute", 0),
            value.get("second", 0),
            value.get("microsecond", 0),
            tzinfo=UTC,
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError("a date without year, month and day") from None
    return to_ms(moment)


def _unix_ms(value: Any) -> int | None:
    exact = number(value)
    return None if exact is None else _in_calendar(int(exact * 1000))


def _milliseconds(value: Any) -> int | None:
    milliseconds = integer(value)
    return None if milliseconds is None else _in_calendar(milliseconds)


def _iso_or_ms(value: Any) -> int | None:
    """ISO 8601 text, or milliseconds since 1970, for sources that send either."""
    is_number = isinstance(value, int | Decimal) or (isinstance(value, str) and value.strip().isdigit())
    return _milliseconds(value) if is_number else iso_ms(value)


def _compact_ms(value: Any) -> int | None:
    """`YYYYMMDD`, perhaps with `hhmm` or `hhmmss`; all zeros mean no date."""
    digits = "" if value is None else str(value).strip()
    if not digits.strip("0"):
        return None
    # strptime alone would take 2025015 for a date, and 202501051230 for one at 12:03.
    if len(digits) not in _COMPACT or not digits.isdigit():
        raise ValueError(f"{digits:.40} is not a date such as 20250131")
    moment = datetime.strptime(digits, _COMPACT[len(digits)])  # noqa: DTZ007
    return to_ms(moment.replace(tzinfo=UTC))


FORMATS: dict[str, Callable[[Any], int | None]] = {
    "compact": _compact_ms,
    "iso": iso_ms,
    "iso_or_ms": _iso_or_ms,
    "odata2": lru_cache(8192)(_odata2_ms),
    "parts": _parts_ms,
    "unix": _unix_ms,
    "unix_ms": _milliseconds,
}
"""Format name to a function that gives milliseconds since 1970, UTC."""


def time_parser(name: str, zone: str | None = None) -> Callable[[Any], int | None]:
    """The parser of a format; `zone` is the IANA zone of values that carry none.

    Raises KeyError for an unknown format, ValueError for an unknown zone.
    """
    if zone is not None and name == "iso":
        try:
            where = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {zone:.60}") from None
        return lambda value: iso_ms(value, where)
    return FORMATS[name]


def datetime_of(parse: Callable[[Any], int | None], *, from_iso: bool = False) -> Transform:
    """Milliseconds of a format to ISO-8601 UTC text. Business dates stay at midnight and are never shifted.

    `from_iso` says that the format takes ISO 8601: a moment that is written as it goes out is only looked at.
    """
    if not from_iso:
        return lambda value: iso(parse(value))

    def convert(value: Any) -> str | None:
        if type(value) is str and _AS_IT_GOES_OUT(value):
            _ = datetime.fromisoformat(value)
            return value
        return iso(parse(value))

    return convert


def date_of(parse: Callable[[Any], int | None]) -> Transform:
    def convert(value: Any) -> str | None:
        milliseconds = parse(value)
        if milliseconds is None:
            return None
        return (_EPOCH + timedelta(milliseconds=milliseconds)).date().isoformat()

    return convert


def exact(value: str) -> Decimal:
    """For the JSON decoder: every number with a fraction becomes a Decimal, never a float."""
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value:.40} is not a number") from None
