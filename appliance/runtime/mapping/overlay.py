"""Changes of one connection to the mappings of its connector: fields taken from elsewhere, and new custom fields."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from appliance.errors import ConfigurationError
from appliance.model.custom_table import PREFIX
from appliance.runtime.definition import Definition, EntityDefinition, parse_entities
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
    return parse_entities({name: {**document, "map": _WHOLE_ROW}}, dict(defaults), where="table")[name]


def changed(entity: EntityDefinition, overlay: Overlay) -> EntityDefinition:
    mapped = {name: e for name, e in {**entity.map, **overlay.map}.items() if e is not None}
    custom = {name: e for name, e in overlay.custom.items() if e is not None}
    hidden = [name for name, e in overlay.custom.items() if e is None]
    if custom or hidden:
        mapped["customFields"] = _with_custom(mapped.get("customFields"), custom, hidden)
    return structs.replace(entity, map=mapped)


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
