"""What a connected system can write, read off its definition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from appliance.model.entity import Entity, Field, Model, Operation
from appliance.runtime.definition import Definition, Write
from appliance.runtime.writing.fields import accepted, statuses
from appliance.writes.errors import NotSupported

KINDS = ("create", "update", "status", "inventory", "delivered", "add-material", "change-material", "upload")
# What documents are added by; in the unified API it is their creation.
UPLOADED = {"Document": "upload"}


@dataclass(frozen=True, slots=True)
class Ability:
    """One operation of the system.

    `takes` are the fields it writes (None: all there are), `required` those it demands, `statuses` the codes that
    can be set (empty: all there are).
    """

    entity: str
    operation: str
    takes: Mapping[str, frozenset[str]] | None
    required: frozenset[str]
    statuses: tuple[str, ...]
    note: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "fields": None if self.takes is None else sorted(self.takes),
            "required": sorted(self.required),
            **({"statuses": list(self.statuses)} if self.operation == "status" else {}),
            **({"note": self.note} if self.note else {}),
        }


def kind_of(operation: Operation) -> str:
    """The name of a model's operation in a definition."""
    return UPLOADED.get(operation.entity, operation.kind) if operation.kind == "create" else operation.kind


def ability(model: Model, definition: Definition, entity: str, kind: str) -> Ability:
    """What the system takes for an operation. Raises NotSupported naming what it can."""
    served = definition.entities.get(entity)
    write = served.write.get(kind) if served is not None else None  # type: ignore[call-overload]
    if write is None:
        can = abilities(model, definition)
        told = ", ".join(f"{name} ({', '.join(sorted(kinds))})" for name, kinds in sorted(can.items()))
        raise NotSupported(
            f"{definition.name} offers no {kind} of {entity} here. It can write: {told or 'nothing'}.",
            details={
                "entity": entity,
                "operation": kind,
                "can": {name: sorted(kinds) for name, kinds in can.items()},
            },
        )
    return _ability(entity, kind, write)


def abilities(model: Model, definition: Definition) -> dict[str, dict[str, Ability]]:
    """Entity to operation to what it takes, of everything that can be written."""
    return {
        name: {kind: _ability(name, kind, write) for kind, write in entity.write.items()}
        for name, entity in definition.entities.items()
        if entity.write
    }


def fields_of(model: Model, entity: Entity, body: Iterable[Field]) -> dict[str, Field]:
    """What a body may hold: the published fields, and the entity's own, such as the lines of an order."""
    own = {name: field for name, field in entity.fields.items() if name != "key"}
    return {**own, **{field.name: field for field in body}}


def _ability(entity: str, kind: str, write: Write) -> Ability:
    return Ability(entity, kind, accepted(write), frozenset(write.required), statuses(write), write.note)
