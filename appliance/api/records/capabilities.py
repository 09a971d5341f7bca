"""`GET /api/v1/capabilities`: what the connection's system can do, entity by entity."""

from typing import Any

from flask import Blueprint, Response

from appliance.api.bearer import current_reader
from appliance.api.records.answers import answer, compressing
from appliance.app import Appliance
from appliance.model.entity import Category, Model
from appliance.runtime.capabilities import EntityCapability, capabilities
from appliance.runtime.select import encode
from appliance.writes.capabilities import abilities


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("capabilities", __name__)

    @routes.get("/api/v1/capabilities")
    def of_connection() -> Response:
        bearer = current_reader(appliance.connections, appliance.api_keys)
        connection = appliance.connections.get(bearer.connection_id)
        written = appliance.catalog.definition(connection.system, connection.fields)
        definition = appliance.mappings.adjusted(connection, written)
        writes = abilities(appliance.model, definition)
        described = {
            "system": definition.system,
            "categories": list(definition.categories),
            "entities": [
                {
                    **_entity(appliance.model, definition.categories, one),
                    "writes": {kind: can.as_dict() for kind, can in writes.get(one.entity.name, {}).items()},
                }
                for one in capabilities(appliance.model, definition)
            ],
        }
        return answer(encode({"data": described}).decode())

    return compressing(routes)


def _entity(model: Model, categories: tuple[Category, ...], one: EntityCapability) -> dict[str, Any]:
    reads = one.reads
    return {
        "entity": one.entity.name,
        "path": one.entity.path,
        "description": one.entity.description,
        "read": reads is not None,
        "reads": None
        if reads is None
        else {
            "paths": [
                f"/api/{operation.category}/{operation.path}"
                for operation in model.operations
                if operation.entity == one.entity.name
                and operation.method == "GET"
                and operation.category in categories
            ],
            "fields": list(reads.fields),
            "custom_fields": reads.custom_fields,
            "custom_field_names": list(reads.custom_field_names),
            "incremental": reads.incremental,
            "inside": reads.inside,
            "note": reads.note or None,
        },
    }
