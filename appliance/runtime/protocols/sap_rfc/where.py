"""Conditions of RFC_READ_TABLE: lines of at most 72 characters, broken at blanks only."""

import re
from collections.abc import Sequence

from appliance.errors import ConfigurationError

# A line filled to the last character would run into the next one.
LINE = 71

# A literal with its doubled quotes is one piece, blanks in it included.
_PIECE = re.compile(r"(?:'(?:[^']|'')*'|[^\s'])+")


def lines(condition: str) -> list[str]:
    """Raises ConfigurationError for a piece that fits in no line, and for a literal that is not closed."""
    if condition.count("'") % 2:
        raise ConfigurationError("A text in the condition is not closed: write a quote inside a text twice.")
    found: list[str] = []
    for piece in _PIECE.findall(condition):
        if len(piece) > LINE:
            raise ConfigurationError(
                f"{piece[:30]}… is too long for a condition; SAP takes {LINE} characters."
            )
        if found and len(found[-1]) + 1 + len(piece) <= LINE:
            found[-1] += f" {piece}"
        else:
            found.append(piece)
    return found


def literal(value: str, *, numeric: bool = False) -> str:
    return value.strip() if numeric else "'" + value.replace("'", "''") + "'"


def both(*conditions: str) -> str:
    """Conditions joined by AND, empty ones left out."""
    there = [condition for condition in conditions if condition]
    return there[0] if len(there) == 1 else " AND ".join(f"( {condition} )" for condition in there)


def beyond(names: Sequence[str], values: Sequence[str], operator: str) -> str:
    """Rows whose key is beyond `values` in the order of the key; `operator` is `>`, or `<=` for up to it."""
    strict = operator[0]
    alternatives = []
    for number, name in enumerate(names):
        last = number == len(names) - 1
        equal = [f"{n} = {v}" for n, v in zip(names[:number], values[:number], strict=True)]
        alternatives.append(" AND ".join([*equal, f"{name} {operator if last else strict} {values[number]}"]))
    return " OR ".join(f"( {one} )" for one in alternatives) if len(alternatives) > 1 else alternatives[0]
