"""Deletions that were held back or can be undone, and how far back a connection reads. For keys of the account."""

from flask import Blueprint, Response

from appliance.api.bearer import current_account
from appliance.api.bodies import answer, listed, read_body
from appliance.app import Appliance


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("removals", __name__)
    removals = appliance.removals
    connections = appliance.connections

    @routes.get("/api/v1/connections/<connection_id>/deletions")
    def held(connection_id: str) -> Response:
        """Deletions that wait for a word since too much would vanish, open ones first."""
        current_account()
        connections.get(connection_id)
        return listed(removals.held(connection_id))

    @routes.post("/api/v1/connections/<connection_id>/deletions/<hold_id>/approve")
    def approve(connection_id: str, hold_id: str) -> Response:
        """Compare once more and delete what is still missing, however much it is."""
        caller = current_account()
        read_body()
        connections.get(connection_id)
        run_id = removals.approve(connection_id, hold_id, by=caller.name)
        return answer(appliance.planner.describe_run(run_id), 202)

    @routes.post("/api/v1/connections/<connection_id>/deletions/<hold_id>/dismiss")
    def dismiss(connection_id: str, hold_id: str) -> Response:
        """Keep the records; the next comparison asks again if they are still missing."""
        caller = current_account()
        read_body()
        connections.get(connection_id)
        removals.dismiss(connection_id, hold_id, by=caller.name)
        return answer({"id": hold_id, "state": "dismissed"})

    @routes.post("/api/v1/connections/<connection_id>/sync/<run_id>/undo-deletions")
    def undo(connection_id: str, run_id: str) -> Response:
        """Bring back what a run deleted."""
        current_account()
        read_body()
        return answer({"run_id": run_id, "restored": removals.undo(connection_id, run_id)})

    @routes.put("/api/v1/connections/<connection_id>/history")
    def history(connection_id: str) -> Response:
        """Read transactions of so many days; a longer period fetches what is missing, by a run of its own."""
        current_account()
        days = read_body("days").get("days")
        run_id = appliance.history.change(connections.get_open(connection_id), days)
        return answer({"historical_days": days, "run_id": run_id})

    return routes
