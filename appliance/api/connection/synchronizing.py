"""Synchronization over the API: ask for a run, follow it, and how a connection stands. One state, three addresses.

`/sync-status` speaks the words of the website, `/api/integrations/…` those of the published description.
"""

from typing import Any, cast

from flask import Blueprint, Response

from appliance.api.bearer import current_account, current_bearer, current_reader
from appliance.api.bodies import answer, listed, read_body
from appliance.app import Appliance
from appliance.clock import iso
from appliance.connections.tables import REAUTHORIZATION_REQUIRED, Connection
from appliance.errors import InvalidInput
from appliance.sync.runs.tables import Mode

RECENT = 20
MOST_RUNS = 500
MODES = ("incremental", "full", "reconcile")


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("synchronizing", __name__)
    connections = appliance.connections
    planner = appliance.planner

    @routes.post("/api/v1/connections/<connection_id>/sync")
    def sync_for_account(connection_id: str) -> Response:
        """Synchronize a connection now; a run that does it already is joined."""
        current_account()
        connections.get(connection_id)
        return _run_requested(connection_id)

    @routes.get("/api/v1/connections/<connection_id>/sync/<run_id>")
    def run_for_account(connection_id: str, run_id: str) -> Response:
        """How a run of a connection goes."""
        current_account()
        return answer(planner.describe_run(run_id, connection_id))

    @routes.post("/api/v1/sync")
    def sync() -> Response:
        """Synchronize the token's connection now; a run that does it already is joined."""
        return _run_requested(current_bearer().connection_id)

    @routes.get("/api/v1/sync/<run_id>")
    def run(run_id: str) -> Response:
        """How a run of the token's connection goes."""
        return answer(planner.describe_run(run_id, current_bearer().connection_id))

    @routes.get("/api/v1/connections/<connection_id>/sync")
    def runs_for_account(connection_id: str) -> Response:
        """The newest runs of a connection."""
        current_account()
        connections.get(connection_id)
        return listed(planner.runs.recent(connection_id, MOST_RUNS))

    @routes.get("/api/v1/sync")
    def runs() -> Response:
        """The newest runs of the token's connection."""
        return listed(planner.runs.recent(current_bearer().connection_id, MOST_RUNS))

    @routes.post("/api/v1/connections/<connection_id>/sync/<run_id>/cancel")
    def cancel_for_account(connection_id: str, run_id: str) -> Response:
        """End a run; what it has written stays. A run that is over stays as it is."""
        current_account()
        return _cancelled(run_id, connection_id)

    @routes.post("/api/v1/sync/<run_id>/cancel")
    def cancel(run_id: str) -> Response:
        """End a run of the token's connection; what it has written stays."""
        return _cancelled(run_id, current_bearer().connection_id)

    @routes.get("/sync-status", endpoint="sync_status_at_root")
    @routes.get("/api/v1/sync-status")
    def sync_status() -> Response:
        """Last success, next time and errors, of the connection and of each entity."""
        connection = current_connection()
        return answer({"connection_status": connection.status, **sync_state(appliance, connection.id)})

    @routes.get("/api/integrations/sync/status")
    def integration_status() -> Response:
        """The same in the words of the published description; `status` also stands beside `data`."""
        connection = current_connection()
        state = sync_state(appliance, connection.id)
        word = published_status(appliance, connection, state)
        return answer({**state, "status": word}, beside={"status": word})

    @routes.get("/api/integrations/current")
    def integration() -> Response:
        """The connection as its own token sees it."""
        connection = current_connection()
        state = sync_state(appliance, connection.id)
        successes = [one["last_successful_sync"] for one in state["entities"] if one["last_successful_sync"]]
        return answer(
            {
                "id": connection.id,
                "company_name": connection.name,
                "email": connection.email,
                "provider": connection.system,
                "status": connection.status,
                "updated_at": iso(connection.updated_at),
                "sync_status": published_status(appliance, connection, state),
                "sync_updated_at": max(successes, default=None),
            }
        )

    @routes.delete("/api/integrations/current")
    def end_integration() -> Response:
        """Disconnect the token's connection: the token is dead at once, the history stays."""
        connection = current_connection()
        returned = connections.disconnect(connection.id)
        return answer({"id": connection.id, "status": "disconnected", "credits_returned": returned})

    def current_connection() -> Connection:
        return connections.get(current_reader(connections).connection_id)

    def _cancelled(run_id: str, connection_id: str) -> Response:
        read_body()
        planner.cancel_run(run_id, connection_id)
        return answer(planner.describe_run(run_id))

    def _run_requested(connection_id: str) -> Response:
        body = read_body("entities", "mode")
        mode = body.get("mode", "incremental")
        if mode not in MODES:
            raise InvalidInput(
                f"mode is {' or '.join(MODES)}.", details={"fields": {"mode": " or ".join(MODES)}}
            )
        entities = body.get("entities")
        if entities is not None and not (
            isinstance(entities, list) and entities and all(isinstance(name, str) for name in entities)
        ):
            raise InvalidInput('entities is a list of entity names, such as ["PurchaseOrder"].')
        run_id = planner.request_run(connection_id, entities=entities, mode=cast(Mode, mode))
        return answer(planner.describe_run(run_id), 202)

    return routes


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


def published_status(appliance: Appliance, connection: Connection, state: dict[str, Any]) -> str:
    """inprogress, done, fulldone (the last run read everything), error, or fail: the credentials are rejected."""
    if connection.status == REAUTHORIZATION_REQUIRED:
        return "fail"
    if state["status"] == "in_progress":
        return "inprogress"
    if state["status"] == "failed":
        return "error"
    runs = appliance.planner.runs.recent(connection.id, RECENT)
    last = next((run["mode"] for run in runs if run["state"] == "completed"), None)
    return "fulldone" if last == "full" else "done"
