"""Rows that belong to the rows of a page, with one query for many of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import SqlChildren
from appliance.runtime.protocols.sql.statement import Parameters, Relation, among, select

# SQL Server takes 2,100 parameters, Oracle 1,000 in one list.
PARAMETERS = 900
MOST = 200_000

Row = dict[str, Any]
Ask = Callable[[str, Sequence[Any], int], list[Row]]
"""Runs a statement with parameters; at most so many rows."""


def attach(rows: Sequence[Row], children: SqlChildren, relation: Relation, ask: Ask) -> None:
    """Put the children of each row into it as a list, empty for a row without any."""
    parents: dict[tuple[Any, ...], list[list[Row]]] = {}
    for row in rows:
        found: list[Row] = []
        row[children.into] = found
        values = tuple(_value(row, column, "row") for column in children.by.values())
        if None not in values:
            parents.setdefault(values, []).append(found)
    if not parents:
        return
    loosely = {_loosely(values): values for values in parents}
    columns = [f"q.{relation.quote(column)}" for column in children.by]
    order = [*columns, *(f"q.{relation.quote(column)}" for column in children.order)]
    for wanted in _portions(list(parents), max(1, PARAMETERS // len(columns))):
        parameters = Parameters()
        statement = select(relation, [among(columns, wanted, parameters)], order)
        for child in ask(statement, parameters.values, MOST):
            values = tuple(_value(child, column, "child") for column in children.by)
            lists = parents.get(values)
            if lists is None:
                # Equal to the server, by its collation or by padding, but not to us.
                lists = parents.get(loosely.get(_loosely(values), ()), [])
            for found in lists:
                found.append(child)


def _value(row: Row, column: str, whose: str) -> Any:
    if column not in row:
        raise SourceAnswerInvalid(
            f"The {whose} has no column {column!r} to join children by. Columns: {', '.join(row)}."
        )
    return row[column]


def _loosely(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(value.rstrip().casefold() if isinstance(value, str) else value for value in values)


def _portions(wanted: list[tuple[Any, ...]], size: int) -> list[list[tuple[Any, ...]]]:
    return [wanted[start : start + size] for start in range(0, len(wanted), size)]
