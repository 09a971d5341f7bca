"""How connections stand, and what is wrong with them: who can mend it, and how."""

from typing import Any, cast, get_args

from flask import Blueprint, Response, request

from appliance.api.bearer import current_account, current_reader
from appliance.api.bodies import answer, listed_page, read_body, text, wanted_page
from appliance.app import Appliance
from appliance.connections.condition.issues import State
from appliance.connections.errors import IssueNotFound
from appliance.errors import InvalidInput


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("health", __name__)
    connections = appliance.connections
    issues = appliance.issues
    standing = appliance.standing

    @routes.get("/api/v1/health")
    def health() -> Response:
        """How the token's connection stands: four aspects with the time of their last proof, and open issues."""
        return answer(standing.describe(connections.get(current_reader(connections).connection_id)))

    @routes.get("/api/v1/connections/<connection_id>/health")
    def health_for_account(connection_id: str) -> Response:
        """How a connection stands: four aspects with the time of their last proof, and open issues."""
        current_account()
        return answer(standing.describe(connections.get(connection_id)))

    @routes.get("/api/v1/connections/<connection_id>/issues")
    def issues_of_connection(connection_id: str) -> Response:
        """Issues of a connection, those of a `state` only, the most severe first."""
        current_account()
        connections.get(connection_id)
        return _listed([connection_id])

    @routes.get("/api/system/issues")
    def all_issues() -> Response:
        """Issues of the appliance and of all connections, those of a `state` only, the most severe first."""
        allowed = current_account().scope.connections
        return _listed(None if allowed is None else sorted(allowed))

    @routes.post("/api/system/issues/<issue_id>/dismiss")
    def dismiss(issue_id: str) -> Response:
        """Let an issue rest, with a note that says why, until it is over or gets worse."""
        caller = current_account()
        note = text(read_body("note"), "note")
        allowed = caller.scope.connections
        if allowed is not None and issues.get(issue_id).connection_id not in allowed:
            raise IssueNotFound(f"There is no issue {issue_id[:60]!r} for this key.")
        return answer(issues.dismiss(issue_id, note, by=caller.name).as_dict())

    def _listed(connection_ids: list[str] | None) -> Response:
        state = _state()
        page, size = wanted_page()
        found = issues.page(connection_ids, state, limit=size, offset=(page - 1) * size)
        shown: list[dict[str, Any]] = [issue.as_dict() for issue in found]
        return listed_page(shown, issues.count(connection_ids, state), page, size)

    return routes


def _state() -> State | None:
    """Raises InvalidInput."""
    given = request.args.get("state")
    if given is None:
        return None
    if given not in get_args(State):
        states = ", ".join(get_args(State))
        raise InvalidInput(
            f"state is one of {states}, or left out.", details={"parameter": "state", "value": given[:40]}
        )
    return cast(State, given)
