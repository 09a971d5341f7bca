"""The rows of backups: those that were asked for, made, failed, and removed."""

from dataclasses import dataclass
from typing import Any, Literal

from appliance.clock import iso, new_id
from appliance.store.database import Database

State = Literal["waiting", "running", "verified", "failed", "removed"]
KEPT_ROWS = 1000
SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Backup:
    """Times are milliseconds since 1970; `bytes` and `sha256` are those of the archive, `code` says why it failed."""

    id: str
    name: str | None
    target: str
    state: State
    asked_by: str
    asked_at: int
    started_at: int | None
    ended_at: int | None
    bytes: int | None
    sha256: str | None
    code: str | None
    message: str | None

    def as_dict(self) -> dict[str, Any]:
        """For API, page and command line."""
        return {
            "id": self.id,
            "name": self.name,
            "target": self.target,
            "state": self.state,
            "asked_by": self.asked_by,
            "asked_at": iso(self.asked_at),
            "started_at": iso(self.started_at),
            "ended_at": iso(self.ended_at),
            "bytes": self.bytes,
            "sha256": self.sha256,
            "error": None if self.code is None else {"code": self.code, "message": self.message},
        }


class BackupTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, asked_by: str, target: str, now: int) -> Backup:
        """A row that waits for the engine; the one that waits already where there is one."""
        with self._database.write():
            waiting = self.waiting()
            if waiting is not None:
                return waiting
            return self._insert(new_id("bak"), target, "waiting", asked_by, now)

    def begin(self, waiting: Backup | None, name: str, target: str, asked_by: str, now: int) -> Backup:
        """The row of a backup that begins now."""
        with self._database.write():
            row = waiting or self._insert(new_id("bak"), target, "running", asked_by, now)
            self._database.run(
                "UPDATE backup SET state = 'running', name = ?, target = ?, started_at = ? WHERE id = ?",
                (name, target, now, row.id),
            )
            return self.get(row.id)

    def verified(self, backup_id: str, size: int, sha256: str, now: int) -> Backup:
        self._database.run(
            "UPDATE backup SET state = 'verified', ended_at = ?, bytes = ?, sha256 = ? WHERE id = ?",
            (now, size, sha256, backup_id),
        )
        return self.get(backup_id)

    def failed(self, backup_id: str, code: str, message: str, now: int) -> None:
        self._database.run(
            "UPDATE backup SET state = 'failed', ended_at = ?, code = ?, message = ? WHERE id = ?",
            (now, code, message[:2000], backup_id),
        )

    def end_orphans(self, now: int) -> int:
        """What is running while no one makes a backup was ended with its process; how many."""
        if self._database.value("SELECT id FROM backup WHERE state = 'running' LIMIT 1") is None:
            return 0
        return self._database.run(
            "UPDATE backup SET state = 'failed', ended_at = ?, code = 'BACKUP_INTERRUPTED',"
            " message = 'The process that made it was ended.' WHERE state = 'running'",
            (now,),
        )

    def removed(self, names: list[str], target: str) -> None:
        """Note what is no longer at its place, and forget the oldest rows."""
        with self._database.write():
            self._database.run_many(
                "UPDATE backup SET state = 'removed' WHERE name = ? AND target = ? AND state = 'verified'",
                [(name, target) for name in names],
            )
            self._database.run(
                "DELETE FROM backup WHERE state IN ('failed', 'removed') AND id NOT IN"
                " (SELECT id FROM backup ORDER BY asked_at DESC LIMIT ?)",
                (KEPT_ROWS,),
            )

    def get(self, backup_id: str) -> Backup:
        row = self._database.row("SELECT * FROM backup WHERE id = ?", (backup_id,))
        assert row is not None
        return Backup(**row)

    def waiting(self) -> Backup | None:
        return self._one("state = 'waiting'")

    def recent(self, limit: int) -> list[Backup]:
        """The newest first."""
        return [
            Backup(**row)
            for row in self._database.rows(
                "SELECT * FROM backup ORDER BY asked_at DESC, id DESC LIMIT ?", (limit,)
            )
        ]

    def last(self) -> Backup | None:
        """The latest that came to an end, whether it was made or failed."""
        return self._one("state IN ('verified', 'failed', 'removed') AND started_at IS NOT NULL")

    def last_verified(self) -> Backup | None:
        return self._one("state = 'verified'")

    def first_tried_at(self) -> int | None:
        found: int | None = self._database.value("SELECT min(asked_at) FROM backup")
        return found

    def failures(self) -> int:
        """How many in a row have failed, up to some ten."""
        states = self._database.tuples(
            "SELECT state FROM backup WHERE started_at IS NOT NULL ORDER BY asked_at DESC, id DESC LIMIT 12"
        )
        return next((number for number, (state,) in enumerate(states) if state != "failed"), len(states))

    def _one(self, where: str) -> Backup | None:
        row = self._database.row(
            f"SELECT * FROM backup WHERE {where} ORDER BY asked_at DESC, id DESC LIMIT 1"
        )
        return None if row is None else Backup(**row)

    def _insert(self, backup_id: str, target: str, state: State, asked_by: str, now: int) -> Backup:
        self._database.insert(
            "backup", id=backup_id, target=target, state=state, asked_by=asked_by, asked_at=now
        )
        return self.get(backup_id)
