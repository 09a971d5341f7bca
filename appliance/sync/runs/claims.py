"""Which waiting run a worker gets next, below the ceilings of source hosts and connections.

Manual runs go first, then the oldest. Only the ticker of the one engine claims.
"""

from dataclasses import dataclass

from appliance.store.database import Database
from appliance.sync.runs.tables import Claim

# Reads what waits in its order, and what runs, at most as many as there are workers; never a run that is over.
# What runs is put together once a claim: a source at its ceiling may have hundreds of runs waiting.
_NEXT = """
WITH busy AS MATERIALIZED (
    SELECT o.id, o.connection_id, c.host FROM run o INDEXED BY run_running
    JOIN connection c ON c.id = o.connection_id WHERE o.state = 'running'
), full_host AS MATERIALIZED (
    SELECT host FROM busy WHERE host IS NOT NULL GROUP BY host HAVING count(*) >= ?
), full_connection AS MATERIALIZED (
    SELECT connection_id FROM busy GROUP BY connection_id HAVING count(*) >= ?
)
SELECT r.id FROM run r INDEXED BY run_waiting JOIN connection c ON c.id = r.connection_id
WHERE r.state IN ('queued', 'interrupted')
    AND r.connection_id NOT IN (SELECT connection_id FROM full_connection)
    AND (c.host IS NULL OR c.host NOT IN (SELECT host FROM full_host))
    AND NOT EXISTS (
        SELECT 1 FROM busy b JOIN run_entity theirs ON theirs.run_id = b.id AND theirs.state IN ('queued', 'running')
        JOIN run_entity ours ON ours.run_id = r.id AND ours.entity = theirs.entity
        WHERE b.connection_id = r.connection_id
    )
ORDER BY r.trigger <> 'manual', r.created_at LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Runs at the same time: of all connections to one host and port, and of one connection."""

    per_host: int
    per_connection: int


class Claims:
    def __init__(self, database: Database, ceilings: Ceilings) -> None:
        self.ceilings = ceilings
        self._database = database

    def has_expired(self, now: int) -> bool:
        """Whether a run has lost its worker: its lease ended."""
        return (
            self._database.value(
                "SELECT 1 FROM run WHERE state = 'running' AND lease_until < ? LIMIT 1", (now,)
            )
            is not None
        )

    def take_back(self, now: int) -> None:
        """Let runs whose lease ended wait again; they go on from their checkpoints."""
        self._database.run(
            "UPDATE run SET state = 'interrupted', lease_owner = NULL, lease_until = NULL"
            " WHERE state = 'running' AND lease_until < ?",
            (now,),
        )

    def next(self) -> str | None:
        """The run to be claimed next, None when nothing waits or all that waits is held back. Only reads."""
        found: str | None = self._database.value(
            _NEXT, (self.ceilings.per_host, self.ceilings.per_connection)
        )
        return found

    def claim(self, owner: str, lease_until: int, now: int) -> Claim | None:
        """Take the next run. None also when it was cancelled at this moment."""
        run_id = self.next()
        if run_id is None:
            return None
        with self._database.write():
            row = self._database.row(
                "UPDATE run SET state = 'running', lease_owner = ?, lease_until = ?, attempts = attempts + 1,"
                " started_at = coalesce(started_at, ?) WHERE id = ? AND state IN ('queued', 'interrupted')"
                " RETURNING id, connection_id, mode",
                (owner, lease_until, now, run_id),
            )
        return None if row is None else Claim(row["id"], row["connection_id"], row["mode"])

    def held_back(self, connection_id: str) -> str | None:
        """Why no run of a connection is claimed now: `host` or `connection`, whose ceiling is reached, or None."""
        row = self._database.row(
            "SELECT count(*) FILTER (WHERE o.connection_id = c.id) AS own,"
            " count(*) FILTER (WHERE other.host = c.host) AS same_host"
            " FROM connection c LEFT JOIN run o ON o.state = 'running'"
            " LEFT JOIN connection other ON other.id = o.connection_id WHERE c.id = ?",
            (connection_id,),
        )
        if row is None:
            return None
        if row["own"] >= self.ceilings.per_connection:
            return "connection"
        return "host" if row["same_host"] >= self.ceilings.per_host else None
