"""Parameters of lists and headers of requests, as the description tells them."""

from typing import Any

from appliance.api.records.fields import EntityFields
from appliance.api.records.query import SHAPING, allowed_parameters
from appliance.model.entity import Entity, Model

Schema = dict[str, Any]

_TEXTS: dict[str, tuple[Schema, str]] = {
    "page": ({"type": "integer", "minimum": 1}, "Number of the page, from 1."),
    "per_page": (
        {"type": "integer", "minimum": 1, "maximum": 10_000},
        "Records a page; cut to the entity's limit.",
    ),
    "pageSize": ({"type": "integer", "minimum": 1, "maximum": 10_000}, "The same as per_page."),
    "cursor": ({"type": "string"}, "`next_cursor` of the page before; neither skips nor repeats a record."),
    "count": ({"type": "string", "enum": ["true", "false"]}, "false: leave the total out."),
    "modified_after": ({"type": "string"}, "Only what has changed since this date or time."),
    "modified_before": ({"type": "string"}, "Only what has not changed since this date or time."),
    "filter": (
        {"type": "object", "additionalProperties": {"type": "string"}},
        "`filter[field]=value` or `filter[field:operator]=value`.",
    ),
    "filterMatch": ({"type": "string", "enum": ["all", "any"]}, "Whether all filters have to fit, or any."),
    "sort": ({"type": "string"}, "Fields with commas between them, those with a minus descending."),
    "deleted": ({"type": "string", "enum": ["exclude", "include", "only"]}, "What of deleted records."),
    "fields": ({"type": "string"}, "Only these fields, with commas between them."),
    "include": ({"type": "string", "enum": ["raw"]}, "raw: the source's row beside each record."),
    "expand": ({"type": "string"}, "References to answer as records, with commas between them."),
}

CONNECTION: Schema = {
    "name": "X-Connection-Id",
    "in": "header",
    "description": "With a key of the account: the connection that is meant.",
    "schema": {"type": "string"},
}
IDEMPOTENCY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes a repetition of this request safe for 24 hours.",
    "schema": {"type": "string", "maxLength": 200},
}


def list_parameters(model: Model, entity: Entity) -> list[Schema]:
    """What a list of the entity takes, as the parser of lists knows it."""
    names = dict.fromkeys(name.partition("[")[0] for name in allowed_parameters(EntityFields(model, entity)))
    return [_parameter(name) for name in names]


def record_parameters() -> list[Schema]:
    """What a single record takes."""
    return [_parameter(name) for name in (*SHAPING, "deleted")]


def _parameter(name: str) -> Schema:
    word, _, side = name.rpartition("_")
    schema, description = _TEXTS.get(name) or (
        {"type": "string"},
        f"Only records whose {word} date is {side} this date or time.",
    )
    told = {"name": name, "in": "query", "description": description, "schema": schema}
    # `filter[field]=value` is what OpenAPI calls a deep object.
    return {**told, "style": "deepObject", "explode": True} if schema["type"] == "object" else told


def path_parameters(path: str) -> list[Schema]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
