"""From a source row, as JSON text, to the unified record, as JSON text."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from appliance.errors import ApplianceError
from appliance.model.entity import Entity, Model
from appliance.model.keys import key_of
from appliance.runtime.definition import EntityDefinition
from appliance.runtime.mapping.compiler import MappingCompiler, Status
from appliance.runtime.mapping.narrow import narrow_decoder
from appliance.runtime.mapping.transforms import text
from appliance.runtime.select import encode, key_decoder


class RowRejected(ApplianceError):
    """A row that cannot become a record; the page it came in goes on."""

    code = "ROW_REJECTED"
    type = "source"


class Record(NamedTuple):
    payload: bytes
    """The unified record as JSON, ready to send."""

    modified_at: int | None
    """When the source says it changed, milliseconds since 1970; None when it does not say."""


class Projection:
    """The compiled mapping of one entity for one connection.

    `fingerprint` names the mapping: it is part of every row's hash, so that a changed mapping re-maps unchanged
    rows at the next full pass. `statuses` are scope to code to name of those that the connector knows.
    """

    def __init__(
        self,
        model: Model,
        entity: Entity,
        definition: EntityDefinition,
        *,
        part: str,
        zone: str | None,
        where: str,
        statuses: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.entity = entity
        self.fingerprint = _fingerprint(entity, definition)
        compiler = MappingCompiler(
            model,
            part,
            times=definition.times,
            zone=zone,
            where=where,
            false_is_null=definition.false_is_null,
            statuses=statuses,
        )
        self._unknown_statuses = compiler.unknown_statuses
        self._told = 0
        self._map = compiler.entity(entity, definition.key, with_times(entity, definition))
        self._modified = None if definition.modified is None else compiler.moment(definition.modified)
        self._key_values = key_decoder(definition.key)
        self._make_key = key_of(str(entity.prefix), part)
        self._decode = narrow_decoder(compiler.looks)

    def key(self, raw: bytes) -> str:
        """The unified key of a row. Raises RowRejected for a row without one."""
        try:
            key = self._make_key([text(value) for value in self._key_values(raw)])
        except (ValueError, TypeError, msgspec.DecodeError, msgspec.ValidationError) as failure:
            raise RowRejected(f"The row's key cannot be read: {failure}") from None
        if key is None:
            raise RowRejected("The row has no key: all its key fields are empty.")
        return key

    def hash(self, raw: bytes) -> bytes:
        """16 bytes that change when the row or its mapping changes."""
        return hashlib.sha256(self.fingerprint + raw).digest()[:16]

    def record(self, raw: bytes) -> Record:
        """The unified record. Raises RowRejected naming the reason when a value does not fit its field."""
        try:
            row = self._decode(raw)
            return Record(encode(self._map(row)), self._modified(row) if self._modified else None)
        except (ValueError, TypeError, AttributeError, ArithmeticError, msgspec.MsgspecError) as failure:
            raise RowRejected(f"The row does not fit {self.entity.name}: {failure}") from None

    def unknown_statuses(self) -> list[Status]:
        """Statuses of the rows since the last call that the connector does not know; each is given once."""
        if len(self._unknown_statuses) == self._told:
            return []
        new = list(self._unknown_statuses)[self._told :]
        self._told += len(new)
        return new


def with_times(entity: Entity, definition: EntityDefinition) -> dict[str, Any]:
    """The map, with `updatedAt` taken from `modified` where the map does not say."""
    if definition.modified is None or "updatedAt" not in entity.fields:
        return definition.map
    return {"updatedAt": definition.modified, **definition.map}


def _fingerprint(entity: Entity, definition: EntityDefinition) -> bytes:
    said: Any = [
        entity.name,
        [[field.name, field.type, field.to, field.of] for field in entity.fields.values()],
        list(definition.key),
        definition.modified,
        definition.times,
        _named(definition.map),
    ]
    if definition.false_is_null:
        said.append("false is null")
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).digest()[:8]


def _named(expression: Any) -> Any:
    """The expression with texts for names: YAML's true and 1 are names of `values` as well."""
    if isinstance(expression, dict):
        return {text(name) or "": _named(value) for name, value in expression.items()}
    return [_named(value) for value in expression] if isinstance(expression, list) else expression
