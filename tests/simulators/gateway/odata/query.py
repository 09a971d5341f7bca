"""The system query options of a request, checked against the metadata into one `Query`."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from .errors import bad_request
from .filter import Condition, parse, unknown_property
from .metadata import EntityType, Property, Service

_KNOWN = frozenset(
    ["$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$skiptoken", "$inlinecount", "$format"]
)
_ONE_ENTITY = frozenset(["$select", "$expand", "$format"])
_COUNT = frozenset(["$filter", "$top", "$skip", "$orderby"])


@dataclass(frozen=True)
class Shape:
    """Which properties and navigations of a type are sent; `expanded` holds the shapes of the expanded
    ones.
    """

    entity: EntityType
    properties: tuple[str, ...]
    deferred: tuple[str, ...]
    expanded: Mapping[str, "Shape"] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Query:
    """A checked request for a set. `options` are the options as sent, without $skiptoken, in the order
    sent.
    """

    shape: Shape
    condition: Condition | None
    order: tuple[tuple[Property, bool], ...]
    top: int | None
    skip: int
    inline_count: bool
    skip_token: str | None
    options: tuple[tuple[str, str], ...]

    @property
    def filter_text(self) -> str:
        return dict(self.options).get("$filter", "")


def read_options(query_string: str) -> dict[str, str]:
    """The query options by name; `+` stands for a blank. Raises GatewayError 400 when one comes twice."""
    pairs = parse_qsl(query_string, keep_blank_values=True)
    options = dict(pairs)
    if len(options) != len(pairs):
        raise bad_request("A query option is given more than once")
    return options


def wants_json(options: Mapping[str, str], accept: str) -> bool:
    """True when JSON is asked for.

    Atom is the default of V2. Raises GatewayError 400 for other formats.
    """
    wanted = options.get("$format")
    if wanted is None:
        return "application/json" in accept
    if wanted not in ("json", "atom", "xml"):
        raise bad_request(f"Format '{wanted}' is not supported")
    return wanted == "json"


def check_names(options: Mapping[str, str], allowed: Collection[str]) -> None:
    """Refuse system query options that are unknown or make no sense here; others (sap-client, ...) pass."""
    for name in options:
        if name.startswith("$") and name not in allowed:
            raise bad_request(f"The system query option '{name}' is not supported here")


def read_set_query(options: Mapping[str, str], entity: EntityType, service: Service) -> Query:
    """The query on a set of `entity`. Raises GatewayError 400."""
    check_names(options, _KNOWN)
    inline = options.get("$inlinecount", "none")
    if inline not in ("none", "allpages"):
        raise bad_request(f"Invalid value '{inline}' for $inlinecount")
    return Query(
        shape=read_shape(options, entity, service),
        condition=read_condition(options, entity),
        order=_read_order(options.get("$orderby"), entity),
        top=_natural(options, "$top"),
        skip=_natural(options, "$skip") or 0,
        inline_count=inline == "allpages",
        skip_token=options.get("$skiptoken"),
        options=tuple((name, value) for name, value in options.items() if name != "$skiptoken"),
    )


def read_count_query(options: Mapping[str, str], entity: EntityType) -> Condition | None:
    """The condition of a `/$count` request. Raises GatewayError 400."""
    check_names(options, _COUNT)
    return read_condition(options, entity)


def read_entity_shape(options: Mapping[str, str], entity: EntityType, service: Service) -> Shape:
    """The shape of one entity; $filter, $top and the like make no sense there. Raises GatewayError 400."""
    check_names(options, _ONE_ENTITY)
    return read_shape(options, entity, service)


def read_condition(options: Mapping[str, str], entity: EntityType) -> Condition | None:
    text = options.get("$filter")
    if text is None:
        return None
    if not text.strip():
        raise bad_request("$filter is empty")
    return parse(text, entity)


def read_shape(options: Mapping[str, str], entity: EntityType, service: Service) -> Shape:
    """The shape that $select and $expand ask for.

    As in the specification a navigation that $select does not name is not sent, expanded or not.
    """
    expand = [path.split("/") for path in _items(options, "$expand")]
    select = [path.split("/") for path in _items(options, "$select")] if "$select" in options else [["*"]]
    return _shape(entity, service, select, expand)


def _shape(entity: EntityType, service: Service, select: list[list[str]], expand: list[list[str]]) -> Shape:
    for head, *_ in expand:
        if head not in entity.navigations:
            raise bad_request(
                f"Navigation property '{head}' not found in type {entity.name}", "/IWBEP/CM_MGW_RT/021"
            )
    everything = ["*"] in select
    chosen: set[str] = set()
    below: dict[str, list[list[str]]] = {}
    for head, *rest in select:
        if head == "*":
            continue
        if head in entity.navigations:
            below.setdefault(head, []).extend([rest] if rest else [])
        elif head in entity.properties and not rest:
            chosen.add(head)
        else:
            raise unknown_property(head, entity)
    expanded: dict[str, Shape] = {}
    for name in dict.fromkeys(head for head, *_ in expand):
        target = service.types[entity.navigations[name].target]
        deeper = [rest for head, *rest in expand if head == name and rest]
        inner = _shape(target, service, below.get(name) or [["*"]], deeper)
        if everything or name in below:
            expanded[name] = inner
    for name, paths in below.items():
        if paths and name not in {head for head, *_ in expand}:
            raise bad_request(f"'{name}/{paths[0][0]}' is selected but '{name}' is not expanded")
    return Shape(
        entity=entity,
        properties=tuple(name for name in entity.properties if everything or name in chosen),
        deferred=tuple(
            name for name in entity.navigations if name not in expanded and (everything or name in below)
        ),
        expanded=expanded,
    )


def _read_order(text: str | None, entity: EntityType) -> tuple[tuple[Property, bool], ...]:
    if text is None:
        return ()
    order = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\w+)(?:\s+(asc|desc))?\s*", part)
        if not found:
            raise bad_request(f"Syntax error in $orderby at '{part}'")
        if found[1] not in entity.properties:
            raise unknown_property(found[1], entity)
        order.append((entity.properties[found[1]], found[2] == "desc"))
    return tuple(order)


def _items(options: Mapping[str, str], name: str) -> list[str]:
    if name not in options:
        return []
    items = [item.strip() for item in options[name].split(",")]
    if not all(items):
        raise bad_request(f"{name} has an empty part")
    return items


def _natural(options: Mapping[str, str], name: str) -> int | None:
    text = options.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}", text):
        raise bad_request(f"Invalid value '{text}' for {name}")
    return int(text)


def split_path(path: str) -> list[str]:
    """The decoded segments of a path below the service root; a `/` inside a quoted key does not split."""
    segments, start, quoted = [], 0, False
    for at, character in enumerate(path):
        if character == "'":
            quoted = not quoted
        elif character == "/" and not quoted:
            segments.append(path[start:at])
            start = at + 1
    return [unquote(segment) for segment in [*segments, path[start:]] if segment]
