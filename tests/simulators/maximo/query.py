"""Conditions, selections and sort orders of Maximo, as its documentation describes them."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

Row = dict[str, Any]

_TERM = re.compile(r'([a-z0-9_]+)(!=|<=|>=|=|<|>)("[^"]*"|true|false|-?\d+(?:\.\d+)?)')
_SELECTED = re.compile(r"([a-z0-9_]+)(?:\{([a-z0-9_,]+|\*)\})?(?:,|$)")
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


class Refused(Exception):
    """`status`, `reason` (BMXAA…) and message of an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


def condition(text: str, unstored: set[str], *, local_times: bool) -> Callable[[Row], bool]:
    """`unstored`: attributes that cannot be asked by. `local_times`: times with an offset are refused."""
    terms = [_term(term, unstored, local_times) for term in text.split(" and ")]
    return lambda row: all(term(row) for term in terms)


def names(text: str) -> set[str]:
    """The attributes that a condition compares."""
    return {found[1] for term in text.split(" and ") if (found := _TERM.fullmatch(term))}


def _term(text: str, unstored: set[str], local_times: bool) -> Callable[[Row], bool]:
    found = _TERM.fullmatch(text)
    if found is None:
        raise Refused(400, "BMXAA8744E", f"The condition is not valid near {text}")
    name, operator, literal = found.groups()
    if name in unstored:
        raise Refused(400, "BMXAA8744E", f"{name} is not a persistent attribute")
    test = _TESTS[operator]
    if name.endswith("date"):
        wanted = _moment(literal, local_times)
        return lambda row: row.get(name) is not None and test(datetime.fromisoformat(row[name]), wanted)
    value: Any = literal.strip('"')
    if literal in ("true", "false"):
        value = literal == "true"
    return lambda row: test(row.get(name) if isinstance(value, bool) else str(row.get(name)), value)


def _moment(literal: str, local_times: bool) -> datetime:
    if not literal.startswith('"'):
        raise Refused(400, "BMXAA8744E", "A date stands in quotation marks")
    try:
        moment = datetime.fromisoformat(literal.strip('"'))
    except ValueError:
        raise Refused(400, "BMXAA8744E", f"{literal} is not a date") from None
    if local_times != (moment.tzinfo is None):
        raise Refused(400, "BMXAA8744E", f"{literal} is not a date this server takes")
    # The server stands at -05:00, as its answers say.
    return moment if moment.tzinfo else datetime.fromisoformat(f"{literal.strip(chr(34))}-05:00")


def selection(text: str) -> dict[str, set[str] | None]:
    """Attribute or child to the attributes of the child."""
    found: dict[str, set[str] | None] = {}
    end = 0
    for match in _SELECTED.finditer(text):
        if match.start() != end:
            break
        found[match[1]] = set(match[2].split(",")) if match[2] else None
        end = match.end()
    if end != len(text):
        raise Refused(400, "BMXAA8744E", f"The selection is not valid near {text[end : end + 20]!r}")
    return found


def order(text: str) -> tuple[str, bool]:
    """The attribute and whether it goes down."""
    if text[:1] not in ("+", "-") or not text[1:].isalnum():
        raise Refused(400, "BMXAA8744E", f"{text!r} is not a sort order: the sign is mandatory")
    return text[1:], text[0] == "-"
