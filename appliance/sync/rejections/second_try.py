"""Tries rejected rows again, by the mapping that is in force now: when someone asks, after a change of the mapping,
after an update of the connector.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.connections.tables import Connection, ConnectionTable
from appliance.errors import ApplianceError
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.store.database import Database
from appliance.store.records import NewRecord, Records, Stream
from appliance.sync.errors import NotSynchronizing, RejectedRowNotFound
from appliance.sync.found_statuses import write_found_statuses
from appliance.sync.rejections.quarantine import KeptRejection, Quarantine
from appliance.sync.rejections.rejected_rows import RejectedRows

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 200
# Done before the answer; the engine does the rest.
AT_ONCE_SLICES = 5

OpenConnector = Callable[[Connection], Connector]


@dataclass(frozen=True, slots=True)
class Tried:
    """`accepted` rows are records now, `rejected` still do not fit; `waiting`: the engine goes on with others."""

    accepted: int = 0
    rejected: int = 0
    waiting: bool = False


class SecondTry:
    def __init__(
        self,
        database: Database,
        records: Records,
        quarantine: Quarantine,
        open_connector: OpenConnector,
        clock: Clock,
    ) -> None:
        self._database = database
        self._records = records
        self._quarantine = quarantine
        self._rejected = RejectedRows(database, records.raw_rows)
        self._connections = ConnectionTable(database)
        self._open_connector = open_connector
        self._clock = clock

    def chosen(self, connection_id: str, ids: Sequence[int]) -> Tried:
        """Try these rows, dismissed ones too. Raises RejectedRowNotFound, NotSynchronizing."""
        accepted = rejected = 0
        connector = self._opened(connection_id)
        try:
            for entity, of_entity in self._rejected.entities_of(connection_id, ids).items():
                stream = self._records.stream(connection_id, entity)
                projection = connector.projection(entity)
                with self._database.write():
                    rows = self._quarantine.chosen(stream, of_entity)
                    fitting = self._map_anew(stream, connector, projection, rows)
                accepted, rejected = accepted + fitting, rejected + len(rows) - fitting
        finally:
            connector.close()
        return Tried(accepted, rejected)

    def all(self, connection_id: str, entity: str | None = None) -> Tried:
        """Try all rows that are not dismissed: some hundreds now, the others by the engine.

        Raises RejectedRowNotFound where there are none, NotSynchronizing for a connection that is not open.
        """
        waiting = [one["entity"] for one in self._rejected.overview(connection_id) if one["open"]]
        wanted = waiting if entity is None else [entity] if entity in waiting else []
        if not wanted:
            raise RejectedRowNotFound("There are no rejected rows to try again.")
        connector = self._opened(connection_id)
        accepted = rejected = 0
        left = AT_ONCE_SLICES
        try:
            for name in wanted:
                stream = self._records.stream(connection_id, name)
                self._quarantine.begin_retry(stream, self._clock.now_ms())
                after: int | None = 0
                while after is not None and left:
                    left -= 1
                    tried, after = self._slice(stream, connector, after)
                    accepted, rejected = accepted + tried.accepted, rejected + tried.rejected
        finally:
            connector.close()
        return Tried(accepted, rejected, any(one["retry"] for one in self._rejected.overview(connection_id)))

    def work_off(self) -> int:
        """Try some rows, where that waits; 1 when there were some. The engine calls it."""
        due = self._quarantine.retrying(self._clock.now_ms())
        if due is None:
            return 0
        try:
            connector = self._opened(due.stream.connection_id)
            try:
                self._slice(due.stream, connector, due.after)
            finally:
                connector.close()
        except ApplianceError as failure:
            log.warning(
                "trying again %s of %s ended: %s",
                due.stream.entity,
                due.stream.connection_id,
                failure.message,
            )
            self._quarantine.end_retry(due.stream)
        return 1

    def _slice(self, stream: Stream, connector: Connector, after: int) -> tuple[Tried, int | None]:
        """Try the rows after an id; the id to go on after, None when all are done."""
        if stream.entity not in connector.definition.entities:
            raise NotSynchronizing(f"The connection no longer has {stream.entity}.")
        projection = connector.projection(stream.entity)
        # Read inside the lock: a run must not have settled a row between our reading and our writing.
        with self._database.write():
            rows = self._quarantine.waiting(stream, after, ROWS_AT_ONCE)
            accepted = self._map_anew(stream, connector, projection, rows)
            rejected = len(rows) - accepted
            if len(rows) < ROWS_AT_ONCE:
                self._quarantine.end_retry(stream, projection.fingerprint)
                return Tried(accepted, rejected), None
            self._quarantine.advance_retry(stream, rows[-1].id, accepted=accepted, rejected=rejected)
        return Tried(accepted, rejected), rows[-1].id

    def _map_anew(
        self, stream: Stream, connector: Connector, projection: Projection, rows: Sequence[KeptRejection]
    ) -> int:
        """Write those that fit as records and take them out; how many."""
        now = self._clock.now_ms()
        fitting: list[tuple[KeptRejection, NewRecord]] = []
        reasons: list[tuple[int, str]] = []
        for row in rows:
            try:
                key = projection.key(row.raw)
                payload, modified_at = projection.record(row.raw)
            except RowRejected as rejection:
                reasons.append((row.id, rejection.message))
                continue
            stamp = now if modified_at is None else modified_at
            fitting.append((row, NewRecord(key, projection.hash(row.raw), payload, stamp, row.raw)))
        # Without its key nobody took a row out when a newer one came: what is there by that key is the newer one.
        unnamed = {new.key: new for row, new in fitting if row.key != new.key}
        there = self._records.held(stream, list(unnamed)) if unnamed else {}
        records = {key: new for key, new in unnamed.items() if key not in there}
        records |= {new.key: new for row, new in fitting if row.key == new.key}
        self._records.write(stream, list(records.values()))
        self._quarantine.release(stream, [row.id for row, _ in fitting])
        self._quarantine.note_reasons(reasons)
        write_found_statuses(self._records, self._clock, stream.connection_id, connector, projection)
        return len(fitting)

    def _opened(self, connection_id: str) -> Connector:
        connection = self._connections.find(connection_id)
        if connection is None or not connection.is_open:
            raise NotSynchronizing("The connection is disconnected; what is kept of it stays as it is.")
        return self._open_connector(connection)
