"""Tables with typed columns, answered as OData V4 with `$select`, `$filter`, `$expand`, `$orderby` and next links."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from tests.simulators.published import Described, Published

Row = dict[str, Any]

_OPTIONS = {"$select", "$filter", "$expand", "$orderby", "$top", "$count", "$skiptoken", "cross-company"}
_TERM = re.compile(r"(\w+) (eq|ne|gt|ge) ('(?:[^']|'')*'|[\w.:+-]+)")
_NO_FACTS = Published({})
_LITERALS = {
    "moment": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "integer": r"-?\d+",
    "text": r"'.*'",
    # Edm.Guid, which OData V4 writes without quotes.
    "guid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
}
_KINDS = {"DateTimeOffset": "moment", "Int32": "integer", "Int64": "integer", "Guid": "guid"}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


class Refused(Exception):
    """Answered with `status` and an error of `code`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Tables:
    """`rows` by set, `navigation` by set and name to the child set and the columns that join them.

    A set whose `facts` are published has their properties, key and navigation and no others; of another set its
    first row tells them. `page` is the most rows a page. `denied` sets answer 403. Where there is a
    `default_company`, a request shows rows of others only when it says `cross-company=true`, a next link as well.
    """

    def __init__(self, bad_request: str, page: int = 20_000, facts: Published = _NO_FACTS) -> None:
        self.facts = facts
        self.rows: dict[str, list[Row]] = {}
        self.keys: dict[str, tuple[str, ...]] = {}
        self.navigation: dict[tuple[str, str], tuple[str, dict[str, str]]] = {}
        self.page = page
        self.denied: set[str] = set()
        self.default_company: str | None = None
        self.asked: list[tuple[str, dict[str, str]]] = []
        self._bad_request = bad_request
        self._links: dict[str, tuple[str, dict[str, str], int, int]] = {}

    def put(self, name: str, key: tuple[str, ...], *rows: Row) -> None:
        described = self._described(name)
        for row in rows if described else ():
            wrong = self.facts.wrong(name, row)
            assert not wrong, f"{name} has no {wrong}"
        self.keys[name] = key
        self.rows.setdefault(name, []).extend(rows)

    def answer(self, name: str, options: dict[str, str], prefer: str, root: str) -> dict[str, Any]:
        self.asked.append((name, options))
        if name not in self.rows:
            raise Refused(404, "BadRequest_NotFound", f"No HTTP resource was found that matches {name}.")
        if name in self.denied:
            raise Refused(403, "Authorization_RequestDenied", f"You do not have permission to read {name}.")
        wanted = re.search(r"odata\.maxpagesize=(\d+)", prefer)
        size = min(self.page, int(wanted[1]) if wanted else self.page)
        begin = 0
        everywhere = self.default_company is None or options.get("cross-company") == "true"
        if "$skiptoken" in options:
            kept = self._links.pop(options["$skiptoken"], None)
            if kept is None or kept[0] != name:
                raise self._bad("the skip token is not known")
            _, options, begin, size = kept
        unknown = set(options) - _OPTIONS
        if unknown:
            raise self._bad(f"there is no option {sorted(unknown)[0]}")
        self._check(name, _listed(options, "$select"))
        for navigation in _listed(options, "$expand"):
            self._check_navigation(name, navigation)
        found = [row for row in self._ordered(name, options) if self._kept(name, row, options)]
        if not everywhere:
            found = [row for row in found if row.get("dataAreaId") in (None, self.default_company)]
        if "$top" in options:
            found = found[: int(options["$top"])]
        answer: dict[str, Any] = {"@odata.context": f"{root}$metadata#{name}"}
        answer["value"] = [self._shown(name, row, options) for row in found[begin : begin + size]]
        if begin + size < len(found):
            token = f"t{len(self.asked)}-{begin + size}"
            self._links[token] = (name, options, begin + size, size)
            answer["@odata.nextLink"] = f"{root}{name}?$skiptoken={token}"
        return answer

    def _described(self, name: str) -> Described | None:
        return self.facts.sets.get(name)

    def _columns(self, name: str) -> Iterable[str]:
        """The properties of a set, or none where they cannot be told."""
        described = self._described(name)
        return described.types if described else next(iter(self.rows[name]), ())

    def _bad(self, message: str) -> Refused:
        return Refused(400, self._bad_request, message)

    def _ordered(self, name: str, options: dict[str, str]) -> list[Row]:
        by = options["$orderby"].split(",") if "$orderby" in options else list(self.keys[name])
        self._check(name, by)
        return sorted(self.rows[name], key=lambda row: [row[column] for column in by])

    def _check(self, name: str, columns: list[str]) -> None:
        known = self._columns(name)
        for column in columns:
            if known and column not in known:
                raise self._bad(f"Could not find a property named '{column}' on type '{name}'.")

    def _check_navigation(self, name: str, navigation: str) -> None:
        described = self._described(name)
        hidden = described is not None and navigation not in described.navigation
        if hidden or (name, navigation) not in self.navigation:
            raise self._bad(f"Could not find a property named '{navigation}' on type '{name}'.")

    def _kept(self, name: str, row: Row, options: dict[str, str]) -> bool:
        if "$filter" not in options:
            return True
        return all(self._holds(name, row, term) for term in options["$filter"].split(" and "))

    def _holds(self, name: str, row: Row, term: str) -> bool:
        match = _TERM.fullmatch(term)
        if match is None:
            raise self._bad(f"syntax error at {term}")
        column, operator, literal = match.groups()
        self._check(name, [column])
        value = row[column]
        kind = self._kind(name, column, value)
        if not re.fullmatch(_LITERALS[kind], literal):
            raise self._bad(f"{literal} is no {kind}")
        if kind == "integer":
            return _COMPARE[operator](value, int(literal))
        if kind == "guid":
            return _COMPARE[operator](str(value).lower(), literal.lower())
        if kind == "moment":
            # Fractions of a second count.
            return _COMPARE[operator](datetime.fromisoformat(value), datetime.fromisoformat(literal))
        return _COMPARE[operator](value, literal[1:-1].replace("''", "'"))

    def _shown(self, name: str, row: Row, options: dict[str, str]) -> Row:
        columns = [column for column in _listed(options, "$select") or list(row) if column != "@odata.etag"]
        tag = row.get("@odata.etag", 'W/"1"')
        shown: Row = {"@odata.etag": tag, **{column: row.get(column) for column in columns}}
        for navigation in _listed(options, "$expand"):
            child, joined = self.navigation[name, navigation]
            shown[navigation] = [
                {"@odata.etag": 'W/"1"', **line}
                for line in self.rows[child]
                if all(line[inner] == row[outer] for inner, outer in joined.items())
            ]
        return shown

    def _kind(self, name: str, column: str, value: object) -> str:
        """What a literal compared with a column has to be, by the published type or else by a value."""
        described = self._described(name)
        published = _KINDS.get(described.types[column]) if described else None
        told = "integer" if isinstance(value, int) else "moment" if _is_moment(value) else "text"
        return published or told


def _listed(options: dict[str, str], name: str) -> list[str]:
    return [word for word in options.get(name, "").split(",") if word]


def _is_moment(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(_LITERALS["moment"], value) is not None
