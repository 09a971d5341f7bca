"""Mappings of a connection: seen with samples, tried out, changed, and taken back."""

from typing import Any

import msgspec
from flask import Blueprint, Response, request

from appliance.api.bearer import current_account, current_reader
from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.mappings.service import Mappings
from appliance.runtime.select import encode


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("mapping", __name__)
    views = MappingViews(appliance)
    at = "/api/v1/mappings"
    routes.add_url_rule(at, view_func=views.overview)
    routes.add_url_rule(f"{at}/<entity>", view_func=views.show)
    routes.add_url_rule(f"{at}/<entity>", endpoint="change", view_func=views.change, methods=["PUT"])
    routes.add_url_rule(f"{at}/<entity>/preview", view_func=views.preview, methods=["POST"])
    routes.add_url_rule(f"{at}/<entity>/rollback", view_func=views.roll_back, methods=["POST"])
    tables = "/api/v1/tables"
    routes.add_url_rule(tables, view_func=views.tables)
    routes.add_url_rule(f"{tables}/<name>", endpoint="put_table", view_func=views.put_table, methods=["PUT"])
    routes.add_url_rule(
        f"{tables}/<name>", endpoint="remove_table", view_func=views.remove_table, methods=["DELETE"]
    )
    return routes


class MappingViews:
    def __init__(self, appliance: Appliance) -> None:
        self._mappings: Mappings = appliance.mappings
        self._tables = appliance.custom_tables
        self._connections = appliance.connections
        self._api_keys = appliance.api_keys

    def overview(self) -> Response:
        return _data(self._mappings.overview(self._caller()[0]))

    def show(self, entity: str) -> Response:
        return _data(self._mappings.show(self._caller()[0], entity))

    def preview(self, entity: str) -> Response:
        """`{map, custom}`: some records as they are and as they would be."""
        connection_id, _ = self._caller()
        return _data(self._mappings.preview(connection_id, entity, _change()))

    def change(self, entity: str) -> Response:
        """`{map, custom, note}`: in force from now on, for records that are there as well."""
        connection_id, caller = self._caller()
        body = _change()
        note = str(body.pop("note", ""))
        version = self._mappings.change(connection_id, entity, body, note=note, author=caller)
        return _data(version.as_dict())

    def roll_back(self, entity: str) -> Response:
        """`{version}`: the content of that one again; 0 is the connector's own mapping."""
        connection_id, caller = self._caller()
        number = _change().get("version")
        if type(number) is not int or number < 0:
            raise InvalidInput(
                "Send `version`, the number of a version, or 0 for the connector's own mapping."
            )
        return _data(self._mappings.roll_back(connection_id, entity, number, author=caller).as_dict())

    def tables(self) -> Response:
        """Tables of the source beside its entities; their rows are at `/api/v1/raw/tables/custom.NAME/data`."""
        return _data(self._tables.all(self._caller()[0]))

    def put_table(self, name: str) -> Response:
        """`{read, key}`: one row is read now, all of them at once after that and by schedule. With an account key."""
        current_account()
        connection_id, caller = self._caller()
        return _data(self._tables.put(connection_id, name, _change(), author=caller))

    def remove_table(self, name: str) -> Response:
        """The table and its rows are forgotten here. With an account key."""
        current_account()
        connection_id, caller = self._caller()
        return _data({"erased": self._tables.remove(connection_id, name, author=caller)})

    def _caller(self) -> tuple[str, str]:
        bearer = current_reader(self._connections, self._api_keys)
        return bearer.connection_id, bearer.token_id


def _change() -> dict[str, Any]:
    try:
        return msgspec.json.decode(request.get_data(), type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise InvalidInput("Send a JSON object.") from None


def _data(value: Any) -> Response:
    return Response(encode({"data": value}), mimetype="application/json")
