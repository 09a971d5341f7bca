"""What of a record is answered: some of its fields, what it refers to, the source's row, when it was deleted.

Most lists answer records as they are stored; only what is asked for here decodes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from appliance.api.records.fields import EntityFields
from appliance.clock import iso
from appliance.errors import InvalidInput
from appliance.model.entity import Entity, Field, Model
from appliance.model.relations import reference_of
from appliance.runtime.select import decode, encode
from appliance.store.records import ListedRow, Records

MOST_EXPANDED = 10
DEEPEST_EXPANDED = 3
# Of one reference in one page, which reads that many records.
MOST_REFERENCED = 5000

Document = dict[str, Any]
Chosen = dict[str, "Chosen"]


@dataclass(slots=True)
class Expansion:
    """A field to follow: a reference to `entity`, or an object or list of such, and what to follow inside."""

    by: Field
    entity: Entity
    inside: "dict[str, Expansion]" = field(default_factory=dict)


class Shaping:
    """Shapes the records of one entity, all alike. Raises InvalidInput for what the entity does not have."""

    def __init__(
        self, model: Model, entity: Entity, fields: tuple[str, ...], expand: tuple[str, ...], raw: bool
    ) -> None:
        self._entity = entity
        self._raw = raw
        self._chosen = _choose(model, entity, fields)
        self._expansions: dict[str, Expansion] = {}
        if len(expand) > MOST_EXPANDED:
            raise InvalidInput(
                f"expand takes at most {MOST_EXPANDED} names.",
                details={"parameter": "expand", "most": MOST_EXPANDED},
            )
        for path in expand:
            _plan(model, entity, path, self._expansions)

    @property
    def follows(self) -> bool:
        """Whether the answer depends on records of other streams, or on source rows."""
        return bool(self._expansions) or self._raw

    def texts(
        self, rows: list[ListedRow], records: Records, connection_id: str, source: Entity | None = None
    ) -> list[str]:
        """The JSON texts to answer. With `source` the rows are of that entity, a part of another one's records."""
        if self._chosen is None and not self._expansions and source is None:
            texts = [row.payload if row.deleted_at is None else self._dated(row) for row in rows]
            return self._with_raws(texts, rows)
        documents: list[Document] = [decode(self._dated(row).encode()) for row in rows]
        if source is not None:
            documents = [as_entity(document, source, self._entity) for document in documents]
        if self._expansions:
            _expand(documents, self._expansions, records, connection_id)
        if self._chosen is not None:
            documents = [_pick(document, self._chosen) for document in documents]
        texts = [encode(document).decode() for document in documents]
        return self._with_raws(texts, rows)

    def _dated(self, row: ListedRow) -> str:
        if row.deleted_at is None:
            return row.payload
        document: Document = decode(row.payload.encode())
        document["deletedAt"] = document.get("deletedAt") or iso(row.deleted_at)
        return encode(document).decode()

    def _with_raws(self, texts: list[str], rows: list[ListedRow]) -> list[str]:
        """The texts with the source's row of each put in, if that is asked for."""
        if not self._raw:
            return texts
        return [
            f'{text[:-1]}{"" if text == "{}" else ","}"raw":{row.raw or "null"}}}'
            for text, row in zip(texts, rows, strict=True)
        ]


def as_entity(document: Document, source: Entity, entity: Entity) -> Document:
    """A record inside another one, in the fields of the entity that lists it by itself."""
    return {
        name: _as_type(document.get(name), source.fields.get(name), field)
        for name, field in entity.fields.items()
    }


def _as_type(value: Any, held: Field | None, wanted: Field) -> Any:
    if value is None or held is None or held.type == wanted.type:
        return value
    if wanted.type == "decimal" and isinstance(value, int | Decimal):
        return format(Decimal(value), "f")
    if wanted.type == "number" and isinstance(value, str):
        return Decimal(value)
    return value


def _choose(model: Model, entity: Entity, names: tuple[str, ...]) -> Chosen | None:
    if not names:
        return None
    fields = EntityFields(model, entity)
    chosen: Chosen = {"key": {}}
    for path in names:
        at = chosen
        for step in fields.find(path, "fields").place.steps:
            # What was chosen as a whole stays whole.
            if step.name in at and not at[step.name]:
                break
            at = at.setdefault(step.name, {})
        else:
            at.clear()
    return {**chosen, "expanded": {}}


def _pick(value: Any, chosen: Mapping[str, Any]) -> Any:
    if not chosen:
        return value
    if isinstance(value, list):
        return [_pick(item, chosen) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _pick(value[name], inside) for name, inside in chosen.items() if name in value}


def _plan(model: Model, entity: Entity, path: str, planned: dict[str, Expansion]) -> None:
    """Add a path such as `assetKey.siteKey` or `lineItems.materialKey` to what is followed."""
    references = 0
    for name in path.split("."):
        nested = entity.fields.get(name)
        found = reference_of(entity, name)
        if nested is not None and nested.of is not None:
            found, target = nested, model.entities[nested.of]
        elif found is not None and found.to is not None:
            references += 1
            target = model.entities[found.to]
        else:
            allowed = [one.name for one in entity.fields.values() if one.to is not None or one.of is not None]
            raise InvalidInput(
                f"expand: {entity.name} has no reference {name[:60]!r}. References: {', '.join(allowed)}.",
                details={"parameter": "expand", "field": path[:80], "allowed": allowed},
            )
        planned = planned.setdefault(found.name, Expansion(found, target)).inside
        entity = target
    if not 1 <= references <= DEEPEST_EXPANDED:
        raise InvalidInput(
            f"expand: {path[:80]!r} follows {references} references; 1 to {DEEPEST_EXPANDED} are followed.",
            details={"parameter": "expand", "field": path[:80], "deepest": DEEPEST_EXPANDED},
        )


def _expand(
    documents: list[Document], expansions: dict[str, Expansion], records: Records, connection_id: str
) -> None:
    """Put the referenced records into `expanded` of each document: one query a reference, whatever their number."""
    for name, expansion in expansions.items():
        values = [document.get(name) for document in documents]
        if expansion.by.of is not None:
            inner = [item for value in values for item in (value if isinstance(value, list) else [value])]
            nested = [item for item in inner if isinstance(item, dict)]
            _expand(nested, expansion.inside, records, connection_id)
            continue
        keys = list(
            dict.fromkeys(
                key
                for value in values
                for key in (value if isinstance(value, list) else [value])
                if isinstance(key, str)
            )
        )
        if len(keys) > MOST_REFERENCED:
            raise InvalidInput(
                f"expand: {name} of this page leads to more than {MOST_REFERENCED} records. Take a smaller page.",
                details={"parameter": "expand", "field": name, "most": MOST_REFERENCED},
            )
        texts = records.payloads(connection_id, expansion.entity.name, keys) if keys else {}
        found: dict[str, Document] = {key: decode(text.encode()) for key, text in texts.items()}
        if expansion.inside:
            _expand(list(found.values()), expansion.inside, records, connection_id)
        for document, value in zip(documents, values, strict=True):
            known = [found.get(key) for key in value] if isinstance(value, list) else found.get(str(value))
            document.setdefault("expanded", {})[name] = known
