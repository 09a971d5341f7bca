"""Reads the records that deliveries have named, and stores them as a pass does.

What a pass and an event do at the same moment is settled by reading after the event: a record that somebody else
wrote between our reading and our writing is read again at once, one of an entity with a pass under way once more when
that has ended, since the pass may still hold the row as it was before.
"""

import logging
from collections.abc import Callable, Iterable
from itertools import groupby

from appliance.clock import Clock
from appliance.connections.condition.health import Health
from appliance.connections.tables import CONNECTED, OFFLINE, Connection, ConnectionTable
from appliance.errors import (
    ApplianceError,
    SourceCredentialsRejected,
    SourceThrottled,
    SourceUnreachable,
)
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.mapping.transforms import text
from appliance.runtime.push import PushReader
from appliance.store.database import Database
from appliance.store.records import NewRecord, Records
from appliance.sync.errors import NotSynchronizing, UnknownEntity
from appliance.sync.found_statuses import write_found_statuses
from appliance.sync.planner import Planner
from appliance.sync.pushes.tables import Event, EventTable

log = logging.getLogger(__name__)

OF_A_CONNECTION = 20
"""Records of one connection before others have their turn."""

WAITS_MS = tuple(seconds * 1000 for seconds in (30, 60, 120, 300, 900))
TRIES = 6
LOOK_AGAIN_MS = 20_000
LOOKS = 3
"""Looks for a record that a source has told of and does not answer yet, or does not delete until later."""

# Failures of the connection and not of the record: the others would meet them as well.
_OF_ALL = (SourceUnreachable, SourceThrottled, SourceCredentialsRejected)

OpenConnector = Callable[[Connection], Connector]


class PushReading:
    def __init__(
        self,
        database: Database,
        records: Records,
        model: Model,
        health: Health,
        planner: Planner,
        reader_of: Callable[[str], PushReader | None],
        open_connector: OpenConnector,
        clock: Clock,
    ) -> None:
        self._database = database
        self._records = records
        self._model = model
        self._health = health
        self._planner = planner
        self._reader_of = reader_of
        self._open_connector = open_connector
        self._clock = clock
        self._events = EventTable(database)
        self._connections = ConnectionTable(database)

    def work_off(self) -> int:
        """Read what waits; how many records were looked at. One query where nothing waits."""
        due = self._events.due(self._clock.now_ms(), OF_A_CONNECTION)
        groups = groupby(due, key=lambda event: event.connection_id)
        return sum(self._read_some(connection_id, list(events)) for connection_id, events in groups)

    def _read_some(self, connection_id: str, events: list[Event]) -> int:
        connection = self._connections.find(connection_id)
        if connection is None or connection.status not in (CONNECTED, OFFLINE):
            return 0
        whole = [event for event in events if not event.key]
        single = [event for event in events if event.key]
        for event in whole:
            self._request_run(event)
        if single:
            self._read_records(connection, single)
        self._events.forget_old(connection_id)
        return len(events)

    def _read_records(self, connection: Connection, events: list[Event]) -> None:
        try:
            connector = self._open_connector(connection)
        except ApplianceError as failure:
            self._put_off(events, failure)
            return
        reading = _Reading(connection, connector, self._reader_of(connection.system))
        try:
            for number, event in enumerate(events):
                try:
                    self._read(reading, event)
                except _OF_ALL as failure:
                    self._health.source_failed(connection, connector, failure)
                    self._put_off(events[number:], failure)
                    return
                except ApplianceError as failure:
                    self._give_another_try(event, failure)
            self._health.source_answered(connection)
        finally:
            connector.close()

    def _read(self, reading: "_Reading", event: Event) -> None:
        rule = None if reading.reader is None else reading.reader.rule(event.entity)
        if rule is None or event.entity not in reading.connector.definition.entities:
            self._finish(event, "failed", "The connector no longer takes this from deliveries.")
            return
        if not reading.connector.reads_one(event.entity, rule.one):
            self._request_run(event)
            return
        begun, change = self._clock.now_ms(), self._events.last_change()
        raw = reading.connector.one(event.entity, event.key, rule.one)
        # Of a record that is named by something else, only its row tells the key.
        asked = None if rule.one is not None else self._key(reading.connection, event)
        if raw is None:
            self._absent(reading, event, asked, change, begun)
            return
        key = reading.projection(event.entity).key(raw)
        if asked is not None and key != asked:
            self._finish(event, "failed", "The source answered with another record than it was asked for.")
        elif reading.is_gone(event.entity, raw):
            self._mark_deleted(reading, event, key, change, begun)
        else:
            self._store(reading, event, raw, change, begun)

    def _store(self, reading: "_Reading", event: Event, raw: bytes, change: int, begun: int) -> None:
        """Write a row where it differs from what is stored, by key and hash as a pass does."""
        stream = self._records.stream(reading.connection.id, event.entity)
        projection = reading.projection(event.entity)
        key, digest = projection.key(raw), projection.hash(raw)
        record = None
        held = self._records.held(stream, [key]).get(key)
        if held is None or held.hash != digest:
            payload, modified_at = projection.record(raw)
            stamp = self._clock.now_ms() if modified_at is None else modified_at
            record = NewRecord(key, digest, payload, stamp, raw)
        with self._database.write():
            if self._events.changed_after(stream, key, change):
                self._events.put_off([event], self._clock.now_ms(), "Written by something else meanwhile.")
                return
            written = self._records.write(stream, [] if record is None else [record])
            write_found_statuses(
                self._records, self._clock, reading.connection.id, reading.connector, projection
            )
            outcome = "inserted" if written.inserted else "updated" if written.updated else "unchanged"
            if event.change == "deleted" and event.attempts < LOOKS:
                # Some sources tell of a deletion before it is done.
                due = self._clock.now_ms() + LOOK_AGAIN_MS
                self._events.put_off([event], due, "The source still has it.")
            else:
                self._settle(event, outcome, begun)

    def _absent(self, reading: "_Reading", event: Event, key: str | None, change: int, begun: int) -> None:
        """The source has no such record. Ours is deleted where the event says so, or leaves it to two readings."""
        if event.change == "deleted" or (event.change == "unsaid" and event.attempts > 0):
            self._mark_deleted(reading, event, key, change, begun)
        elif event.attempts < LOOKS:
            # It may have been made a moment ago, and not be readable everywhere yet.
            due = self._clock.now_ms() + LOOK_AGAIN_MS
            self._events.put_off([event], due, "The source does not have it yet.")
        else:
            self._finish(event, "done", "The source does not have it; the next full run decides.")

    def _mark_deleted(
        self, reading: "_Reading", event: Event, key: str | None, change: int, begun: int
    ) -> None:
        if key is None:
            self._finish(event, "done", "Deleted, and not named by its key; the next full run finds it.")
            return
        now = self._clock.now_ms()
        stream = self._records.stream(reading.connection.id, event.entity)
        with self._database.write():
            if self._events.changed_after(stream, key, change):
                self._events.put_off([event], now, "Written by something else meanwhile.")
                return
            gone = self._records.mark_deleted(stream, [key], now)
            self._settle(event, "deleted" if gone else "not here", begun)

    def _settle(self, event: Event, outcome: str, begun: int) -> None:
        if self._events.pass_begun_before(event.connection_id, event.entity, begun):
            self._events.read_again(event, f"{outcome}; read again after the run")
        else:
            self._finish(event, "done", outcome)

    def _request_run(self, event: Event, *, state: str = "done", because: str = "") -> None:
        """Have what changed of the entity read; `because` is why not the record alone."""
        try:
            run_id = self._planner.request_after_event(event.connection_id, event.entity)
        except (NotSynchronizing, UnknownEntity) as refusal:
            self._finish(event, "failed", refusal.message)
        else:
            self._finish(event, state, f"{because}run {run_id}")

    def _give_another_try(self, event: Event, failure: ApplianceError) -> None:
        """After some tries the record is left to a run, which reports what it meets."""
        said = f"{failure.code}: {failure.message}"
        if isinstance(failure, RowRejected):
            self._finish(event, "failed", said)
        elif event.attempts + 1 >= TRIES:
            self._request_run(event, state="failed", because=f"{said} ")
        else:
            self._put_off([event], failure)

    def _put_off(self, events: Iterable[Event], failure: ApplianceError) -> None:
        log.info("events wait: %s: %s", failure.code, failure.message)
        asked = failure.retry_after if isinstance(failure, SourceThrottled) else None
        for event in events:
            wait = max(WAITS_MS[min(event.attempts, len(WAITS_MS) - 1)], round((asked or 0) * 1000))
            due = self._clock.now_ms() + min(wait, 3_600_000)
            self._events.put_off([event], due, f"{failure.code}: {failure.message}")

    def _finish(self, event: Event, state: str, outcome: str) -> None:
        self._events.finish(event, state, outcome[:500], self._clock.now_ms())

    def _key(self, connection: Connection, event: Event) -> str | None:
        prefix = str(entity_of(self._model, event.entity).prefix)
        return unified_key(prefix, connection.part, [text(part) for part in event.key])


class _Reading:
    """What is open while records of one connection are read."""

    def __init__(self, connection: Connection, connector: Connector, reader: PushReader | None) -> None:
        self.connection = connection
        self.connector = connector
        self.reader = reader
        self._projections: dict[str, Projection] = {}

    def projection(self, entity: str) -> Projection:
        """The mapping of an entity, compiled once."""
        if entity not in self._projections:
            self._projections[entity] = self.connector.projection(entity)
        return self._projections[entity]

    def is_gone(self, entity: str, raw: bytes) -> bool:
        """Whether a row says itself that it is deleted."""
        gone = self.connector.gone(entity)
        return gone is not None and gone(raw)
