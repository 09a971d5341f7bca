"""`/api/raw/tables` and their data: the source's rows as they came, one table an entity.

Columns are those of the newest rows. They are filtered and sorted like fields; values of unknown type compare as
numbers where both are numbers, else as texts.
"""

from typing import Any

from flask import Blueprint, Response, request

from appliance.api.bearer import current_reader
from appliance.api.records.answers import Dialect, answer, compressing, list_body
from appliance.api.records.cursors import Cursors
from appliance.api.records.fields import SourceFields
from appliance.api.records.paging import Pager
from appliance.api.records.query import ListQuery, parse_list_query
from appliance.app import Appliance
from appliance.connections.tokens import Bearer
from appliance.errors import NotFound
from appliance.runtime.select import encode
from appliance.store.lists import Rows

PAGE_LIMIT = 500
REFUSED = ("include", "expand", "fields")


class TableNotFound(NotFound):
    """The connection has no table of that name; the details list those it has."""

    code = "TABLE_NOT_FOUND"


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("raw", __name__)
    pager = Pager(appliance.lists, Cursors(appliance.signing_key("raw")))
    lists = appliance.lists

    def tables(dialect: Dialect) -> Response:
        bearer = _reader()
        described = [
            {"name": one.entity, "entity": one.entity, "rows": one.rows, "columns": one.columns}
            for one in lists.tables(bearer.connection_id)
        ]
        fields = SourceFields("tables", ["name", "entity", "rows"])
        query = parse_list_query(request.args, fields, PAGE_LIMIT, refused=(*REFUSED, "deleted"))
        rows = Rows(None, texts=tuple(encode(one).decode() for one in described))
        return _page(dialect, query, rows, [bearer.connection_id, "tables"], live=None)

    def table_data(dialect: Dialect, table: str) -> Response:
        bearer = _reader()
        state = appliance.records.state(bearer.connection_id, table)
        if state is None:
            names = list(appliance.records.counts(bearer.connection_id))
            raise TableNotFound(
                f"There is no table {table[:60]!r} in this connection. Tables: {', '.join(names)}.",
                details={"table": table[:60], "tables": names},
            )
        fields = SourceFields(table, lists.columns(state.stream))
        query = parse_list_query(request.args, fields, PAGE_LIMIT, refused=REFUSED)
        rows = Rows(state.stream, of="source")
        scope = [bearer.connection_id, state.stream.id, state.epoch]
        return _page(dialect, query, rows, scope, live=state.live)

    def _reader() -> Bearer:
        return current_reader(appliance.connections, appliance.api_keys)

    def _page(dialect: Dialect, query: ListQuery, rows: Rows, scope: list[Any], live: int | None) -> Response:
        page = pager.page(query, query.selection, rows, scope, live=live)
        return answer(list_body(dialect, query, [row.payload for row in page.rows], page))

    documented: Dialect = "documented"
    website: Dialect = "v1"
    routes.add_url_rule("/api/raw/tables", "tables", lambda: tables(documented))
    routes.add_url_rule("/api/raw/tables/<table>/data", "data", lambda table: table_data(documented, table))
    routes.add_url_rule("/api/v1/raw/tables", "v1_tables", lambda: tables(website))
    routes.add_url_rule(
        "/api/v1/raw/tables/<table>/data", "v1_data", lambda table: table_data(website, table)
    )
    return compressing(routes)
