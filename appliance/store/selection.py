"""Which records of a stream are wanted, and in what order: conditions on their JSON text, as SQL.

A condition names a place in the document and how its values compare. Everything that comes from outside, names
of places included, is a parameter of the statement; what is put into the text is fixed here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

Kind = Literal["text", "number", "boolean", "time", "any"]
Operator = Literal[
    "eq", "gt", "gteq", "lt", "lteq", "in", "between", "contains", "startsWith", "endsWith", "exists"
]
Deleted = Literal["exclude", "include", "only"]
Sql = tuple[str, list[Any]]

# Sort values stand in cursors, and cursors in addresses.
SORTED_CHARACTERS = 100
# Wider than what a number loses as a double, so that only near ones are compared digit by digit.
_NEAR = 1e-12


class Step(NamedTuple):
    """A member of an object; with `many` it is a list, and any item counts."""

    name: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands in a document. Times are ISO texts in UTC, exact decimals numbers or texts."""

    steps: tuple[Step, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class Condition:
    """`negated` turns it around, so that what has no value fits as well.

    `values` are texts: plain digits for numbers, `true` or `false` for truth values, ISO texts without `Z` for
    times. `between` takes a first value and one that is past the end. `exists` takes none.
    """

    place: Place
    operator: Operator
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """One field to sort by; records without a value come last. `place` has no step of many."""

    place: Place
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """`conditions` hold all, or with `match_any` one at least; `required` always hold.

    `since` and `until` limit when the record last changed, milliseconds since 1970, the end not included.
    `linked_to` leaves the records that belong to the one with that key.
    """

    conditions: tuple[Condition, ...] = ()
    match_any: bool = False
    required: tuple[Condition, ...] = ()
    since: int | None = None
    until: int | None = None
    deleted: Deleted = "exclude"
    order: tuple[Order, ...] = ()
    linked_to: str | None = None

    @property
    def reads_documents(self) -> bool:
        """Whether documents have to be read to tell what fits; without it indexes alone tell."""
        return bool(self.conditions or self.required)


def conditions_sql(selection: Selection, document: str) -> Sql:
    """The condition on a document, `1` when there is none. `document` is an SQL expression of JSON text."""
    parts: list[str] = []
    parameters: list[Any] = []
    for group, word in (
        (selection.conditions, " OR " if selection.match_any else " AND "),
        (selection.required, " AND "),
    ):
        if not group:
            continue
        written = [_condition(condition, document) for condition in group]
        parts.append("(" + word.join(sql for sql, _ in written) + ")")
        parameters += [value for _, values in written for value in values]
    return " AND ".join(parts) or "1", parameters


def order_value(place: Place, document: str) -> Sql:
    """The value to sort by: a number, a text cut to SORTED_CHARACTERS, or NULL."""
    path = _path([step.name for step in place.steps])
    value = f"({document} ->> ?)"
    match place.kind:
        case "number":
            return f"CAST({value} AS REAL)", [path]
        case "boolean":
            return value, [path]
        case "time":
            return f"rtrim({value}, 'Z')", [path]
        case "text":
            return f"substr({value}, 1, {SORTED_CHARACTERS})", [path]
    cut = f"substr({value}, 1, {SORTED_CHARACTERS})"
    return (
        f"CASE WHEN typeof({value}) <> 'text' THEN {value} WHEN {_looks_like_number(value)}"
        f" THEN CAST({value} AS REAL) ELSE {cut} END",
        [path] * 7,
    )


def after_sql(orders: list[tuple[str, list[Any], bool]], place: list[Any]) -> Sql:
    """The rows after a place. `orders` are SQL value, its parameters and whether it descends; `place` their values.

    What has no value comes last in both directions.
    """
    (value, parameters, descending), *following = orders
    at = place[0]
    compare = "<" if descending else ">"
    if not following:
        # The last one is the number of the row, which always has a value.
        return f"{value} {compare} ?", [*parameters, at]
    rest, rest_parameters = after_sql(following, place[1:])
    if at is None:
        return f"({value} IS NULL AND {rest})", [*parameters, *rest_parameters]
    return (
        f"({value} {compare} ? OR {value} IS NULL OR ({value} = ? AND {rest}))",
        [*parameters, at, *parameters, *parameters, at, *rest_parameters],
    )


def _condition(condition: Condition, document: str) -> Sql:
    sql, parameters = _somewhere(condition, document, list(condition.place.steps), 0)
    return (f"NOT coalesce({sql}, 0)" if condition.negated else sql), parameters


def _somewhere(condition: Condition, document: str, steps: list[Step], depth: int) -> Sql:
    """The condition on the value at the end of `steps`, for any item of every list on the way."""
    names: list[str] = []
    for number, step in enumerate(steps):
        names.append(step.name)
        if step.many:
            item = f"item{depth}"
            inner, parameters = _somewhere(condition, f"{item}.value", steps[number + 1 :], depth + 1)
            listed = f"SELECT 1 FROM json_each({document}, ?) AS {item} WHERE {inner}"
            return f"EXISTS ({listed})", [_path(names), *parameters]
    if not names:
        # An item of a list of texts is the value itself.
        return _test(condition, _Value(document, f"json_quote({document})", []))
    return _test(condition, _Value(f"({document} ->> ?)", f"({document} -> ?)", [_path(names)]))


class _Value(NamedTuple):
    """`sql` gives the value, `json` its JSON text; both take the same parameters."""

    sql: str
    json: str
    parameters: list[Any]


def _test(condition: Condition, value: _Value) -> Sql:
    if condition.operator == "exists":
        return f"{value.sql} IS NOT NULL", value.parameters
    if condition.operator == "in":
        return _joined(
            [_test(Condition(condition.place, "eq", (one,)), value) for one in condition.values], " OR "
        )
    if condition.operator == "between":
        low, high = condition.values
        return _joined(
            [
                _test(Condition(condition.place, "gteq", (low,)), value),
                _test(Condition(condition.place, "lt", (high,)), value),
            ],
            " AND ",
        )
    return _TESTS[condition.place.kind](condition.operator, condition.values[0], value)


_SIGNS = {"eq": "=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<="}


def _test_text(operator: Operator, given: str, value: _Value) -> Sql:
    held = value.sql
    if operator in _SIGNS:
        return f"{held} {_SIGNS[operator]} ?", [*value.parameters, given]
    # SQLite lowers ASCII letters; the other function knows all, and is slower.
    lower = "lower" if given.isascii() else "fold"
    held, wanted = f"{lower}({held})", given.lower()
    if operator == "contains":
        return f"instr({held}, ?) > 0", [*value.parameters, wanted]
    if operator == "startsWith":
        return f"substr({held}, 1, ?) = ?", [*value.parameters, len(wanted), wanted]
    return f"substr({held}, ?) = ?", [*value.parameters, -len(wanted), wanted]


def _test_number(operator: Operator, given: str, value: _Value) -> Sql:
    """Exact whatever the number of digits: as doubles where they differ clearly, digit by digit where not."""
    number = float(Decimal(given))
    low, high = number - abs(number) * _NEAR, number + abs(number) * _NEAR
    real = f"CAST({value.sql} AS REAL)"
    exact = f"compare_numbers({value.json}, ?) {_SIGNS[operator]} 0"
    parameters = value.parameters
    near = f"({real} BETWEEN ? AND ? AND {exact})"
    near_parameters = [*parameters, low, high, *parameters, given]
    if operator == "eq":
        return near, near_parameters
    if operator in ("gt", "gteq"):
        return f"({real} > ? OR {near})", [*parameters, high, *near_parameters]
    return f"({real} < ? OR {near})", [*parameters, low, *near_parameters]


def _test_boolean(operator: Operator, given: str, value: _Value) -> Sql:
    return f"{value.json} = ?", [*value.parameters, given]


def _test_time(operator: Operator, given: str, value: _Value) -> Sql:
    # Fractions are there or not; without the Z the shorter text is the earlier one.
    return f"rtrim({value.sql}, 'Z') {_SIGNS[operator]} ?", [*value.parameters, given]


def _test_any(operator: Operator, given: str, value: _Value) -> Sql:
    """A value of unknown type: more and less than a number are asked of numbers, whether they are texts or not.

    Equal are texts that are the same, so that 0010 is not 10, and numbers that are.
    """
    is_text, is_real = f"typeof({value.sql}) = 'text'", f"json_type({value.json}) IN ('integer', 'real')"
    parts: list[Sql] = []
    ordered = operator in _SIGNS and operator != "eq" and is_number(given)
    if operator in _SIGNS and is_number(given):
        number, parameters = _test_number(operator, given, value)
        parts.append((f"({is_real} AND {number})", [*value.parameters, *parameters]))
        if ordered:
            like = f"({is_text} AND {_looks_like_number(value.sql)} AND {number})"
            parts.append((like, [*value.parameters * 4, *parameters]))
    if not ordered:
        text, parameters = _test_text(operator, given, value)
        parts.append((f"({is_text} AND {text})", [*value.parameters, *parameters]))
    if operator == "eq" and given in ("true", "false"):
        parts.append((f"{value.json} = ?", [*value.parameters, given]))
    return _joined(parts, " OR ")


def _looks_like_number(value: str) -> str:
    """Digits with a point or a minus before them; names `value` three times."""
    return f"({value} GLOB '*[0-9]*' AND {value} NOT GLOB '*[^0-9.-]*' AND {value} NOT GLOB '?*-*')"


_TESTS: dict[Kind, Callable[[Operator, str, _Value], Sql]] = {
    "text": _test_text,
    "number": _test_number,
    "boolean": _test_boolean,
    "time": _test_time,
    "any": _test_any,
}


def is_number(text: str) -> bool:
    """Whether a text is a plain decimal number of at most 60 characters."""
    digits = text.removeprefix("-")
    whole, point, fraction = digits.partition(".")
    return (
        len(text) <= 60
        and whole.isascii()
        and whole.isdigit()
        and (not point or (fraction.isascii() and fraction.isdigit()))
    )


def _joined(parts: list[Sql], word: str) -> Sql:
    return "(" + word.join(sql for sql, _ in parts) + ")", [value for _, values in parts for value in values]


def _path(names: list[str]) -> str:
    """A JSON path of names, which hold neither quotation marks nor backslashes."""
    if any('"' in name or "\\" in name for name in names):
        raise ValueError("a name in a JSON path holds no quotation mark and no backslash")
    return "$" + "".join(f'."{name}"' for name in names)
