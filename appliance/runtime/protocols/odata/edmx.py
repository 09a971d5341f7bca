"""Reads the $metadata of an OData V2 or V4 service: sets, keys, property types, navigation, what can be filtered."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from appliance.errors import SourceAnswerInvalid


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity type, or a complex type, which has no keys."""

    name: str
    keys: tuple[str, ...]
    properties: dict[str, str]
    """Property name to Edm type; types of the service itself are qualified, collections `Collection(…)`."""

    navigation: dict[str, str] = field(default_factory=dict)
    """Navigation property name to the name of the entity type it leads to."""

    unfilterable: frozenset[str] = frozenset()
    """Properties that the service says it cannot filter by."""


@dataclass(frozen=True, slots=True)
class Metadata:
    sets: dict[str, EntityType]
    types: dict[str, EntityType]
    enums: frozenset[str] = frozenset()
    """Qualified names of enumeration types (V4)."""


def parse_metadata(document: bytes) -> Metadata:
    """Raises SourceAnswerInvalid when the document is no $metadata."""
    try:
        root = ElementTree.fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as failure:
        raise SourceAnswerInvalid(
            "The service's $metadata is not readable XML. Check that the service address ends with the service name.",
            details={"cause": type(failure).__name__},
        ) from None
    types = _types(root)
    restricted = _unfilterable_by_set(root)
    sets: dict[str, EntityType] = {}
    for member in _all(root, "EntitySet"):
        name, kind = str(member.get("Name")), types.get(short(member.get("EntityType", "")))
        if kind is not None:
            sets[name] = kind
            if name in restricted:
                sets[name] = replace(kind, unfilterable=kind.unfilterable | restricted[name])
    if not sets:
        raise SourceAnswerInvalid("The service's $metadata names no entity sets. Check the service address.")
    enums = frozenset(
        f"{schema.get(space)}.{kind.get('Name')}"
        for schema in _all(root, "Schema")
        for space in ("Namespace", "Alias")
        if schema.get(space)
        for kind in _children(schema, "EnumType")
    )
    return Metadata(sets, types, enums)


def short(qualified: str) -> str:
    """The last name of a qualified type, also of a collection of it."""
    return qualified.removeprefix("Collection(").removesuffix(")").rsplit(".", 1)[-1]


def _types(root: Element) -> dict[str, EntityType]:
    ends = {
        f"{association.get('Name')}/{end.get('Role')}": short(end.get("Type", ""))
        for association in _all(root, "Association")
        for end in _children(association, "End")
    }
    elements = {
        str(kind.get("Name")): kind for tag in ("EntityType", "ComplexType") for kind in _all(root, tag)
    }
    return {name: _type(name, list(_with_bases(kind, elements)), ends) for name, kind in elements.items()}


def _with_bases(kind: Element, elements: dict[str, Element]) -> Iterator[Element]:
    """The type and what it is derived from, the base first. A type derived from itself ends the walk."""
    chain: list[Element] = []
    following: Element | None = kind
    while following is not None and following not in chain:
        chain.append(following)
        following = elements.get(short(following.get("BaseType", "")))
    return reversed(chain)


def _type(name: str, chain: list[Element], ends: dict[str, str]) -> EntityType:
    properties = [p for kind in chain for p in _children(kind, "Property")]
    return EntityType(
        name,
        keys=tuple(
            str(reference.get("Name"))
            for kind in chain
            for key in _children(kind, "Key")
            for reference in _children(key, "PropertyRef")
        ),
        properties={str(p.get("Name")): str(p.get("Type")) for p in properties},
        navigation={
            str(n.get("Name")): short(n.get("Type", ""))
            or ends.get(f"{short(n.get('Relationship', ''))}/{n.get('ToRole')}", "")
            for kind in chain
            for n in _children(kind, "NavigationProperty")
        },
        unfilterable=frozenset(
            str(p.get("Name"))
            for p in properties
            if any(_local(name) == "filterable" and value == "false" for name, value in p.attrib.items())
        ),
    )


def _unfilterable_by_set(root: Element) -> dict[str, frozenset[str]]:
    """What capability annotations (V4) say of each set, inside it or by target. `*`: it filters by nothing."""
    found: dict[str, frozenset[str]] = {}
    for target, annotation in _annotations(root):
        if short(annotation.get("Term", "")) == "FilterRestrictions":
            names = frozenset(_restricted(annotation))
            found[target] = found.get(target, frozenset()) | names
    return found


def _annotations(root: Element) -> Iterator[tuple[str, Element]]:
    for member in _all(root, "EntitySet"):
        yield from ((str(member.get("Name")), annotation) for annotation in _children(member, "Annotation"))
    for group in _all(root, "Annotations"):
        target = group.get("Target", "").rsplit("/", 1)[-1]
        yield from ((target, annotation) for annotation in _children(group, "Annotation"))


def _restricted(annotation: Element) -> Iterable[str]:
    for said in _all(annotation, "PropertyValue"):
        if said.get("Property") == "Filterable" and said.get("Bool") == "false":
            yield "*"
        if said.get("Property") == "NonFilterableProperties":
            yield from (path.text or "" for path in _all(said, "PropertyPath"))


def _all(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if _local(element.tag) == name]


def _children(parent: Element, name: str) -> list[Element]:
    return [element for element in parent if _local(element.tag) == name]


def _local(name: str) -> str:
    return str(name).rsplit("}", 1)[-1]
