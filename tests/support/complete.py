"""A connector that serves every entity of the model and every write, made from the model itself.

No real system can do everything, so it is what the walks over all operations are connected to. Its rows are the
records of `filled.py` with numbers where those have keys; writes are answered and change nothing.

Write the folder with `write_folder`, and open the appliance with `connectors_dir` its parent.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.errors import SourceError
from appliance.model.entity import Entity, Field, Model, Operation, load_model
from appliance.model.keys import unified_key
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.select import encode
from appliance.runtime.source import Source
from appliance.writes.capabilities import kind_of
from tests.support.filled import EACH, document, value_of
from tests.support.filled import key as key_of

CODES = {"open": "Open", "done": "Done"}
REFUSED = "refused by the source"
_MODEL = load_model()


class Reader:
    """All rows of an entity in one page."""

    def __init__(self, source: Source, entity: str, options: dict[str, Any]) -> None:
        self._rows = [encode(row(_MODEL, _MODEL.entities[entity], number)) for number in range(EACH)]

    def first(self) -> Position:
        return {}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        return Page(self._rows[:1] if sample else self._rows, None, len(self._rows))


class Writer:
    """Takes everything but a record whose name or title is REFUSED."""

    def __init__(self, source: Source, entity: str, operation: str, options: dict[str, Any]) -> None:
        pass

    def write(self, context: Mapping[str, Any]) -> dict[str, Any]:
        record = context["record"]
        if REFUSED in (record.get("name"), record.get("title")):
            raise SourceError("Refused on purpose.", details={"source_code": "REFUSED"})
        return {"id": f"NEW-{context['reference'][:10]}"}


def row(model: Model, entity: Entity, number: int) -> dict[str, Any]:
    """The row of the source that the record of a number is made of."""
    made: dict[str, Any] = _with_numbers(model, entity, document(model, entity, "000000", number), number)
    return made


def _with_numbers(model: Model, entity: Entity, record: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = {"id": number}
    for field in entity.fields.values():
        value = record[field.name]
        match field.type:
            case "key":
                found[field.name] = "open" if field.to == "Status" else number
            case "keys":
                found[field.name] = list(range(len(value)))
            case "object":
                found[field.name] = _with_numbers(model, model.entities[str(field.of)], value, number)
            case "list":
                of = model.entities[str(field.of)]
                found[field.name] = [
                    _with_numbers(model, of, item, number * 10 + n) for n, item in enumerate(value)
                ]
            case _:
                found[field.name] = value
    return found


def write_folder(connectors: Path) -> Path:
    """Write `complete/` below a folder of connectors, which is returned."""
    folder = connectors / "complete"
    folder.mkdir(parents=True)
    (folder / "connector.yaml").write_text(yaml.safe_dump(definition(_MODEL), sort_keys=False), "utf-8")
    (folder / "code.py").write_text(
        'from tests.support.complete import Reader, Writer\n\n__all__ = ["Reader", "Writer"]\n', "utf-8"
    )
    return connectors


def definition(model: Model) -> dict[str, Any]:
    """The definition that the model implies."""
    served = {name: entity for name, entity in model.entities.items() if entity.prefix and name != "Status"}
    of_records = [_scope(model, name) for name in served if "statusKey" in served[name].fields]
    listed = [str(one.scope) for one in model.operations if one.kind == "statuses"]
    return {
        "system": "complete",
        "name": "Complete",
        "summary": "Everything of the model, for tests.",
        "categories": ["eam", "erp", "wms"],
        "tier": 1,
        "hosting": "cloud",
        "evidence": "contract",
        "free": True,
        "simulated": True,
        "statuses": dict.fromkeys([*of_records, *listed], CODES),
        "defaults": {"read": {"protocol": "code"}, "incremental": "compare"},
        "entities": {
            name: {
                "key": ["id"],
                "map": _mapping(model, entity, _scope(model, name)),
                "write": _writes(model, name),
            }
            for name, entity in served.items()
        },
    }


def _scope(model: Model, name: str) -> str:
    listed = (str(one.scope) for one in model.operations if one.kind == "statuses" and one.owner == name)
    return next(listed, str(model.entities[name].path))


def _mapping(model: Model, entity: Entity, scope: str, at: str = "") -> dict[str, Any]:
    return {
        field.name: _expression(model, field, f"{at}{field.name}", scope)
        for field in entity.fields.values()
        # Keys of whatever entity are not mapped: nothing says of which.
        if field.name != "key" and not (field.type == "keys" and field.to is None)
    }


def _expression(model: Model, field: Field, path: str, scope: str) -> Any:
    match field.type:
        case "key" if field.to == "Status":
            return {"status": scope, "path": path}
        case "keys":
            return {"each": path}
        case "object":
            return {"object": _mapping(model, model.entities[str(field.of)], scope, f"{path}.")}
        case "list":
            of = model.entities[str(field.of)]
            keyed = {"key": ["^.id", "id"]} if of.prefix else {}
            return {"each": path, **keyed, "map": _mapping(model, of, scope)}
    return path


def _writes(model: Model, name: str) -> dict[str, Any]:
    """Every write of an entity; a new record needs all that the published body names."""
    found: dict[str, Any] = {}
    for operation in model.operations:
        if operation.owner != name or operation.method == "GET":
            continue
        created = kind_of(operation) == "create"
        required = {"required": [field.name for field in operation.body]} if created else {}
        id_of_new = {"id": ["id"]} if operation.kind == "create" else {}
        found[kind_of(operation)] = {"steps": [{"protocol": "code"}], **id_of_new, **required}
    return found


def connect_complete(appliance: Appliance, name: str = "Complete") -> Connected:
    """Connect it; its first run is queued and not yet done."""
    return appliance.connections.connect(system="complete", name=name, fields={})


def body(model: Model, operation: Operation, part: str) -> dict[str, Any]:
    """All that the published body of an operation names; references are to the records of number 1."""
    if operation.kind == "status":
        return {field.name: "open" for field in operation.body}
    scope = _scope(model, operation.owner)
    return {field.name: _sent(model, field, part, scope) for field in operation.body}


def _sent(model: Model, field: Field, part: str, scope: str) -> Any:
    match field.type:
        case "key" if field.to == "Status":
            return unified_key(str(model.entities["Status"].prefix), part, [scope, "open"])
        case "keys":
            return [key_of(model.entities[field.to or "Asset"], part, 1)]
        case "object" | "list":
            of = model.entities[str(field.of)]
            inner = {
                one.name: _sent(model, one, part, scope) for one in of.fields.values() if one.name != "key"
            }
            return [inner] if field.type == "list" else inner
    return value_of(model, field, part, 1)
