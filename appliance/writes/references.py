"""Unified keys of a body to the keys of the source, all of them with one query an entity."""

from collections.abc import Iterator, Mapping
from typing import Any

from appliance.connections.tables import Connection
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.runtime.connector import Connector
from appliance.runtime.select import key_decoder
from appliance.store.records import Records
from appliance.writes.errors import WriteInvalid, problem
from appliance.writes.validation import Reference


class References:
    """Looks keys up in the records of one connection."""

    def __init__(self, records: Records, model: Model, connection: Connection, connector: Connector) -> None:
        self._records = records
        self._model = model
        self._connection = connection
        self._definitions = connector.definition.entities
        # By the first two characters of a key; several entities may show the same records.
        self._entities: dict[str, list[str]] = {}
        for name in self._definitions:
            self._entities.setdefault(str(entity_of(model, name).prefix), []).append(name)

    def resolve(self, record: Mapping[str, Any], lines: Mapping[str, Any]) -> dict[str, Any]:
        """The record with references as the source's keys. Raises WriteInvalid for those that lead nowhere.

        `lines` are the keys of lines of the record that is changed.
        """
        wanted = {reference.key for _, reference in _references(record)}
        found = {**self._look_up(wanted - set(lines)), **lines}
        missing = [
            problem(where, "UNKNOWN_KEY", f"There is no {reference.entity or 'record'} with this key here.")
            for where, reference in _references(record)
            if reference.key not in found
        ]
        if missing:
            raise WriteInvalid(missing)
        return {name: _replaced(value, found) for name, value in record.items()}

    def source_key(self, entity: str, key: str) -> list[Any] | None:
        """The parts of the source's key of a record, None when it is not here."""
        found = self._parts(entity, [key])
        return found.get(key)

    def _look_up(self, keys: set[str]) -> dict[str, Any]:
        by_entity: dict[str, list[str]] = {}
        for key in keys:
            for entity in self._entities.get(key[:2], []):
                by_entity.setdefault(entity, []).append(key)
        found: dict[str, Any] = {}
        for entity, wanted in by_entity.items():
            for key, parts in self._parts(entity, wanted).items():
                # A status is meant by its code; its scope is that of the record.
                value = parts[-1] if entity == "Status" else parts[0] if len(parts) == 1 else parts
                found.setdefault(key, value)
        return found

    def _parts(self, entity: str, keys: list[str]) -> dict[str, list[Any]]:
        stream = self._records.find_stream(self._connection.id, entity)
        if stream is None or entity not in self._definitions:
            return {}
        values = key_decoder(self._definitions[entity].key)
        return {key: list(values(raw)) for key, raw in self._records.raws(stream, keys).items()}


def _references(value: Any, where: str = "") -> Iterator[tuple[str, Reference]]:
    if isinstance(value, Reference):
        yield where, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _references(inner, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _references(inner, f"{where}.{number}")


def _replaced(value: Any, found: Mapping[str, Any]) -> Any:
    if isinstance(value, Reference):
        return found[value.key]
    if isinstance(value, dict):
        return {name: _replaced(inner, found) for name, inner in value.items()}
    return [_replaced(inner, found) for inner in value] if isinstance(value, list) else value
