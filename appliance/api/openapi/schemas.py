"""JSON schemas of entities and request bodies, generated from the model."""

from collections.abc import Mapping
from typing import Any

from appliance.model.entity import Entity, Field, Model

Schema = dict[str, Any]

_TYPES: dict[str, Schema] = {
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "decimal": {"type": "string", "description": "An exact decimal number, such as 12.50."},
    "datetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "key": {"type": "string"},
}


def entity_schema(entity: Entity, custom: Mapping[str, Schema] | None = None) -> Schema:
    """A record as it is answered: every field is there, null where the source tells nothing.

    `custom` are the custom fields of a connection, where they are known.
    """
    properties = {field.name: field_schema(field) for field in entity.fields.values()}
    if custom is not None and "customFields" in properties:
        properties["customFields"] = {"type": ["object", "null"], "properties": dict(custom)}
    return {"type": "object", "description": entity.description, "properties": properties}


def body_schema(fields: Mapping[str, Field], required: frozenset[str]) -> Schema:
    """What may be sent; `required` are the fields that must be."""
    schema: Schema = {
        "type": "object",
        "properties": {field.name: field_schema(field) for field in fields.values()},
    }
    if required:
        schema["required"] = sorted(required)
    return schema


def field_schema(field: Field) -> Schema:
    if field.type == "object":
        return {"anyOf": [reference(str(field.of)), {"type": "null"}]}
    if field.type == "list":
        return {"type": ["array", "null"], "items": reference(str(field.of))}
    if field.type == "keys":
        return {"type": ["array", "null"], "items": {"type": "string"}}
    if field.type == "any":
        return {}
    plain = _TYPES[field.type]
    schema = {**plain, "type": [plain["type"], "null"]}
    if field.to is not None:
        schema["description"] = f"Key of {field.to}."
    return schema


def reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def nested(model: Model, names: frozenset[str]) -> frozenset[str]:
    """The entities with those that stand inside their records."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in model.entities:
            continue
        found.add(name)
        waiting += [field.of for field in model.entities[name].fields.values() if field.of is not None]
    return frozenset(found)


ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "type", "message", "request_id", "details", "documentation"],
            "properties": {
                "code": {"type": "string", "description": "Branch on this."},
                "type": {"type": "string"},
                "message": {"type": "string", "description": "For people; says what to do."},
                "request_id": {"type": ["string", "null"]},
                "details": {"type": "object"},
                "documentation": {"type": "string"},
            },
        }
    },
}
META: Schema = {
    "type": "object",
    "properties": {
        "current_page": {"type": ["integer", "null"]},
        "from": {"type": ["integer", "null"]},
        "last_page": {"type": ["integer", "null"]},
        "path": {"type": "string"},
        "per_page": {"type": "integer"},
        "to": {"type": ["integer", "null"]},
        "total": {"type": ["integer", "null"]},
    },
}
LINKS: Schema = {
    "type": "object",
    "properties": {name: {"type": ["string", "null"]} for name in ("first", "last", "prev", "next")},
}


def one(item: Schema) -> Schema:
    return {"type": "object", "required": ["data"], "properties": {"data": item}}


def many(item: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {"type": "array", "items": item},
            "links": reference("Links"),
            "meta": reference("Meta"),
            "next_cursor": {"type": ["string", "null"]},
        },
    }
