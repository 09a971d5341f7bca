"""Values in their three forms: typed in Python, as JSON text on the wire, and as a literal in a URL.

Typed values: String and Guid are str, Boolean bool, integers int, Decimal decimal.Decimal, Double float,
DateTime and DateTimeOffset int milliseconds since 1970 (a DateTime taken as UTC), Time int seconds, Binary
str; None is null. Rows keep the JSON text, because a page is then a matter of joining strings.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import quote

from .metadata import Property

Value = str | bool | int | float | Decimal | None

INTEGERS = {
    "Byte": (0, 255),
    "SByte": (-128, 127),
    "Int16": (-(2**15), 2**15 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "Int64": (-(2**63), 2**63 - 1),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,7})?)?")
_ZONE = re.compile(r"Z|[+-]\d\d:\d\d")
_TIME = re.compile(r"PT(?=\d)(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def to_json(value: Value, prop: Property) -> str:
    """The JSON text of a typed value as V2 sends it."""
    if value is None:
        return "null"
    match prop.type:
        case "Boolean":
            return "true" if value else "false"
        case "DateTime":
            return f'"/Date({value})/"'
        case "DateTimeOffset":
            return f'"/Date({value}+0000)/"'
        case "Time":
            seconds = int(value)
            return f'"PT{seconds // 3600:02d}H{seconds // 60 % 60:02d}M{seconds % 60:02d}S"'
        case "Decimal":
            return f'"{_scaled(value, prop)}"'
        case "Int64" | "Double" | "Single":
            return f'"{value}"'
        case "Byte" | "SByte" | "Int16" | "Int32":
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def from_json(text: str, prop: Property) -> Value:
    """The typed value of a JSON text that `to_json` made."""
    if text == "null":
        return None
    match prop.type:
        case "Boolean":
            return text == "true"
        case "DateTime" | "DateTimeOffset":
            match_ = _JSON_DATE.fullmatch(text[1:-1])
            return int(match_[1]) if match_ else None
        case "Time":
            return parse_time(text[1:-1])
        case "Decimal":
            return Decimal(text[1:-1])
        case "Double" | "Single":
            return float(text[1:-1])
        case kind if kind in INTEGERS:
            return int(text.strip('"'))
        case _:
            value: str = json.loads(text)
            return value


def parse_sent(value: object, prop: Property) -> Value:
    """The typed value of what a client sent in a JSON body. Raises ValueError with the reason."""
    if value is None:
        if not prop.nullable:
            raise ValueError("must not be null")
        return None
    match prop.type:
        case "Boolean":
            if not isinstance(value, bool):
                raise ValueError("is not true or false")
            return value
        case "Byte" | "SByte" | "Int16" | "Int32":
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError("is not a number")
            return _in_range(value, prop.type)
    if not isinstance(value, str):
        raise ValueError(f"is not a string, as Edm.{prop.type} is sent in JSON")
    match prop.type:
        case "DateTime":
            sent = _JSON_DATE.fullmatch(value)
            return int(sent[1]) if sent else parse_datetime(value)
        case "DateTimeOffset":
            sent = _JSON_DATE.fullmatch(value)
            return int(sent[1]) if sent else parse_offset(value)
        case "Time":
            return parse_time(value)
        case "Decimal":
            return _decimal(value, prop)
        case "Double" | "Single":
            return float(value)
        case "Int64":
            return _in_range(int(value), "Int64")
        case "Guid":
            return parse_guid(value)
    if prop.max_length is not None and len(value) > prop.max_length:
        raise ValueError(f"is longer than {prop.max_length} characters")
    return value


def url_literal(text: str, prop: Property) -> str:
    """The JSON text of a key value as it stands in the key of a URL, quoted and escaped."""
    value = from_json(text, prop)
    match prop.type:
        case "DateTime" | "DateTimeOffset":
            moment = (_EPOCH + timedelta(milliseconds=int(value or 0))).replace(tzinfo=None)
            kind, zone = ("datetime", "") if prop.type == "DateTime" else ("datetimeoffset", "Z")
            return f"{kind}'{quote(moment.isoformat() + zone, safe='')}'"
        case "Guid":
            return f"guid'{value}'"
        case "Boolean" | "Byte" | "SByte" | "Int16" | "Int32":
            return text
        case "Int64":
            return f"{value}L"
        case "Decimal":
            return f"{value}M"
        case "Time":
            return f"time'{text[1:-1]}'"
    return "'" + quote(str(value).replace("'", "''"), safe="") + "'"


def parse_datetime(text: str) -> int:
    """Milliseconds of `2024-01-31T08:00:00`, without a zone. Raises ValueError."""
    if not _ISO.fullmatch(text):
        raise ValueError(f"'{text}' is not a date of the form yyyy-mm-ddThh:mm:ss")
    return _ms(datetime.fromisoformat(text[:26]).replace(tzinfo=UTC))


def parse_offset(text: str) -> int:
    """Milliseconds of `2024-01-31T08:00:00Z` or with `+01:00`. Raises ValueError."""
    zone = _ZONE.search(text, 16)
    if not zone or zone.end() != len(text) or not _ISO.fullmatch(text[: zone.start()]):
        raise ValueError(f"'{text}' is not a timestamp of the form yyyy-mm-ddThh:mm:ssZ")
    return _ms(datetime.fromisoformat(text[: zone.start()][:26] + zone[0]))


def parse_time(text: str) -> int:
    """Seconds of `PT08H30M00S`. Raises ValueError."""
    parts = _TIME.fullmatch(text)
    if not parts:
        raise ValueError(f"'{text}' is not a time of the form PThhHmmMssS")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds


def parse_guid(text: str) -> str:
    """A GUID in lower case. Raises ValueError."""
    if not _GUID.fullmatch(text):
        raise ValueError(f"'{text}' is not a GUID")
    return text.lower()


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _in_range(value: int, kind: str) -> int:
    low, high = INTEGERS[kind]
    if not low <= value <= high:
        raise ValueError(f"is outside Edm.{kind}")
    return value


def _decimal(text: str, prop: Property) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"'{text}' is not a decimal number") from None
    if not value.is_finite():
        raise ValueError(f"'{text}' is not a decimal number")
    if prop.scale is not None and value != round(value, prop.scale):
        raise ValueError(f"has more than {prop.scale} decimals")
    if prop.precision is not None and abs(value) >= 10 ** (prop.precision - (prop.scale or 0)):
        raise ValueError(f"has more than {prop.precision} digits")
    return value


def _scaled(value: Value, prop: Property) -> str:
    number = Decimal(str(value))
    return f"{number:.{prop.scale}f}" if prop.scale is not None else f"{number:f}"
