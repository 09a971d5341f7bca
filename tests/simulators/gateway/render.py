"""What the gateway sends: the V2 JSON envelope, a minimal Atom feed, and errors in each of their forms."""

import json
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache, partial
from operator import itemgetter
from xml.sax.saxutils import escape, quoteattr

from .odata.errors import Detail, GatewayError
from .odata.metadata import EntityType, Service
from .odata.query import Shape
from .odata.wire import from_json, url_literal
from .rows.tables import Row, Table

RowWriter = Callable[[Row], str]


def key_writer(entity: EntityType) -> Callable[[Row], str]:
    """Compile a function that writes the key as it stands in a URL.

    `'4500000001'`, or `PurchaseOrder='4500000001',PurchaseOrderItem='10'` when the key has several parts.
    """
    # Keys repeat from row to row (all lines of an order, item 10, 20, 30), so their literals are kept.
    literals = [
        lru_cache(maxsize=8192)(partial(url_literal, prop=entity.properties[name])) for name in entity.key
    ]
    if len(literals) == 1:
        (name,), (literal,) = entity.key, literals
        return lambda row: literal(row[name])
    template = ",".join(f"{name}=%s" for name in entity.key)
    parts = list(zip(entity.key, literals, strict=True))
    return lambda row: template % tuple([literal(row[name]) for name, literal in parts])


def etag_of(row: Row) -> str:
    """An opaque weak ETag that moves with every change of the row."""
    return f"W/\"'{zlib.crc32(chr(0).join(row.values()).encode()):08X}'\""


def json_writer(
    shape: Shape, service: Service, tables: Mapping[str, Table], root: str, etag_sets: Collection[str]
) -> RowWriter:
    """Compile a function that writes a row as a JSON object. `root` is the service root of the URIs,
    without `/`.

    One `%` on one template for each row: at 8 kB an order this is what makes the simulator faster than its
    clients.
    """
    entity = shape.entity
    tagged = entity.set_name in etag_sets
    start = f"{root}/{entity.set_name}(".replace("%", "%%")
    template = (
        f'{{"__metadata":{{"id":"{start}%s)","uri":"{start}%s)","type":"{service.namespace}.{entity.name}"'
    )
    template += ',"etag":%s}' if tagged else "}"
    template += "".join(f',"{name}":%s' for name in shape.properties)
    template += "".join(
        f',"{name}":{{"__deferred":{{"uri":"{start}%s)/{name}"}}}}' for name in shape.deferred
    )
    template += "".join(f',"{name}":%s' for name in shape.expanded) + "}"
    read = _reader(shape.properties)
    expanded = [_expansion(shape, name, service, tables, root, etag_sets) for name in shape.expanded]
    repeated = len(shape.deferred)
    key_of = key_writer(entity)

    def write(row: Row) -> str:
        key = key_of(row)
        tag = (json.dumps(etag_of(row)),) if tagged else ()
        inner = [expansion(row) for expansion in expanded]
        return template % (key, key, *tag, *read(row), *(key,) * repeated, *inner)

    return write


def _reader(names: tuple[str, ...]) -> Callable[[Row], tuple[str, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


def _expansion(
    shape: Shape,
    name: str,
    service: Service,
    tables: Mapping[str, Table],
    root: str,
    etag_sets: Collection[str],
) -> RowWriter:
    navigation = shape.entity.navigations[name]
    write = json_writer(shape.expanded[name], service, tables, root, etag_sets)
    table = tables[shape.expanded[name].entity.set_name]

    def many(row: Row) -> str:
        found = table.where({target: row[source] for source, target in navigation.join})
        return '{"results":[' + ",".join([write(table.row(position)) for position in found]) + "]}"

    def one(row: Row) -> str:
        found = table.where({target: row[source] for source, target in navigation.join})
        return write(table.row(found[0])) if found else "null"

    return many if navigation.many else one


def json_page(rows: Iterable[bytes], count: int | None, next_uri: str | None) -> bytes:
    """A list: `{"d":{"__count":"3","results":[...],"__next":"..."}}`. The count is a string in V2."""
    counted = "" if count is None else f'"__count":"{count}",'
    following = "" if next_uri is None else f',"__next":{json.dumps(next_uri)}'
    start, end = f'{{"d":{{{counted}"results":[', f"]{following}}}}}"
    return b"".join([start.encode(), b",".join(rows), end.encode()])


_DATA = "http://schemas.microsoft.com/ado/2007/08/dataservices"
_ATOM = f'xmlns="http://www.w3.org/2005/Atom" xmlns:m="{_DATA}/metadata" xmlns:d="{_DATA}"'
_XML = '<?xml version="1.0" encoding="utf-8"?>'
_LONG_AGO = "<updated>1970-01-01T00:00:00Z</updated>"


def atom_entry(row: Row, shape: Shape, root: str, namespaces: str = "") -> str:
    """One entry with its properties as XML; navigations are given as links only."""
    entity = shape.entity
    identity = escape(f"{root}/{entity.set_name}({key_writer(entity)(row)})")
    properties = "".join(_atom_property(row[name], name, entity) for name in shape.properties)
    links = "".join(
        f'<link rel="{_DATA}/related/{name}" href="{identity}/{name}"/>'
        for name in (*shape.deferred, *shape.expanded)
    )
    return (
        f"<entry{namespaces}><id>{identity}</id><title>{entity.name}</title>{_LONG_AGO}"
        f'<author><name/></author>{links}<content type="application/xml"><m:properties>{properties}'
        "</m:properties></content></entry>"
    )


def atom_document(row: Row, shape: Shape, root: str) -> bytes:
    return f"{_XML}{atom_entry(row, shape, root, ' ' + _ATOM)}".encode()


def atom_feed(rows: Iterable[Row], shape: Shape, root: str, count: int | None, next_uri: str | None) -> bytes:
    entries = "".join(atom_entry(row, shape, root) for row in rows)
    counted = "" if count is None else f"<m:count>{count}</m:count>"
    following = "" if next_uri is None else f'<link rel="next" href={quoteattr(next_uri)}/>'
    name = shape.entity.set_name
    return (
        f"{_XML}<feed {_ATOM}><id>{escape(root)}/{name}</id><title>{name}</title>{_LONG_AGO}"
        f"{counted}{entries}{following}</feed>"
    ).encode()


def _atom_property(text: str, name: str, entity: EntityType) -> str:
    value = from_json(text, entity.properties[name])
    if value is None:
        return f'<d:{name} m:null="true"/>'
    shown = text if isinstance(value, bool) else str(value)
    return f"<d:{name}>{escape(shown)}</d:{name}>"


def service_document(service: Service, root: str, *, as_json: bool) -> bytes:
    if as_json:
        return json.dumps({"d": {"EntitySets": list(service.sets)}}).encode()
    collections = "".join(
        f'<app:collection href="{name}"><atom:title>{name}</atom:title></app:collection>'
        for name in service.sets
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><app:service xmlns:app="http://www.w3.org/2007/app" '
        f'xmlns:atom="http://www.w3.org/2005/Atom" xml:base="{escape(root)}/"><app:workspace>'
        f"<atom:title>Data</atom:title>{collections}</app:workspace></app:service>"
    ).encode()


def error_json(error: GatewayError, service: str, timestamp: str) -> bytes:
    details = error.details or (Detail(error.code, error.message),)
    return json.dumps(
        {
            "error": {
                "code": error.code,
                "message": {"lang": "en", "value": error.message},
                "innererror": {
                    "application": {
                        "component_id": "MM-PUR", "service_namespace": "/SAP/", "service_id": service,
                        "service_version": "0001",
                    },
                    "transactionid": f"{zlib.crc32(error.message.encode()):032X}",
                    "timestamp": timestamp,
                    "Error_Resolution": {"SAP_Transaction": "/IWFND/ERROR_LOG"},
                    "errordetails": [{**detail._asdict(),
                    "target": detail.propertyref} for detail in details],
                },
            }
        }
    ).encode()  # fmt: skip


def error_xml(error: GatewayError) -> bytes:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
        f'<code>{escape(error.code)}</code><message xml:lang="en">{escape(error.message)}</message></error>'
    ).encode()


def html_page(title: str, text: str) -> str:
    return (
        f"<!DOCTYPE html><html><head><title>{escape(title)}</title></head><body><h1>{escape(title)}</h1>"
        f"<p>{escape(text)}</p></body></html>"
    )
