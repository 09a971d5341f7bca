"""`/api/{eam,erp,wms}/…` and `/api/v1/…`, generated from the operations of the model; no view is written per entity.

A list is answered from stored JSON text: one query on rows, and one on the count where it is not a kept number.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from flask import Blueprint, Response, request

from appliance.api.bearer import current_reader
from appliance.api.records.answers import Dialect, answer, compressing, list_body, tag_of, unchanged
from appliance.api.records.cursors import Cursors
from appliance.api.records.fields import EntityFields
from appliance.api.records.paging import Paged, Pager
from appliance.api.records.query import ListQuery, parse_list_query, parse_record_query
from appliance.api.records.shaping import Shaping
from appliance.app import Appliance
from appliance.connections.tokens import Bearer
from appliance.errors import NotFound
from appliance.model.entity import Category, Entity, Operation
from appliance.model.relations import container
from appliance.runtime.select import encode
from appliance.store.lists import Rows
from appliance.store.records import StreamState
from appliance.store.selection import Condition, Place, Selection, Step
from appliance.users.scopes import Wanted

View = Callable[..., Response]
NOTHING = Paged([], False, 0, None)
CATEGORIES: tuple[Category, ...] = ("eam", "erp", "wms")


class RecordNotFound(NotFound):
    """No record of this connection has that key."""

    code = "RECORD_NOT_FOUND"


class NotServed(NotFound):
    """The systems of this kind have no such entity; the details name where it is served."""

    code = "NOT_SERVED"


def blueprint(appliance: Appliance) -> Blueprint:
    """Routes of every operation that reads, in both dialects."""
    routes = Blueprint("unified", __name__)
    reading = Reading(appliance)
    paths: dict[str, dict[Category, Operation]] = {}
    for operation in reading_operations(appliance):
        paths.setdefault(operation.path, {})[operation.category] = operation
    for path, operations in paths.items():
        rule = path.replace("{", "<").replace("}", ">")
        name = path.replace(".", "_")
        for category, operation in operations.items():
            routes.add_url_rule(
                f"/api/{category}/{rule}",
                endpoint=f"{category}_{name}",
                view_func=reading.view(operation, "documented"),
            )
        routes.add_url_rule(f"/api/v1/{rule}", endpoint=f"v1_{name}", view_func=reading.v1_view(operations))
    return compressing(routes)


def reading_operations(appliance: Appliance) -> list[Operation]:
    """The reading operations of the model, and those of all statuses whatever their scope."""
    statuses = [
        Operation("GET", category, path, kind, "Status", "Status", kind == "list")
        for category in CATEGORIES
        for path, kind in (("statuses", "list"), ("statuses/{key}", "get"))
    ]
    return [*(one for one in appliance.model.operations if one.method == "GET"), *statuses]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: of which entity, which of its records always, and below a record of which other entity."""

    entity: Entity
    required: tuple[Condition, ...] = ()
    parent: Entity | None = None
    link: str | None = None


class Reading:
    """Builds the views."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._records = appliance.records
        self._lists = appliance.lists
        self._model = appliance.model
        self._fields = {name: EntityFields(self._model, one) for name, one in self._model.entities.items()}
        self._pager = Pager(appliance.lists, Cursors(appliance.signing_key("cursor")))

    def view(self, operation: Operation, dialect: Dialect) -> View:
        """The view of one operation. Called with `key` where the path has one."""
        answering = self._answering(operation)

        def view(**of_path: str) -> Response:
            return answering(self._reader(), dialect, **of_path)

        return view

    def v1_view(self, operations: dict[Category, Operation]) -> View:
        """The view of a path whose category is that of the connection."""
        answering = {category: self._answering(operation) for category, operation in operations.items()}

        def view(**of_path: str) -> Response:
            bearer = self._reader()
            categories = self._appliance.catalog.folder(bearer.system).definition.categories
            category = next((one for one in categories if one in answering), None)
            if category is None:
                raise NotServed(
                    f"This connection is of {', '.join(categories)}; this is of {', '.join(answering)}.",
                    details={"categories": list(categories), "served_in": list(answering)},
                )
            return answering[category](bearer, "v1", **of_path)

        return view

    def _reader(self) -> Bearer:
        return current_reader(self._appliance.connections, self._appliance.api_keys)

    def _answering(self, operation: Operation) -> View:
        entity = self._model.entities[operation.entity]
        match operation.kind:
            case "get":
                return lambda bearer, dialect, key: self._record(bearer, entity, key)
            case "custom-fields":
                owner = self._model.entities[operation.owner]
                return lambda bearer, dialect: self._custom_fields(bearer, dialect, owner, entity)
        listing = self._listing(operation, entity)
        return lambda bearer, dialect, key=None: self._list(bearer, dialect, listing, key)

    def _listing(self, operation: Operation, entity: Entity) -> Listing:
        if operation.scope is not None:
            return Listing(entity, (_equals("scope", operation.scope),))
        if operation.link is not None:
            return Listing(entity, parent=self._model.entities[operation.owner], link=operation.link)
        if operation.kind == "all-materials":
            # Those that the list below one record would show, of all records.
            (link,) = {
                one.link
                for one in self._model.operations
                if (one.owner, one.kind) == (operation.owner, "materials")
            }
            return Listing(entity, (Condition(_place(str(link)), "exists"),))
        return Listing(entity)

    def _list(self, bearer: Bearer, dialect: Dialect, listing: Listing, key: str | None) -> Response:
        entity = listing.entity
        state, rows, source = self._rows(bearer, entity)
        refused = ("include", "deleted") if rows.member else ()
        query = parse_list_query(request.args, self._fields[entity.name], entity.page_limit, refused=refused)
        shaping = self._shaping(bearer, entity, query)
        selection = replace(query.selection, required=(*query.selection.required, *listing.required))
        if listing.parent is not None and listing.link is not None and key is not None:
            self._check_there(bearer, listing.parent, key)
            below = (*selection.required, _equals(listing.link, key))
            selection = replace(selection, required=below, linked_to=key)
        if state is None:
            body = list_body(dialect, query, [], NOTHING)
            return answer(body)
        tag = None
        if not shaping.follows:
            tag = tag_of(bearer.connection_id, state.epoch, state.stream.id, state.last_seq, state.live)
            held = unchanged(tag)
            if held is not None:
                return held
        body = self._body(bearer, dialect, query, shaping, rows, selection, state, source)
        return answer(body, tag)

    def _body(
        self,
        bearer: Bearer,
        dialect: Dialect,
        query: ListQuery,
        shaping: Shaping,
        rows: Rows,
        selection: Selection,
        state: StreamState,
        source: Entity | None,
    ) -> str:
        scope = [bearer.connection_id, state.stream.id, rows.member, state.epoch]
        live = None if rows.member or rows.texts else state.live
        page = self._pager.page(query, selection, rows, scope, live=live)
        texts = shaping.texts(page.rows, self._records, bearer.connection_id, source)
        return list_body(dialect, query, texts, page)

    def _shaping(self, bearer: Bearer, entity: Entity, query: ListQuery) -> Shaping:
        """What of each record is answered. Raises ScopeExceeded for source rows that the caller may not see."""
        if query.include_raw:
            bearer.scope.check(Wanted("raw", entity.name, bearer.connection_id))
        return Shaping(self._model, entity, query.fields, query.expand, query.include_raw)

    def _rows(self, bearer: Bearer, entity: Entity) -> tuple[StreamState | None, Rows, Entity | None]:
        """Where the records of an entity are: in a stream of their own, or in lists of the records of another.

        The last is the entity that the items of such lists are of.
        """
        state = self._records.state(bearer.connection_id, entity.name)
        inside = container(self._model, entity) if state is None else None
        if inside is None:
            return state, Rows(state.stream if state else None), None
        holding = self._records.state(bearer.connection_id, inside.entity.name)
        rows = Rows(holding.stream if holding else None, member=inside.member.name)
        return holding, rows, self._model.entities[str(inside.member.of)]

    def _record(self, bearer: Bearer, entity: Entity, key: str) -> Response:
        query = parse_record_query(request.args)
        shaping = self._shaping(bearer, entity, query)
        state, rows, source = self._rows(bearer, entity)
        if state is None:
            raise _no_record(entity, key)
        if rows.member is None:
            row = self._records.row(
                state.stream, key, deleted=query.selection.deleted, with_raw=query.include_raw
            )
            found = [] if row is None else [row]
        else:
            found = self._lists.page(rows, Selection(required=(_equals("key", key),)), 1).rows
        if not found:
            raise _no_record(entity, key)
        (text,) = shaping.texts(found, self._records, bearer.connection_id, source)
        return answer(f'{{"data":{text}}}')

    def _custom_fields(self, bearer: Bearer, dialect: Dialect, owner: Entity, entity: Entity) -> Response:
        """The names of the custom fields that the records of the owner have."""
        stream = self._records.find_stream(bearer.connection_id, owner.name)
        names = self._lists.names(stream, "customFields") if stream else []
        rows = Rows(None, texts=tuple(encode({"name": name}).decode() for name in names))
        refused = ("include", "deleted", "expand", "modified_after", "modified_before")
        query = parse_list_query(request.args, self._fields[entity.name], entity.page_limit, refused=refused)
        shaping = Shaping(self._model, entity, query.fields, (), raw=False)
        state = StreamState(stream, 0, 0, 0) if stream else None
        if state is None:
            return answer(list_body(dialect, query, [], NOTHING))
        return answer(self._body(bearer, dialect, query, shaping, rows, query.selection, state, None))

    def _check_there(self, bearer: Bearer, entity: Entity, key: str) -> None:
        if not self._records.payloads(bearer.connection_id, entity.name, [key]):
            raise _no_record(entity, key)


def _place(name: str) -> Place:
    return Place((Step(name),), "text")


def _equals(name: str, value: str) -> Condition:
    return Condition(_place(name), "eq", (value,))


def _no_record(entity: Entity, key: str) -> RecordNotFound:
    return RecordNotFound(
        f"There is no {entity.name} with the key {key[:60]!r} in this connection.",
        details={"entity": entity.name, "key": key[:60]},
    )
