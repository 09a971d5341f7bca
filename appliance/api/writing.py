"""`POST` and `PUT` of the unified API, generated from the operations of the model: one way for all of them.

`Prefer: respond-async` leaves it to the engine: 202 with a task. `Idempotency-Key` makes a repetition safe.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from appliance.api.bearer import current_reader
from appliance.api.problems import status_of
from appliance.app import Appliance
from appliance.clock import iso
from appliance.errors import ApplianceError, InvalidInput
from appliance.model.entity import Operation
from appliance.writes.capabilities import KINDS, abilities
from appliance.writes.service import Outcome, WriteRequest
from appliance.writes.tables import WriteOrder

View = Callable[..., Response]

MOST_AT_ONCE = 50


def blueprint(appliance: Appliance) -> Blueprint:
    """Routes of every operation that writes, of batches, and of tasks."""
    routes = Blueprint("writing", __name__)
    writing = Writing(appliance)
    for operation in appliance.model.operations:
        if operation.kind not in KINDS:
            continue
        path = operation.path.replace("{", "<").replace("}", ">")
        routes.add_url_rule(
            f"/api/{operation.category}/{path}",
            endpoint=f"{operation.category}_{operation.kind}_{operation.path}".replace(".", "_"),
            view_func=writing.view(operation),
            methods=[operation.method],
        )
        if operation.kind == "create":
            routes.add_url_rule(
                f"/api/{operation.category}/{path}/batch",
                endpoint=f"{operation.category}_batch_{operation.path}".replace(".", "_"),
                view_func=writing.batch_view(operation),
                methods=["POST"],
            )
    routes.add_url_rule("/api/v1/tasks/<task_id>", view_func=writing.task)
    return routes


class Writing:
    def __init__(self, appliance: Appliance) -> None:
        self._writes = appliance.writes
        self._connections = appliance.connections
        self._api_keys = appliance.api_keys

    def view(self, operation: Operation) -> View:
        def view(**keys: str) -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            asked = WriteRequest(
                operation,
                _body(),
                keys.get("key"),
                next((value for name, value in keys.items() if name != "key"), None),
                request.headers.get("Idempotency-Key"),
            )
            if "respond-async" in request.headers.get("Prefer", "").lower():
                return _accepted(self._writes.enqueue(bearer.connection_id, asked))
            outcome = self._writes.do(bearer.connection_id, asked)
            return _answered(outcome, 201 if operation.kind == "create" else 200)

        return view

    def batch_view(self, operation: Operation) -> View:
        """`{"items": [body, …]}`: one after the other, each with its own outcome."""

        def view() -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            key = request.headers.get("Idempotency-Key")
            results: list[bytes] = []
            failed = 0
            for number, body in enumerate(_items()):
                asked = WriteRequest(operation, body, None, None, f"{key}#{number}" if key else None)
                try:
                    outcome = self._writes.do(bearer.connection_id, asked)
                except ApplianceError as failure:
                    failed += 1
                    error = {"code": failure.code, "message": failure.message, "details": failure.details}
                    item = {"index": number, "status": status_of(failure), "error": error}
                    results.append(msgspec.json.encode(item))
                else:
                    results.append(f'{{"index":{number},"status":201,"data":{outcome.payload}}}'.encode())
            meta = msgspec.json.encode({"succeeded": len(results) - failed, "failed": failed})
            return Response(
                b'{"data":[' + b",".join(results) + b'],"meta":' + meta + b"}",
                status=207 if failed else 200,
                mimetype="application/json",
            )

        return view

    def task(self, task_id: str) -> Response:
        bearer = current_reader(self._connections, self._api_keys)
        return Response(_task(self._writes.task(task_id, bearer.connection_id)), mimetype="application/json")


def capabilities(appliance: Appliance, connection_id: str) -> dict[str, dict[str, Any]]:
    """Entity to operation to what a connection's system takes."""
    connection = appliance.connections.get(connection_id)
    definition = appliance.catalog.definition(connection.system, connection.fields)
    return {
        entity: {kind: can.as_dict() for kind, can in kinds.items()}
        for entity, kinds in abilities(appliance.model, definition).items()
    }


def _body() -> bytes:
    if request.content_length and request.mimetype != "application/json":
        raise InvalidInput("Send the body as JSON, with the header `Content-Type: application/json`.")
    return request.get_data()


def _items() -> list[bytes]:
    try:
        items = msgspec.json.decode(_body(), type=dict[str, list[msgspec.Raw]]).get("items")
    except (msgspec.DecodeError, ValueError):
        items = None
    if not items or len(items) > MOST_AT_ONCE:
        raise InvalidInput(f'A batch is `{{"items": [body, …]}}` with 1 to {MOST_AT_ONCE} bodies.')
    return [bytes(item) for item in items]


def _answered(outcome: Outcome, status: int) -> Response:
    response = Response(f'{{"data":{outcome.payload}}}', status=status, mimetype="application/json")
    response.headers["X-Write-Id"] = outcome.id
    if outcome.simulated:
        response.headers["X-Sandbox"] = "true"
    elif not outcome.read_back:
        # The source does not give single records; the next synchronization brings it.
        response.headers["X-Read-Back"] = "pending"
    if outcome.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def _accepted(order: WriteOrder) -> Response:
    response = Response(_task(order), status=202, mimetype="application/json")
    response.headers["Location"] = f"/api/v1/tasks/{order.id}"
    response.headers["Preference-Applied"] = "respond-async"
    return response


def _task(order: WriteOrder) -> bytes:
    said = {
        "id": order.id,
        "state": order.state,
        "entity": order.entity,
        "key": order.record_key or order.target,
        "created_at": iso(order.created_at),
        "changed_at": iso(order.changed_at),
        "attempts": order.attempts,
        "error": order.failure,
        "data": msgspec.Raw(order.answer.encode()) if order.answer else None,
    }
    return b'{"data":' + msgspec.json.encode(said) + b"}"
