"""The columns of a table as RFC_READ_TABLE describes them: cutting rows by them, values by their types."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from appliance.errors import ConfigurationError, SourceAnswerInvalid

# Binary numbers, raw bytes and strings come garbled or not at all.
_UNREADABLE = {
    "F": "floating point",
    "X": "raw bytes",
    "g": "a string",
    "y": "a raw string",
    "a": "DECFLOAT",
    "e": "DECFLOAT",
}
NUMERIC = frozenset("PIbs8")

_NO_DATE = frozenset({"00000000", "99991231", ""})
_TRAILING_SIGN = re.compile(r"([\d.]+)-")


@dataclass(frozen=True, slots=True)
class Column:
    """`offset` and `length` are characters in the row of the call that described it."""

    name: str
    offset: int
    length: int
    type: str


def read_columns(described: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
    """The table FIELDS of an answer. Raises SourceAnswerInvalid when it does not hold what it should."""
    try:
        return {
            str(row["FIELDNAME"]).strip(): Column(
                str(row["FIELDNAME"]).strip(),
                int(row["OFFSET"]),
                int(row["LENGTH"]),
                str(row["TYPE"]).strip(),
            )
            for row in described
        }
    except (KeyError, TypeError, ValueError):
        raise SourceAnswerInvalid(
            "SAP does not describe the columns of the table as expected (FIELDS)."
        ) from None


def portions(
    columns: Mapping[str, Column], key: Sequence[str], names: Sequence[str], width: int
) -> list[list[str]]:
    """Columns split so that a row with the key and a delimiter between columns never is wider than `width`.

    Raises ConfigurationError for a column that is not there, cannot be read, or is too wide.
    """
    for name in (*key, *names):
        if name not in columns:
            raise ConfigurationError(
                f"The table has no column {name!r}. Columns: {', '.join(sorted(columns)[:60])}."
            )
        if columns[name].type in _UNREADABLE:
            raise ConfigurationError(
                f"The column {name} is {_UNREADABLE[columns[name].type]}, which RFC_READ_TABLE cannot give. "
                "Read it by another function module."
            )
    found: list[list[str]] = [list(key)]
    for name in (name for name in names if name not in key):
        if _width(columns, [*found[-1], name]) <= width:
            found[-1].append(name)
            continue
        if _width(columns, [*key, name]) > width:
            raise ConfigurationError(
                f"The column {name} is too wide to be read with the key ({width} characters)."
            )
        found.append([*key, name])
    return found


def _width(columns: Mapping[str, Column], names: Sequence[str]) -> int:
    return sum(columns[name].length for name in names) + len(names) - 1


def cells(row: str, columns: Sequence[Column], delimiter: str) -> dict[str, str]:
    """A row of DATA by column, blanks at the end taken off.

    Cut by position, since texts may hold the delimiter; a delimiter missing at its place means that positions are
    bytes of another code page, and the row is split instead. Raises SourceAnswerInvalid when that fails, too.
    """
    padded = row.ljust(columns[-1].offset + columns[-1].length)
    if all(padded[column.offset - 1] == delimiter for column in columns[1:]):
        return {c.name: padded[c.offset : c.offset + c.length].rstrip() for c in columns}
    parts = row.split(delimiter)
    if len(parts) != len(columns):
        raise SourceAnswerInvalid(
            f"A row does not line up with its columns and holds the delimiter {delimiter!r} in a text. "
            "Choose another `delimiter`."
        )
    return {column.name: part.rstrip() for column, part in zip(columns, parts, strict=True)}


def value(text: str, kind: str) -> str | None:
    """A cell as JSON text: dates and times as ISO 8601, numbers with the sign before, `00000000` as nothing.

    Dates for ever (31.12.9999) mean an open end and are nothing, too.
    """
    stripped = text.strip()
    if kind == "D":
        return None if stripped in _NO_DATE else f"{stripped[:4]}-{stripped[4:6]}-{stripped[6:]}"
    if kind == "T":
        return f"{stripped[:2]}:{stripped[2:4]}:{stripped[4:]}" if stripped else None
    if kind in NUMERIC:
        signed = _TRAILING_SIGN.fullmatch(stripped)
        return f"-{signed[1]}" if signed else stripped or None
    return text


def shifted(amount: str | None, decimals: int) -> str | None:
    """An amount of a table, stored as if its currency had two decimals, as what it is."""
    return None if amount is None else format(Decimal(amount).scaleb(2 - decimals), "f")


def unpadded(text: str | None) -> str | None:
    """Without leading zeros where all is digits; a number of zeros only keeps one."""
    return text if text is None or not text.isdigit() else text.lstrip("0") or "0"
