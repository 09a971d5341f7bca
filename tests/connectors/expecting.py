"""What tests of connectors expect of records: what is not null, and references that resolve."""

from collections.abc import Mapping
from typing import Any

from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from tests.runtime.opened import MODEL, PART, all_records

Records = dict[str, dict[str, Any]]


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


def said(value: Any) -> Any:
    """A record without what is null or empty."""
    if isinstance(value, dict):
        kept = {name: said(inner) for name, inner in value.items()}
        return {name: inner for name, inner in kept.items() if inner not in (None, {}, [])}
    return [said(inner) for inner in value] if isinstance(value, list) else value


def everything(connector: Connector) -> dict[str, Records]:
    """All records of all entities, by entity and key."""
    return {entity: all_records(connector, entity) for entity in connector.definition.entities}


def dangling(found: Mapping[str, Records]) -> set[str]:
    """References to entities among `found` that lead to no record, as `Entity.field`."""
    loose: set[str] = set()
    for name, records in found.items():
        for record in records.values():
            loose |= _loose(name, name, record, found)
    return loose


def _loose(entity: str, where: str, record: Mapping[str, Any], found: Mapping[str, Records]) -> set[str]:
    loose: set[str] = set()
    for field in MODEL.entities[entity].fields.values():
        value, place = record.get(field.name), f"{where}.{field.name}"
        if value is None or field.name == "key":
            continue
        if field.of is not None:
            for inner in value if isinstance(value, list) else [value]:
                loose |= _loose(str(field.of), place, inner, found)
        elif field.to in found:
            keys = value if isinstance(value, list) else [value]
            loose |= {place for one in keys if one not in found[field.to]}
    return loose
