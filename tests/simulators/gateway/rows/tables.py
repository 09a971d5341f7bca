"""The rows behind an entity set, addressed by position, and the selection of positions by a query.

A row is a dict of property name to JSON text as sent on the wire. A position is an int that stays with its
row; positions in ascending order are in ascending order of the key.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

from ..odata.filter import Condition, compile_condition, pinned_values
from ..odata.metadata import EntityType, Property
from ..odata.wire import Value, from_json, to_json

Row = Mapping[str, str]


class Table(Protocol):
    """The rows of one entity set. `version` moves with every change, so that selections can be kept."""

    entity: EntityType

    @property
    def version(self) -> int: ...

    def positions(self) -> Sequence[int]:
        """All positions, ascending."""
        ...

    def row(self, position: int) -> Row: ...

    def row_version(self, position: int) -> int:
        """Moves with every change of this row or of what hangs on it."""
        ...

    def column(self, prop: Property) -> Callable[[int], Value]:
        """Reads the typed value of a property at a position; without rendering the row where that is
        possible.
        """
        ...

    def where(self, values: Mapping[str, str]) -> Sequence[int]:
        """The positions whose rows have these JSON texts, as a navigation joins them."""
        ...


class ListTable:
    """Rows kept in a list, for sets of a few thousand rows that are only read; made when first asked for."""

    def __init__(self, entity: EntityType, make: Callable[[], Iterable[Row]]) -> None:
        self.entity = entity
        self.version = 0
        self._make = make
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], list[int]]] = {}

    @cached_property
    def _rows(self) -> list[Row]:
        return list(self._make())

    def positions(self) -> Sequence[int]:
        return range(len(self._rows))

    def row(self, position: int) -> Row:
        return self._rows[position]

    def row_version(self, position: int) -> int:
        return 0

    def column(self, prop: Property) -> Callable[[int], Value]:
        return lambda position: from_json(self._rows[position][prop.name], prop)

    def where(self, values: Mapping[str, str]) -> Sequence[int]:
        names = tuple(values)
        if names not in self._indexes:
            index: dict[tuple[str, ...], list[int]] = {}
            for position, row in enumerate(self._rows):
                index.setdefault(tuple(row[name] for name in names), []).append(position)
            self._indexes[names] = index
        return self._indexes[names].get(tuple(values.values()), [])


def find(table: Table, key: Mapping[str, Value]) -> int | None:
    """The position of the row with this key, or None."""
    texts = {name: to_json(value, table.entity.properties[name]) for name, value in key.items()}
    return next(iter(table.where(texts)), None)


def select(
    table: Table,
    condition: Condition | None,
    order: Sequence[tuple[Property, bool]],
    among: Sequence[int] | None = None,
) -> Sequence[int]:
    """The positions that fulfil `condition` in the given order, then by key; nulls come first.

    `among` restricts the rows looked at. A key part pinned by the condition is looked up instead of scanned.
    """
    positions = among if among is not None else _candidates(table, condition)
    if condition is not None:
        fulfils = compile_condition(condition, table.column)
        positions = [position for position in positions if fulfils(position)]
    for prop, descending in reversed(order):
        read = table.column(prop)
        positions = sorted(positions, key=_null_first(read), reverse=descending)
    return positions


def _candidates(table: Table, condition: Condition | None) -> Sequence[int]:
    if condition is not None:
        first = table.entity.properties[table.entity.key[0]]
        pinned = pinned_values(condition, first.name)
        if pinned is not None:
            found = (table.where({first.name: to_json(value, first)}) for value in pinned)
            return sorted(position for positions in found for position in positions)
    return table.positions()


def _null_first(read: Callable[[int], Value]) -> Callable[[int], tuple[bool, Value]]:
    def key(position: int) -> tuple[bool, Value]:
        value = read(position)
        return (value is not None, value)

    return key
