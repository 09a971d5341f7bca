"""Changes of one connection to the mappings of its connector: fields taken from elsewhere, and new custom fields."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from appliance.errors import ConfigurationError
from appliance.model.custom_table import PREFIX
from appliance.runtime.definition import Definition, EntityDefinition, RequestTemplate, parse_entities
from appliance.runtime.definition.node import Node
from appliance.runtime.definition.overlay import Overlay

# Every member of a row.
_WHOLE_ROW = {"row": {"rest": [""]}}


def overlaid(
    definition: Definition, overlays: Mapping[str, Overlay], defaults: Mapping[str, Any]
) -> Definition:
    """The definition with the changes of a connection; those of entities it does not serve are left aside.

    `defaults` are those of the connector, for its custom tables.
    """
    if not overlays:
        return definition
    entities = {
        name: changed(entity, overlays[name]) if name in overlays else entity
        for name, entity in definition.entities.items()
    }
    tables = {
        name: custom_table(name, overlay.table, defaults)
        for name, overlay in overlays.items()
        if overlay.table is not None and name.startswith(PREFIX)
    }
    return structs.replace(definition, entities={**entities, **tables})


def custom_table(name: str, document: Mapping[str, Any], defaults: Mapping[str, Any]) -> EntityDefinition:
    """The definition of a table. Raises ConfigurationError for a document that is none."""
    odd = set(document) - {"read", "key", "modified", "incremental", "times", "overlap_seconds"}
    if odd:
        raise ConfigurationError(f"{name}: a table has no {', '.join(sorted(odd))}.")
    table = parse_entities({name: {**document, "map": _WHOLE_ROW}}, dict(defaults), where="table")[name]
    # POST is how JSON-RPC, XML-RPC and SOAP read; other methods are not for reading.
    writing = sorted(_methods(table.read) - {"GET", "POST"})
    if writing:
        raise ConfigurationError(f"{name}: a table is only read; {', '.join(writing)} is no method for it.")
    return table


def _methods(part: Any) -> set[str]:
    """The HTTP methods of every request in a part of a definition."""
    if isinstance(part, RequestTemplate):
        return {part.method}
    if isinstance(part, Node):
        return {method for inner in structs.asdict(part).values() for method in _methods(inner)}
    if isinstance(part, dict):
        return {method for inner in part.values() for method in _methods(inner)}
    return (
        {method for inner in part for method in _methods(inner)} if isinstance(part, list | tuple) else set()
    )


def changed(entity: EntityDefinition, overlay: Overlay) -> EntityDefinition:
    """Raises ConfigurationError for patterns: one that takes for ever would hold the engine for every connection."""
    if _has_pattern(overlay.map) or _has_pattern(overlay.custom):
        raise ConfigurationError("`match` is for connectors only; it cannot stand in a change of a mapping.")
    mapped = {name: e for name, e in {**entity.map, **overlay.map}.items() if e is not None}
    custom = {name: e for name, e in overlay.custom.items() if e is not None}
    hidden = [name for name, e in overlay.custom.items() if e is None]
    if custom or hidden:
        mapped["customFields"] = _with_custom(mapped.get("customFields"), custom, hidden)
    return structs.replace(entity, map=mapped)


def _has_pattern(expression: Any) -> bool:
    if isinstance(expression, dict):
        return "match" in expression or any(map(_has_pattern, expression.values()))
    return isinstance(expression, list) and any(map(_has_pattern, expression))


def _with_custom(expression: Any, custom: Mapping[str, Any], hidden: list[str]) -> dict[str, Any]:
    """The expression for `customFields` with more members."""
    if isinstance(expression, dict) and "fields" in expression:
        fields = {name: e for name, e in expression["fields"].items() if name not in hidden}
        return {**expression, "fields": {**fields, **custom}}
    if hidden:
        raise ConfigurationError(
            f"customFields: {', '.join(hidden)} cannot be taken out: the connector takes them by their prefix."
        )
    return {"fields": dict(custom)} if expression is None else {"fields": dict(custom), "also": expression}
