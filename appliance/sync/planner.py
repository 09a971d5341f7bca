"""What is to be synchronized and when: schedules, manual runs, and runs for what has become due.

Due times are UTC and stand in the database, so nothing about them is lost or doubled by a restart.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from appliance.clock import Clock, new_id
from appliance.connections.tables import CONNECTED, OFFLINE, Connection, ConnectionTable
from appliance.store.database import Database, Row
from appliance.store.records import Records
from appliance.sync.errors import NotSynchronizing, RunNotFound, UnknownEntity
from appliance.sync.passes.table import PassTable
from appliance.sync.runs.claims import Claims
from appliance.sync.runs.tables import Mode, NewRun, RunTable
from appliance.sync.schedules import timing
from appliance.sync.schedules.due import DueTimes, Timetables
from appliance.sync.schedules.due_table import ScheduleTable

DUE_AT_ONCE = 2000
# What waits no longer than so for an engine to start is not late.
MISSED_MS = 60_000

Reconciled = Callable[[Connection, Sequence[str]], Iterable[str]]
"""Of these entities of a connection those whose deletes only a comparison of all keys finds."""


class Planner:
    def __init__(
        self,
        database: Database,
        records: Records,
        due_times: DueTimes,
        claims: Claims,
        reconciled: Reconciled,
        clock: Clock,
    ) -> None:
        self.runs = RunTable(database)
        self.schedules = ScheduleTable(database)
        self.passes = PassTable(database)
        self.due_times = due_times
        self.claims = claims
        self._database = database
        self._records = records
        self._reconciled = reconciled
        self._connections = ConnectionTable(database)
        self._clock = clock

    def begin(self, connection_id: str, entities: Sequence[str]) -> None:
        """Schedule the entities of a new connection and queue its first, full run."""
        with self._database.write():
            for entity in entities:
                stream = self._records.stream(connection_id, entity)
                self.schedules.insert(stream.id, connection_id, entity)
            self._queue(connection_id, "full", "initial", entities)
            self._plan_reconcile(connection_id, entities)

    def add_entity(self, connection_id: str, entity: str) -> None:
        """Schedule one entity more, and queue its first, full run."""
        with self._database.write():
            if entity not in self.schedules.entities(connection_id):
                stream = self._records.stream(connection_id, entity)
                self.schedules.insert(stream.id, connection_id, entity)
            self._queue(connection_id, "full", "initial", [entity])
            self._plan_reconcile(connection_id, [entity])

    def drop_entity(self, connection_id: str, entity: str) -> None:
        """Synchronize an entity no longer; what waits of it is cancelled."""
        with self._database.write():
            self.schedules.delete(connection_id, entity)
            self.runs.cancel_entity(connection_id, entity)

    def resume(self, connection_id: str) -> None:
        """After a reauthorization everything is due at once but what is paused."""
        now = self._clock.now_ms()
        with self._database.write():
            entities = self.schedules.entities(connection_id)
            tables = self.due_times.timetables([connection_id])
            paused = {e for e in entities if (tables.of(connection_id, e).paused_until or 0) > now}
            self.schedules.plan((now, connection_id, e) for e in entities if e not in paused)
            self.schedules.forget_all_failures(connection_id)

    def replan(self, connection_id: str) -> None:
        """After a change of its rules: new due times for all entities of a connection."""
        now = self._clock.now_ms()
        with self._database.write():
            entities = self.schedules.entities(connection_id)
            self._plan_next(self.due_times.timetables([connection_id]), connection_id, entities, now)
            self._plan_reconcile(connection_id, entities)

    def bring_forward(self) -> None:
        """After the clock was set back: what would be due much later than its timetable says is due by that."""
        now = self._clock.now_ms()
        with self._database.write():
            open_ones = self.schedules.planned()
            tables = self.due_times.timetables({row["connection_id"] for row in open_ones})
            due, reconciled = [], []
            for row in open_ones:
                stream = (row["connection_id"], row["entity"])
                usual = tables.next_due(*stream, now)
                if row["next_due_at"] is not None and usual is not None and usual < row["next_due_at"]:
                    due.append((usual, *stream))
                whole = tables.next_reconcile(*stream, now)
                if (
                    row["next_reconcile_at"] is not None
                    and whole is not None
                    and whole < row["next_reconcile_at"]
                ):
                    reconciled.append((whole, *stream))
            self.schedules.plan(due)
            self.schedules.plan_reconcile(reconciled)

    def source_returned(self, connection_id: str) -> None:
        """What failed while the source was away is due at once, or after its quiet hours; the rest keeps its times."""
        now = self._clock.now_ms()
        with self._database.write():
            failed = self.schedules.tried_later(connection_id, now)
            tables = self.due_times.timetables([connection_id])
            self.schedules.plan(
                (tables.caught_up(connection_id, entity, now), connection_id, entity) for entity in failed
            )

    def usual_gaps(self, connection_ids: Collection[str]) -> Callable[[str, str], int]:
        """A function of connection and entity: the usual time between two of its synchronizations, milliseconds."""
        tables, now = self.due_times.timetables(connection_ids), self._clock.now_ms()
        return lambda connection_id, entity: timing.usual_gap(tables.of(connection_id, entity), now)

    def end(self, connection_id: str) -> None:
        with self._database.write():
            self.schedules.clear_due(connection_id)
            self.runs.cancel(connection_id, self._clock.now_ms())

    def request_run(
        self, connection_id: str, *, entities: Sequence[str] | None = None, mode: Mode = "incremental"
    ) -> str:
        """Queue a manual run; the id of a run that already does all of it when there is one.

        Where active runs do only a part of it, or all of it between them, the answer is still one run: a new one of
        all that is wanted, which waits until no other run has an entity of it in hand. `entities` None means all.
        Raises UnknownEntity naming those there are, before anything starts, and NotSynchronizing for a connection
        that waits for reauthorization or is disconnected. A pause does not hold it back: somebody wants it now.
        """
        with self._database.write():
            self._require_synchronizing(connection_id)
            scheduled = self.schedules.entities(connection_id)
            wanted = list(dict.fromkeys(entities or scheduled))
            unknown = [entity for entity in wanted if entity not in scheduled]
            if unknown:
                raise UnknownEntity(
                    f"This connection does not serve {', '.join(unknown)}. It serves: {', '.join(scheduled)}.",
                    details={"entities": scheduled},
                )
            joined = self._active_run_for(connection_id, wanted, mode)
            return joined or self._queue(connection_id, mode, "manual", wanted)

    def request_deletion(self, connection_id: str, entity: str) -> str:
        """Queue a comparison that deletes what is missing however much it is. Raises NotSynchronizing."""
        with self._database.write():
            self._require_synchronizing(connection_id)
            run_id = self._queue(connection_id, "reconcile", "manual", [entity])
            self.passes.let_delete(run_id, entity)
            return run_id

    def request_backfill(self, connection_id: str, spans: Mapping[str, tuple[int, int]]) -> str:
        """Queue the reading of a span of time, [from, until) in milliseconds, by entity. Raises NotSynchronizing."""
        with self._database.write():
            self._require_synchronizing(connection_id)
            run_id = self._queue(connection_id, "backfill", "manual", list(spans))
            self.passes.set_spans(run_id, spans)
            return run_id

    def request_after_event(self, connection_id: str, entity: str) -> str:
        """Queue an incremental run of an entity of which the source has told that it changed.

        One that waits and will read it is joined; one that reads it already may have passed the change. Raises
        NotSynchronizing, UnknownEntity.
        """
        with self._database.write():
            self._require_synchronizing(connection_id)
            if entity not in self.schedules.entities(connection_id):
                raise UnknownEntity(f"This connection does not serve {entity}.")
            waiting = self.runs.waiting_for(connection_id, entity)
            return waiting or self._queue(connection_id, "incremental", "push", [entity])

    def queue_due(self) -> int:
        """Queue what is due, of each connection one run to synchronize and one to compare keys; how many runs.

        A tick without anything due costs two look-ups in indexes and writes nothing.
        """
        now = self._clock.now_ms()
        if not self.schedules.due(now, 1) and not self.schedules.reconcile_due(now, 1):
            return 0
        with self._database.write():
            # Read again inside the lock: a connection may have been disconnected meanwhile.
            due = _by_connection(self.schedules.due(now, DUE_AT_ONCE))
            compared = _by_connection(self.schedules.reconcile_due(now, DUE_AT_ONCE))
            both = list(dict.fromkeys([*due, *compared]))
            tables = self.due_times.timetables(both)
            active = self.runs.active_of(both)
            runs = [
                *_runs(due, "incremental", _done_by(active, ("incremental", "full"))),
                *_runs(tables.reconciled(compared), "reconcile", _done_by(active, ("reconcile", "full"))),
            ]
            self.runs.insert_all(runs, now)
            self.schedules.plan(_times(due, tables.next_due, now))
            self.schedules.plan_reconcile(_times(compared, tables.next_reconcile, now))
        return len(runs)

    def catch_up(self) -> None:
        """At the start of the engine: what was missed meanwhile is to come once, spread over some minutes.

        Connections to one host take turns with others. Times for comparing keys that are not planned are planned.
        """
        now = self._clock.now_ms()
        with self._database.write():
            unplanned = self.schedules.never_reconciled() if self.due_times.usual.reconcile_hours else ()
            for connection_id in unplanned:
                self._plan_reconcile(connection_id, self.schedules.entities(connection_id))
            overdue = self.schedules.overdue(now - MISSED_MS)
            if not overdue:
                return
            tables = self.due_times.timetables({row["connection_id"] for row in overdue})
            missed = [row for row in overdue if not row["reconcile"]]
            shortest = min(
                (timing.usual_gap(tables.of(row["connection_id"], row["entity"]), now) for row in missed),
                default=timing.LONGEST_CATCH_UP_MS,
            )
            span = min(shortest // 3, timing.LONGEST_CATCH_UP_MS)
            turns = timing.catch_up({row["connection_id"]: row["host"] for row in missed}, now, span)
            self.schedules.plan(
                (
                    tables.caught_up(row["connection_id"], row["entity"], turns[row["connection_id"]]),
                    row["connection_id"],
                    row["entity"],
                )
                for row in missed
            )
            # A list that was not compared for a night is compared in the hour after, when the rest is caught up.
            self.schedules.plan_reconcile(
                (
                    tables.caught_up(row["connection_id"], row["entity"], now + span + _within_an_hour(row)),
                    row["connection_id"],
                    row["entity"],
                )
                for row in overdue
                if row["reconcile"]
            )

    def describe_run(self, run_id: str, connection_id: str | None = None) -> dict[str, Any]:
        """Raises RunNotFound, also for a run of another connection than the one given."""
        found = self.runs.describe(run_id)
        if found is None or (connection_id is not None and found["connection_id"] != connection_id):
            raise RunNotFound(f"There is no run {run_id[:60]!r}.")
        return found

    def cancel_run(self, run_id: str, connection_id: str) -> bool:
        """End a run; False when it is over already. Raises RunNotFound."""
        self.describe_run(run_id, connection_id)
        return self.runs.cancel(connection_id, self._clock.now_ms(), run_id) > 0

    def _require_synchronizing(self, connection_id: str) -> None:
        connection = self._connections.find(connection_id)
        if connection is None or connection.status not in (CONNECTED, OFFLINE):
            raise NotSynchronizing(
                "This connection does not synchronize: it is disconnected, or waits to be reauthorized.",
                details={"status": None if connection is None else connection.status},
            )

    def _active_run_for(self, connection_id: str, wanted: Sequence[str], mode: Mode) -> str | None:
        covered: dict[str, set[str]] = {}
        for row in self.runs.active(connection_id):
            # A full pass also does what the others would.
            if row["mode"] in (mode, "full"):
                covered.setdefault(row["id"], set()).add(row["entity"])
        return next((run_id for run_id, entities in covered.items() if set(wanted) <= entities), None)

    def _queue(self, connection_id: str, mode: Mode, trigger: str, entities: Sequence[str]) -> str:
        run_id = new_id("run")
        now = self._clock.now_ms()
        self.runs.insert(run_id, connection_id, mode, trigger, entities, now)
        # Until the run reports: it is not queued a second time meanwhile.
        self._plan_next(self.due_times.timetables([connection_id]), connection_id, entities, now)
        return run_id

    def _plan_next(self, tables: Timetables, connection_id: str, entities: Sequence[str], after: int) -> None:
        self.schedules.plan(
            (tables.next_due(connection_id, entity, after), connection_id, entity) for entity in entities
        )

    def _plan_reconcile(self, connection_id: str, entities: Sequence[str]) -> None:
        connection = self._connections.find(connection_id)
        assert connection is not None, "a schedule refers to its connection"
        compared = set(self._reconciled(connection, entities))
        tables, now = self.due_times.timetables([connection_id]), self._clock.now_ms()
        self.schedules.plan_reconcile(
            (
                tables.next_reconcile(connection_id, entity, now) if entity in compared else None,
                connection_id,
                entity,
            )
            for entity in entities
        )


def _within_an_hour(row: Row) -> int:
    return timing.spread(f"{row['connection_id']} {row['entity']}", timing.HOUR_MS)


def _by_connection(rows: Iterable[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["connection_id"], []).append(row["entity"])
    return found


def _done_by(active: Iterable[Row], modes: Sequence[Mode]) -> set[tuple[str, str]]:
    return {(row["connection_id"], row["entity"]) for row in active if row["mode"] in modes}


def _runs(due: dict[str, list[str]], mode: Mode, taken: set[tuple[str, str]]) -> Iterable[NewRun]:
    """A run for each connection of what no run does already."""
    for connection_id, entities in due.items():
        free = [entity for entity in entities if (connection_id, entity) not in taken]
        if free:
            yield NewRun(new_id("run"), connection_id, mode, "schedule", free)


def _times(
    due: dict[str, list[str]], following: Callable[[str, str, int], int | None], now: int
) -> Iterable[tuple[int | None, str, str]]:
    for connection_id, entities in due.items():
        for entity in entities:
            yield following(connection_id, entity, now), connection_id, entity
