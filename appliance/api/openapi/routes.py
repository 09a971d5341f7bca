"""What a connection and the application serve, as the document needs it."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from flask import Flask

from appliance.api.openapi.document import Route, Served
from appliance.api.openapi.schemas import Schema
from appliance.api.records.unified import reading_operations
from appliance.app import Appliance
from appliance.connections.tables import Connection
from appliance.model.entity import Operation
from appliance.runtime.definition import Definition
from appliance.writes.capabilities import abilities

SAMPLED = 200
_PARTS = ("/api/", "/link/", "/sync-status")
_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def routes_of(app: Flask) -> list[Route]:
    """Every route of the API."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(_PARTS):
            continue
        path = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", rule.rule)
        about = (app.view_functions[rule.endpoint].__doc__ or "").strip().split("\n")[0]
        found += [
            Route(method, path, about)
            for method in sorted(rule.methods or ())
            if method not in ("HEAD", "OPTIONS")
        ]
    return found


def operations_of(appliance: Appliance) -> list[Operation]:
    """The operations about entities, reading and writing."""
    writing = [one for one in appliance.model.operations if one.method != "GET"]
    return [*reading_operations(appliance), *writing]


def served_by(appliance: Appliance, connection: Connection) -> Served:
    """What a connection serves, with the custom fields of its newest records."""
    written = appliance.catalog.definition(connection.system, connection.fields)
    definition = appliance.mappings.adjusted(connection, written)
    entities = frozenset(definition.entities) & frozenset(appliance.model.entities)
    custom = {name: found for name in entities if (found := _custom_fields(appliance, connection.id, name))}
    return Served(connection.name, entities, _writes(appliance, definition), custom)


def _custom_fields(appliance: Appliance, connection_id: str, entity: str) -> dict[str, Schema]:
    if "customFields" not in appliance.model.entities[entity].fields:
        return {}
    stream = appliance.records.find_stream(connection_id, entity)
    if stream is None:
        return {}
    payloads = appliance.records.by_id(stream, 0, SAMPLED).payloads
    return _typed(msgspec.json.decode(payload).get("customFields") or {} for payload in payloads)


def _typed(records: Iterable[object]) -> dict[str, Schema]:
    types: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.items() if isinstance(record, dict) else ():
            types.setdefault(name, {"null"}).update([] if value is None else [_TYPES[type(value)]])
    return {name: {"type": sorted(found)} for name, found in sorted(types.items())}


def _writes(appliance: Appliance, definition: Definition) -> dict[str, dict[str, Any]]:
    """Entity to operation to what the system takes."""
    return {
        entity: {kind: can.as_dict() for kind, can in kinds.items()}
        for entity, kinds in abilities(appliance.model, definition).items()
    }
