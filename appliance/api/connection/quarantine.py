"""`/api/v1/connections/ID/quarantine` and `…/drift`: rows that could not become records, and changes in the rows of
the source. With an account key.
"""

from dataclasses import asdict
from typing import Any, cast

import msgspec
from flask import Blueprint, Response, request

from appliance.api.bearer import current_account
from appliance.api.bodies import answer, ids, listed_from, optional_text, read_body, text
from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.runtime.select import encode
from appliance.sync.rejections.rejected_rows import State

STATES = ("open", "dismissed", "all")
FINDING_STATES = ("open", "all")


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("quarantine", __name__)
    connections = appliance.connections
    at = "/api/v1/connections/<connection_id>"

    @routes.get(f"{at}/quarantine")
    def rejected(connection_id: str) -> Response:
        """Rows that could not become records, the newest first; `entity` and `state` (open, dismissed, all) narrow."""
        current_account()
        connection = connections.get(connection_id)
        rows, entity, state = appliance.rejected_rows, request.args.get("entity"), cast(State, _state(STATES))
        return listed_from(
            rows.count(connection.id, entity=entity, state=state),
            lambda offset, limit: rows.page(
                connection.id, entity=entity, state=state, offset=offset, limit=limit
            ),
        )

    @routes.get(f"{at}/quarantine/<int:row_id>")
    def rejected_row(connection_id: str, row_id: int) -> Response:
        """One rejected row with what the source sent, under `raw`."""
        current_account()
        row = appliance.rejected_rows.one(connections.get(connection_id).id, _id(row_id))
        raw = None if row["raw"] is None else msgspec.Raw(row["raw"].encode())
        return Response(encode({"data": {**row, "raw": raw}}), mimetype="application/json")

    @routes.post(f"{at}/quarantine/retry")
    def retry(connection_id: str) -> Response:
        """Try rejected rows again by the mapping in force now: those of `ids`, all of `entity`, or all."""
        current_account()
        connection = connections.get(connection_id)
        body = read_body("ids", "entity")
        if "ids" in body and "entity" in body:
            raise InvalidInput("Send ids or entity, not both.")
        if "ids" in body:
            return answer(asdict(appliance.second_try.chosen(connection.id, ids(body))))
        return answer(asdict(appliance.second_try.all(connection.id, optional_text(body, "entity"))))

    @routes.post(f"{at}/quarantine/dismiss")
    def dismiss(connection_id: str) -> Response:
        """Put rejected rows aside, with a reason, until a newer version of them is rejected."""
        caller = current_account()
        connection = connections.get(connection_id)
        body = read_body("ids", "why")
        done = appliance.rejected_rows.dismiss(
            connection.id, ids(body), by=caller.name, why=text(body, "why"), now=appliance.clock.now_ms()
        )
        return answer({"dismissed": done})

    @routes.get(f"{at}/drift")
    def drift(connection_id: str) -> Response:
        """New, retyped and missing fields of the source, the newest first; `entity` and `state` (open, all) narrow."""
        current_account()
        connection = connections.get(connection_id)
        findings, entity, all_ = (
            appliance.findings,
            request.args.get("entity"),
            _state(FINDING_STATES) == "all",
        )

        def take(offset: int, limit: int) -> list[dict[str, Any]]:
            found = findings.page(connection.id, entity=entity, all_=all_, offset=offset, limit=limit)
            return appliance.mappings.with_fills(connection.id, found)

        return listed_from(findings.count(connection.id, entity=entity, all_=all_), take)

    @routes.post(f"{at}/drift/acknowledge")
    def acknowledge(connection_id: str) -> Response:
        """Put findings away that someone has seen to."""
        caller = current_account()
        connection = connections.get(connection_id)
        chosen = ids(read_body("ids"))
        done = appliance.findings.acknowledge(
            connection.id, chosen, by=caller.name, now=appliance.clock.now_ms()
        )
        return answer({"acknowledged": done})

    return routes


def _state(states: tuple[str, ...]) -> str:
    state = request.args.get("state", "open")
    if state not in states:
        raise InvalidInput(
            f"state is one of {', '.join(states)}.", details={"parameter": "state", "value": state[:40]}
        )
    return state


def _id(given: int) -> int:
    """What no id can be is as unknown as one that is not there."""
    return min(given, 2**63 - 1)
