"""How records belong together: which belong to another one, and which stand inside others."""

from collections.abc import Mapping
from typing import NamedTuple

from appliance.model.entity import Entity, Field, Model


class Container(NamedTuple):
    """The records of an entity also stand in the list `member` of each record of `entity`."""

    entity: Entity
    member: Field


def links(model: Model) -> Mapping[str, tuple[str, ...]]:
    """Each entity that is listed below records of others, with the fields that hold the keys of those."""
    found: dict[str, dict[str, None]] = {}
    for operation in model.operations:
        if operation.link is not None and operation.method == "GET":
            found.setdefault(operation.entity, {})[operation.link] = None
    return {entity: tuple(fields) for entity, fields in found.items()}


def container(model: Model, entity: Entity) -> Container | None:
    """Where the records of an entity stand that many systems list only inside others: its path says so.

    `purchase-orders.line-items` are the items of that list of purchase orders which have the same keys.
    """
    outer, dot, _ = (entity.path or "").partition(".")
    if not dot or entity.prefix is None:
        return None
    for holder in model.entities.values():
        if holder.path != outer:
            continue
        for field in holder.fields.values():
            if field.type == "list" and model.entities[str(field.of)].prefix == entity.prefix:
                return Container(holder, field)
    return None


def reference_of(entity: Entity, name: str) -> Field | None:
    """The field of an entity that refers to another record, by its name or by that without `Key`."""
    for candidate in (name, f"{name}Key", f"{name.removesuffix('s')}Keys"):
        field = entity.fields.get(candidate)
        if field is not None and field.to is not None:
            return field
    return None
