"""What is stored of connections and tokens. Plain SQL: every statement stands where it can be read."""

import json
from dataclasses import dataclass
from typing import Any

from appliance.clock import iso
from appliance.connections.announce import Announce, unheard
from appliance.store.database import Database, Row

CONNECTED = "connected"
OFFLINE = "offline"
REAUTHORIZATION_REQUIRED = "reauthorization_required"
DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Connection:
    """Times are milliseconds since 1970. `fields` are the form's values without secrets."""

    id: str
    part: str
    name: str
    email: str | None
    system: str
    hosting: str
    tier: int
    credits: int
    status: str
    status_reason: str | None
    status_at: int
    fields: dict[str, Any]
    historical_days: int
    metadata: list[dict[str, str]]
    tags: list[str]
    created_at: int
    updated_at: int
    connected_at: int
    disconnected_at: int | None
    application_id: str | None = None
    host: str | None = None
    """Where the source is, host:port; None where it is not reached over a network, or not known."""

    @property
    def is_open(self) -> bool:
        return self.status != DISCONNECTED

    def as_dict(self) -> dict[str, Any]:
        """For API and command line; no secrets are in here to begin with."""
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "system": self.system,
            "hosting": self.hosting,
            "tier": self.tier,
            "credits": self.credits,
            "status": self.status,
            "status_reason": self.status_reason,
            "historical_days": self.historical_days,
            "tags": self.tags,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "connected_at": iso(self.connected_at),
            "disconnected_at": iso(self.disconnected_at),
        }


class ConnectionTable:
    """`announce` hears of every change of a status, in the transaction of the change."""

    def __init__(self, database: Database, announce: Announce = unheard) -> None:
        self._database = database
        self._announce = announce

    def insert(self, connection: Connection) -> None:
        values = {name: getattr(connection, name) for name in Connection.__dataclass_fields__}
        for name in ("fields", "metadata", "tags"):
            values[name] = json.dumps(values[name])
        with self._database.write():
            self._database.insert("connection", **values)
            self._tell(connection.id, None)

    def find(self, connection_id: str) -> Connection | None:
        row = self._database.row("SELECT * FROM connection WHERE id = ?", (connection_id,))
        return None if row is None else _connection(row)

    def named(self, name: str) -> list[Connection]:
        """Open connections of that name."""
        rows = self._database.rows(
            "SELECT * FROM connection WHERE name = ? AND status <> ?", (name, DISCONNECTED)
        )
        return [_connection(row) for row in rows]

    def all(self) -> list[Connection]:
        """Open ones first, then the disconnected, each by name."""
        rows = self._database.rows(
            "SELECT * FROM connection ORDER BY status = ?, name COLLATE NOCASE, created_at", (DISCONNECTED,)
        )
        return [_connection(row) for row in rows]

    def part_is_taken(self, part: str) -> bool:
        return self._database.value("SELECT 1 FROM connection WHERE part = ?", (part,)) is not None

    def status(self, connection_id: str) -> str | None:
        found: str | None = self._database.value(
            "SELECT status FROM connection WHERE id = ?", (connection_id,)
        )
        return found

    def set_status(self, connection_id: str, status: str, reason: str | None, now: int) -> bool:
        """True when the status really changed. A disconnected connection stays so."""
        with self._database.write():
            before = self._status(connection_id)
            changed = self._database.run(
                "UPDATE connection SET status = ?, status_reason = ?, status_at = ?, updated_at = ?"
                " WHERE id = ? AND status <> ? AND status <> ?",
                (status, reason, now, now, connection_id, status, DISCONNECTED),
            )
            if changed:
                self._tell(connection_id, before)
        return changed == 1

    def close(self, connection_id: str, now: int) -> bool:
        """Mark as disconnected; False when it was."""
        with self._database.write():
            before = self._status(connection_id)
            changed = self._database.run(
                "UPDATE connection SET status = ?, status_reason = NULL, status_at = ?, updated_at = ?,"
                " disconnected_at = ? WHERE id = ? AND status <> ?",
                (DISCONNECTED, now, now, now, connection_id, DISCONNECTED),
            )
            if changed:
                self._tell(connection_id, before)
        return changed == 1

    def _status(self, connection_id: str) -> str | None:
        status: str | None = self._database.value(
            "SELECT status FROM connection WHERE id = ?", (connection_id,)
        )
        return status

    def _tell(self, connection_id: str, before: str | None) -> None:
        def describe() -> dict[str, Any]:
            found = self.find(connection_id)
            assert found is not None, "its status has just been written"
            return {
                "name": found.name,
                "system": found.system,
                "status": found.status,
                "previous_status": before,
                "reason": found.status_reason,
            }

        self._announce("connection.status_changed", connection_id, describe)
        if self._status(connection_id) == REAUTHORIZATION_REQUIRED:
            self._announce("connection.reauthorization_required", connection_id, describe)

    def set_metadata(self, connection_id: str, pairs: list[dict[str, str]], now: int) -> None:
        self._database.run(
            "UPDATE connection SET metadata = ?, updated_at = ? WHERE id = ?",
            (json.dumps(pairs), now, connection_id),
        )

    def set_email(self, connection_id: str, email: str | None, now: int) -> None:
        self._database.run(
            "UPDATE connection SET email = ?, updated_at = ? WHERE id = ?", (email, now, connection_id)
        )

    def set_historical_days(self, connection_id: str, days: int, now: int) -> None:
        self._database.run(
            "UPDATE connection SET historical_days = ?, updated_at = ? WHERE id = ?",
            (days, now, connection_id),
        )

    def set_fields(self, connection_id: str, fields: dict[str, Any], host: str | None, now: int) -> None:
        self._database.run(
            "UPDATE connection SET fields = ?, host = ?, updated_at = ? WHERE id = ?",
            (json.dumps(fields), host, now, connection_id),
        )


def _connection(row: Row) -> Connection:
    for name in ("fields", "metadata", "tags"):
        row[name] = json.loads(row[name])
    return Connection(**row)
