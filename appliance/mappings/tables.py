"""Versions of mappings, and the work of applying them to records that are there."""

from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.clock import iso
from appliance.runtime.definition.overlay import Overlay
from appliance.store.database import Database, Row


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    overlay: Overlay
    note: str
    author: str
    created_at: int
    in_force: bool
    without_row: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "version": self.number,
            "map": self.overlay.map,
            "custom": self.overlay.custom,
            "note": self.note,
            "author": self.author,
            "created_at": iso(self.created_at),
            "in_force": self.in_force,
            "without_row": self.without_row,
        }


@dataclass(frozen=True, slots=True)
class Remapping:
    """Records of an entity being mapped anew; `after_id` is the last one done.

    Those `without_row` stay as they are: the source's row beside them is no longer kept.
    """

    connection_id: str
    entity: str
    started_at: int
    due_at: int
    after_id: int
    mapped: int
    rejected: int
    first_rejection: str | None
    without_row: int


class MappingTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def in_force(self, connection_id: str) -> dict[str, Overlay]:
        """Entity, or name of a custom table, to the changes that apply. One query."""
        return {
            row["entity"]: msgspec.json.decode(row["content"], type=Overlay)
            for row in self._database.rows(
                "SELECT entity, content FROM mapping_version WHERE connection_id = ? AND in_force",
                (connection_id,),
            )
        }

    def versions(self, connection_id: str, entity: str) -> list[Version]:
        """The newest first."""
        return [
            _version(row)
            for row in self._database.rows(
                "SELECT * FROM mapping_version WHERE connection_id = ? AND entity = ? ORDER BY number DESC",
                (connection_id, entity),
            )
        ]

    def add(
        self, connection_id: str, entity: str, overlay: Overlay, *, note: str, author: str, now: int
    ) -> int:
        """Put a new version in force; its number."""
        with self._database.write():
            last = self._database.value(
                "SELECT coalesce(max(number), 0) FROM mapping_version WHERE connection_id = ? AND entity = ?",
                (connection_id, entity),
            )
            self._database.run(
                "UPDATE mapping_version SET in_force = 0 WHERE connection_id = ? AND entity = ? AND in_force",
                (connection_id, entity),
            )
            self._database.insert(
                "mapping_version",
                connection_id=connection_id,
                entity=entity,
                number=last + 1,
                content=msgspec.json.encode(overlay).decode(),
                note=note,
                author=author,
                created_at=now,
                in_force=1,
            )
            return int(last) + 1

    def begin_remapping(self, connection_id: str, entity: str, now: int) -> None:
        """From the first record on, also where one is under way."""
        self._database.run(
            "INSERT INTO remapping (connection_id, entity, started_at, due_at, after_id, mapped, rejected)"
            " VALUES (?, ?, ?, ?, 0, 0, 0) ON CONFLICT (connection_id, entity) DO UPDATE SET"
            " started_at = excluded.started_at, due_at = excluded.due_at, after_id = 0, mapped = 0, rejected = 0,"
            " without_row = 0, first_rejection = NULL",
            (connection_id, entity, now, now),
        )

    def remapping(self, connection_id: str, entity: str) -> Remapping | None:
        row = self._database.row(
            "SELECT * FROM remapping WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )
        return None if row is None else Remapping(**row)

    def due(self, now: int) -> Remapping | None:
        row = self._database.row("SELECT * FROM remapping WHERE due_at <= ? ORDER BY due_at LIMIT 1", (now,))
        return None if row is None else Remapping(**row)

    def advance(
        self,
        job: Remapping,
        after_id: int,
        *,
        mapped: int,
        rejected: int,
        without_row: int,
        first_rejection: str | None,
    ) -> bool:
        """Note how far it has got; False when it has begun anew meanwhile."""
        return (
            self._database.run(
                "UPDATE remapping SET after_id = ?, mapped = mapped + ?, rejected = rejected + ?,"
                " without_row = without_row + ?, first_rejection = coalesce(first_rejection, ?)"
                " WHERE connection_id = ? AND entity = ? AND started_at = ? AND after_id = ?",
                (
                    after_id,
                    mapped,
                    rejected,
                    without_row,
                    first_rejection,
                    job.connection_id,
                    job.entity,
                    job.started_at,
                    job.after_id,
                ),
            )
            > 0
        )

    def postpone(self, job: Remapping, due_at: int) -> None:
        """Begin again later."""
        self._database.run(
            "UPDATE remapping SET due_at = ?, after_id = 0, without_row = 0"
            " WHERE connection_id = ? AND entity = ? AND started_at = ?",
            (due_at, job.connection_id, job.entity, job.started_at),
        )

    def erase(self, connection_id: str) -> int:
        """Forget the versions of a connection; how many there were."""
        with self._database.write():
            self._database.run("DELETE FROM remapping WHERE connection_id = ?", (connection_id,))
            return self._database.run("DELETE FROM mapping_version WHERE connection_id = ?", (connection_id,))

    def finish(self, job: Remapping) -> None:
        """End the work; the version in force keeps how many records it could not be applied to."""
        with self._database.write():
            ended = self._database.run(
                "DELETE FROM remapping WHERE connection_id = ? AND entity = ? AND started_at = ?",
                (job.connection_id, job.entity, job.started_at),
            )
            if ended and job.without_row:
                self._database.run(
                    "UPDATE mapping_version SET without_row = ? WHERE connection_id = ? AND entity = ? AND in_force",
                    (job.without_row, job.connection_id, job.entity),
                )


def _version(row: Row) -> Version:
    overlay = msgspec.json.decode(row["content"], type=Overlay)
    return Version(
        row["number"],
        overlay,
        row["note"],
        row["author"],
        row["created_at"],
        bool(row["in_force"]),
        row["without_row"],
    )
