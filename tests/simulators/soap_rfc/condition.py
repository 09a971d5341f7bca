"""The part of Open SQL conditions that the simulated module understands."""

import re
from collections.abc import Callable, Mapping

Test = Callable[[Mapping[str, str]], bool]

_PIECE = re.compile(r"'(?:[^']|'')*'|\S+")
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


def parse(text: str, columns: set[str]) -> Test:
    """Raises ValueError for what is no condition."""
    if text.count("'") % 2:
        raise ValueError("an open literal")
    pieces = _PIECE.findall(text)
    if not pieces:
        return lambda row: True
    test, rest = _either(pieces, columns)
    if rest:
        raise ValueError(f"unexpected {rest[0]}")
    return test


def _either(pieces: list[str], columns: set[str]) -> tuple[Test, list[str]]:
    test, rest = _both(pieces, columns)
    tests = [test]
    while rest and rest[0] == "OR":
        test, rest = _both(rest[1:], columns)
        tests.append(test)
    return lambda row: any(test(row) for test in tests), rest


def _both(pieces: list[str], columns: set[str]) -> tuple[Test, list[str]]:
    test, rest = _single(pieces, columns)
    tests = [test]
    while rest and rest[0] == "AND":
        test, rest = _single(rest[1:], columns)
        tests.append(test)
    return lambda row: all(test(row) for test in tests), rest


def _single(pieces: list[str], columns: set[str]) -> tuple[Test, list[str]]:
    if pieces and pieces[0] == "(":
        test, rest = _either(pieces[1:], columns)
        if not rest or rest[0] != ")":
            raise ValueError("an open bracket")
        return test, rest[1:]
    name, operator, literal, *rest = pieces
    if name not in columns or operator not in _COMPARE or not re.fullmatch(r"'(?:[^']|'')*'|\d+", literal):
        raise ValueError(f"{name} {operator} {literal}")
    value = literal[1:-1].replace("''", "'") if literal.startswith("'") else literal
    compare = _COMPARE[operator]
    return lambda row: compare(row[name].rstrip(), value.rstrip()), rest
