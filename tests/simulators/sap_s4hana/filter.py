"""`$filter` of both versions: comparisons joined by `and`, `or` and brackets, literals checked against their types."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_TOKEN = re.compile(r"\s*(\(|\)|\w*'(?:[^']|'')*'|[^\s()]+)")
_TEXT = r"'((?:[^']|'')*)'"
_DAY, _TIME = r"(\d{4}-\d\d-\d\d)", r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
_LITERALS = {
    2: {"": _TEXT, "d": rf"datetime'{_DAY}T00:00:00'", "t": f"datetimeoffset'{_TIME}'", "b": "(true|false)"},
    4: {"": _TEXT, "d": _DAY, "t": _TIME, "b": "(true|false)"},
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}


class Wrong(Exception):
    """What the client asked for is not valid; answered with `status` and, in V2, `code`."""

    def __init__(
        self, message: str, status: int = 400, code: str = "005056A509B11EE1B9A8FEC11C21D78E"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers: dict[str, str] = {}


class Filter:
    def __init__(self, text: str, version: int, types: Mapping[str, str]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._version = version
        self._types = types
        self.test = self._either()
        if self._tokens:
            raise Wrong(f"unexpected {self._tokens[0]}")

    def _either(self) -> Test:
        tests = [self._both()]
        while self._tokens[:1] == ["or"]:
            self._tokens.pop(0)
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._single()]
        while self._tokens[:1] == ["and"]:
            self._tokens.pop(0)
            tests.append(self._single())
        return lambda row: all(test(row) for test in tests)

    def _single(self) -> Test:
        if self._tokens[:1] == ["("]:
            self._tokens.pop(0)
            inner = self._either()
            if not self._tokens or self._tokens.pop(0) != ")":
                raise Wrong("a bracket is not closed")
            return inner
        if len(self._tokens) < 3:
            raise Wrong("a comparison has three parts")
        name, operator, literal = (self._tokens.pop(0) for _ in range(3))
        if name not in self._types or operator not in _COMPARE:
            raise Wrong(f"Property {name} not found, or no operator {operator}")
        found = re.fullmatch(_LITERALS[self._version].get(self._types[name], "(?!)"), literal)
        if found is None:
            raise Wrong(f"{literal} is no literal for {name}")
        value = found[1].replace("''", "'")
        compare = _COMPARE[operator]

        def test(row: Row) -> bool:
            own = row.get(name)
            own = str(own).lower() if isinstance(own, bool) else own
            return own is not None and compare(own, value)

        return test
