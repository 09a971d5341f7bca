"""When a connection synchronizes: shown to its own token, shown to the account and set by it."""

from flask import Blueprint, Response

from appliance.api.bearer import current_account, current_bearer
from appliance.api.bodies import answer, read_body
from appliance.app import Appliance


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("schedules", __name__)
    schedules = appliance.schedules
    at = "/api/v1/connections/<connection_id>/schedule"

    @routes.get("/api/v1/schedule")
    def of_token() -> Response:
        """When the token's connection synchronizes, entity by entity, and why not now."""
        return answer(schedules.describe(current_bearer().connection_id))

    @routes.get(at)
    def show(connection_id: str) -> Response:
        """When a connection synchronizes, entity by entity, and why not now."""
        current_account()
        return answer(schedules.describe(connection_id))

    @routes.put(at)
    def change(connection_id: str) -> Response:
        """Set when a connection synchronizes, in place of all that was set before."""
        caller = current_account()
        body = read_body("rule", "entity_rules")
        schedules.change(connection_id, body.get("rule", {}), body.get("entity_rules", {}), by=caller.id)
        return answer(schedules.describe(connection_id))

    return routes
