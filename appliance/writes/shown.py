"""The unified record that a write is answered with, where the source does not give single records back."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from appliance.clock import iso
from appliance.model.entity import Model, Operation
from appliance.model.field import Field
from appliance.writes.validation import scalar

Record = dict[str, Any]


def as_sent(
    model: Model,
    operation: Operation,
    held: Mapping[str, Any] | None,
    sent: Mapping[str, Any],
    key: str | None,
) -> Record:
    """The record of the operation's owner as we know it (`held`, None of a new one) with what was sent, as it is
    answered: every field there, null where nothing is known. `sent` has been found valid."""
    fields = model.entities[operation.owner].fields
    record: Record = {**dict.fromkeys(fields), **(held or {})}
    match operation.kind:
        case "add-material" | "change-material":
            # The body is a line of the record, not the record.
            values: Mapping[str, Any] = {}
        case "inventory":
            values = {"inventory": {**(record.get("inventory") or {}), **sent}}
        case _:
            values = sent
    typed = {name: _value(model, fields[name], value) for name, value in values.items() if name in fields}
    return {**record, **typed, "key": key}


def answered(model: Model, operation: Operation, record: Record) -> Record:
    """A record of the operation's owner as one of the entity that the operation answers."""
    fields = model.entities[operation.entity].fields
    found = {name: record.get(name) for name in fields}
    if "inventories" in fields and "inventories" not in record:
        inventory = record.get("inventory")
        found["inventories"] = None if inventory is None else [inventory]
    return found


def _value(model: Model, field: Field, value: Any) -> Any:
    if value is None:
        return None
    match field.type:
        case "object":
            return _object(model, field, value)
        case "list":
            return [_object(model, field, item) for item in value]
        case "keys":
            return value if isinstance(value, list) else [value]
        case "key" | "any":
            return value
    return _going_out(field, scalar(field.type, value))


def _object(model: Model, field: Field, value: Mapping[str, Any]) -> Record:
    fields = model.entities[str(field.of)].fields
    return {
        name: _value(model, inner, value[name]) if name in value else None for name, inner in fields.items()
    }


def _going_out(field: Field, value: Any) -> Any:
    """A checked value as records have it."""
    match value:
        case datetime():
            return value.date().isoformat() if field.type == "date" else iso(int(value.timestamp() * 1000))
        case Decimal() if field.type == "decimal":
            return format(value, "f")
    return value
