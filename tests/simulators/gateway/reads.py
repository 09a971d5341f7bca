"""GET: service document, metadata, sets with server-driven paging, entities by key, navigation and $count."""

import re
from collections.abc import Mapping, Sequence

from .exchange import ATOM, JSON, XML, Request, Response
from .odata.errors import GatewayError, bad_request, not_found
from .odata.filter import parse_literal
from .odata.metadata import EntityType, Service
from .odata.paging import Progress, make_token, next_uri, read_token
from .odata.query import (
    Query,
    check_names,
    read_count_query,
    read_entity_shape,
    read_set_query,
    split_path,
    wants_json,
)
from .odata.wire import Value
from .render import (
    atom_document,
    atom_feed,
    etag_of,
    json_page,
    json_writer,
    service_document,
)
from .rows.tables import Table, find, select
from .system import ROOT, System

_SEGMENT = re.compile(r"(\$?\w+)(?:\((.*)\))?", re.DOTALL)
_KEY_PART = re.compile(r"(?:(\w+)=)?((?:\w*'(?:[^']|'')*')|[^',=]+)(?:,|$)")


class Target:
    """What a path leads to: a set (`position` None; `among` restricts it after a navigation) or one row of
    it.
    """

    def __init__(self, table: Table, position: int | None, among: Sequence[int] | None) -> None:
        self.table = table
        self.position = position
        self.among = among


def read(system: System, service: Service, rest: str, request: Request, options: dict[str, str]) -> Response:
    """Answer a GET. `rest` is the raw path below the service. Raises GatewayError."""
    as_json = wants_json(options, request.headers.get("accept", ""))
    options = {name: value for name, value in options.items() if name not in system.settings.ignored_options}
    root = service_root(system, service, request)
    segments = split_path(rest)
    if not segments:
        check_names(options, {"$format"})
        body = service_document(service, root, as_json=as_json)
        return Response(200, body, JSON if as_json else "application/atomsvc+xml")
    if segments == ["$metadata"]:
        check_names(options, {"$format"})
        return Response(200, service.document, XML, {"DataServiceVersion": "2.0"})
    last = segments[-1]
    if last in ("$value", "$links", "$batch") or "$links" in segments:
        raise GatewayError(501, "/IWBEP/CM_MGW_RT/501", f"'{last}' is not part of this simulator")
    target = resolve(system, service, segments[:-1] if last == "$count" else segments)
    if last == "$count":
        return _count(system, target, options)
    if target.position is not None:
        return _entity(system, service, target, root, options, as_json=as_json)
    query = read_set_query(options, target.table.entity, service)
    return _set(system, service, target, query, request, as_json=as_json)


def service_root(system: System, service: Service, request: Request) -> str:
    """The root of the URIs that the system writes; its internal name when it does not know the outer one."""
    return f"{system.settings.internal_base or request.base}{ROOT}{service.name}"


def resolve(system: System, service: Service, segments: Sequence[str]) -> Target:
    """Walk a path of sets, keys and navigations. Raises GatewayError 404, or 400 for a malformed key."""
    tables = system.tables[service.name]
    name, key = _split_segment(segments[0])
    if name not in tables:
        raise not_found(f"Resource not found for segment '{name}'")
    target = _pick(Target(tables[name], None, None), key)
    for segment in segments[1:]:
        name, key = _split_segment(segment)
        entity = target.table.entity
        if target.position is None or name not in entity.navigations:
            raise not_found(f"Resource not found for segment '{name}'")
        navigation = entity.navigations[name]
        row = target.table.row(target.position)
        table = tables[service.types[navigation.target].set_name]
        among = table.where({other: row[own] for own, other in navigation.join})
        if navigation.many:
            target = _pick(Target(table, None, among), key)
        elif among:
            target = Target(table, among[0], None)
        else:
            raise not_found(f"No {table.entity.set_name} found")
    return target


def _pick(target: Target, key_text: str | None) -> Target:
    if key_text is None:
        return target
    entity = target.table.entity
    key = read_key(key_text, entity)
    position = find(target.table, key)
    if position is None or (target.among is not None and position not in target.among):
        raise not_found(f"Resource not found for {entity.set_name}({key_text})", "/IWBEP/CM_MGW_RT/004")
    return Target(target.table, position, None)


def read_key(text: str, entity: EntityType) -> Mapping[str, Value]:
    """The key of a URL: one bare literal, or every part by name. Raises GatewayError 400."""
    parts: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _KEY_PART.match(text, at)
        if not found:
            break
        parts[found[1] or ""] = found[2]
        at = found.end()
    if list(parts) == [""] and len(entity.key) == 1:
        parts = {entity.key[0]: parts[""]}
    if at < len(text) or set(parts) != set(entity.key):
        raise bad_request(f"Invalid key predicate ({text}) for type {entity.name}", "/IWBEP/CM_MGW_RT/019")
    return {name: parse_literal(parts[name], entity.properties[name]) for name in entity.key}


def _split_segment(segment: str) -> tuple[str, str | None]:
    found = _SEGMENT.fullmatch(segment)
    if not found:
        raise bad_request(f"Malformed path segment '{segment}'")
    return found[1], found[2]


def _count(system: System, target: Target, options: Mapping[str, str]) -> Response:
    if target.position is not None:
        raise not_found("Resource not found for segment '$count'")
    condition = read_count_query(options, target.table.entity)
    if target.among is None:
        found = system.selection(target.table, condition, ())
    else:
        found = select(target.table, condition, (), target.among)
    return Response(200, str(len(found)).encode(), "text/plain")


def _entity(
    system: System, service: Service, target: Target, root: str, options: Mapping[str, str], *, as_json: bool
) -> Response:
    shape = read_entity_shape(options, target.table.entity, service)
    row = target.table.row(target.position or 0)
    tags = system.settings.etag_sets
    headers = {"ETag": etag_of(row)} if shape.entity.set_name in tags else {}
    if not as_json:
        return Response(200, atom_document(row, shape, root), "application/atom+xml;type=entry", headers)
    write = json_writer(shape, service, system.tables[service.name], root, tags)
    return Response(200, f'{{"d":{write(row)}}}'.encode(), JSON, headers)


def _set(
    system: System, service: Service, target: Target, query: Query, request: Request, *, as_json: bool
) -> Response:
    settings, table = system.settings, target.table
    progress = read_token(query.skip_token, request.path, query, system.generation)
    found = _selected(system, target, query)
    size = settings.page_size if query.top is None else settings.max_top
    first = query.skip + progress.offset
    end = len(found) if query.top is None else min(len(found), query.skip + query.top)
    hollow = settings.hollow_page_every
    empty = bool(hollow) and progress.page % hollow == hollow - 1 and first < end
    positions = [] if empty else found[first : min(first + size, end)]
    following = Progress(progress.offset + len(positions), progress.page + 1)
    more = query.skip + following.offset < end
    base = settings.internal_base or request.base
    link = None
    if more:
        token = make_token(following, request.path, query, system.generation)
        link = next_uri(base, request.path, query, token)
    count = len(found) if query.inline_count else None
    root = service_root(system, service, request)
    if not as_json:
        feed = atom_feed(map(table.row, positions), query.shape, root, count, link)
        return Response(200, feed, ATOM)
    write = json_writer(query.shape, service, system.tables[service.name], root, settings.etag_sets)
    options = dict(query.options)
    shape = (id(table), root, options.get("$select"), options.get("$expand"), settings.etag_sets)
    wanted = [(position, table.row_version(position)) for position in positions]
    rows = system.store.rows(shape, wanted, lambda position: write(table.row(position)).encode())
    return Response(200, json_page(rows, count, link), JSON)


def _selected(system: System, target: Target, query: Query) -> Sequence[int]:
    if target.among is not None:
        return select(target.table, query.condition, query.order, target.among)
    keyed = set(target.table.entity.key) <= {prop.name for prop, _ in query.order}
    if system.settings.unstable_order and not keyed and system.flip():
        candidates = list(reversed(system.selection(target.table, query.condition, ())))
        return select(target.table, None, query.order, candidates)
    return system.selection(target.table, query.condition, query.order)
