"""Records of every entity with every field filled, as a source that has everything would give them."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from appliance.app import Appliance
from appliance.clock import iso
from appliance.model.entity import Entity, Field, Model
from appliance.model.keys import unified_key
from appliance.runtime.select import encode
from appliance.store.records import NewRecord

EACH = 3
BORN = 1_760_000_000_000
DAY = 86_400_000


def key(entity: Entity, part: str, number: int) -> str:
    made = unified_key(str(entity.prefix), part, [number])
    assert made is not None
    return made


def document(model: Model, entity: Entity, part: str, number: int) -> dict[str, Any]:
    """A record of an entity. Its references lead to the records of the same number."""
    return {
        field.name: (
            key(entity, part, number) if field.name == "key" else value_of(model, field, part, number)
        )
        for field in entity.fields.values()
    }


def value_of(model: Model, field: Field, part: str, number: int) -> Any:
    """What the record of a number has in a field."""
    match field.type:
        case "string":
            return f"{field.name} {number:02}"
        case "boolean":
            return number % 2 == 0
        case "integer":
            return number
        case "number":
            return Decimal(number) + Decimal("0.25")
        case "decimal":
            return f"{number * 10}.50"
        case "datetime":
            return iso(BORN + number * DAY)
        case "date":
            return f"2026-03-{number + 1:02}"
        case "key":
            return key(model.entities[str(field.to)], part, number)
        case "keys":
            return [key(model.entities[field.to or "Asset"], part, n) for n in range(number + 1)]
        case "object":
            return document(model, model.entities[str(field.of)], part, number)
        case "list":
            of = model.entities[str(field.of)]
            return [document(model, of, part, number * 10 + n) for n in range(2)]
        case "any":
            return {"color": ("red", "green", "blue")[number % 3], "size": number, "open": number % 2 == 0}


def new_records(model: Model, entity: Entity, part: str, numbers: range) -> Iterator[NewRecord]:
    for number in numbers:
        record = document(model, entity, part, number)
        if "scope" in record:
            record["scope"] = ("work-orders", "purchase-orders", "invoices")[number % 3]
        raw = encode({"ID": number, "NAME": f"row {number}", "inner": {"at": number}})
        yield NewRecord(record["key"], raw[:16].ljust(16), encode(record), BORN + number * DAY, raw)


def fill(appliance: Appliance, connection_id: str, numbers: range = range(EACH)) -> None:
    """Write records of all entities that have keys into a connection."""
    part = appliance.connections.get(connection_id).part
    for entity in appliance.model.entities.values():
        if entity.prefix is not None:
            stream = appliance.records.stream(connection_id, entity.name)
            appliance.records.write(stream, list(new_records(appliance.model, entity, part, numbers)))
