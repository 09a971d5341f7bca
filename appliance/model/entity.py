"""The unified model, read from `entities/*.yaml`: entities, their fields, and the operations on them.

A file holds the entities of one domain:

    WorkOrder:
      description: one line
      categories: [eam]            # eam, erp, wms; system for the appliance's own
      path: work-orders            # below /api/<category>/; what only occurs inside other records has none
      prefix: "03"                 # first two characters of its keys; fixed for ever, since clients keep keys
      nature: transaction          # cut by the historical period; master, the default, never is
      page_limit: 100              # largest page: 100 with lists inside, 500 (the default) for flat records
      fields:
        key: key                   # its own key
        siteKey: key Site          # key, keys, object and list name an entity
        orderDate: {type: datetime, declared: object}
      operations:
        list:
        create: {in: [eam], body: [title, {file: string}, {name: {required: true}}]}
        update: {body: create, without: [file], plus: [notes], required: [title]}
        materials: {of: MaterialItem, by: workOrderKey}

`keys_of: LineItem` in place of a prefix says that the record is the same as one of that entity, and has its
key. A bare name in a body is the field of that name of the entity, or of the entity that `like` names.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Literal, cast, get_args

from appliance.errors import InvalidInput
from appliance.model.declaration import Declaration, read_folder
from appliance.model.field import Field, FieldType, read_field
from appliance.model.operation import Category, Operation, read_operations

__all__ = ["Category", "Entity", "Field", "FieldType", "Model", "Nature", "Operation", "load_model"]

Nature = Literal["master", "transaction"]

_ATTRIBUTES = frozenset(
    {
        "description",
        "categories",
        "path",
        "prefix",
        "keys_of",
        "nature",
        "page_limit",
        "fields",
        "operations",
    }
)
_FLAT_PAGE = 500


@dataclass(frozen=True, slots=True)
class Entity:
    """What one kind of record looks like.

    `domain` is the file it is declared in. `path` is None for what only occurs inside other records,
    `prefix` None for what has no key; two entities share a prefix when they show the same record.
    """

    name: str
    domain: str
    description: str
    categories: tuple[Category, ...]
    path: str | None
    prefix: str | None
    nature: Nature
    page_limit: int
    fields: Mapping[str, Field] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that routes, API description, filters, mapping editor and validation are generated from."""

    entities: Mapping[str, Entity] = field(hash=False)
    operations: tuple[Operation, ...]
    _collections: Mapping[tuple[str, str], Entity] = field(hash=False, repr=False)

    def entity(self, name: str) -> Entity:
        """The entity of this name.

        Raises InvalidInput, with the nearest names in its message and details, when there is none.
        """
        found = self.entities.get(name)
        if found is None:
            nearest = difflib.get_close_matches(name, self.entities, n=3, cutoff=0.5)
            advice = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
            raise InvalidInput(
                f"there is no entity {name!r}{advice}", details={"entity": name, "nearest": nearest}
            )
        return found

    def by_path(self, category: str, path: str) -> Entity | None:
        """The entity whose collection is `/api/<category>/<path>`, None when the category has no such."""
        return self._collections.get((category, path))


def load_model(folder: Traversable | None = None) -> Model:
    """The model that the product ships, or the one of `folder`.

    Reads the files at every call; the caller keeps the model. Raises ValueError that names file and entity
    when something is unknown, missing or there twice.
    """
    declared = read_folder(folder or resources.files("appliance.model").joinpath("entities"))
    prefixes = _read_prefixes(declared.values())
    entities = {name: _read_entity(one, prefixes.get(name)) for name, one in declared.items()}
    _check_paths_are_unique(entities.values(), declared)
    fields = {name: entity.fields for name, entity in entities.items()}
    operations: list[Operation] = []
    for name, entity in entities.items():
        own = tuple(read_operations(declared[name], entity.path, entity.categories, fields))
        for record in (entity.fields.values(), *(operation.body for operation in own)):
            _check_references(declared[name], record, entities)
        operations += own
    collections: dict[tuple[str, str], Entity] = {
        (operation.category, entities[operation.entity].path or ""): entities[operation.entity]
        for operation in operations
        if operation.kind in ("list", "statuses")
    }
    return Model(MappingProxyType(entities), tuple(operations), MappingProxyType(collections))


def _read_prefixes(declarations: Iterable[Declaration]) -> dict[str, str]:
    """The key prefix by entity name, with those that come from another entity (`keys_of`)."""
    prefixes: dict[str, str] = {}
    holders: dict[str, str] = {}
    borrowers: list[Declaration] = []
    for declaration in declarations:
        if "keys_of" in declaration.content:
            borrowers.append(declaration)
        if "prefix" not in declaration.content:
            continue
        prefix = declaration.text(declaration.content["prefix"], "prefix")
        if not re.fullmatch("[0-9a-f]{2}", prefix):
            declaration.refuse(f"prefix {prefix!r} must be two characters 0-9 a-f")
        if prefix in holders:
            declaration.refuse(f"prefix {prefix} is taken by {holders[prefix]}")
        prefixes[declaration.name] = prefix
        holders[prefix] = declaration.name
    own = dict(prefixes)
    for declaration in borrowers:
        lender = declaration.content["keys_of"]
        if lender not in own or declaration.name in own:
            declaration.refuse(
                f"keys_of must stand in place of prefix and name an entity with one, not {lender}"
            )
        prefixes[declaration.name] = own[lender]
    return prefixes


def _read_entity(declaration: Declaration, prefix: str | None) -> Entity:
    content = declaration.content
    declaration.check_keys(content, _ATTRIBUTES, "the entity")
    for needed in ("description", "categories", "fields"):
        if needed not in content:
            declaration.refuse(f"has no {needed}")
    path = None if "path" not in content else declaration.text(content["path"], "path")
    if path is not None and not {"prefix", "nature", "page_limit"} <= content.keys():
        declaration.refuse("has a path, so it needs prefix, nature and page_limit")
    categories = declaration.names(content["categories"], "categories")
    if not categories or not set(categories) <= set(get_args(Category)):
        declaration.refuse(f"categories must name some of {', '.join(get_args(Category))}")
    nature = content.get("nature", "master")
    if nature not in get_args(Nature):
        declaration.refuse(f"nature must be master or transaction, not {nature}")
    page_limit = content.get("page_limit", _FLAT_PAGE)
    if type(page_limit) is not int or page_limit < 1:
        declaration.refuse("page_limit must be a whole number above 0")
    return Entity(
        name=declaration.name,
        domain=declaration.domain,
        description=declaration.text(content["description"], "description"),
        categories=cast(tuple[Category, ...], categories),
        path=path,
        prefix=prefix,
        nature=cast(Nature, nature),
        page_limit=page_limit,
        fields=MappingProxyType(_read_fields(declaration, prefix)),
    )


def _read_fields(declaration: Declaration, prefix: str | None) -> dict[str, Field]:
    written = declaration.mapping(declaration.content["fields"], "fields")
    fields = {name: read_field(declaration, name, spec) for name, spec in written.items()}
    has_key = "key" in fields and fields["key"].type == "key"
    if has_key != (prefix is not None):
        declaration.refuse("a field `key: key` and a prefix (or keys_of) go together")
    return fields


def _check_paths_are_unique(entities: Iterable[Entity], declared: Mapping[str, Declaration]) -> None:
    holders: dict[str, str] = {}
    for entity in entities:
        if entity.path is None:
            continue
        if entity.path in holders:
            declared[entity.name].refuse(f"path {entity.path} is taken by {holders[entity.path]}")
        holders[entity.path] = entity.name


def _check_references(
    declaration: Declaration, fields: Iterable[Field], entities: Mapping[str, Entity]
) -> None:
    for one in fields:
        for target in (one.to, one.of):
            if target is not None and target not in entities:
                declaration.refuse(f"field {one.name} refers to unknown entity {target}")
        if one.to is not None and entities[one.to].prefix is None:
            declaration.refuse(f"field {one.name} refers to {one.to}, which has no key")
