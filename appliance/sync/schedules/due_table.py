"""What is stored of schedules: for each stream when it is due, and where its next pass goes on."""

from collections.abc import Iterable
from typing import Any

from appliance.store.database import Database, Row
from appliance.sync.runs.tables import json_of


class ScheduleTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, stream_id: int, connection_id: str, entity: str) -> None:
        self._database.insert("schedule", stream_id=stream_id, connection_id=connection_id, entity=entity)

    def delete(self, connection_id: str, entity: str) -> None:
        self._database.run(
            "DELETE FROM schedule WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )

    def of_connection(self, connection_id: str) -> list[Row]:
        return self._database.rows(
            "SELECT entity, next_due_at, next_reconcile_at, watermark, last_success_at, last_error, failures,"
            " history_from"
            " FROM schedule WHERE connection_id = ? ORDER BY entity",
            (connection_id,),
        )

    def entities(self, connection_id: str) -> list[str]:
        return [
            row["entity"]
            for row in self._database.rows(
                "SELECT entity FROM schedule WHERE connection_id = ? ORDER BY stream_id", (connection_id,)
            )
        ]

    def reached(self, connection_id: str, entity: str) -> tuple[int | None, Any]:
        """Watermark and mark: where the last successful pass got to."""
        row = self._database.row(
            "SELECT watermark, mark FROM schedule WHERE connection_id = ? AND entity = ?",
            (connection_id, entity),
        )
        return (None, None) if row is None else (row["watermark"], json_of(row["mark"]))

    def due(self, now: int, limit: int) -> list[Row]:
        """Due entities of connections that synchronize, those waiting longest first."""
        # CROSS JOIN keeps the order: what is due first, of which there mostly is nothing, and never all connections.
        return self._database.rows(
            "SELECT s.connection_id, s.entity FROM schedule s CROSS JOIN connection c ON c.id = s.connection_id"
            " WHERE s.next_due_at <= ? AND c.status IN ('connected', 'offline')"
            " ORDER BY s.next_due_at LIMIT ?",
            (now, limit),
        )

    def reconcile_due(self, now: int, limit: int) -> list[Row]:
        """Entities of connections that synchronize whose lists are due to be compared as a whole."""
        return self._database.rows(
            "SELECT s.connection_id, s.entity FROM schedule s CROSS JOIN connection c ON c.id = s.connection_id"
            " WHERE s.next_reconcile_at <= ? AND c.status IN ('connected', 'offline')"
            " ORDER BY s.next_reconcile_at LIMIT ?",
            (now, limit),
        )

    def overdue(self, since: int) -> list[Row]:
        """What connections that synchronize have missed, with their hosts; `reconcile` tells which of the two."""
        return self._database.rows(
            "SELECT s.connection_id, s.entity, c.host, 0 AS reconcile FROM schedule s"
            " JOIN connection c ON c.id = s.connection_id"
            " WHERE s.next_due_at < ?1 AND c.status IN ('connected', 'offline')"
            " UNION ALL SELECT s.connection_id, s.entity, c.host, 1 FROM schedule s"
            " JOIN connection c ON c.id = s.connection_id"
            " WHERE s.next_reconcile_at < ?1 AND c.status IN ('connected', 'offline')"
            " ORDER BY 1, 2",
            (since,),
        )

    def planned(self) -> list[Row]:
        """All entities with a due time."""
        return self._database.rows(
            "SELECT connection_id, entity, next_due_at, next_reconcile_at FROM schedule"
            " WHERE next_due_at IS NOT NULL OR next_reconcile_at IS NOT NULL"
        )

    def tried_later(self, connection_id: str, now: int) -> list[str]:
        """Entities that failed and wait to be tried again."""
        rows = self._database.rows(
            "SELECT entity FROM schedule WHERE connection_id = ? AND failures > 0 AND next_due_at > ?",
            (connection_id, now),
        )
        return [row["entity"] for row in rows]

    def never_reconciled(self) -> list[str]:
        """Open connections of which no entity has a time to be compared."""
        return [
            row["connection_id"]
            for row in self._database.rows(
                "SELECT s.connection_id FROM schedule s JOIN connection c ON c.id = s.connection_id"
                " WHERE c.status <> 'disconnected' GROUP BY s.connection_id"
                " HAVING count(s.next_reconcile_at) = 0"
            )
        ]

    def plan(self, due: Iterable[tuple[int | None, str, str]]) -> None:
        """Set when entities are due: time, connection, entity."""
        self._database.run_many(
            "UPDATE schedule SET next_due_at = ? WHERE connection_id = ? AND entity = ?", due
        )

    def plan_reconcile(self, due: Iterable[tuple[int | None, str, str]]) -> None:
        """Set when lists are compared as a whole: time, connection, entity."""
        self._database.run_many(
            "UPDATE schedule SET next_reconcile_at = ? WHERE connection_id = ? AND entity = ?", due
        )

    def forget_all_failures(self, connection_id: str) -> None:
        self._database.run("UPDATE schedule SET failures = 0 WHERE connection_id = ?", (connection_id,))

    def clear_due(self, connection_id: str) -> None:
        self._database.run(
            "UPDATE schedule SET next_due_at = NULL, next_reconcile_at = NULL WHERE connection_id = ?",
            (connection_id,),
        )

    def succeeded(
        self,
        run_id: str,
        connection_id: str,
        entity: str,
        *,
        watermark: int,
        now: int,
        next_due_at: int | None,
    ) -> None:
        """Note a success, the mark its pass left, and when the entity is due again."""
        self._database.run(
            "UPDATE schedule SET watermark = ?, last_success_at = ?, last_error = NULL, failures = 0,"
            " mark = coalesce((SELECT mark FROM run_entity WHERE run_id = ? AND entity = ?), mark),"
            " next_due_at = ? WHERE connection_id = ? AND entity = ?",
            (watermark, now, run_id, entity, next_due_at, connection_id, entity),
        )

    def failed(self, connection_id: str, entity: str, message: str, *, next_due_at: int | None) -> None:
        """Note a failure, and when the entity is tried again."""
        self._database.run(
            "UPDATE schedule SET last_error = ?, failures = failures + 1, next_due_at = ?"
            " WHERE connection_id = ? AND entity = ?",
            (message, next_due_at, connection_id, entity),
        )

    def resume_later(self, connection_id: str, entity: str, run_id: str | None) -> None:
        """Let the next run go on with what that of `run_id` left, or with nothing."""
        self._database.run(
            "UPDATE schedule SET resume_run_id = ? WHERE connection_id = ? AND entity = ?",
            (run_id, connection_id, entity),
        )

    def failures(self, connection_id: str, entity: str) -> int:
        """How often the entity has failed since it last got on."""
        found: int | None = self._database.value(
            "SELECT failures FROM schedule WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )
        return found or 0

    def forget_failures(self, connection_id: str, entity: str) -> None:
        self._database.run(
            "UPDATE schedule SET failures = 0 WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )

    def note_newest(self, connection_id: str, entity: str, newest: int | None) -> int | None:
        """Keep the latest time of change the source has given, milliseconds; what is kept now."""
        found: int | None = self._database.value(
            "UPDATE schedule SET newest = coalesce(max(newest, ?1), newest, ?1)"
            " WHERE connection_id = ?2 AND entity = ?3 RETURNING newest",
            (newest, connection_id, entity),
        )
        return found

    def reaches_back(self, connection_id: str, entity: str, since: int | None) -> None:
        """Keep since when all that changed is there, milliseconds; None: everything."""
        self._database.run(
            "UPDATE schedule SET history_from = min(coalesce(history_from, ?1), ?1)"
            " WHERE connection_id = ?2 AND entity = ?3",
            (since or 0, connection_id, entity),
        )

    def note_lacking(self, connection_id: str, entity: str, lacking: int) -> bool:
        """Forget the watermark when more rows are lacking than after the last time that was done; whether it was.

        Rows that are rejected each time are lacking for ever: they must not make every pass a full one.
        """
        anew = self._database.run(
            "UPDATE schedule SET watermark = NULL, mark = NULL WHERE connection_id = ? AND entity = ? AND lacking < ?",
            (connection_id, entity, lacking),
        )
        self._database.run(
            "UPDATE schedule SET lacking = ? WHERE connection_id = ? AND entity = ?",
            (lacking, connection_id, entity),
        )
        return anew == 1
