"""Writes in rehearsal: every request is made of a sample record, and none is sent."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from appliance.errors import ApplianceError
from appliance.model.entity import Entity, Field, Model
from appliance.runtime.checking.report import Check, number
from appliance.runtime.connector import Connector
from appliance.runtime.definition import Definition, EntityDefinition, Write
from appliance.runtime.writing.fields import accepted, statuses
from appliance.runtime.writing.writer import Order, Writer

_SAMPLES: dict[str, Any] = {
    "string": "1",
    "boolean": True,
    "integer": 1,
    "number": Decimal("1.5"),
    "decimal": Decimal("12.50"),
    "datetime": datetime(2026, 1, 31, 8, tzinfo=UTC),
    "date": datetime(2026, 1, 31, tzinfo=UTC),
    "any": "1",
}


def check_writes(connector: Connector, model: Model, entity: str) -> list[Check]:
    """Whether the requests of each operation can be made, and its fields are those of the model."""
    definition = connector.definition.entities[entity]
    return [
        _check(connector, model, entity, operation, write) for operation, write in definition.write.items()
    ]


def _check(connector: Connector, model: Model, entity: str, operation: str, write: Write) -> Check:
    name = f"write {operation}"
    served = connector.definition.entities[entity]
    problems = _lacking_key(served, operation, write)
    unknown = _unknown_fields(model, entity, write)
    orders = _orders(connector.definition, model, entity, write)
    made = 0
    for order in orders:
        try:
            made += Writer(connector, entity, operation).rehearse(order)
        except ApplianceError as failure:
            problems.append(failure.message)
    if problems:
        return Check(name, "failed", " ".join(dict.fromkeys(problems)), entity)
    if unknown:
        said = f"The model knows no {', '.join(unknown)}; who writes has to know it from the guide."
        return Check(name, "warning", said, entity)
    return Check(name, "passed", f"{number(made, 'request')} made of a sample record; none was sent.", entity)


def _unknown_fields(model: Model, entity: str, write: Write) -> list[str]:
    known = {field.name for o in model.operations if o.owner == entity for field in o.body}
    known |= set(model.entities[entity].fields)
    named = {*(accepted(write) or {}), *(path.partition(".")[0] for path in write.required)}
    return sorted(named - known)


def _lacking_key(served: EntityDefinition, operation: str, write: Write) -> list[str]:
    if operation != "create" or len(write.id) == len(served.key):
        return []
    return [f"`id` names {len(write.id)} parts of the key, which has {len(served.key)}."]


def _orders(definition: Definition, model: Model, entity: str, write: Write) -> list[Order]:
    """A sample for each status that can be set, or one."""
    record = _sample(definition, model, model.entities[entity], accepted(write))
    key = ["1"] * len(definition.entities[entity].key)
    scope = str(model.entities[entity].path)
    codes = statuses(write) or tuple(definition.statuses.get(scope, ()))[:1] or ("1",)
    return [Order(record=record, key=key, status=code, reference="0" * 32) for code in codes]


def _sample(
    definition: Definition, model: Model, entity: Entity, taken: dict[str, frozenset[str]] | None
) -> dict[str, Any]:
    bodies = {field.name: field for o in model.operations if o.owner == entity.name for field in o.body}
    fields = {**bodies, **entity.fields}
    return {
        name: _value(definition, model, fields[name], below)
        for name, below in (taken or {}).items()
        if name in fields
    }


def _value(definition: Definition, model: Model, field: Field, below: frozenset[str]) -> Any:
    if field.name == "customFields":
        return dict.fromkeys(below, "1")
    match field.type:
        case "key":
            return _key(definition, field)
        case "keys":
            return [_key(definition, field)]
        case "object" | "list":
            inner = _sample(
                definition, model, model.entities[str(field.of)], dict.fromkeys(below, frozenset())
            )
            return inner if field.type == "object" else [inner]
    return _SAMPLES[field.type]


def _key(definition: Definition, field: Field) -> Any:
    if field.to == "Status":
        return "1"
    parts = len(definition.entities[field.to].key) if field.to in definition.entities else 1
    return "1" if parts == 1 else ["1"] * parts
