"""What is stored of schedules and runs.

A run is one pass over some entities of a connection; each entity of it has its own state, counts and checkpoint.
Runs of one connection come one after the other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from appliance.clock import iso
from appliance.store.database import Database, Row

Mode = Literal["full", "incremental", "backfill", "reconcile"]
RunState = Literal["queued", "running", "interrupted", "completed", "partially_failed", "failed", "cancelled"]
EntityState = Literal["queued", "running", "completed", "failed", "cancelled"]

MOST_NOTICES = 20

ACTIVE = ("queued", "running", "interrupted")
TRIGGERS = ("initial", "schedule", "manual", "reauthorization")


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that this worker holds until `lease_until`, milliseconds since 1970."""

    run_id: str
    connection_id: str
    mode: Mode


class RunTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(
        self, run_id: str, connection_id: str, mode: Mode, trigger: str, entities: Sequence[str], now: int
    ) -> None:
        with self._database.write():
            self._database.insert(
                "run",
                id=run_id,
                connection_id=connection_id,
                mode=mode,
                trigger=trigger,
                state="queued",
                created_at=now,
            )
            self._database.run_many(
                "INSERT INTO run_entity (run_id, entity, position, state) VALUES (?, ?, ?, 'queued')",
                [(run_id, entity, position) for position, entity in enumerate(entities)],
            )

    def active(self, connection_id: str) -> list[Row]:
        """Runs that are not over, with the entities that still are to be done."""
        return self._database.rows(
            "SELECT r.id, r.mode, e.entity FROM run r JOIN run_entity e ON e.run_id = r.id"
            " WHERE r.connection_id = ? AND r.state IN ('queued', 'running', 'interrupted')"
            " AND e.state IN ('queued', 'running')",
            (connection_id,),
        )

    def claim(self, owner: str, lease_until: int, now: int) -> Claim | None:
        """Take the oldest run that waits, unless its connection has one running. Manual runs go first."""
        with self._database.write():
            row = self._database.row(
                "UPDATE run SET state = 'running', lease_owner = ?, lease_until = ?, attempts = attempts + 1,"
                " started_at = coalesce(started_at, ?) WHERE id = ("
                " SELECT r.id FROM run r WHERE (r.state IN ('queued', 'interrupted')"
                " OR (r.state = 'running' AND r.lease_until < ?)) AND NOT EXISTS ("
                " SELECT 1 FROM run o WHERE o.connection_id = r.connection_id AND o.state = 'running'"
                " AND o.lease_until >= ? AND o.id <> r.id)"
                " ORDER BY r.trigger <> 'manual', r.created_at LIMIT 1)"
                " RETURNING id, connection_id, mode",
                (owner, lease_until, now, now, now),
            )
        return None if row is None else Claim(row["id"], row["connection_id"], row["mode"])

    def has_waiting(self, now: int) -> bool:
        """Whether `claim` might find something; a read, so that an idle appliance writes nothing."""
        return (
            self._database.value(
                "SELECT 1 FROM run WHERE state IN ('queued', 'interrupted')"
                " OR (state = 'running' AND lease_until < ?) LIMIT 1",
                (now,),
            )
            is not None
        )

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
            self._database.run(
                "UPDATE run SET state = ?, finished_at = ?, lease_owner = NULL, lease_until = NULL"
                " WHERE id = ? AND lease_owner = ? AND state = 'running'",
                (state, now, run_id, owner),
            )

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


_TIMES = ("created_at", "started_at", "progress_at", "finished_at", "noted_at")


def with_times(row: Row) -> dict[str, Any]:
    return {name: iso(value) if name in _TIMES else value for name, value in row.items()}


def _entity(row: Row) -> dict[str, Any]:
    started, ended = row["started_at"], row["finished_at"] or row["progress_at"]
    seconds = (ended - started) / 1000 if started is not None and ended is not None else None
    rate = round(row["fetched"] / seconds, 1) if seconds else None
    return {**with_times(row), "seconds": seconds, "rows_per_second": rate}
