"""Writes, from the body of a request to the record as the source then has it.

A write is checked against the model and the connector, noted in the journal, sent once, read back and stored, so that
the next read shows it. What the source was sent and did not answer stays `unknown` until the engine has looked.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from appliance.clock import Clock, new_id
from appliance.connections.condition.health import Health
from appliance.connections.lifecycle import Connections
from appliance.connections.tables import CONNECTED, OFFLINE, Connection
from appliance.errors import ApplianceError, InternalError, SourceError
from appliance.model.entity import Model, Operation
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.projection import RowRejected
from appliance.runtime.select import encode
from appliance.runtime.writing.writer import OutcomeUnknown, PartlyWritten, Writer
from appliance.store.database import Database
from appliance.store.records import NewRecord, Records
from appliance.sync.rejections.quarantine import Quarantine
from appliance.writes.capabilities import kind_of
from appliance.writes.errors import (
    IdempotencyKeyReused,
    NotSupported,
    TaskNotFound,
    WriteInProgress,
    WriteInvalid,
    problem,
)
from appliance.writes.preparation import Preparation, Prepared, WriteRequest, decode_body
from appliance.writes.shown import Record, answered, as_sent
from appliance.writes.tables import WriteOrder, WriteTable

log = logging.getLogger(__name__)

LEASE_MS = 5 * 60 * 1000
LONGEST_KEY = 200
# When the engine looks for a write whose outcome is unknown, after it was sent.
LOOKED_AFTER_MS = tuple(minutes * 60 * 1000 for minutes in (1, 5, 30, 120))

OpenConnector = Callable[[Connection], Connector]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`payload` is the unified record as JSON text, as the source has it now when `read_back`."""

    id: str
    payload: str
    read_back: bool
    simulated: bool = False
    replayed: bool = False


class Writes:
    def __init__(
        self,
        database: Database,
        records: Records,
        model: Model,
        connections: Connections,
        health: Health,
        open_connector: OpenConnector,
        quarantine: Quarantine,
        clock: Clock,
    ) -> None:
        self._database = database
        self._records = records
        self._model = model
        self._connections = connections
        self._health = health
        self._open_connector = open_connector
        self._quarantine = quarantine
        self._clock = clock
        self._preparation = Preparation(records, model)
        self.table = WriteTable(database)

    def do(self, connection_id: str, request: WriteRequest) -> Outcome:
        """Write now and answer with the record.

        Raises WriteInvalid, NotSupported, WriteTargetUnknown before anything is sent; IdempotencyKeyReused and
        WriteInProgress for a key that stands for another write; SourceError as the source refuses; OutcomeUnknown.
        """
        connection = self._connection(connection_id)
        connector = self._open_connector(connection)
        try:
            known = self._remembered(connection_id, request)
            if known is not None and known.state == "done":
                return replace(_outcome(known, connector), replayed=True)
            prepared = self._preparation.prepare(connection, connector, request)
            order = self._accept(connection_id, request, known, state="running")
            return self._send(connection, connector, order, prepared, retried=_may_be_done(known))
        finally:
            connector.close()

    def enqueue(self, connection_id: str, request: WriteRequest) -> WriteOrder:
        """Check a write and leave it to the engine; its journal row, whose id is that of the task. Raises as `do`."""
        connection = self._connection(connection_id)
        connector = self._open_connector(connection)
        try:
            known = self._remembered(connection_id, request)
            if known is not None:
                return known
            self._preparation.prepare(connection, connector, request)
        finally:
            connector.close()
        return self._accept(connection_id, request, None, state="queued")

    def task(self, task_id: str, connection_id: str) -> WriteOrder:
        """Raises TaskNotFound."""
        order = self.table.find(task_id, connection_id)
        if order is None:
            raise TaskNotFound(f"There is no task {task_id[:60]!r} of this connection.")
        return order

    def work_off(self, limit: int = 20) -> int:
        """Do what waits and look for what is unknown; how many were looked at. The engine calls it."""
        now = self._clock.now_ms()
        waiting = self.table.due(now, limit)
        for order in waiting:
            try:
                self._work(order)
            except ApplianceError as failure:
                log.warning("write %s: %s", order.id, failure.message)
        return len(waiting)

    def _work(self, order: WriteOrder) -> None:
        operation = self._operation(order)
        if operation is None or kind_of(operation) == "upload":
            self._give_up(order, InternalError("This cannot be taken up again: send it once more."))
            return
        try:
            connection = self._connection(order.connection_id)
            connector = self._open_connector(connection)
        except ApplianceError as failure:
            self._give_up(order, failure)
            return
        try:
            request = WriteRequest(
                operation, order.body.encode(), order.target, order.target_below, order.idempotency_key
            )
            prepared = self._preparation.prepare(connection, connector, request)
            if order.state == "queued":
                if self._claim(order, ("queued",)):
                    self._send(connection, connector, order, prepared, retried=False)
            else:
                # Unknown, or still `running` long after its lease: the process that sent it is gone.
                self._look(connection, connector, order, prepared)
        except ApplianceError as failure:
            if self.table.find(order.id) == order:
                self._give_up(order, failure)
            raise
        finally:
            connector.close()

    def _look(
        self, connection: Connection, connector: Connector, order: WriteOrder, prepared: Prepared
    ) -> None:
        """Find out what became of a write that was sent and not answered."""
        if not self._claim(order, ("unknown", "running")):
            return
        if prepared.order.key:
            found = self._shows_change(connection, connector, order, prepared)
            key = list(prepared.order.key) if found else []
            said = "The source did not answer, and the record does not show the change."
        else:
            writer = Writer(connector, order.entity, prepared.kind)
            key = writer.find(replace(prepared.order, reference=order.reference))
            said = "The source did not answer, and the record cannot be found in it by our reference."
        if key:
            self._store(connection, connector, order, prepared, key)
            return
        if order.attempts < len(LOOKED_AFTER_MS):
            due = self._clock.now_ms() + LOOKED_AFTER_MS[order.attempts]
            self.table.fail(order.id, "unknown", order.failure or {}, self._clock.now_ms(), due_at=due)
            return
        failure = OutcomeUnknown(f"{said} Look in the source before it is sent again.")
        self.table.fail(order.id, "unknown", told(failure), self._clock.now_ms())

    def _shows_change(
        self, connection: Connection, connector: Connector, order: WriteOrder, prepared: Prepared
    ) -> bool:
        """Whether the record, read back, has the values that were sent; False where nothing can be compared."""
        payload = self._read_back(connection, connector, order.entity, list(prepared.order.key))
        if payload is None:
            return False
        record = decode_body(payload)
        sent = as_sent(self._model, prepared.operation, None, prepared.shown, order.target)
        compared = [n for n in prepared.shown if n in record and not isinstance(sent[n], list | dict)]
        return bool(compared) and all(record[name] == sent[name] for name in compared)

    def _send(
        self,
        connection: Connection,
        connector: Connector,
        order: WriteOrder,
        prepared: Prepared,
        *,
        retried: bool,
    ) -> Outcome:
        sent = replace(prepared.order, reference=order.reference, retried=retried)
        try:
            key = Writer(connector, order.entity, prepared.kind).send(sent)
        except OutcomeUnknown as failure:
            now = self._clock.now_ms()
            self.table.fail(order.id, "unknown", told(failure), now, due_at=now + LOOKED_AFTER_MS[0])
            failure.details["task"] = order.id
            raise
        except PartlyWritten as failure:
            key = failure.details.get("source_key") or []
            if key:
                self._read_back(connection, connector, order.entity, key)
            self.table.fail(order.id, "failed", told(failure), self._clock.now_ms())
            raise
        except ApplianceError as failure:
            self.table.fail(order.id, "failed", told(failure), self._clock.now_ms())
            self._health.source_failed(connection, connector, failure)
            raise
        except BaseException:
            now = self._clock.now_ms()
            self.table.fail(
                order.id, "unknown", told(InternalError("The write was broken off.")), now, due_at=now
            )
            raise
        return self._store(connection, connector, order, prepared, key)

    def _store(
        self,
        connection: Connection,
        connector: Connector,
        order: WriteOrder,
        prepared: Prepared,
        key: list[Any],
    ) -> Outcome:
        """Read the record back into the store and note the outcome, in one transaction."""
        payload, record_key = None, order.target
        if key and not connector.definition.simulated:
            record_key = unified_key(str(self._model.entities[order.entity].prefix), connection.part, key)
            payload = self._read_back(connection, connector, order.entity, key)
        elif key and not record_key:
            record_key = unified_key(str(self._model.entities[order.entity].prefix), connection.part, key)
        read_back = payload is not None
        if payload is None or prepared.operation.entity != order.entity:
            record = (
                self._as_sent(connection, prepared, record_key) if payload is None else decode_body(payload)
            )
            payload = encode(answered(self._model, prepared.operation, record)).decode()
        self.table.finish(order.id, record_key, payload, self._clock.now_ms())
        self._health.source_answered(connection)
        return Outcome(order.id, payload, read_back, connector.definition.simulated)

    def _read_back(
        self, connection: Connection, connector: Connector, entity: str, key: list[Any]
    ) -> str | None:
        try:
            raw = connector.one(entity, key)
            if raw is None:
                return None
            projection = connector.projection(entity)
            unified = projection.key(raw)
            payload, modified_at = projection.record(raw)
        except (SourceError, RowRejected) as failure:
            # The write is done all the same; the next synchronization brings the record.
            log.warning("connection %s: %s was not read back: %s", connection.id, entity, failure.message)
            return None
        stream = self._records.stream(connection.id, entity)
        now = self._clock.now_ms()
        stamp = now if modified_at is None else modified_at
        with self._database.write():
            self._records.write(stream, [NewRecord(unified, projection.hash(raw), payload, stamp, raw)])
            self._quarantine.settled(stream, [unified], fingerprint=projection.fingerprint, now=now)
        return payload.decode()

    def _as_sent(self, connection: Connection, prepared: Prepared, record_key: str | None) -> Record:
        """The record as we know it with what was sent, where it was not read back."""
        operation = prepared.operation
        stream = self._records.find_stream(connection.id, operation.owner)
        payload = self._records.payload(stream, record_key) if stream is not None and record_key else None
        held = None if payload is None else decode_body(payload)
        return as_sent(self._model, operation, held, prepared.shown, record_key)

    def _accept(
        self, connection_id: str, request: WriteRequest, known: WriteOrder | None, *, state: str
    ) -> WriteOrder:
        """Note the write in the journal, or take up the one of the same key again."""
        now = self._clock.now_ms()
        if known is not None:
            if not self.table.claim(known.id, ("failed", "unknown"), now, now + LEASE_MS):
                raise WriteInProgress(
                    "A request with this Idempotency-Key is being carried out. Ask again later."
                )
            return known
        order_id = new_id("wrt")
        order = WriteOrder(
            id=order_id,
            connection_id=connection_id,
            entity=request.operation.owner,
            operation=f"{request.operation.method} {request.operation.category} {request.operation.path}",
            target=request.target,
            target_below=request.target_below,
            body=request.body.decode(),
            reference=_reference(connection_id, request.idempotency_key, order_id),
            idempotency_key=request.idempotency_key,
            fingerprint=_fingerprint(request),
            state=state,
            attempts=0 if state == "queued" else 1,
            created_at=now,
            changed_at=now,
            due_at=now if state == "queued" else now + LEASE_MS,
        )
        with self._database.write():
            if request.idempotency_key and self.table.by_key(connection_id, request.idempotency_key, now):
                raise WriteInProgress(
                    "A request with this Idempotency-Key is being carried out. Ask again later."
                )
            self.table.insert(order)
        return order

    def _remembered(self, connection_id: str, request: WriteRequest) -> WriteOrder | None:
        key = request.idempotency_key
        if key is None:
            return None
        if not key.isprintable() or not 1 <= len(key) <= LONGEST_KEY:
            raise WriteInvalid(
                [problem("Idempotency-Key", "TYPE", f"is a text of at most {LONGEST_KEY} characters.")]
            )
        known = self.table.by_key(connection_id, key, self._clock.now_ms())
        if known is not None and known.fingerprint != _fingerprint(request):
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another request. Take a new key for each write.",
                details={"first_used": known.created_at},
            )
        return known

    def _claim(self, order: WriteOrder, states: tuple[str, ...]) -> bool:
        now = self._clock.now_ms()
        return self.table.claim(order.id, states, now, now + LEASE_MS)

    def _give_up(self, order: WriteOrder, failure: ApplianceError) -> None:
        state = "unknown" if order.state in ("unknown", "running") else "failed"
        self.table.fail(order.id, state, told(failure), self._clock.now_ms())

    def _operation(self, order: WriteOrder) -> Operation | None:
        return next(
            (o for o in self._model.operations if f"{o.method} {o.category} {o.path}" == order.operation),
            None,
        )

    def _connection(self, connection_id: str) -> Connection:
        connection = self._connections.get(connection_id)
        if connection.status not in (CONNECTED, OFFLINE):
            raise NotSupported(
                "This connection does not write: it is disconnected, or waits to be reauthorized."
            )
        return connection


def _may_be_done(known: WriteOrder | None) -> bool:
    """Whether an earlier try may have made something."""
    return known is not None and (
        known.state != "failed" or (known.failure or {}).get("code") == PartlyWritten.code
    )


def _outcome(order: WriteOrder, connector: Connector) -> Outcome:
    return Outcome(order.id, order.answer or "{}", True, connector.definition.simulated)


def _fingerprint(request: WriteRequest) -> bytes:
    said = [request.operation.method, request.operation.path, request.target, request.target_below]
    return hashlib.sha256(msgspec.json.encode(said) + b"\0" + request.body).digest()


def _reference(connection_id: str, idempotency_key: str | None, order_id: str) -> str:
    """The same for every try of a write. Sources have fields of 10 to 40 characters for it, so it is cut there."""
    said = f"{connection_id}/{idempotency_key or order_id}"
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def told(failure: ApplianceError) -> dict[str, Any]:
    return {"code": failure.code, "message": failure.message, "details": failure.details}
