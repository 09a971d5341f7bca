"""Changes in the rows of sources as people and programs see them, and how they acknowledge them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from appliance.clock import iso
from appliance.connections.condition.issues import Condition
from appliance.store.database import Database
from appliance.sync.errors import DriftNotFound


class Findings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> list[Condition]:
        """Entities of all connections whose rows lost or retyped a field, as issues are told of them. One query."""
        rows = self._database.rows(
            "SELECT s.connection_id, s.entity, count(*) AS changes, min(d.path) AS path"
            " FROM drift d JOIN stream s ON s.id = d.stream_id JOIN connection c ON c.id = s.connection_id"
            # A new field harms nothing.
            " WHERE d.acknowledged_at IS NULL AND d.kind <> 'new' AND c.status <> 'disconnected' GROUP BY s.id"
        )
        return [
            Condition(
                f"Fields of the source that are missing or of another type: {row['changes']}."
                f" One of them: {row['path']}.",
                row["connection_id"],
                row["entity"],
                {"changes": row["changes"]},
            )
            for row in rows
        ]

    def count(self, connection_id: str, *, entity: str | None = None, all_: bool = False) -> int:
        where, parameters = _where(connection_id, entity, all_)
        counted: int = self._database.value(
            f"SELECT count(*) FROM stream s JOIN drift d ON d.stream_id = s.id{where}", parameters
        )
        return counted

    def page(
        self,
        connection_id: str,
        *,
        entity: str | None = None,
        all_: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Findings, the newest first; with `all_` acknowledged ones too. One query."""
        where, parameters = _where(connection_id, entity, all_)
        rows = self._database.rows(
            "SELECT d.id, s.entity, d.path, d.kind, d.before, d.after, d.noticed_at, d.run_id, d.acknowledged_at,"
            f" d.acknowledged_by FROM stream s JOIN drift d ON d.stream_id = s.id{where}"
            " ORDER BY d.id DESC LIMIT ? OFFSET ?",
            (*parameters, limit, offset),
        )
        return [
            {**row, "noticed_at": iso(row["noticed_at"]), "acknowledged_at": iso(row["acknowledged_at"])}
            for row in rows
        ]

    def acknowledge(self, connection_id: str, ids: Sequence[int], *, by: str, now: int) -> int:
        """Findings that someone has seen to; how many were open. Raises DriftNotFound for one of elsewhere."""
        wanted = msgspec.json.encode(list(ids)).decode()
        with self._database.write():
            known = self._database.tuples(
                "SELECT d.id FROM drift d JOIN stream s ON s.id = d.stream_id"
                " WHERE s.connection_id = ? AND d.id IN (SELECT value FROM json_each(?))",
                (connection_id, wanted),
            )
            missing = set(ids) - {row[0] for row in known}
            if missing:
                raise DriftNotFound(f"This connection has no finding {min(missing)}.")
            return self._database.run(
                "UPDATE drift SET acknowledged_at = ?, acknowledged_by = ?"
                " WHERE acknowledged_at IS NULL AND id IN (SELECT value FROM json_each(?))",
                (now, by[:200], wanted),
            )


def _where(connection_id: str, entity: str | None, all_: bool) -> tuple[str, tuple[Any, ...]]:
    of_entity, parameters = ("", ()) if entity is None else (" AND s.entity = ?", (entity,))
    open_ = "" if all_ else " AND d.acknowledged_at IS NULL"
    return f" WHERE s.connection_id = ?{of_entity}{open_}", (connection_id, *parameters)
