"""Writes through a connector and reads back what the source then has, as the unified record."""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import Order, Writer
from tests.runtime.opened import EXACT


def write(
    connector: Connector, entity: str, operation: str, record: Mapping[str, Any] | None = None, **order: Any
) -> list[Any]:
    """The source's key of the record written; `order` may hold key, status, reference, previous and retried."""
    return Writer(connector, entity, operation).send(Order(record=record or {}, **order))


def unified(connector: Connector, entity: str, key: Sequence[Any]) -> dict[str, Any]:
    """The unified record of a row read back by its key."""
    raw = connector.one(entity, key)
    assert raw is not None, f"{entity} {key} is not there"
    record: dict[str, Any] = EXACT.decode(connector.projection(entity).record(raw).payload)
    return record


def chosen(record: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """Of a record what `expected` names, in lists of records too; to compare field by field."""
    found: dict[str, Any] = {}
    for name, value in expected.items():
        given = record[name]
        if isinstance(value, Mapping):
            given = chosen(given, value)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            assert len(given) == len(value), f"{name}: {given}"
            given = [chosen(one, wanted) for one, wanted in zip(given, value, strict=True)]
        found[name] = given
    return found
