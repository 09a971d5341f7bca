"""Fields as parameters name them: `vendorKey`, `lineItems.quantity`, `customFields.color`."""

import re
from dataclasses import dataclass
from typing import Literal, Protocol

from appliance.errors import InvalidInput
from appliance.model.entity import Entity, Field, FieldType, Model
from appliance.store.selection import Kind, Place, Step

DEEPEST = 5
LONGEST_NAME = 100
Type = Literal["text", "number", "boolean", "datetime", "date", "any", "group"]

_TYPES: dict[FieldType, Type] = {
    "string": "text",
    "key": "text",
    "keys": "text",
    "integer": "number",
    "number": "number",
    "decimal": "number",
    "boolean": "boolean",
    "datetime": "datetime",
    "date": "date",
    "object": "group",
    "list": "group",
    "any": "any",
}
_KINDS: dict[Type, Kind] = {
    "text": "text",
    "number": "number",
    "boolean": "boolean",
    "datetime": "time",
    "date": "time",
    "any": "any",
    "group": "any",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A field that was named: where it stands, and what its values are; `group` for an object or a list of them."""

    place: Place
    type: Type

    @property
    def many(self) -> bool:
        return any(step.many for step in self.place.steps)


class Fields(Protocol):
    """The fields a list knows. `dates` are its times and dates by the word that parameters begin with."""

    dates: dict[str, str]

    def find(self, path: str, parameter: str) -> Named:
        """Raises InvalidInput that lists the fields there are."""
        ...


class EntityFields:
    def __init__(self, model: Model, entity: Entity) -> None:
        self._model = model
        self._entity = entity
        self.dates = {
            _word(field.name): field.name
            for field in entity.fields.values()
            if field.type in ("datetime", "date")
        }
        # What `modified` means is kept beside the record, for every entity.
        self.dates.pop("modified", None)

    def find(self, path: str, parameter: str) -> Named:
        names = path.split(".")
        if len(names) > DEEPEST or len(path) > LONGEST_NAME * 2:
            raise InvalidInput(
                f"{parameter[:80]}: a field is at most {DEEPEST} names deep.",
                details={"parameter": parameter[:80], "deepest": DEEPEST},
            )
        entity, steps = self._entity, list[Step]()
        for number, name in enumerate(names):
            field = entity.fields.get(name)
            if field is None:
                raise unknown_field(
                    parameter, ".".join(names[: number + 1]), entity.name, list(entity.fields)
                )
            rest = names[number + 1 :]
            steps.append(Step(name, field.type in ("list", "keys")))
            if not rest or field.type == "any":
                steps += [Step(_free(one, parameter)) for one in rest]
                return _named(steps, _TYPES[field.type])
            entity = self._inside(field, entity, ".".join(names), parameter)
        raise AssertionError("a path has a last name")

    def _inside(self, field: Field, entity: Entity, path: str, parameter: str) -> Entity:
        if field.of is None:
            raise unknown_field(parameter, path, f"{entity.name}.{field.name}", [])
        return self._model.entities[field.of]


class SourceFields:
    """The columns of a source's rows, as they were seen; what is inside one is taken as it is named."""

    def __init__(self, table: str, columns: list[str]) -> None:
        self._table = table
        self._columns = columns
        self.dates: dict[str, str] = {}

    def find(self, path: str, parameter: str) -> Named:
        if path in self._columns:
            return _named([Step(_free(path, parameter))], "any")
        first, *rest = path.split(".")
        if first not in self._columns or len(rest) >= DEEPEST:
            raise unknown_field(parameter, path, self._table, self._columns)
        return _named([Step(_free(name, parameter)) for name in (first, *rest)], "any")


def unknown_field(parameter: str, path: str, of: str, allowed: list[str]) -> InvalidInput:
    listed = f"Fields: {', '.join(allowed[:100])}." if allowed else "It has no fields of its own."
    return InvalidInput(
        f"{parameter[:80]}: {of} has no field {path[:80]!r}. {listed}",
        details={"parameter": parameter[:80], "field": path[:80], "allowed": allowed[:500]},
    )


def _named(steps: list[Step], type_: Type) -> Named:
    return Named(Place(tuple(steps), _KINDS[type_]), type_)


def _free(name: str, parameter: str) -> str:
    """A name the model does not know, as it may stand in a JSON path."""
    if not name or len(name) > LONGEST_NAME or any(c in '"\\' or c < " " for c in name):
        raise InvalidInput(
            f"{parameter[:80]}: a name has 1 to {LONGEST_NAME} characters without quotation marks and backslashes.",
            details={"parameter": parameter[:80]},
        )
    return name


def _word(name: str) -> str:
    """`createdAt` as `created`, `orderDate` as `order_date`."""
    snake = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
    return snake.removesuffix("_at")
