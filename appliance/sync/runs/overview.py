"""Connections at a glance: records, last and next synchronization, in one query for many of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from appliance.store.database import Database


@dataclass(frozen=True, slots=True)
class Overview:
    """Times are milliseconds since 1970. `failing` counts entities whose last pass failed; `run_id` is active."""

    records: int = 0
    entities: int = 0
    failing: int = 0
    last_success_at: int | None = None
    next_due_at: int | None = None
    run_id: str | None = None


def overview(database: Database, connection_ids: Sequence[str]) -> dict[str, Overview]:
    """By connection id; a connection that serves no entity is left out."""
    rows = database.rows(
        "SELECT s.connection_id, sum(t.live) AS records, count(*) AS entities,"
        " sum(s.last_error IS NOT NULL) AS failing, max(s.last_success_at) AS last_success_at,"
        " min(s.next_due_at) AS next_due_at,"
        " (SELECT r.id FROM run r WHERE r.connection_id = s.connection_id"
        "  AND r.state IN ('queued', 'running', 'interrupted') ORDER BY r.created_at LIMIT 1) AS run_id"
        " FROM schedule s JOIN stream t ON t.id = s.stream_id"
        " WHERE s.connection_id IN (SELECT value FROM json_each(?)) GROUP BY s.connection_id",
        (msgspec.json.encode(connection_ids).decode(),),
    )
    return {row.pop("connection_id"): Overview(**row) for row in rows}
