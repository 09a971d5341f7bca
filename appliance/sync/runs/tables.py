"""What is stored of schedules and runs.

A run is one pass over some entities of a connection; each entity of it has its own state, counts and checkpoint.
Runs of one connection come one after the other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from appliance.clock import iso
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.remedies import advice
from appliance.store.database import Database, Row

Mode = Literal["full", "incremental", "backfill", "reconcile"]
RunState = Literal["queued", "running", "interrupted", "completed", "partially_failed", "failed", "cancelled"]
EntityState = Literal["queued", "running", "completed", "failed", "cancelled"]

MOST_NOTICES = 20

ACTIVE = ("queued", "running", "interrupted")
TRIGGERS = ("initial", "schedule", "manual", "reauthorization", "push")


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this worker holds until `lease_until`, milliseconds since 1970."""

    run_id: str
    connection_id: str
    mode: Mode


class NewRun(NamedTuple):
    """A run to be queued."""

    id: str
    connection_id: str
    mode: Mode
    trigger: str
    entities: Sequence[str]


class RunTable:
    """`announce` hears of the end of every run, in the transaction of the end."""

    def __init__(self, database: Database, announce: Announce = unheard) -> None:
        self._database = database
        self._announce = announce

    def insert(
        self, run_id: str, connection_id: str, mode: Mode, trigger: str, entities: Sequence[str], now: int
    ) -> None:
        self.insert_all([NewRun(run_id, connection_id, mode, trigger, entities)], now)

    def insert_all(self, runs: Sequence[NewRun], now: int) -> None:
        with self._database.write():
            self._database.run_many(
                "INSERT INTO run (id, connection_id, mode, trigger, state, created_at)"
                " VALUES (?, ?, ?, ?, 'queued', ?)",
                [(run.id, run.connection_id, run.mode, run.trigger, now) for run in runs],
            )
            self._database.run_many(
                "INSERT INTO run_entity (run_id, entity, position, state) VALUES (?, ?, ?, 'queued')",
                [(run.id, entity, position) for run in runs for position, entity in enumerate(run.entities)],
            )

    def active(self, connection_id: str) -> list[Row]:
        """Runs that are not over, with the entities that still are to be done."""
        return self.active_of([connection_id])

    def active_of(self, connection_ids: Sequence[str]) -> list[Row]:
        """The same of several connections. One query."""
        return self._database.rows(
            "SELECT r.connection_id, r.id, r.mode, r.state, e.entity FROM run r JOIN run_entity e ON e.run_id = r.id"
            " WHERE r.connection_id IN (SELECT value FROM json_each(?))"
            " AND r.state IN ('queued', 'running', 'interrupted') AND e.state IN ('queued', 'running')"
            " ORDER BY r.created_at",
            (json.dumps(list(connection_ids)),),
        )

    def waiting_for(self, connection_id: str, entity: str) -> str | None:
        """A run that has not begun to read what changed of an entity yet, and will."""
        found: str | None = self._database.value(
            "SELECT r.id FROM run r JOIN run_entity e ON e.run_id = r.id WHERE r.connection_id = ?"
            " AND r.mode IN ('incremental', 'full') AND r.state IN ('queued', 'running', 'interrupted')"
            " AND e.entity = ? AND e.state = 'queued'"
            " ORDER BY r.created_at LIMIT 1",
            (connection_id, entity),
        )
        return found

    def any_running(self) -> bool:
        """Whether a run is being done now."""
        return self._database.value("SELECT 1 FROM run WHERE state = 'running' LIMIT 1") is not None

    def renew(self, run_id: str, owner: str, lease_until: int) -> bool:
        """Keep the lease; False when the run is no longer ours."""
        return (
            self._database.run(
                "UPDATE run SET lease_until = ? WHERE id = ? AND lease_owner = ? AND state = 'running'",
                (lease_until, run_id, owner),
            )
            == 1
        )

    def is_held(self, run_id: str, owner: str) -> bool:
        """Whether the run still is that of `owner`."""
        return (
            self._database.value(
                "SELECT 1 FROM run WHERE id = ? AND lease_owner = ? AND state = 'running'", (run_id, owner)
            )
            is not None
        )

    def renew_all(self, owner: str, lease_until: int) -> None:
        """Keep every lease of a living engine, also of a run whose source takes long to answer."""
        self._database.run(
            "UPDATE run SET lease_until = ? WHERE lease_owner = ? AND state = 'running'", (lease_until, owner)
        )

    def interrupt_orphans(self) -> int:
        """At the start and the end of the only engine: what is running then is interrupted, truthfully."""
        return self._database.run(
            "UPDATE run SET state = 'interrupted', lease_owner = NULL, lease_until = NULL WHERE state = 'running'"
        )

    def finish(self, run_id: str, owner: str, now: int) -> None:
        """Close a run by the states of its entities."""
        with self._database.write():
            states = {
                row["state"]
                for row in self._database.rows(
                    "SELECT DISTINCT state FROM run_entity WHERE run_id = ?", (run_id,)
                )
            }
            if states <= {"completed"}:
                state = "completed"
            elif "completed" in states:
                state = "partially_failed"
            else:
                state = "failed"
            ended = self._database.rows(
                "UPDATE run SET state = ?, finished_at = ?, lease_owner = NULL, lease_until = NULL"
                " WHERE id = ? AND lease_owner = ? AND state = 'running' RETURNING connection_id",
                (state, now, run_id, owner),
            )
            for row in ended:
                name = "sync.completed" if state == "completed" else "sync.failed"
                self._announce(name, row["connection_id"], lambda: self._ended(run_id))

    def _ended(self, run_id: str) -> dict[str, Any]:
        """What is told to others of a run that has ended."""
        run = self.describe(run_id)
        assert run is not None, "its state has just been written"
        of_run = ("mode", "trigger", "state", "started_at", "finished_at")
        of_entity = ("entity", "state", *_COUNTS, "error_code", "error_message")
        return {
            "run_id": run_id,
            **{name: run[name] for name in of_run},
            "entities": [{name: entity[name] for name in of_entity} for entity in run["entities"]],
        }

    def interrupt(self, run_id: str, owner: str) -> None:
        """Put a run back so that it goes on from its checkpoint."""
        self._database.run(
            "UPDATE run SET state = 'interrupted', lease_owner = NULL, lease_until = NULL"
            " WHERE id = ? AND lease_owner = ? AND state = 'running'",
            (run_id, owner),
        )

    def cancel(self, connection_id: str, now: int, run_id: str | None = None) -> int:
        """End runs that are not over; a worker notices at its next page. How many."""
        one = "" if run_id is None else " AND id = ?"
        with self._database.write():
            ended = self._database.rows(
                "UPDATE run SET state = 'cancelled', finished_at = ?, lease_owner = NULL, lease_until = NULL"
                f" WHERE connection_id = ? AND state IN ('queued', 'running', 'interrupted'){one} RETURNING id",
                (now, connection_id, *(() if run_id is None else (run_id,))),
            )
            self._database.run_many(
                "UPDATE run_entity SET state = 'cancelled', finished_at = ?"
                " WHERE run_id = ? AND state IN ('queued', 'running')",
                [(now, row["id"]) for row in ended],
            )
            return len(ended)

    def cancel_entity(self, connection_id: str, entity: str) -> None:
        """What is not over of an entity, in whatever run."""
        self._database.run(
            "UPDATE run_entity SET state = 'cancelled' WHERE entity = ? AND state IN ('queued', 'running')"
            " AND run_id IN (SELECT id FROM run WHERE connection_id = ?)",
            (entity, connection_id),
        )

    def describe(self, run_id: str) -> dict[str, Any] | None:
        """A run with its entities as plain data for API, page and command line, or None."""
        row = self._database.row(
            "SELECT id, connection_id, mode, trigger, state, created_at, started_at, finished_at"
            " FROM run WHERE id = ?",
            (run_id,),
        )
        if row is None:
            return None
        entities = self._database.rows(
            "SELECT entity, state, expected, fetched, inserted, updated, unchanged, rejected, deleted, pages, requests,"
            " bytes, waited_ms, started_at, progress_at, finished_at, error_code, error_message"
            " FROM run_entity WHERE run_id = ? ORDER BY position",
            (run_id,),
        )
        notices: dict[str, list[str]] = {}
        for notice in self._database.rows(
            "SELECT entity, message FROM run_notice WHERE run_id = ? ORDER BY noted_at, message", (run_id,)
        ):
            notices.setdefault(notice["entity"], []).append(notice["message"])
        return {
            **with_times(row),
            "entities": [
                {**_entity(entity), "notices": notices.get(entity["entity"], [])} for entity in entities
            ],
        }

    def recent(self, connection_id: str | None, limit: int) -> list[dict[str, Any]]:
        """Newest runs with sums over their entities. One query."""
        where = "" if connection_id is None else " WHERE r.connection_id = ?"
        rows = self._database.rows(
            "SELECT r.id, r.connection_id, r.mode, r.trigger, r.state, r.created_at, r.started_at, r.finished_at,"
            " count(e.entity) AS entities, sum(e.state = 'failed') AS failed, sum(e.fetched) AS fetched,"
            " sum(e.inserted) AS inserted, sum(e.updated) AS updated, sum(e.unchanged) AS unchanged,"
            " sum(e.rejected) AS rejected, sum(e.deleted) AS deleted"
            f" FROM run r JOIN run_entity e ON e.run_id = r.id{where}"
            " GROUP BY r.id ORDER BY r.created_at DESC, r.id LIMIT ?",
            (*(() if connection_id is None else (connection_id,)), limit),
        )
        return [with_times(row) for row in rows]

    def notices(self, connection_id: str) -> list[dict[str, Any]]:
        """The newest notices of a connection, each once, MOST_NOTICES at most."""
        rows = self._database.rows(
            "SELECT n.entity, n.message, max(n.noted_at) AS noted_at, n.run_id"
            " FROM run_notice n JOIN run r ON r.id = n.run_id WHERE r.connection_id = ?"
            " GROUP BY n.entity, n.message ORDER BY max(n.noted_at) DESC, n.entity, n.message LIMIT ?",
            (connection_id, MOST_NOTICES),
        )
        return [with_times(row) for row in rows]


def json_of(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def text_of(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


_COUNTS = ("fetched", "inserted", "updated", "unchanged", "deleted", "rejected")
_TIMES = ("created_at", "started_at", "progress_at", "finished_at", "noted_at")


def with_times(row: Row) -> dict[str, Any]:
    return {name: iso(value) if name in _TIMES else value for name, value in row.items()}


def _entity(row: Row) -> dict[str, Any]:
    started, ended = row["started_at"], row["finished_at"] or row["progress_at"]
    seconds = (ended - started) / 1000 if started is not None and ended is not None else None
    rate = round(row["fetched"] / seconds, 1) if seconds else None
    return {
        **with_times(row),
        "seconds": seconds,
        "rows_per_second": rate,
        "advice": advice(row["error_code"]),
    }
