"""What a connected system can do, entity by entity, derived from its connector's definition and nothing else."""

from dataclasses import dataclass
from typing import Literal

from appliance.model.entity import Entity, Model
from appliance.model.relations import container
from appliance.runtime.definition import Definition, EntityDefinition

CustomFields = Literal["none", "listed", "open"]


@dataclass(frozen=True, slots=True)
class EntityReads:
    """How an entity is read.

    `fields` are those that the mapping fills; `custom_fields` says whether beyond them there are none, named
    ones, or whatever the rows hold. `incremental` is how changes are found: `changed` by time, `mark` by number
    or token, `compare` by reading all. `inside` names the list of another entity's records that the records
    stand in, where they are no records of their own.
    """

    fields: tuple[str, ...]
    custom_fields: CustomFields
    custom_field_names: tuple[str, ...]
    incremental: str
    inside: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class EntityCapability:
    """One entity; `reads` is None where the system, or its connector, does not have it."""

    entity: Entity
    reads: EntityReads | None


def capabilities(model: Model, definition: Definition) -> list[EntityCapability]:
    """Every entity that is listed in a category of the system, or read from it, in the order of the model."""
    found: list[EntityCapability] = []
    listed = {one.entity for one in model.operations if one.category in definition.categories}
    for name, entity in model.entities.items():
        own = definition.entities.get(name)
        if own is not None:
            found.append(EntityCapability(entity, _reads(entity, own)))
        elif entity.prefix is not None and entity.path is not None and name in listed:
            found.append(EntityCapability(entity, _inside(model, definition, entity)))
    return found


def _reads(entity: Entity, definition: EntityDefinition) -> EntityReads:
    fields = tuple(name for name in definition.map if name != "customFields")
    custom = definition.map.get("customFields")
    names: tuple[str, ...] = ()
    kind: CustomFields = "none"
    if isinstance(custom, dict) and isinstance(custom.get("fields"), dict):
        kind, names = "open" if "also" in custom else "listed", tuple(custom["fields"])
    elif custom is not None:
        kind = "open"
    if definition.modified is not None and "updatedAt" in entity.fields and "updatedAt" not in fields:
        fields = (*fields, "updatedAt")
    return EntityReads(("key", *fields), kind, names, definition.incremental, note=definition.note)


def _inside(model: Model, definition: Definition, entity: Entity) -> EntityReads | None:
    """The records that stand in the lists of another entity's records, or None."""
    holder = container(model, entity)
    holding = definition.entities.get(holder.entity.name) if holder else None
    mapped = None if holding is None or holder is None else holding.map.get(holder.member.name)
    if holding is None or holder is None or not isinstance(mapped, dict):
        return None
    fields = tuple(name for name in mapped.get("map", {}) if name in entity.fields)
    inside = f"{holder.entity.name}.{holder.member.name}"
    return EntityReads(("key", *fields), "none", (), holding.incremental, inside, holding.note)
