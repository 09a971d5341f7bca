"""From the body of a request to what a connector can send: everything that is known before the source is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.connections.tables import Connection
from appliance.model.entity import Model, Operation
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.transforms import exact
from appliance.runtime.select import decode
from appliance.runtime.writing.upload import Upload
from appliance.runtime.writing.writer import Order
from appliance.store.records import Records
from appliance.writes.capabilities import Ability, ability, fields_of, kind_of
from appliance.writes.errors import WriteInvalid, WriteTargetUnknown, problem
from appliance.writes.lines import line_keys
from appliance.writes.references import References
from appliance.writes.statuses import StatusCodes
from appliance.writes.validation import Body

decode_body = msgspec.json.Decoder(dict[str, Any], float_hook=exact).decode


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """`target` is the key in the path, `target_below` a second one. `body` is JSON text as it came.

    For an upload the body holds the name and the SHA-256 of the `file`, so that a repetition is recognized.
    """

    operation: Operation
    body: bytes
    target: str | None = None
    target_below: str | None = None
    idempotency_key: str | None = None
    file: Upload | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """`shown` is what the unified record is to show of the write, where it is not read back."""

    operation: Operation
    kind: str
    order: Order
    shown: dict[str, Any]


class Preparation:
    def __init__(self, records: Records, model: Model) -> None:
        self._records = records
        self._model = model

    def prepare(self, connection: Connection, connector: Connector, request: WriteRequest) -> Prepared:
        """Raises NotSupported, WriteInvalid, WriteTargetUnknown."""
        operation = request.operation
        kind = kind_of(operation)
        can = ability(self._model, connector.definition, operation.owner, kind)
        body = _parsed(request.body)
        references = References(self._records, self._model, connection, connector)
        key: list[Any] = []
        previous = None
        lines: dict[str, Any] = {}
        if request.target is not None:
            found = references.source_key(operation.owner, request.target)
            if found is None:
                raise WriteTargetUnknown(
                    f"There is no {operation.owner} with the key {request.target[:60]!r} in this connection."
                )
            key = found
            stream = self._records.find_stream(connection.id, operation.owner)
            raw = None if stream is None else self._records.raw(stream, request.target)
            payload = None if stream is None else self._records.payload(stream, request.target)
            if raw is not None and payload is not None:
                previous = decode(raw)
                definition = connector.definition.entities[operation.owner]
                lines = line_keys(definition, decode_body(payload), previous)
        status = None
        shown = body
        if kind == "status":
            codes = StatusCodes(self._records, self._model, connection, connector.definition)
            status = codes.chosen(operation, body, can)
            shown = codes.shown(operation.owner, status)
            record: dict[str, Any] = {}
        else:
            record = references.resolve(self._checked(operation, can, body), lines)
        if request.file is not None:
            record["file"] = request.file
        if request.target_below is not None:
            record[operation.path.rsplit("{", 1)[-1].rstrip("}")] = self._below(
                references, request.target_below
            )
        return Prepared(
            operation, kind, Order(record=record, key=key, status=status, previous=previous), shown
        )

    def _checked(self, operation: Operation, can: Ability, body: Mapping[str, Any]) -> dict[str, Any]:
        entity = self._model.entities[operation.owner]
        # What the published body demands and this system cannot take is passed over, not refused.
        published = {field.name for field in operation.body if field.required}
        ignored = frozenset() if can.takes is None else frozenset(published - set(can.takes))
        required = can.required | (published - ignored)
        if operation.kind == "update":
            # Lines and the like are checked where they are given; an update says only what changes.
            required = frozenset(path for path in required if "." in path)
        fields = fields_of(self._model, entity, operation.body)
        if operation.kind in ("inventory", "add-material", "change-material"):
            fields = {field.name: field for field in operation.body}
        return Body(fields, self._model.entities, takes=can.takes, required=required).check(
            {name: value for name, value in body.items() if name not in ignored}
        )

    def _below(self, references: References, key: str) -> Any:
        for entity in ("Material", "Part", "MaterialItem"):
            parts = references.source_key(entity, key)
            if parts is not None:
                return parts[0] if len(parts) == 1 else parts
        raise WriteTargetUnknown(f"There is no material with the key {key[:60]!r} in this connection.")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        return decode_body(body or b"{}")
    except (msgspec.DecodeError, ValueError, RecursionError) as failure:
        raise WriteInvalid([problem("body", "TYPE", f"is a JSON object ({failure}).")]) from None
