"""Values as OData writes them in URLs, for each version and type, and keys of single entities."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from appliance.runtime.protocols.odata.edmx import EntityType
from appliance.runtime.select import encode

_PLAIN = frozenset({"Edm.Byte", "Edm.SByte", "Edm.Int16", "Edm.Int32", "Edm.Boolean"})
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false")

# How a value that is not text is wrapped: prefix and suffix.
_WRAPPED: dict[int, dict[str, tuple[str, str]]] = {
    2: {
        "Edm.Int64": ("", "L"),
        "Edm.Decimal": ("", "m"),
        "Edm.Double": ("", "d"),
        "Edm.Single": ("", "f"),
        "Edm.Guid": ("guid'", "'"),
        "Edm.Time": ("time'", "'"),
    },
    4: {
        **{f"Edm.{name}": ("", "") for name in ("Int64", "Decimal", "Double", "Single", "Guid")},
        **{f"Edm.{name}": ("", "") for name in ("Date", "DateTimeOffset", "TimeOfDay")},
        "Edm.Duration": ("duration'", "'"),
    },
}

_MOMENTS = {
    2: {
        "Edm.DateTimeOffset": "datetimeoffset'%Y-%m-%dT%H:%M:%SZ'",
        "Edm.DateTime": "datetime'%Y-%m-%dT00:00:00'",
    },
    4: {"Edm.DateTimeOffset": "%Y-%m-%dT%H:%M:%SZ", "Edm.Date": "%Y-%m-%d"},
}

# A business date in the source's own zone, up to a day away from UTC.
_BY_DAY = frozenset({"Edm.DateTime", "Edm.Date"})


def literal(version: int, kind: str, value: Any, enums: Collection[str] = ()) -> str:
    """A value of a JSON answer as a literal of its Edm type.

    Raises ValueError for types that cannot be compared so, and for a value that does not look like its type.
    """
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if kind == "Edm.String":
        return "'" + text.replace("'", "''") + "'"
    if kind in enums:
        return f"{kind}'{text}'"
    prefix, suffix = ("", "") if kind in _PLAIN else _WRAPPED[version].get(kind, (None, ""))
    if prefix is None:
        raise ValueError(f"{kind} has no literal")
    number = kind in _PLAIN or kind in ("Edm.Int64", "Edm.Decimal", "Edm.Double", "Edm.Single")
    if "'" in text or (number and not _NUMBER.fullmatch(text.strip())):
        raise ValueError(f"{text:.40} is no {kind}")
    return f"{prefix}{text.strip() if number else text}{suffix}"


def moment_literal(version: int, kind: str, moment: datetime, formats: Mapping[str, str]) -> str:
    """A point in time to compare with `ge`. Types that hold a day only are compared from the day before.

    `formats` stands before the formats of OData. Raises KeyError for a type that holds no date.
    """
    form = formats.get(kind) or _MOMENTS[version][kind]
    if kind in _BY_DAY or "%H" not in form:
        moment -= timedelta(days=1)
    return moment.strftime(form)


def holds_moment(version: int, kind: str, formats: Mapping[str, str]) -> bool:
    return kind in formats or kind in _MOMENTS[version]


def key_predicate(version: int, kind: EntityType, key: Mapping[str, Any], enums: Collection[str] = ()) -> str:
    """`('4500000001')` or `(Order='1',Item=10)` for the URL of one entity.

    Raises KeyError for a missing part, ValueError as `literal` does.
    """
    parts = {name: literal(version, kind.properties[name], key[name], enums) for name in kind.keys}
    if len(parts) == 1:
        return f"({next(iter(parts.values()))})"
    return f"({','.join(f'{name}={value}' for name, value in parts.items())})"


_KEY = re.compile(r"\((.*)\)[^()]*$", re.DOTALL)
_PART = re.compile(r"(?:(\w+)=)?(?:[A-Za-z][\w.]*)?('(?:[^']|'')*'|[^,']+)(?:,|$)")


def removed_row(raw: Mapping[str, Any], kind: EntityType) -> bytes | None:
    """The key properties, as JSON, of an entry of a delta answer that says its entity is gone; None otherwise."""
    if "@removed" not in raw and not str(raw.get("@odata.context", "")).endswith("/$deletedEntity"):
        return None
    if all(name in raw for name in kind.keys):
        return encode({name: raw[name] for name in kind.keys})
    address = raw.get("@odata.id") or raw.get("@id") or raw.get("id") or ""
    predicate = _KEY.search(str(address))
    parts = _PART.findall(predicate[1]) if predicate else []
    named = {
        name or kind.keys[min(number, len(kind.keys) - 1)]: _unquoted(value)
        for number, (name, value) in enumerate(parts)
    }
    return encode(named)


def _unquoted(value: str) -> str:
    return value[1:-1].replace("''", "'") if value.startswith("'") else value
