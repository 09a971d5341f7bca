"""`/api/{eam,erp,wms}/…`, generated from the operations of the model; no view is written per entity.

A list is answered from stored JSON text: one query on rows, a kept number for the total.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from appliance.api.bearer import current_reader
from appliance.api.query import Cursors, ListQuery, links, parse_list_query
from appliance.app import Appliance
from appliance.errors import NotFound
from appliance.model.entity import Entity, Operation
from appliance.store.records import ListedPage, Stream

View = Callable[..., Response]


class RecordNotFound(NotFound):
    code = "RECORD_NOT_FOUND"


def blueprint(appliance: Appliance) -> Blueprint:
    """Routes of every operation that reads."""
    routes = Blueprint("unified", __name__)
    reading = Reading(appliance)
    views: dict[str, Callable[[Operation], View]] = {
        "list": reading.list_view,
        "get": reading.get_view,
        "statuses": reading.statuses_view,
    }
    for operation in appliance.model.operations:
        if operation.kind in views:
            path = operation.path.replace("{", "<").replace("}", ">")
            routes.add_url_rule(
                f"/api/{operation.category}/{path}",
                endpoint=f"{operation.category}_{operation.kind}_{operation.path}".replace(".", "_"),
                view_func=views[operation.kind](operation),
                methods=[operation.method],
            )
    return routes


class Reading:
    """Builds the views. `g.bearer` is the connection the token speaks for."""

    def __init__(self, appliance: Appliance) -> None:
        self._records = appliance.records
        self._model = appliance.model
        self._connections = appliance.connections
        self._api_keys = appliance.api_keys
        self._cursors = Cursors(appliance.signing_key("cursor"))

    def list_view(self, operation: Operation) -> View:
        entity = self._model.entities[operation.entity]

        def view() -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            scope = f"{bearer.connection_id}/{entity.name}"
            query = parse_list_query(
                request.args,
                entity.page_limit,
                lambda cursor, since: self._cursors.read(scope, since, cursor),
            )
            stream = self._records.find_stream(bearer.connection_id, entity.name)
            return self._answer(query, stream, scope)

        return view

    def get_view(self, operation: Operation) -> View:
        entity = self._model.entities[operation.entity]

        def view(key: str) -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            stream = self._records.find_stream(bearer.connection_id, entity.name)
            payload = None if stream is None else self._records.payload(stream, key)
            if payload is None:
                raise _no_record(entity, key)
            return Response(f'{{"data":{payload}}}', mimetype="application/json")

        return view

    def statuses_view(self, operation: Operation) -> View:
        """The statuses of one scope, such as those of purchase orders: few, so in one page."""

        def view() -> Response:
            bearer = current_reader(self._connections, self._api_keys)
            stream = self._records.find_stream(bearer.connection_id, "Status")
            payloads = (
                [] if stream is None else self._records.with_value(stream, "scope", str(operation.scope))
            )
            page = ListedPage(payloads, None, False)
            query = ListQuery(1, max(1, len(payloads)), None, None)
            return _list_response(query, page, len(payloads), None)

        return view

    def _answer(self, query: ListQuery, stream: Stream | None, scope: str) -> Response:
        if stream is None:
            return _list_response(query, ListedPage([], None, False), 0, None)
        page = self._page(query, stream)
        total = self._records.count(stream, query.since)
        following = None
        if page.more and page.last is not None:
            following = self._cursors.write(scope, query.since, page.last)
        return _list_response(query, page, total, following)

    def _page(self, query: ListQuery, stream: Stream) -> ListedPage:
        if query.after is None and query.page > 1:
            return self._records.by_offset(
                stream, query.since, (query.page - 1) * query.per_page, query.per_page
            )
        after = query.after or (0, 0)
        if query.since is None:
            return self._records.by_id(stream, after[1], query.per_page)
        return self._records.by_modified(stream, query.since, after, query.per_page)


def _list_response(query: ListQuery, page: ListedPage, total: int, following: str | None) -> Response:
    path = request.base_url
    last_page = max(1, -(-total // query.per_page))
    given: dict[str, Any] = {"per_page": query.per_page}
    if request.args.get("modified_after"):
        given["modified_after"] = request.args["modified_after"]
    first_number = (query.page - 1) * query.per_page + 1 if page.payloads and query.after is None else None
    beside = {
        "links": links(path, given, query.page, last_page),
        "meta": {
            "current_page": query.page,
            "from": first_number,
            "last_page": last_page,
            "path": path,
            "per_page": query.per_page,
            "to": None if first_number is None else first_number + len(page.payloads) - 1,
            "total": total,
        },
        "next_cursor": following,
    }
    tail = msgspec.json.encode(beside).decode()
    g.rows = len(page.payloads)
    return Response(f'{{"data":[{",".join(page.payloads)}],{tail[1:]}', mimetype="application/json")


def _no_record(entity: Entity, key: str) -> RecordNotFound:
    return RecordNotFound(
        f"There is no {entity.name} with the key {key[:60]!r} in this connection.",
        details={"entity": entity.name, "key": key[:60]},
    )
