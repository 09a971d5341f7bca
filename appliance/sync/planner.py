"""What is to be synchronized and when: schedules, manual runs, and runs for what has become due.

Due times are UTC and stand in the database, so nothing about them is lost or doubled by a restart.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from appliance.clock import Clock, new_id
from appliance.connections.tables import CONNECTED, OFFLINE, ConnectionTable
from appliance.store.database import Database
from appliance.store.records import Records
from appliance.sync.errors import NotSynchronizing, RunNotFound, UnknownEntity
from appliance.sync.passes.table import PassTable
from appliance.sync.schedule_table import ScheduleTable
from appliance.sync.tables import Mode, RunTable

DUE_AT_ONCE = 2000


class Planner:
    def __init__(self, database: Database, records: Records, clock: Clock, *, interval_seconds: int) -> None:
        self.runs = RunTable(database)
        self.schedules = ScheduleTable(database)
        self.passes = PassTable(database)
        self._database = database
        self._records = records
        self._connections = ConnectionTable(database)
        self._clock = clock
        self._interval_seconds = interval_seconds

    def begin(self, connection_id: str, entities: Sequence[str]) -> None:
        """Schedule the entities of a new connection and queue its first, full run."""
        with self._database.write():
            for entity in entities:
                stream = self._records.stream(connection_id, entity)
                self.schedules.insert(stream.id, connection_id, entity, self._interval_seconds)
            self._queue(connection_id, "full", "initial", entities)

    def add_entity(self, connection_id: str, entity: str) -> None:
        """Schedule one entity more, and queue its first, full run."""
        with self._database.write():
            if entity not in self.schedules.entities(connection_id):
                stream = self._records.stream(connection_id, entity)
                self.schedules.insert(stream.id, connection_id, entity, self._interval_seconds)
            self._queue(connection_id, "full", "initial", [entity])

    def drop_entity(self, connection_id: str, entity: str) -> None:
        """Synchronize an entity no longer; what waits of it is cancelled."""
        with self._database.write():
            self.schedules.delete(connection_id, entity)
            self.runs.cancel_entity(connection_id, entity)

    def resume(self, connection_id: str) -> None:
        """After a reauthorization everything is due at once."""
        self.schedules.make_due(connection_id, self._clock.now_ms())

    def end(self, connection_id: str) -> None:
        with self._database.write():
            self.schedules.clear_due(connection_id)
            self.runs.cancel(connection_id, self._clock.now_ms())

    def request_run(
        self, connection_id: str, *, entities: Sequence[str] | None = None, mode: Mode = "incremental"
    ) -> str:
        """Queue a manual run; the id of a run that already does all of it when there is one.

        `entities` None means all. Raises UnknownEntity naming those there are, before anything starts, and
        NotSynchronizing for a connection that waits for reauthorization or is disconnected.
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

    def queue_due(self) -> int:
        """Queue an incremental run for everything due, one a connection; how many runs."""
        now = self._clock.now_ms()
        if not self.schedules.due(now, 1):
            return 0
        queued = 0
        with self._database.write():
            # Read again inside the lock: a connection may have been disconnected meanwhile.
            due: dict[str, list[str]] = {}
            for row in self.schedules.due(now, DUE_AT_ONCE):
                due.setdefault(row["connection_id"], []).append(row["entity"])
            for connection_id, entities in due.items():
                busy = {row["entity"] for row in self.runs.active(connection_id)}
                free = [entity for entity in entities if entity not in busy]
                if free:
                    self._queue(connection_id, "incremental", "schedule", free)
                    queued += 1
                self.schedules.plan_next(connection_id, entities, now + self._rest())
        return queued

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
            # A full pass also does what an incremental one would.
            if row["mode"] == mode or row["mode"] == "full":
                covered.setdefault(row["id"], set()).add(row["entity"])
        return next((run_id for run_id, entities in covered.items() if set(wanted) <= entities), None)

    def _queue(self, connection_id: str, mode: Mode, trigger: str, entities: Sequence[str]) -> str:
        run_id = new_id("run")
        now = self._clock.now_ms()
        self.runs.insert(run_id, connection_id, mode, trigger, entities, now)
        self.schedules.plan_next(connection_id, entities, now + self._rest())
        return run_id

    def _rest(self) -> int:
        """Milliseconds until an entity is due again if its run never reports; up to a tenth less, to spread load."""
        interval = self._interval_seconds * 1000
        return interval - secrets.randbelow(max(1, interval // 10))
