"""The journal of writes: one row each, from its acceptance to its outcome."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from appliance.store.database import Database, Row

# Keys are remembered so long; after it the same key is a new write.
REMEMBERED_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """`target` is the unified key of the record changed, `target_below` that of one inside it, such as a material.

    `body` is the JSON text as it was sent. `reference` is what the source may be told of this write, the same at
    every try. `due_at` is when the engine is to look at it, None when nothing is left to do.
    """

    id: str
    connection_id: str
    entity: str
    operation: str
    target: str | None
    target_below: str | None
    body: str
    reference: str
    idempotency_key: str | None
    fingerprint: bytes
    state: str
    attempts: int
    created_at: int
    changed_at: int
    due_at: int | None
    record_key: str | None = None
    answer: str | None = None
    error: str | None = None

    @property
    def failure(self) -> dict[str, Any] | None:
        """Code, message and details of what went wrong."""
        return None if self.error is None else msgspec.json.decode(self.error, type=dict[str, Any])


class WriteTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, order: WriteOrder) -> None:
        self._database.insert("write_order", **asdict(order))

    def find(self, order_id: str, connection_id: str | None = None) -> WriteOrder | None:
        row = self._database.row("SELECT * FROM write_order WHERE id = ?", (order_id,))
        if row is None or (connection_id is not None and row["connection_id"] != connection_id):
            return None
        return _order(row)

    def by_key(self, connection_id: str, idempotency_key: str, now: int) -> WriteOrder | None:
        """The write that a key stands for; keys older than a day are forgotten here."""
        self._database.run(
            "UPDATE write_order SET idempotency_key = NULL"
            " WHERE connection_id = ? AND idempotency_key = ? AND created_at < ?",
            (connection_id, idempotency_key, now - REMEMBERED_MS),
        )
        row = self._database.row(
            "SELECT * FROM write_order WHERE connection_id = ? AND idempotency_key = ?",
            (connection_id, idempotency_key),
        )
        return None if row is None else _order(row)

    def claim(self, order_id: str, from_states: tuple[str, ...], now: int, lease_until: int) -> bool:
        """Take a write to do it; False when another has it. It is due again when the lease ends."""
        marks = ",".join("?" * len(from_states))
        return (
            self._database.run(
                "UPDATE write_order SET state = 'running', attempts = attempts + 1, changed_at = ?, due_at = ?"
                f" WHERE id = ? AND state IN ({marks})",
                (now, lease_until, order_id, *from_states),
            )
            > 0
        )

    def due(self, now: int, limit: int) -> list[WriteOrder]:
        rows = self._database.rows(
            "SELECT * FROM write_order WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?",
            (now, limit),
        )
        return [_order(row) for row in rows]

    def finish(self, order_id: str, record_key: str | None, answer: str, now: int) -> None:
        self._database.run(
            "UPDATE write_order SET state = 'done', record_key = ?, answer = ?, error = NULL, due_at = NULL,"
            " changed_at = ? WHERE id = ?",
            (record_key, answer, now, order_id),
        )

    def fail(
        self, order_id: str, state: str, error: dict[str, Any], now: int, *, due_at: int | None = None
    ) -> None:
        """`state` is `failed` or `unknown`; `due_at` when the engine is to look again."""
        self._database.run(
            "UPDATE write_order SET state = ?, error = ?, due_at = ?, changed_at = ? WHERE id = ?",
            (state, msgspec.json.encode(error).decode(), due_at, now, order_id),
        )

    def stop_all(self, error: dict[str, Any], now: int) -> int:
        """End all that is not done, its outcome unknown: nothing of it is sent again; how many."""
        return self._database.run(
            "UPDATE write_order SET state = 'unknown', error = ?, due_at = NULL, changed_at = ?"
            " WHERE state IN ('queued', 'running') OR due_at IS NOT NULL",
            (msgspec.json.encode(error).decode(), now),
        )

    def recent(
        self, connection_id: str, limit: int, *, state: str | None = None, before: WriteOrder | None = None
    ) -> list[WriteOrder]:
        """The newest first; those that come after `before` in this order, in one state if it is given."""
        where = ["connection_id = ?"]
        values: list[Any] = [connection_id]
        if state is not None:
            where.append("state = ?")
            values.append(state)
        if before is not None:
            where.append("(created_at < ? OR (created_at = ? AND id > ?))")
            values += [before.created_at, before.created_at, before.id]
        rows = self._database.rows(
            f"SELECT * FROM write_order WHERE {' AND '.join(where)} ORDER BY created_at DESC, id LIMIT ?",
            (*values, limit),
        )
        return [_order(row) for row in rows]

    def counts(self, connection_id: str) -> dict[str, int]:
        """State to number of writes in it."""
        rows = self._database.rows(
            "SELECT state, count(*) AS number FROM write_order WHERE connection_id = ? GROUP BY state",
            (connection_id,),
        )
        return {row["state"]: row["number"] for row in rows}

    def erase(self, connection_id: str) -> int:
        return self._database.run("DELETE FROM write_order WHERE connection_id = ?", (connection_id,))


def _order(row: Row) -> WriteOrder:
    return WriteOrder(**row)
