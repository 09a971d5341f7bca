"""The operations on entities, and how they are written in the model files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, cast

from appliance.model.declaration import Declaration
from appliance.model.field import Field, read_field

Category = Literal["eam", "erp", "wms", "system"]


class _Shape(NamedTuple):
    method: str
    path: str
    many: bool


_SHAPES: Mapping[str, _Shape] = {
    "list": _Shape("GET", "{collection}", True),
    "get": _Shape("GET", "{collection}/{key}", False),
    "create": _Shape("POST", "{collection}", False),
    "update": _Shape("PUT", "{collection}/{key}", False),
    "status": _Shape("PUT", "{collection}/{key}/status", False),
    "statuses": _Shape("GET", "statuses/{collection}", True),
    "custom-fields": _Shape("GET", "{collection}/custom-fields", True),
    "children": _Shape("GET", "{collection}/{key}/children", True),
    "materials": _Shape("GET", "{collection}/{key}/materials", True),
    "all-materials": _Shape("GET", "{collection}/materials", True),
    "add-material": _Shape("POST", "{collection}/{key}/materials", False),
    "change-material": _Shape("PUT", "{collection}/{key}/materials/{materialKey}", False),
    "inventory": _Shape("PUT", "{collection}/{key}/inventory", False),
    "delivered": _Shape("POST", "{collection}/{key}/delivered", False),
}
_OPTIONS = frozenset({"in", "of", "by", "like", "body", "without", "plus", "required"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path of one category.

    `path` is a template below `/api/<category>/`. `owner` is the entity that the path belongs to, `entity`
    the entity of the records answered: `many` of them, or one. `link` is the field of `entity` that holds
    the `{key}` of the path, for lists of what belongs to one record; `scope` is the scope of the statuses
    listed.
    """

    method: str
    category: Category
    path: str
    kind: str
    owner: str
    entity: str
    many: bool
    body: tuple[Field, ...] = ()
    link: str | None = None
    scope: str | None = None


def read_operations(
    declaration: Declaration,
    collection: str | None,
    categories: tuple[Category, ...],
    fields: Mapping[str, Mapping[str, Field]],
) -> Iterator[Operation]:
    """The operations of one entity, one for each category they exist in.

    `collection` is the entity's path, `fields` holds the fields of every entity by entity name. Raises
    ValueError for an unknown kind, option, entity, category or field name.
    """
    written = declaration.mapping(declaration.content.get("operations"), "operations")
    if written and collection is None:
        declaration.refuse("has operations but no path")
    bodies: dict[str, tuple[Field, ...]] = {}
    for kind, options in written.items():
        shape = _SHAPES.get(kind)
        if shape is None:
            declaration.refuse(f"unknown operation {kind}; known are {', '.join(_SHAPES)}")
        what = f"operation {kind}"
        options = declaration.mapping(options, what)
        declaration.check_keys(options, _OPTIONS, what)
        entity = _known_entity(declaration, options.get("of", declaration.name), fields, what)
        known = fields[_known_entity(declaration, options.get("like", declaration.name), fields, what)]
        bodies[kind] = _read_body(declaration, what, options, known, bodies)
        operation = Operation(
            method=shape.method,
            category=categories[0],
            path=shape.path.replace("{collection}", str(collection)),
            kind=kind,
            owner=declaration.name,
            entity=entity,
            many=shape.many,
            body=bodies[kind],
            link=_read_link(declaration, what, options, fields[entity]),
            scope=collection if kind == "statuses" else None,
        )
        for category in _read_categories(declaration, what, options, categories):
            yield replace(operation, category=category)


def _known_entity(declaration: Declaration, name: Any, fields: Mapping[str, Any], what: str) -> str:
    if not isinstance(name, str) or name not in fields:
        declaration.refuse(f"{what} refers to unknown entity {name}")
    return name


def _read_categories(
    declaration: Declaration, what: str, options: Mapping[str, Any], categories: tuple[Category, ...]
) -> tuple[Category, ...]:
    if "in" not in options:
        return categories
    chosen = declaration.names(options["in"], f"{what}: in")
    if not chosen or not set(chosen) <= set(categories):
        declaration.refuse(f"{what}: in must name some of {', '.join(categories)}")
    return cast(tuple[Category, ...], chosen)


def _read_link(
    declaration: Declaration, what: str, options: Mapping[str, Any], fields: Mapping[str, Field]
) -> str | None:
    name = options.get("by")
    if name is None:
        return None
    linking = fields.get(name)
    if linking is None or linking.to != declaration.name:
        declaration.refuse(f"{what}: by must name a field that refers to {declaration.name}, not {name}")
    return linking.name


def _read_body(
    declaration: Declaration,
    what: str,
    options: Mapping[str, Any],
    known: Mapping[str, Field],
    bodies: Mapping[str, tuple[Field, ...]],
) -> tuple[Field, ...]:
    """The body of an operation: a list of entries, or the name of an operation above whose body it varies."""
    written = options.get("body")
    if isinstance(written, str):
        if written not in bodies:
            declaration.refuse(f"{what}: there is no operation {written} above to take the body from")
        base = bodies[written]
    else:
        base = _read_entries(declaration, what, written, known)
    names = {field.name for field in base}
    without = declaration.names(options.get("without", []), f"{what}: without")
    required = declaration.names(options.get("required", []), f"{what}: required")
    for name in (*without, *required):
        if name not in names:
            declaration.refuse(f"{what}: {name} is not in the body")
    body = (
        *(replace(f, required=f.required or f.name in required) for f in base if f.name not in without),
        *_read_entries(declaration, what, options.get("plus"), known),
    )
    if len({field.name for field in body}) != len(body):
        declaration.refuse(f"{what}: the body names a field twice")
    return body


def _read_entries(
    declaration: Declaration, what: str, written: object, known: Mapping[str, Field]
) -> tuple[Field, ...]:
    if written is None:
        return ()
    if not isinstance(written, list):
        declaration.refuse(f"{what}: a body must be a list of fields or the name of an operation")
    entries = []
    for entry in written:
        one = {entry: {}} if isinstance(entry, str) else declaration.mapping(entry, f"{what}: body entry")
        for name, spec in one.items():
            entries.append(read_field(declaration, name, spec, known))
    return tuple(entries)
