"""The fields in the rows of a source: their paths, the kinds of their values, and which unified fields they fill.

Items of a list are one field: `lines[].price`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from appliance.model.entity import Entity, Model
from appliance.runtime.definition import EntityDefinition
from appliance.runtime.mapping.compiler import MappingCompiler
from appliance.runtime.mapping.narrow import Looks
from appliance.runtime.mapping.projection import with_times
from appliance.runtime.select import steps

DEEPEST = 6
ITEMS_LOOKED_AT = 20


def values_in(row: Any) -> Iterator[tuple[str, Any]]:
    """Every path of a row with its value, objects and lists before what is in them; DEEPEST steps at most."""
    return _values(row, "", 0)


def kind_of(value: Any) -> str:
    """null, boolean, number, text, object or list."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    if isinstance(value, dict):
        return "object"
    return "list" if isinstance(value, list) else "number"


def parent_of(path: str) -> str:
    """The path of what a value is in; the empty text for a member of the row itself."""
    return path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]


def filled_by(
    model: Model, entity: Entity, definition: EntityDefinition, paths: Sequence[str]
) -> dict[str, list[str]]:
    """Path to the unified fields whose expressions look at it, at part of it, or at what it is part of.

    The mapping is compiled field by field: some milliseconds, for those who look at findings.
    """
    looks = {name: one for name, one in _looks(model, entity, definition).items() if paths}
    return {
        path: [name for name, one in looks.items() if one.reaches(steps(path.replace("[]", ".[]")))]
        for path in paths
    }


def _looks(model: Model, entity: Entity, definition: EntityDefinition) -> dict[str, Looks]:
    found: dict[str, Looks] = {}
    parts: list[tuple[str, Sequence[str], dict[str, Any]]] = [("key", definition.key, {})]
    parts += [(name, (), {name: one}) for name, one in with_times(entity, definition).items()]
    for name, key, mapping in parts:
        # Neither keys nor zones matter to where an expression looks.
        compiler = MappingCompiler(model, "000000", times=definition.times, zone="UTC", where=entity.name)
        compiler.entity(entity, key, mapping)
        found[name] = compiler.looks
    return found


def _values(value: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > DEEPEST:
        return
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _values(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for inner in value[:ITEMS_LOOKED_AT]:
            yield from _values(inner, f"{path}[]", depth + 1)
