"""What is stored of proofs: that a source was reached, let us in, let us read; and when it is asked next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from appliance.connections.condition.remedies import Aspect
from appliance.store.database import Database

ProofState = Literal["proven", "failing"]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of an aspect of a connection, or with `entity` of one entity of it.

    `since` is when this state began, `proven_at` and `failed_at` when it was seen last; milliseconds since 1970.
    """

    connection_id: str
    aspect: Aspect
    entity: str
    state: ProofState
    since: int
    proven_at: int | None
    failed_at: int | None
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """When a connection is probed next, None for not at all, and how many probes failed since the last proof."""

    due_at: int | None = None
    failures: int = 0
    probed_at: int | None = None


Known = dict[tuple[Aspect, str], Proof]


class ProofTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of_connection(self, connection_id: str) -> Known:
        """By aspect and entity."""
        rows = self._database.rows("SELECT * FROM proof WHERE connection_id = ?", (connection_id,))
        return {(row["aspect"], row["entity"]): Proof(**row) for row in rows}

    def proven(self, connection_id: str, found: Sequence[tuple[Aspect, str]], now: int) -> None:
        """These aspects, each with an entity or the empty text, were proven now."""
        self._database.run_many(
            "INSERT INTO proof (connection_id, aspect, entity, state, since, proven_at)"
            " VALUES (?1, ?2, ?3, 'proven', ?4, ?4) ON CONFLICT DO UPDATE SET proven_at = ?4, code = NULL,"
            " message = NULL, since = CASE WHEN state = 'proven' THEN since ELSE ?4 END, state = 'proven'",
            [(connection_id, aspect, entity, now) for aspect, entity in found],
        )

    def failing(
        self, connection_id: str, aspect: Aspect, entity: str, code: str, message: str, now: int
    ) -> None:
        """This aspect was found failing now."""
        self._database.run(
            "INSERT INTO proof (connection_id, aspect, entity, state, since, failed_at, code, message)"
            " VALUES (?1, ?2, ?3, 'failing', ?4, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET failed_at = ?4, code = ?5,"
            " message = ?6, since = CASE WHEN state = 'failing' THEN since ELSE ?4 END, state = 'failing'",
            (connection_id, aspect, entity, now, code, message),
        )

    def plan(self, connection_id: str) -> Plan:
        row = self._database.row(
            "SELECT due_at, failures, probed_at FROM probe_plan WHERE connection_id = ?", (connection_id,)
        )
        return Plan() if row is None else Plan(**row)

    def set_plan(self, connection_id: str, plan: Plan) -> None:
        self._database.run(
            "INSERT INTO probe_plan (connection_id, due_at, failures, probed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET due_at = excluded.due_at, failures = excluded.failures,"
            " probed_at = excluded.probed_at",
            (connection_id, plan.due_at, plan.failures, plan.probed_at),
        )

    def due(self, now: int, limit: int) -> list[str]:
        """Connections to be probed, those that wait longest first, without those that a run is asking anyway."""
        # CROSS JOIN keeps the order: what is due first, of which there mostly is nothing, and never all connections.
        rows = self._database.rows(
            "SELECT p.connection_id FROM probe_plan p CROSS JOIN connection c ON c.id = p.connection_id"
            " WHERE p.due_at <= ? AND c.status IN ('connected', 'offline')"
            " AND p.connection_id NOT IN (SELECT connection_id FROM run WHERE state = 'running')"
            " ORDER BY p.due_at LIMIT ?",
            (now, limit),
        )
        return [row["connection_id"] for row in rows]

    def forget(self, connection_id: str) -> int:
        """Delete what is known of a connection; how many proofs."""
        with self._database.write():
            self._database.run("DELETE FROM probe_plan WHERE connection_id = ?", (connection_id,))
            return self._database.run("DELETE FROM proof WHERE connection_id = ?", (connection_id,))
