"""The rows in quarantine as people and programs see them, and how they put them aside."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from appliance.clock import iso
from appliance.connections.condition.issues import Condition
from appliance.store.database import Database, Row
from appliance.store.raw_rows import RawRows
from appliance.sync.errors import RejectedRowNotFound

LONGEST_WHY = 500

State = Literal["open", "dismissed", "all"]

_STATES = {
    "open": " AND q.dismissed_at IS NULL",
    "dismissed": " AND q.dismissed_at IS NOT NULL",
    "all": "",
}


class RejectedRows:
    def __init__(self, database: Database, raw_rows: RawRows) -> None:
        self._database = database
        self._raw_rows = raw_rows

    def overview(self, connection_id: str) -> list[dict[str, Any]]:
        """Each entity with rows in quarantine: how many are open, dismissed, were only counted, are tried again."""
        rows = self._database.rows(
            "SELECT s.entity, sum(q.dismissed_at IS NULL) AS open, sum(q.dismissed_at IS NOT NULL) AS dismissed,"
            " k.not_kept, k.retry_at, k.retry_accepted, k.retry_rejected"
            " FROM stream s JOIN quarantine k ON k.stream_id = s.id"
            " JOIN rejected_row q ON q.stream_id = s.id WHERE s.connection_id = ? GROUP BY s.id ORDER BY s.entity",
            (connection_id,),
        )
        return [
            {
                **{name: row[name] for name in ("entity", "open", "dismissed", "not_kept")},
                "retry": None
                if row["retry_at"] is None
                else {"accepted": row["retry_accepted"], "rejected": row["retry_rejected"]},
            }
            for row in rows
        ]

    def waiting(self) -> list[Condition]:
        """Entities of all connections with rows that nobody has put aside, as issues are told of them. One query."""
        rows = self._database.rows(
            "SELECT s.connection_id, s.entity, count(*) AS rows, min(q.reason) AS reason"
            " FROM rejected_row q JOIN stream s ON s.id = q.stream_id JOIN connection c ON c.id = s.connection_id"
            " WHERE q.dismissed_at IS NULL AND c.status <> 'disconnected' GROUP BY s.id"
        )
        return [
            Condition(
                f"Rows of the source that could not become records: {row['rows']}. One of them: {row['reason']}",
                row["connection_id"],
                row["entity"],
                {"rows": row["rows"]},
            )
            for row in rows
        ]

    def count(self, connection_id: str, *, entity: str | None = None, state: State = "open") -> int:
        where, parameters = _where(connection_id, entity, state)
        counted: int = self._database.value(
            f"SELECT count(*) FROM stream s JOIN rejected_row q ON q.stream_id = s.id{where}", parameters
        )
        return counted

    def page(
        self,
        connection_id: str,
        *,
        entity: str | None = None,
        state: State = "open",
        offset: int = 0,
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """Rows without their source, the newest first. One query."""
        where, parameters = _where(connection_id, entity, state)
        rows = self._database.rows(
            f"{_SHOWN}{where} ORDER BY q.id DESC LIMIT ? OFFSET ?", (*parameters, limit, offset)
        )
        return [_shown(row) for row in rows]

    def one(self, connection_id: str, row_id: int) -> dict[str, Any]:
        """A row with its source as JSON text under `raw`, None where there is none. Raises RejectedRowNotFound."""
        row = self._database.row(f"{_SHOWN} WHERE s.connection_id = ? AND q.id = ?", (connection_id, row_id))
        if row is None:
            raise _not_found(row_id)
        raw = self._database.value("SELECT raw FROM rejected_row WHERE id = ?", (row_id,))
        return {**_shown(row), "raw": None if raw is None else self._raw_rows.decompress(raw).decode()}

    def entities_of(self, connection_id: str, ids: Sequence[int]) -> dict[str, list[int]]:
        """Entity to those of its rows. Raises RejectedRowNotFound for one that is not of the connection."""
        rows = self._database.tuples(
            "SELECT s.entity, q.id FROM rejected_row q JOIN stream s ON s.id = q.stream_id"
            " WHERE s.connection_id = ? AND q.id IN (SELECT value FROM json_each(?))",
            (connection_id, msgspec.json.encode(list(ids)).decode()),
        )
        missing = set(ids) - {id_ for _, id_ in rows}
        if missing:
            raise _not_found(min(missing))
        found: dict[str, list[int]] = {}
        for entity, id_ in rows:
            found.setdefault(entity, []).append(id_)
        return found

    def dismiss(self, connection_id: str, ids: Sequence[int], *, by: str, why: str, now: int) -> int:
        """Put rows aside until a newer version of them is rejected; how many were open.

        Raises RejectedRowNotFound for one that is not of the connection.
        """
        with self._database.write():
            self.entities_of(connection_id, ids)
            return self._database.run(
                "UPDATE rejected_row SET dismissed_at = ?, dismissed_by = ?, dismissed_why = ?"
                " WHERE dismissed_at IS NULL AND id IN (SELECT value FROM json_each(?))",
                (now, by[:200], why[:LONGEST_WHY], msgspec.json.encode(list(ids)).decode()),
            )


_SHOWN = (
    "SELECT q.id, s.entity, q.key, q.reason, q.count, q.first_at, q.last_at, q.run_id, q.dismissed_at,"
    " q.dismissed_by, q.dismissed_why, EXISTS (SELECT 1 FROM record r INDEXED BY record_key"
    " WHERE r.stream_id = q.stream_id AND r.key = q.key AND r.deleted_at IS NULL) AS there"
    " FROM stream s JOIN rejected_row q ON q.stream_id = s.id"
)


def _where(connection_id: str, entity: str | None, state: State) -> tuple[str, tuple[Any, ...]]:
    of_entity, parameters = ("", ()) if entity is None else (" AND s.entity = ?", (entity,))
    return f" WHERE s.connection_id = ?{of_entity}{_STATES[state]}", (connection_id, *parameters)


def _shown(row: Row) -> dict[str, Any]:
    """A row as everyone sees it. `stale_since` is set where the record that is there is older than this row."""
    first = iso(row["first_at"])
    return {
        "id": row["id"],
        "entity": row["entity"],
        "key": None if row["key"].startswith("?") else row["key"],
        "reason": row["reason"],
        "count": row["count"],
        "first_at": first,
        "last_at": iso(row["last_at"]),
        "run_id": row["run_id"],
        "stale_since": first if row["there"] else None,
        "dismissed_at": iso(row["dismissed_at"]),
        "dismissed_by": row["dismissed_by"],
        "dismissed_why": row["dismissed_why"],
    }


def _not_found(row_id: int) -> RejectedRowNotFound:
    return RejectedRowNotFound(
        f"This connection has no rejected row {row_id}; it may have been settled meanwhile."
    )
