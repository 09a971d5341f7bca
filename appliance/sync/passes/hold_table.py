"""What is stored of deletions that wait for a person's word."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from appliance.clock import iso
from appliance.store.database import Database, Row

Decision = Literal["approved", "dismissed"]


class HoldTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def open(
        self,
        hold_id: str,
        connection_id: str,
        entity: str,
        run_id: str,
        *,
        missing: int,
        known: int,
        sample: Sequence[str],
        now: int,
    ) -> None:
        """Open one, or bring the open one of this entity up to date."""
        self._database.run(
            "INSERT INTO deletion_hold"
            " (id, connection_id, entity, run_id, missing, known, sample, state, opened_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, ?)"
            " ON CONFLICT (connection_id, entity) WHERE state = 'open' DO UPDATE SET run_id = excluded.run_id,"
            " missing = excluded.missing, known = excluded.known, sample = excluded.sample,"
            " updated_at = excluded.updated_at",
            (hold_id, connection_id, entity, run_id, missing, known, json.dumps(list(sample)), now, now),
        )

    def settle(self, connection_id: str, entity: str, now: int) -> None:
        """What was held is no longer missing, or was deleted."""
        self._database.run(
            "UPDATE deletion_hold SET state = 'settled', updated_at = ?"
            " WHERE connection_id = ? AND entity = ? AND state = 'open'",
            (now, connection_id, entity),
        )

    def decide(self, hold_id: str, decision: Decision, by: str, now: int) -> bool:
        """False when it was decided before."""
        changed = self._database.run(
            "UPDATE deletion_hold SET state = ?, decided_by = ?, updated_at = ? WHERE id = ? AND state = 'open'",
            (decision, by, now, hold_id),
        )
        return changed == 1

    def find(self, hold_id: str) -> dict[str, Any] | None:
        row = self._database.row("SELECT * FROM deletion_hold WHERE id = ?", (hold_id,))
        return None if row is None else _shown(row)

    def of_connection(self, connection_id: str, limit: int) -> list[dict[str, Any]]:
        """Open ones first, then the newest."""
        rows = self._database.rows(
            "SELECT * FROM deletion_hold WHERE connection_id = ?"
            " ORDER BY state <> 'open', opened_at DESC, id LIMIT ?",
            (connection_id, limit),
        )
        return [_shown(row) for row in rows]

    def open_ones(self) -> list[Row]:
        """Of all connections that are not disconnected."""
        return self._database.rows(
            "SELECT h.id, h.connection_id, h.entity, h.missing, h.known FROM deletion_hold h"
            " JOIN connection c ON c.id = h.connection_id"
            " WHERE h.state = 'open' AND c.status <> 'disconnected'"
        )

    def erase(self, connection_id: str) -> int:
        return self._database.run("DELETE FROM deletion_hold WHERE connection_id = ?", (connection_id,))


def _shown(row: Row) -> dict[str, Any]:
    return {
        **row,
        "sample": json.loads(row["sample"]),
        "opened_at": iso(row["opened_at"]),
        "updated_at": iso(row["updated_at"]),
    }
