"""Writes of a connector as the domain does them, and the record that is read back."""

from typing import Any

import msgspec

from appliance.runtime.connector import Connector
from appliance.runtime.writing.writer import Order, Writer
from tests.runtime.opened import EXACT


def write(
    connector: Connector, entity: str, operation: str, record: dict[str, Any], **more: Any
) -> list[Any]:
    """The source's key; `more` are the other parts of an Order."""
    return Writer(connector, entity, operation).send(Order(record=record, **more))


def source_row(connector: Connector, entity: str, source_key: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(raw(connector, entity, source_key))
    return found


def read_back(connector: Connector, entity: str, source_key: list[Any]) -> dict[str, Any]:
    """The unified record, numbers as exact as they are sent."""
    projection = connector.projection(entity)
    found: dict[str, Any] = EXACT.decode(projection.record(raw(connector, entity, source_key)).payload)
    return found


def raw(connector: Connector, entity: str, source_key: list[Any]) -> bytes:
    found = connector.one(entity, source_key)
    assert found is not None, f"there is no {entity} {source_key}"
    return found
