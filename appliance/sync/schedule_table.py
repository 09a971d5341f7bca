"""What is stored of schedules: for each stream when it is due, and where its next pass goes on."""

from collections.abc import Sequence
from typing import Any

from appliance.store.database import Database, Row
from appliance.sync.tables import json_of


class ScheduleTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, stream_id: int, connection_id: str, entity: str, interval_seconds: int) -> None:
        self._database.insert(
            "schedule",
            stream_id=stream_id,
            connection_id=connection_id,
            entity=entity,
            interval_seconds=interval_seconds,
        )

    def delete(self, connection_id: str, entity: str) -> None:
        self._database.run(
            "DELETE FROM schedule WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )

    def of_connection(self, connection_id: str) -> list[Row]:
        return self._database.rows(
            "SELECT entity, interval_seconds, next_due_at, watermark, last_success_at, last_error, failures,"
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
        return self._database.rows(
            "SELECT s.connection_id, s.entity FROM schedule s JOIN connection c ON c.id = s.connection_id"
            " WHERE s.next_due_at <= ? AND c.status IN ('connected', 'offline')"
            " ORDER BY s.next_due_at LIMIT ?",
            (now, limit),
        )

    def plan_next(self, connection_id: str, entities: Sequence[str], due_at: int) -> None:
        self._database.run_many(
            "UPDATE schedule SET next_due_at = ? WHERE connection_id = ? AND entity = ?",
            [(due_at, connection_id, entity) for entity in entities],
        )

    def make_due(self, connection_id: str, now: int) -> None:
        self._database.run(
            "UPDATE schedule SET next_due_at = ?, failures = 0 WHERE connection_id = ?", (now, connection_id)
        )

    def clear_due(self, connection_id: str) -> None:
        self._database.run("UPDATE schedule SET next_due_at = NULL WHERE connection_id = ?", (connection_id,))

    def succeeded(self, run_id: str, connection_id: str, entity: str, *, watermark: int, now: int) -> None:
        """Note a success and the mark its pass left; the next time is an interval from now."""
        self._database.run(
            "UPDATE schedule SET watermark = ?, last_success_at = ?, last_error = NULL, failures = 0,"
            " mark = coalesce((SELECT mark FROM run_entity WHERE run_id = ? AND entity = ?), mark),"
            " next_due_at = ? + interval_seconds * 1000 WHERE connection_id = ? AND entity = ?",
            (watermark, now, run_id, entity, now, connection_id, entity),
        )

    def failed(self, connection_id: str, entity: str, message: str, *, now: int, rest: int = 0) -> None:
        """Note a failure; the next try comes after 1, 2, 4 … minutes, at most after the interval.

        `rest` is for how many milliseconds the source asked to be left alone.
        """
        self._database.run(
            "UPDATE schedule SET last_error = ?, failures = failures + 1,"
            " next_due_at = ? + max(?, min(interval_seconds * 1000, 60000 << min(failures, 10)))"
            " WHERE connection_id = ? AND entity = ?",
            (message, now, rest, connection_id, entity),
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
