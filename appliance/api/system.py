"""`/api/system/…` and synchronization: what the account, or a connection for itself, may do beside reading."""

from typing import Any, cast

import msgspec
from flask import Blueprint, Response, request

from appliance.api.bearer import current_api_key, current_bearer
from appliance.app import Appliance
from appliance.clock import iso
from appliance.connections.lifecycle import Connected
from appliance.errors import InvalidInput
from appliance.sync.tables import Mode

LARGEST_BODY = 1024 * 1024


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("system", __name__)
    connections = appliance.connections
    planner = appliance.planner

    @routes.get("/api/system/platforms")
    def platforms() -> Response:
        current_api_key(appliance.api_keys)
        return _data([describe_system(appliance, d.system) for d in appliance.catalog.definitions()])

    @routes.get("/api/system/credits")
    def credits_left() -> Response:
        current_api_key(appliance.api_keys)
        balance = appliance.ledger.balance()
        return _data({"granted": balance.granted, "used": balance.used, "available": balance.available})

    @routes.get("/api/system/connections")
    def list_connections() -> Response:
        current_api_key(appliance.api_keys)
        return _data([connection.as_dict() for connection in connections.table.all()])

    @routes.post("/api/system/connections")
    def connect() -> Response:
        current_api_key(appliance.api_keys)
        body = read_body("provider", "name", "email", "credentials", "hosting", "historical_days")
        made = connections.connect(
            system=_text(body, "provider"),
            name=_text(body, "name"),
            email=_optional_text(body, "email"),
            fields=_mapping(body, "credentials"),
            hosting=_optional_text(body, "hosting"),
            historical_days=body.get("historical_days"),
        )
        return _data(_connected(made), 201)

    @routes.delete("/api/system/connections/<connection_id>")
    def disconnect(connection_id: str) -> Response:
        current_api_key(appliance.api_keys)
        returned = connections.disconnect(connection_id)
        return _data({"id": connection_id, "status": "disconnected", "credits_returned": returned})

    @routes.post("/api/system/connections/<connection_id>/test")
    def test(connection_id: str) -> Response:
        current_api_key(appliance.api_keys)
        report = connections.test(connection_id)
        return _data({"passed": report.failure is None, "stages": report.as_dicts()})

    @routes.post("/api/system/connections/<connection_id>/reauthorize")
    def reauthorize(connection_id: str) -> Response:
        current_api_key(appliance.api_keys)
        fields = _mapping(read_body("credentials"), "credentials")
        return _data(_connected(connections.reauthorize(connection_id, fields)))

    @routes.post("/api/v1/connections/<connection_id>/sync")
    def sync_for_account(connection_id: str) -> Response:
        current_api_key(appliance.api_keys)
        connections.get(connection_id)
        return _run_requested(connection_id)

    @routes.get("/api/v1/connections/<connection_id>/sync/<run_id>")
    def run_for_account(connection_id: str, run_id: str) -> Response:
        current_api_key(appliance.api_keys)
        return _data(planner.describe_run(run_id, connection_id))

    @routes.post("/api/v1/sync")
    def sync() -> Response:
        return _run_requested(current_bearer(connections.tokens).connection_id)

    @routes.get("/api/v1/sync/<run_id>")
    def run(run_id: str) -> Response:
        return _data(planner.describe_run(run_id, current_bearer(connections.tokens).connection_id))

    @routes.get("/api/v1/sync-status")
    def sync_status() -> Response:
        connection = connections.get(current_bearer(connections.tokens).connection_id)
        return _data({"connection_status": connection.status, **sync_state(appliance, connection.id)})

    def _run_requested(connection_id: str) -> Response:
        body = read_body("entities", "mode")
        mode = body.get("mode", "incremental")
        if mode not in ("full", "incremental"):
            raise InvalidInput(
                "mode is full or incremental.", details={"fields": {"mode": "full or incremental"}}
            )
        entities = body.get("entities")
        if entities is not None and not (
            isinstance(entities, list) and entities and all(isinstance(name, str) for name in entities)
        ):
            raise InvalidInput('entities is a list of entity names, such as ["PurchaseOrder"].')
        run_id = planner.request_run(connection_id, entities=entities, mode=cast(Mode, mode))
        return _data(planner.describe_run(run_id), 202)

    return routes


def describe_system(appliance: Appliance, system: str) -> dict[str, Any]:
    """What the catalogue says of a system: form, credits, entities."""
    definition = appliance.catalog.folder(system).definition
    places = ("cloud", "on_premises") if definition.hosting == "either" else (definition.hosting,)
    return {
        "provider": definition.system,
        "name": definition.name,
        "vendor": definition.vendor,
        "summary": definition.summary,
        "versions": definition.versions,
        "categories": list(definition.categories),
        "evidence": definition.evidence,
        "tier": definition.tier,
        "hosting": list(places),
        "credits": {place: appliance.connections.quote(system, place)[1] for place in places},
        "entities": list(definition.entities),
        "form": [msgspec.to_builtins(form_field) for form_field in definition.form],
    }


def sync_state(appliance: Appliance, connection_id: str) -> dict[str, Any]:
    """Last success, next run, errors and newest notices of a connection, and the same per entity."""
    entities = appliance.planner.schedules.of_connection(connection_id)
    active = appliance.planner.runs.active(connection_id)
    successes = [row["last_success_at"] for row in entities]
    due = [row["next_due_at"] for row in entities if row["next_due_at"] is not None]
    errors = [
        {"entity": row["entity"], "message": row["last_error"]} for row in entities if row["last_error"]
    ]
    return {
        "status": "in_progress" if active else ("failed" if errors else "completed"),
        "last_successful_sync": iso(min(successes)) if successes and None not in successes else None,
        "next_scheduled_sync": iso(min(due)) if due else None,
        "errors": errors,
        "notices": appliance.planner.runs.notices(connection_id),
        "entities": [
            {
                "entity": row["entity"],
                "last_successful_sync": iso(row["last_success_at"]),
                "next_scheduled_sync": iso(row["next_due_at"]),
                "error": row["last_error"],
            }
            for row in entities
        ],
    }


def read_body(*members: str) -> dict[str, Any]:
    """The JSON object of a request, which has at most these members; an empty body is an empty object.

    Raises InvalidInput: a member that is passed over in silence would be a wish that is not fulfilled.
    """
    content = request.get_data(cache=False)
    if not content:
        return {}
    if len(content) > LARGEST_BODY:
        raise InvalidInput(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise InvalidInput("The body is a JSON object.")
    unknown = sorted(set(body) - set(members))
    if unknown:
        allowed = ", ".join(members)
        raise InvalidInput(
            f"The body has no member {unknown[0][:60]!r}. Members: {allowed}.",
            details={"fields": {name[:60]: f"not known; members are {allowed}" for name in unknown[:20]}},
        )
    return body


def _connected(made: Connected) -> dict[str, Any]:
    return {
        "id": made.connection.id,
        "status": made.connection.status,
        "access_token": made.token,
        "token_type": "bearer",
        "credits": made.connection.credits,
        "stages": made.report.as_dicts(),
    }


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name} is required, as text.", details={"fields": {name: "required"}})
    return value


def _optional_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"{name} is text.", details={"fields": {name: "text"}})
    return value


def _mapping(body: dict[str, Any], name: str) -> dict[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise InvalidInput(
            f"{name} is an object of field names and values.", details={"fields": {name: "required"}}
        )
    return value


def _data(data: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode({"data": data}), status=status, mimetype="application/json")
