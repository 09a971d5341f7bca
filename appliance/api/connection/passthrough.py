"""`POST /api/passthrough`: a request for the source of the token's connection, and its answer as it is."""

from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from appliance.api.bearer import current_api_key, current_reader
from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.passthrough.service import Caller
from appliance.runtime.select import encode

CALLS_SHOWN = 200


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("passthrough", __name__)
    service = appliance.passthrough

    @routes.post("/api/passthrough")
    def forward() -> Response:
        bearer = current_reader(appliance.connections, appliance.api_keys)
        caller = Caller(bearer.token_id, str(g.get("request_id") or ""))
        return _data(service.do(bearer.connection_id, _object(), caller))

    at = "/api/v1/connections/<connection_id>/passthrough"

    @routes.get(at)
    def show(connection_id: str) -> Response:
        """What is open, and the latest calls. With an account key."""
        current_api_key(appliance.api_keys)
        connection = appliance.connections.get(connection_id)
        rules = service.table.rules(connection.id)
        return _data({"allow": rules.texts, "calls": service.table.calls(connection.id, CALLS_SHOWN)})

    @routes.put(at)
    def change(connection_id: str) -> Response:
        """`{"allow": ["GET /orders/**"]}`; an empty list closes it. With an account key."""
        key = current_api_key(appliance.api_keys)
        allow = _object().get("allow")
        if not isinstance(allow, list):
            raise InvalidInput('Send `{"allow": ["GET /orders/**"]}`.')
        return _data({"allow": service.open_for(connection_id, allow, by=key.id).texts})

    return routes


def _object() -> dict[str, Any]:
    try:
        return msgspec.json.decode(request.get_data(), type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise InvalidInput("Send a JSON object.") from None


def _data(value: Any) -> Response:
    return Response(encode({"data": value}), mimetype="application/json")
