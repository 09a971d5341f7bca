"""The OpenAPI 3.1 document: every route that is served, told by the model where it is about an entity.

Nothing is listed here by hand that a route could do without: a route is in the document because it is in the
application. The variant of a connection leaves out what its system does not serve, and names its custom fields.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from appliance import __version__
from appliance.api.openapi.parameters import (
    CONNECTION,
    IDEMPOTENCY,
    list_parameters,
    path_parameters,
    record_parameters,
)
from appliance.api.openapi.schemas import (
    ERROR,
    LINKS,
    META,
    Schema,
    body_schema,
    entity_schema,
    many,
    nested,
    one,
    reference,
)
from appliance.api.openapi.system import BODIES, OAUTH_ERROR, QUERY, WITHOUT_TOKEN, answer_of
from appliance.api.records.writing import MOST_AT_ONCE
from appliance.model.entity import Model, Operation
from appliance.writes.capabilities import fields_of, kind_of

_READS = ("list", "get", "statuses", "custom-fields", "children", "materials", "all-materials")
_SUMMARIES = {
    "list": "List {entities}",
    "get": "Read one {entity}",
    "create": "Create {a_entity}",
    "update": "Change {a_entity}",
    "status": "Set the status of {a_entity}",
    "statuses": "List statuses of {entities}",
    "custom-fields": "List custom fields of {entities}",
    "children": "List what {a_entity} consists of",
    "materials": "List materials of {a_entity}",
    "all-materials": "List materials of all {entities}",
    "add-material": "Add a material to {a_entity}",
    "change-material": "Change a material of {a_entity}",
    "inventory": "Set the stock of {a_entity}",
    "delivered": "Mark {a_entity} as delivered",
}


class Route(NamedTuple):
    """A route of the application; `about` is the first line that its view says of itself."""

    method: str
    path: str
    about: str


@dataclass(frozen=True, slots=True)
class Served:
    """What one connection serves: its entities, what it writes of them, and the custom fields seen in its records."""

    name: str
    entities: frozenset[str]
    writes: Mapping[str, Mapping[str, Mapping[str, Any]]]
    custom: Mapping[str, Mapping[str, Schema]] = field(default_factory=dict)


def build(
    model: Model,
    operations: Sequence[Operation],
    routes: Sequence[Route],
    base_url: str,
    served: Served | None = None,
) -> dict[str, Any]:
    """The document. `operations` are those about entities; `served` makes it the variant of a connection."""
    known = {(one.method, f"/api/{one.category}/{one.path}"): one for one in operations}
    by_path = {(one.method, one.path): one for one in operations}
    paths: dict[str, dict[str, Any]] = {}
    used: set[str] = {"Client", "Connection", "ConnectionStore", "ConnectionMetadata", "Integration"}
    for route in sorted(routes, key=lambda route: (route.path, route.method)):
        plain = route.path.removesuffix("/batch")
        operation = known.get((route.method, plain)) or by_path.get(
            (route.method, plain.removeprefix("/api/v1/"))
        )
        if operation is None:
            told = _plain(route)
        elif served is not None and not _offers(served, operation):
            continue
        else:
            told = _about_entity(model, route, operation, served)
            used |= {operation.entity, operation.owner}
        paths.setdefault(route.path, {})[route.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Appliance API" if served is None else f"Appliance API: {served.name}",
            "version": __version__,
            "description": "One API before the ERP, EAM and CMMS systems of a plant.",
        },
        "servers": [{"url": base_url or "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(model, frozenset(used), served),
            "responses": {
                "Error": {
                    "description": "Refused or failed; see the code.",
                    "headers": {
                        "X-Request-Id": {"schema": {"type": "string"}},
                        "Retry-After": {"schema": {"type": "string"}},
                    },
                    "content": {"application/json": {"schema": reference("Error")}},
                }
            },
        },
        **(
            {}
            if served is None
            else {"x-capabilities": {"entities": sorted(served.entities), "writes": served.writes}}
        ),
    }


def _offers(served: Served, operation: Operation) -> bool:
    if operation.kind in _READS:
        return operation.owner in served.entities or operation.kind == "statuses"
    return kind_of(operation) in served.writes.get(operation.owner, {})


def _about_entity(model: Model, route: Route, operation: Operation, served: Served | None) -> Schema:
    owner = model.entities[operation.owner]
    words = _words(owner.name)
    collection = (owner.path or words).replace("-", " ")
    told: Schema = {
        "operationId": _operation_id(route),
        "tags": [owner.name],
        "summary": _SUMMARIES[operation.kind].format(
            entity=words, a_entity=f"{'an' if words[0] in 'aeiou' else 'a'} {words}", entities=collection
        ),
        "parameters": [*path_parameters(route.path), CONNECTION],
    }
    item = reference(operation.entity)
    if operation.kind in ("list", "children", "materials", "all-materials"):
        told["parameters"] += list_parameters(model, model.entities[operation.entity])
    if operation.kind == "get":
        told["parameters"] += record_parameters()
    if operation.kind not in _READS:
        told["parameters"].append(IDEMPOTENCY)
        demanded = _demanded(operation, served)
        required = {field.name for field in operation.body if field.required} | demanded
        body = body_schema(
            fields_of(model, model.entities[operation.entity], operation.body), frozenset(required)
        )
        if route.path.endswith("/batch"):
            told["summary"] = f"Create several {collection}"
            return _batch(told, body, item)
        told["requestBody"] = {"required": True, "content": _content(operation, body)}
    status = 201 if operation.kind == "create" else 200
    answers = {str(status): _success(many(item) if operation.many else one(item))}
    if operation.kind not in _READS and kind_of(operation) != "upload":
        answers["202"] = _success(one({"type": "object"}), "Accepted; `Location` leads to the task.")
    told["responses"] = {**answers, "default": {"$ref": "#/components/responses/Error"}}
    return told


def _content(operation: Operation, body: Schema) -> Schema:
    """The type of a body with its schema; a document comes as the parts of a form."""
    if kind_of(operation) != "upload":
        return {"application/json": {"schema": body}}
    texts = {field.name: {"type": "string"} for field in operation.body}
    parts = {**texts, "file": {"type": "string", "format": "binary"}}
    return {"multipart/form-data": {"schema": {**body, "properties": parts}}}


def _batch(told: Schema, body: Schema, item: Schema) -> Schema:
    """Several bodies in one request, each with an outcome of its own."""
    items = {"type": "array", "minItems": 1, "maxItems": MOST_AT_ONCE, "items": body}
    sent = {"type": "object", "required": ["items"], "properties": {"items": items}}
    outcome = {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": {"type": "integer"},
            "status": {"type": "integer"},
            "data": item,
            "error": {"type": "object"},
        },
    }
    answers = {
        "200": _success(many(outcome), "All of them are done."),
        "207": _success(many(outcome), "Some are not done; each item tells its status."),
    }
    told["requestBody"] = {"required": True, "content": {"application/json": {"schema": sent}}}
    told["responses"] = {**answers, "default": {"$ref": "#/components/responses/Error"}}
    return told


def _demanded(operation: Operation, served: Served | None) -> set[str]:
    if served is None:
        return set()
    can = served.writes.get(operation.owner, {}).get(kind_of(operation), {})
    return {name for name in can.get("required", ()) if "." not in name}


def _plain(route: Route) -> Schema:
    status, schema = answer_of(route.method, route.path)
    told: Schema = {
        "operationId": _operation_id(route),
        "tags": ["System"],
        "summary": route.about or f"{route.method} {route.path}",
        "parameters": [*path_parameters(route.path), *QUERY.get((route.method, route.path), [])],
        "responses": {
            str(status): _success(schema),
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    body = BODIES.get((route.method, route.path))
    if body is not None:
        types = ["application/json"]
        if route.path.startswith("/link/"):
            types.append("application/x-www-form-urlencoded")
        told["requestBody"] = {"content": {name: {"schema": body} for name in types}}
    elif route.method in ("POST", "PUT"):
        told["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
    if route.path.startswith("/link/"):
        refused = {"description": "Refused.", "content": {"application/json": {"schema": OAUTH_ERROR}}}
        told["responses"] |= {"400": refused, "401": refused}
    if route.path in WITHOUT_TOKEN:
        told["security"] = []
    return told


def _schemas(model: Model, used: frozenset[str], served: Served | None) -> dict[str, Schema]:
    custom = {} if served is None else served.custom
    shown = nested(model, used)
    entities = {
        name: entity_schema(entity, custom.get(name))
        for name, entity in sorted(model.entities.items())
        if name in shown
    }
    return {**entities, "Error": ERROR, "Links": LINKS, "Meta": META}


def _success(schema: Schema, description: str = "Done.") -> Schema:
    return {
        "description": description,
        "headers": {"X-Request-Id": {"schema": {"type": "string"}}},
        "content": {"application/json": {"schema": schema}},
    }


def _operation_id(route: Route) -> str:
    parts = re.findall(r"[A-Za-z0-9]+", route.path.removeprefix("/api/"))
    return "_".join([route.method.lower(), *(part.lower() for part in parts)])


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
