"""What tests of connectors that write ask: write, and read the record back as it is unified."""

from collections.abc import Sequence
from typing import Any

from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import Order, Writer
from tests.runtime.opened import EXACT

REFERENCE = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


def written(
    connector: Connector, entity: str, operation: str, record: dict[str, Any] | None = None, **more: Any
) -> list[Any]:
    """The key of what was written; `more` are members of the order."""
    order = Order(**{"record": record or {}, "reference": REFERENCE, **more})
    return Writer(connector, entity, operation).send(order)


def read_back(connector: Connector, entity: str, key: Sequence[Any]) -> dict[str, Any]:
    """The unified record of one row, numbers as exact as they are sent."""
    row = connector.one(entity, key)
    assert row is not None, f"there is no {entity} {list(key)}"
    record: dict[str, Any] = EXACT.decode(connector.projection(entity).record(row).payload)
    return record


def shown(record: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """The part of a record that `expected` speaks of, numbers as text."""
    part = {name: record[name] for name in expected}
    for name, value in expected.items():
        if isinstance(value, list) and isinstance(part[name], list):
            part[name] = [
                shown(one, said) if isinstance(said, dict) else one
                for one, said in zip(part[name], value, strict=True)
            ]
        elif isinstance(value, dict):
            part[name] = shown(part[name], value)
        elif isinstance(value, str) and isinstance(part[name], int | float):
            part[name] = str(part[name])
    return part
