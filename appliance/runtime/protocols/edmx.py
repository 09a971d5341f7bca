"""Reads the $metadata of an OData V2 service: sets, keys, property types, navigation."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from appliance.errors import SourceAnswerInvalid


@dataclass(frozen=True, slots=True)
class EntityType:
    name: str
    keys: tuple[str, ...]
    properties: dict[str, str]
    """Property name to Edm type."""

    navigation: dict[str, str] = field(default_factory=dict)
    """Navigation property name to the name of the entity type it leads to."""


@dataclass(frozen=True, slots=True)
class Metadata:
    sets: dict[str, EntityType]
    types: dict[str, EntityType]


def parse_metadata(document: bytes) -> Metadata:
    """Raises SourceAnswerInvalid when the document is no $metadata."""
    try:
        root = ElementTree.fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as failure:
        raise SourceAnswerInvalid(
            "The service's $metadata is not readable XML. Check that the service address ends with the service name.",
            details={"cause": type(failure).__name__},
        ) from None
    ends = {
        f"{association.get('Name')}/{end.get('Role')}": _short(end.get("Type", ""))
        for association in _all(root, "Association")
        for end in _children(association, "End")
    }
    types = {str(kind.get("Name")): _entity_type(kind, ends) for kind in _all(root, "EntityType")}
    sets = {
        str(member.get("Name")): types[_short(member.get("EntityType", ""))]
        for member in _all(root, "EntitySet")
        if _short(member.get("EntityType", "")) in types
    }
    if not sets:
        raise SourceAnswerInvalid("The service's $metadata names no entity sets. Check the service address.")
    return Metadata(sets, types)


def _entity_type(kind: Element, ends: dict[str, str]) -> EntityType:
    keys = tuple(
        str(reference.get("Name"))
        for key in _children(kind, "Key")
        for reference in _children(key, "PropertyRef")
    )
    properties = {str(p.get("Name")): str(p.get("Type")) for p in _children(kind, "Property")}
    navigation = {
        str(n.get("Name")): ends.get(f"{_short(n.get('Relationship', ''))}/{n.get('ToRole')}", "")
        for n in _children(kind, "NavigationProperty")
    }
    return EntityType(str(kind.get("Name")), keys, properties, navigation)


def _short(qualified: str) -> str:
    return qualified.rsplit(".", 1)[-1]


def _all(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if _local(element) == name]


def _children(parent: Element, name: str) -> list[Element]:
    return [element for element in parent if _local(element) == name]


def _local(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]
