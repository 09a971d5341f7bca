"""`$filter` of V4: comparisons joined by `and`, `or` and brackets, with literals checked against their types."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_TOKEN = re.compile(r"\s*(\(|\)|'(?:[^']|'')*'|[^\s()]+)")
_LITERALS = {
    "Edm.String": r"'(?:[^']|'')*'",
    "Edm.Date": r"\d{4}-\d\d-\d\d",
    "Edm.DateTimeOffset": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "Edm.Decimal": r"-?\d+(\.\d+)?",
    "Edm.Int32": r"-?\d+",
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
}


class Wrong(Exception):
    """What the client asked for is not valid; answered with `status`."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def parse_filter(text: str, types: Mapping[str, str], refused: Mapping[str, int]) -> Test:
    """`refused` names properties that cannot be filtered by, with the status that says so."""
    tokens = _TOKEN.findall(text)
    test, rest = _either(tokens, types, refused)
    if rest:
        raise Wrong(f"unexpected {rest[0]}")
    return test


def _either(
    tokens: list[str], types: Mapping[str, str], refused: Mapping[str, int]
) -> tuple[Test, list[str]]:
    test, rest = _both(tokens, types, refused)
    tests = [test]
    while rest and rest[0] == "or":
        test, rest = _both(rest[1:], types, refused)
        tests.append(test)
    return lambda row: any(test(row) for test in tests), rest


def _both(tokens: list[str], types: Mapping[str, str], refused: Mapping[str, int]) -> tuple[Test, list[str]]:
    test, rest = _single(tokens, types, refused)
    tests = [test]
    while rest and rest[0] == "and":
        test, rest = _single(rest[1:], types, refused)
        tests.append(test)
    return lambda row: all(test(row) for test in tests), rest


def _single(
    tokens: list[str], types: Mapping[str, str], refused: Mapping[str, int]
) -> tuple[Test, list[str]]:
    if tokens and tokens[0] == "(":
        inner, rest = _either(tokens[1:], types, refused)
        if not rest or rest[0] != ")":
            raise Wrong("a bracket is not closed")
        return inner, rest[1:]
    if len(tokens) < 3:
        raise Wrong("a comparison has three parts")
    name, operator, literal, *rest = tokens
    if name not in types or operator not in _COMPARE:
        raise Wrong(f"no comparison: {name} {operator}")
    if name in refused:
        raise Wrong(f"{name} is not filterable", refused[name])
    if not re.fullmatch(_LITERALS[types[name]], literal):
        raise Wrong(f"{literal} is no literal of {types[name]}")
    value: Any = literal[1:-1].replace("''", "'") if literal.startswith("'") else literal
    if types[name] == "Edm.Int32":
        value = int(value)
    compare = _COMPARE[operator]
    return lambda row: row[name] is not None and compare(row[name], value), rest
