"""`POST` and `PUT` of the unified API, generated from the operations of the model: one way for all of them.

`Prefer: respond-async` leaves it to the engine: 202 with a task. `Idempotency-Key` makes a repetition safe.
"""

from collections.abc import Callable

import msgspec
from flask import Blueprint, Response, request

from appliance.api.bearer import current_reader
from appliance.api.error_codes import status_of
from appliance.api.records.documents import Documents
from appliance.app import Appliance
from appliance.clock import iso
from appliance.connections.tokens import Bearer
from appliance.errors import ApplianceError, InvalidInput
from appliance.model.entity import Category, Operation
from appliance.writes.capabilities import KINDS, kind_of
from appliance.writes.preparation import WriteRequest
from appliance.writes.service import Outcome
from appliance.writes.tables import WriteOrder

View = Callable[..., Response]

MOST_AT_ONCE = 50


def blueprint(appliance: Appliance) -> Blueprint:
    """Routes of every operation that writes, of batches, and of tasks."""
    routes = Blueprint("writing", __name__)
    writing = Writing(appliance)
    paths: dict[tuple[str, str], dict[Category, Operation]] = {}
    for operation in appliance.model.operations:
        if operation.kind in KINDS:
            paths.setdefault((operation.method, operation.path), {})[operation.category] = operation
    for (method, path), operations in paths.items():
        rule = path.replace("{", "<").replace("}", ">")
        name = f"{method}_{path}".replace(".", "_")
        batched = any(kind_of(operation) == "create" for operation in operations.values())
        for area, chosen in [*((one, {one: own}) for one, own in operations.items()), ("v1", operations)]:
            routes.add_url_rule(
                f"/api/{area}/{rule}",
                endpoint=f"{area}_{name}",
                view_func=writing.view(chosen),
                methods=[method],
            )
            if batched:
                routes.add_url_rule(
                    f"/api/{area}/{rule}/batch",
                    endpoint=f"{area}_{name}_batch",
                    view_func=writing.batch_view(chosen),
                    methods=["POST"],
                )
    routes.add_url_rule("/api/v1/tasks/<task_id>", view_func=writing.task)
    return routes


class Writing:
    """Builds the views; each is given the operations of a path by category."""

    def __init__(self, appliance: Appliance) -> None:
        self._catalog = appliance.catalog
        self._documents = Documents(
            appliance.settings.data_dir / "uploads",
            max_bytes=appliance.settings.documents_max_bytes,
            types=appliance.settings.documents_types,
        )
        self._writes = appliance.writes
        self._connections = appliance.connections
        self._api_keys = appliance.api_keys

    def view(self, operations: dict[Category, Operation]) -> View:
        def view(**keys: str) -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            operation = self._of_connection(bearer, operations)
            if kind_of(operation) == "upload":
                return self._upload(bearer.connection_id, operation)
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

    def _upload(self, connection_id: str, operation: Operation) -> Response:
        with self._documents.received(request) as (file, said):
            asked = WriteRequest(
                operation,
                msgspec.json.encode(said),
                idempotency_key=request.headers.get("Idempotency-Key"),
                file=file,
            )
            return _answered(self._writes.do(connection_id, asked), 201)

    def batch_view(self, operations: dict[Category, Operation]) -> View:
        """`{"items": [body, …]}`: one after the other, each with its own outcome."""

        def view() -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            operation = self._of_connection(bearer, operations)
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

    def _of_connection(self, bearer: Bearer, operations: dict[Category, Operation]) -> Operation:
        """The operation of the path in the category of the connection, where it has several."""
        if len(operations) == 1:
            return next(iter(operations.values()))
        categories = self._catalog.folder(bearer.system).definition.categories
        return next(
            (operations[one] for one in categories if one in operations), next(iter(operations.values()))
        )

    def task(self, task_id: str) -> Response:
        bearer = current_reader(self._connections, self._api_keys)
        return Response(_task(self._writes.task(task_id, bearer.connection_id)), mimetype="application/json")


def _body() -> bytes:
    if request.content_length and request.mimetype != "application/json":
        raise InvalidInput("Send the body as JSON, with the header `Content-Type: application/json`.")
    return request.get_data()


def _items() -> list[bytes]:
    try:
        items = msgspec.json.decode(_body(), type=dict[str, list[msgspec.Raw]]).get("items")
    except (msgspec.DecodeError, ValueError, RecursionError):
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
