"""The published data operations and the types of what they answer, for the tests that walk them."""

from pathlib import Path
from typing import Any, NamedTuple

from appliance.model.entity import Entity, Field, Model, Operation

FOLDER = Path(__file__).parent.parent / "model" / "contract"
# The contract documents these two lists as work orders; what they list is material lines.
MATERIAL_LISTS = ("/api/eam/work-orders/materials", "/api/eam/work-orders/{key}/materials")


class Documented(NamedTuple):
    method: str
    path: str
    entity: str
    returns: str

    @property
    def many(self) -> bool:
        # Nested material lists are documented as "object".
        return self.returns.startswith("[") or self.returns == "object"

    @property
    def answers(self) -> str:
        """The entity of the records answered."""
        return "MaterialItem" if self.method == "GET" and self.path in MATERIAL_LISTS else self.entity

    def operation(self, model: Model) -> Operation:
        """The operation of the model that this is."""
        return next(
            one
            for one in model.operations
            if (one.method, f"/api/{one.category}/{one.path}") == (self.method, self.path)
        )


DOCUMENTED = [
    Documented(*line.split()) for line in (FOLDER / "operations.txt").read_text("utf-8").splitlines()
]
READS = [one for one in DOCUMENTED if one.method == "GET"]
WRITES = [one for one in DOCUMENTED if one.method != "GET"]


def _read_bodies() -> dict[tuple[str, str], dict[str, str]]:
    bodies: dict[tuple[str, str], dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in (FOLDER / "bodies.txt").read_text("utf-8").splitlines():
        if line.startswith("  "):
            name, _, rules = line.strip().partition(" ")
            current[name] = rules
        else:
            method, categories, path = line.split()
            current = {}
            bodies |= {(method, f"/api/{one}/{path}"): current for one in categories.split(",")}
    return bodies


BODIES = _read_bodies()
"""Method and path to field and rules, such as `string required`; a body that is not documented is not in it."""


def check_type(model: Model, field: Field, value: Any, where: str, *, filled: bool = True) -> None:
    """`filled` says that every field below is expected to have a value, else null is one."""
    match field.type:
        case "string" | "key" | "datetime" | "date" | "decimal":
            assert isinstance(value, str), where
        case "boolean":
            assert isinstance(value, bool), where
        case "integer" | "number":
            assert isinstance(value, int | float) and not isinstance(value, bool), where
        case "keys":
            assert isinstance(value, list) and all(isinstance(one, str) for one in value), where
        case "object":
            check_record(model, model.entities[str(field.of)], value, where, filled=filled)
        case "list":
            assert isinstance(value, list) and value, where
            for one in value:
                check_record(model, model.entities[str(field.of)], one, where, filled=filled)


def check_record(
    model: Model, entity: Entity, record: dict[str, Any], where: str, *, filled: bool = True
) -> None:
    """Every declared field is there, in order, and of its type."""
    assert list(record) == list(entity.fields), where
    for field in entity.fields.values():
        if filled or record[field.name] is not None:
            check_type(model, field, record[field.name], f"{where}.{field.name}", filled=filled)
