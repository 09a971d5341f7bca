"""Checks of what the rows of an entity hold: how far the mapping fills a record, status values, references."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from appliance.model.entity import Entity, Model
from appliance.runtime.checking import passes
from appliance.runtime.checking.report import Check, number
from appliance.runtime.definition import EntityDefinition

Records = list[dict[str, Any]]


def check_mapping(entity: Entity, definition: EntityDefinition, through: passes.Mapping) -> Check:
    """Which fields of the unified record are filled, and which rows do not fit and why."""
    records = [row.record for row in through.mapped]
    filled = {name: sum(_is_filled(record.get(name)) for record in records) for name in entity.fields}
    mapped = {*definition.map, *(("updatedAt",) if definition.modified is not None else ())}
    # References that stay empty are told by a check of their own.
    empty = [
        field.name
        for field in entity.fields.values()
        if field.name in mapped and not filled[field.name] and field.to is None
    ]
    full = {name: count for name, count in filled.items() if count}
    details = {
        "rows": len(records),
        "filled": full,
        "empty": empty,
        "not_mapped": [name for name in entity.fields if name not in mapped and not filled[name]],
        "rejected": dict(through.rejected.most_common(10)),
    }
    rejected = through.rejected.total()
    if rejected:
        reason, count = through.rejected.most_common(1)[0]
        message = f"{rejected} of {rejected + len(records)} rows do not fit; {count} of them: {reason}"
        return Check("mapping", "failed", message, entity.name, details)
    if not records:
        return Check("mapping", "skipped", "There are no rows.", entity.name, details)
    share = f"{len(full)} of {len(entity.fields)} fields are filled"
    if empty:
        message = f"{share}; mapped, but empty in {number(len(records), 'row')}: {', '.join(empty)}. Check their paths."
        return Check("mapping", "warning", message, entity.name, details)
    return Check("mapping", "passed", f"{share}; every mapped one at least once.", entity.name, details)


def check_values(
    model: Model, entity: Entity, definition: EntityDefinition, through: passes.Mapping
) -> Check | None:
    """Values of `values` mappings that the source has and the mapping does not know; None without such mappings."""
    records = [row.record for row in through.mapped]
    seen = dict(_enumerations(model, entity, definition.map, records, ""))
    if not seen:
        return None
    details = {path: dict(unknown) for path, unknown in seen.items() if unknown}
    if details:
        said = "; ".join(f"{path}: {', '.join(values)}" for path, values in details.items())
        message = f"The mapping does not know these values, which go out as they are: {said}."
        return Check("status values", "warning", message, entity.name, details)
    return Check("status values", "passed", "Every value seen is known to the mapping.", entity.name)


def _enumerations(
    model: Model, entity: Entity, mapped: Mapping[str, Any], records: Records, path: str
) -> Iterator[tuple[str, Counter[str]]]:
    """Path and unknown values of every text field with `values`; other types refuse a value they do not know."""
    for name, expression in mapped.items():
        field = entity.fields[name]
        if not isinstance(expression, dict):
            continue
        if field.type == "string" and "values" in expression:
            known = {str(value) for value in (*expression["values"].values(), expression.get("default"))}
            found = (record.get(name) for record in records)
            yield (
                f"{path}{name}",
                Counter(value for value in found if value is not None and value not in known),
            )
        elif field.of is not None:
            inner = expression.get("object") or expression.get("map") or {}
            below = [item for record in records for item in _items(record.get(name))]
            yield from _enumerations(model, model.entities[field.of], inner, below, f"{path}{name}.")


def _items(value: Any) -> Records:
    """The records in a field of type object or list."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]


def check_references(
    model: Model,
    entity: Entity,
    definition: EntityDefinition,
    records: Records,
    known: Mapping[str, set[str]],
    complete: set[str],
) -> Check | None:
    """Keys of other records: those that stay empty, and those of no record; None without references.

    `known` is entity to the keys that were seen, `complete` the entities all of whose rows were read.
    """
    counts: dict[str, tuple[str, Counter[str]]] = {}
    for record in records:
        for path, target, key in _references(model, entity, record, definition.map, ""):
            counts.setdefault(path, (target, Counter()))[1][key or ""] += 1
    if not counts:
        return None
    empty = [path for path, (_, keys) in counts.items() if set(keys) == {""}]
    dangling: dict[str, int] = {}
    for path, (target, keys) in counts.items():
        if target in complete:
            dangling[path] = sum(count for key, count in keys.items() if key and key not in known[target])
    dangling = {path: count for path, count in dangling.items() if count}
    unserved = sorted({target for target, _ in counts.values() if target not in known})
    details = {"empty": empty, "dangling": dangling, "not_served": unserved}
    if empty or dangling:
        said = [f"always empty: {', '.join(empty)}"] if empty else []
        said += [f"{path}: {count} of no {counts[path][0]} that was read" for path, count in dangling.items()]
        return Check("references", "warning", f"{'; '.join(said)}.", entity.name, details)
    tail = f" Not read by this connector: {', '.join(unserved)}." if unserved else ""
    return Check(
        "references", "passed", f"{number(len(counts), 'reference')} filled.{tail}", entity.name, details
    )


def _references(
    model: Model, entity: Entity, record: Mapping[str, Any], mapped: Mapping[str, Any], path: str
) -> Iterator[tuple[str, str, str | None]]:
    """Path, entity and key of each reference of a record that the mapping fills."""
    for name, expression in mapped.items():
        field = entity.fields[name]
        value = record.get(name)
        if field.type == "key" and field.to is not None:
            yield f"{path}{name}", field.to, value
        elif field.type == "keys" and field.to is not None:
            for key in value or [None]:
                yield f"{path}{name}", field.to, key
        elif field.of is not None and isinstance(expression, dict):
            inner = expression.get("object") or expression.get("map") or {}
            for item in _items(value):
                yield from _references(model, model.entities[field.of], item, inner, f"{path}{name}.")


def _is_filled(value: Any) -> bool:
    return value not in (None, "", [], {})
