"""Writes the statements of a read, in the words of its dialect. Values always are parameters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.transport.sql.login import DialectName


@dataclass(frozen=True, slots=True)
class Relation:
    """A query to select from: `prefix` is its WITH part, `body` its SELECT, already checked."""

    dialect: DialectName
    prefix: str
    body: str
    quote: Callable[[str], str]


@dataclass(slots=True)
class Parameters:
    """Values in the order of their places, and the places."""

    values: list[Any] = field(default_factory=list)

    def place(self, value: Any) -> str:
        self.values.append(value)
        return f":p__{len(self.values) - 1}"


def coalesced(relation: Relation, columns: Sequence[str]) -> str:
    """The first of some columns that is not null, as an expression."""
    quoted = [f"q.{relation.quote(column)}" for column in columns]
    return quoted[0] if len(quoted) == 1 else f"COALESCE({', '.join(quoted)})"


def after(expressions: Sequence[str], values: Sequence[Any], parameters: Parameters) -> str:
    """The condition that a row comes after `values` in the order of `expressions`.

    The row comparison `(a, b) > (x, y)` is not known everywhere; written out it begins with `a >= x`, which an
    index can use.
    """
    first, *more = expressions
    value, *further = values
    place = parameters.place(value)
    if not more:
        return f"{first} > {place}"
    inner = after(more, further, parameters)
    return f"{first} >= {place} AND ({first} > {place} OR ({first} = {place} AND {inner}))"


def among(expressions: Sequence[str], wanted: Sequence[Sequence[Any]], parameters: Parameters) -> str:
    """The condition that the expressions equal one of the wanted rows of values."""
    if len(expressions) == 1:
        places = ", ".join(parameters.place(values[0]) for values in wanted)
        return f"{expressions[0]} IN ({places})"
    each = []
    for values in wanted:
        pairs = zip(expressions, values, strict=True)
        each.append(" AND ".join(f"{one} = {parameters.place(value)}" for one, value in pairs))
    return "(" + " OR ".join(f"({condition})" for condition in each) + ")"


def select(
    relation: Relation,
    conditions: Sequence[str],
    order: Sequence[str],
    limit: int | None = None,
    *,
    columns: Sequence[str] = (),
) -> str:
    """Rows of the relation, which conditions and order know as `q`; at most `limit` of them.

    They are whole, or have only `columns`.
    """
    wanted = ", ".join(f"q.{relation.quote(column)}" for column in columns) or "q.*"
    ordered = f" ORDER BY {', '.join(order)}" if order else ""
    rest = f"{_where(conditions)}{ordered}"
    source = f"FROM ({relation.body}) q{rest}"
    if limit is None:
        return f"{relation.prefix}SELECT {wanted} {source}"
    match relation.dialect:
        case "sqlserver":
            return f"{relation.prefix}SELECT TOP {limit} {wanted} {source}"
        case "oracle":
            # FETCH FIRST is not known before version 12.
            return f"{relation.prefix}SELECT * FROM (SELECT {wanted} {source}) WHERE ROWNUM <= {limit}"
        case _:
            return f"{relation.prefix}SELECT {wanted} {source} LIMIT {limit}"


def count(relation: Relation, conditions: Sequence[str]) -> str:
    return f"{relation.prefix}SELECT COUNT(*) FROM ({relation.body}) q{_where(conditions)}"


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(f'({condition})' for condition in conditions)}" if conditions else ""
