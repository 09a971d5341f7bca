"""Reads an EDMX document of OData V2: entity types, keys, properties, navigations and sets."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import defusedxml.ElementTree

_SAP = "{http://www.sap.com/Protocols/SAPData}"


@dataclass(frozen=True)
class Property:
    """One property; `type` is the name without `Edm.` (String, DateTime, DateTimeOffset, Decimal, ...)."""

    name: str
    type: str
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    creatable: bool = True
    updatable: bool = True


@dataclass(frozen=True)
class Navigation:
    """A navigation property. `join` pairs a property of the source with the one of the target that must
    equal it.
    """

    name: str
    target: str
    many: bool
    join: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EntityType:
    """An entity type. `set_name` is the first set that holds it, "" when there is none."""

    name: str
    set_name: str
    key: tuple[str, ...]
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]


@dataclass(frozen=True)
class Service:
    """A service as `$metadata` describes it; `document` is that XML as served."""

    name: str
    namespace: str
    sets: Mapping[str, EntityType]
    types: Mapping[str, EntityType]
    document: bytes = field(repr=False)


def read_service(path: Path, missing: Mapping[str, Collection[str]] | None = None) -> Service:
    """The service that the EDMX file `path` describes.

    `missing` names properties per set that this release does not have yet; they are taken out of the
    metadata. Raises ValueError when the file holds no schema, or when `missing` names what is not there.
    """
    root: Any = defusedxml.ElementTree.parse(path).getroot()
    schema = next((node for node in root.iter() if _tag(node) == "Schema" and _all(node, "EntityType")), None)
    if schema is None:
        raise ValueError(f"{path} holds no schema with entity types")
    namespace = schema.get("Namespace", "")
    sets = {
        node.get("Name", ""): _short(node.get("EntityType"))
        for container in root.iter()
        if _tag(container) == "EntityContainer"
        for node in _all(container, "EntitySet")
    }
    _take_out(schema, sets, missing or {})
    associations = {node.get("Name", ""): node for node in _all(schema, "Association")}
    set_of = {type_name: set_name for set_name, type_name in reversed(sets.items())}
    nodes = {node.get("Name", ""): node for node in _all(schema, "EntityType")}
    keys = {name: _key(node) for name, node in nodes.items()}
    types = {
        name: EntityType(
            name=name,
            set_name=set_of.get(name, ""),
            key=keys[name],
            properties={prop.name: prop for prop in map(_property, _all(node, "Property"))},
            navigations={
                nav.name: nav
                for nav in (
                    _navigation(child, associations, name, keys) for child in _all(node, "NavigationProperty")
                )
            },
        )
        for name, node in nodes.items()
    }
    return Service(
        name=_service_name(path, namespace),
        namespace=namespace,
        sets={set_name: types[type_name] for set_name, type_name in sets.items() if type_name in types},
        types=types,
        document=_serialize(root) if missing else path.read_bytes(),
    )


def _service_name(path: Path, namespace: str) -> str:
    """The schema is named after the service, in capitals; other schemas (`cds_...`) leave the file's name."""
    return namespace if namespace.isupper() and "." not in namespace else path.name.split(".")[0]


def _serialize(root: Any) -> bytes:
    ElementTree.register_namespace("edmx", "http://schemas.microsoft.com/ado/2007/06/edmx")
    ElementTree.register_namespace("m", "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata")
    ElementTree.register_namespace("sap", "http://www.sap.com/Protocols/SAPData")
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _take_out(schema: Any, sets: Mapping[str, str], missing: Mapping[str, Collection[str]]) -> None:
    for set_name, names in missing.items():
        node = next((n for n in _all(schema, "EntityType") if n.get("Name") == sets.get(set_name)), None)
        if node is None:
            raise ValueError(f"no entity set {set_name} to take properties from")
        found = {child.get("Name"): child for child in _all(node, "Property")}
        for name in names:
            if name not in found:
                raise ValueError(f"{set_name} has no property {name}")
            node.remove(found[name])


def _property(node: Any) -> Property:
    return Property(
        name=node.get("Name", ""),
        type=_short(node.get("Type")),
        max_length=_number(node.get("MaxLength")),
        precision=_number(node.get("Precision")),
        scale=_number(node.get("Scale")),
        nullable=node.get("Nullable") != "false",
        creatable=node.get(f"{_SAP}creatable") != "false",
        updatable=node.get(f"{_SAP}updatable") != "false",
    )


def _navigation(
    node: Any, associations: Mapping[str, Any], source: str, keys: Mapping[str, tuple[str, ...]]
) -> Navigation:
    association = associations[_short(node.get("Relationship"))]
    ends = {end.get("Role"): end for end in _all(association, "End")}
    target_end = ends[node.get("ToRole")]
    target = _short(target_end.get("Type"))
    join = _constraint(association, node.get("FromRole"), node.get("ToRole"))
    if not join:
        # SAP's files often carry no constraint: one key then contains the other, by name.
        shared = [name for name in keys[source] if name in keys.get(target, ())]
        join = tuple((name, name) for name in shared)
    return Navigation(node.get("Name", ""), target, target_end.get("Multiplicity") == "*", join)


def _constraint(association: Any, source: str, target: str) -> tuple[tuple[str, str], ...]:
    names: dict[str, list[str]] = {}
    for constraint in _all(association, "ReferentialConstraint"):
        for end in constraint:
            names[end.get("Role", "")] = [ref.get("Name", "") for ref in _all(end, "PropertyRef")]
    return tuple(zip(names.get(source, []), names.get(target, []), strict=False))


def _key(node: Any) -> tuple[str, ...]:
    return tuple(ref.get("Name", "") for key in _all(node, "Key") for ref in _all(key, "PropertyRef"))


def _all(node: Any, tag: str) -> list[Any]:
    return [child for child in node if _tag(child) == tag]


def _tag(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def _short(name: str | None) -> str:
    return (name or "").rpartition(".")[2]


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
