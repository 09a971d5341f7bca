"""How a connection stands: four aspects of its health, each with the time of its last proof, and its open issues.

Whether a source is reached, lets us in and lets us read is proven by what is asked of it (see health.py). Whether the
data is whole follows from the schedules and the issues, so nothing about it is stored a second time.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from appliance.clock import Clock, iso
from appliance.connections.condition.issues import Issue, Issues
from appliance.connections.condition.proofs import Known, Proof, ProofTable
from appliance.connections.condition.remedies import ASPECTS, Aspect
from appliance.connections.tables import CONNECTED, Connection
from appliance.store.database import Database, Row
from appliance.sync.schedules.due_table import ScheduleTable

STALE_INTERVALS = 3
"""An entity without a success for so many of its intervals is stale."""
LOOK_MS = 300_000
SHORTEST_GAP_MS = 60_000
OVERDUE_MS = 60_000
NAMED = 5

Gaps = Callable[[Collection[str]], Callable[[str, str], int]]
"""From connections to a function of connection and entity that gives milliseconds."""


class Standing:
    """`gaps` gives, for some connections, the usual time between two synchronizations of an entity."""

    def __init__(self, database: Database, issues: Issues, gaps: Gaps, clock: Clock) -> None:
        self._gaps = gaps
        self._database = database
        self._issues = issues
        self._clock = clock
        self._proofs = ProofTable(database)
        self._schedules = ScheduleTable(database)
        self._looked_at: int | None = None

    def describe(self, connection: Connection) -> dict[str, Any]:
        """Plain data for API, page and command line. Six queries at most.

        `state` of an aspect is proven, failing, or unknown while nothing was tried or the connection is disconnected.
        """
        known = self._proofs.of_connection(connection.id)
        issues = self._issues.open_issues(connection.id)
        aspects = {aspect: self._proof(known, aspect) for aspect in ASPECTS if aspect != "data"}
        return {
            "connection_id": connection.id,
            "status": connection.status,
            "status_reason": connection.status_reason,
            "status_since": iso(connection.status_at),
            "aspects": {**aspects, "data": self._data(connection, issues)},
            "next_probe_at": iso(self._proofs.plan(connection.id).due_at),
            "issues": [issue.as_dict() for issue in issues],
        }

    def look_for_stale(self) -> None:
        """Open an issue for connections whose entities are behind though their source answers; once in five minutes.

        Reads all schedules. A connection that a run is reading right now is left as it is.
        """
        now = self._clock.now_ms()
        if self._looked_at is not None and 0 <= now - self._looked_at < LOOK_MS:
            return
        self._looked_at = now
        behind: dict[str, list[Row]] = {}
        for row in self._stale(None, now):
            # Not before the connection itself has been in order for so long.
            if row["status"] == CONNECTED and row["status_at"] < now - STALE_INTERVALS * row["gap"]:
                behind.setdefault(row["connection_id"], []).append(row)
        if behind:
            with self._database.write():
                self._open_stale(behind)
        over = [row["id"] for row in self._issues.of_code("DATA_STALE") if row["connection_id"] not in behind]
        if over:
            self._issues.end(over)

    def _open_stale(self, behind: Mapping[str, list[Row]]) -> None:
        for connection_id, rows in behind.items():
            if rows[0]["running"]:
                continue
            self._issues.open(
                "DATA_STALE",
                f"Nothing new has arrived for {STALE_INTERVALS} intervals: "
                f"{_named([row['entity'] for row in rows])}.",
                connection_id=connection_id,
                detail={"entities": {row["entity"]: iso(row["last_success_at"]) for row in rows}},
            )

    def _stale(self, connection_id: str | None, now: int) -> list[Row]:
        """Entities that failed, are overdue or wait for a worker, and have had no success for several intervals.

        What is not due, as in quiet hours, is not behind, however long ago its last success was.
        """
        one = "" if connection_id is None else " AND s.connection_id = ?3"
        rows = self._database.rows(
            "SELECT s.connection_id, s.entity, s.last_success_at, c.status, c.status_at,"
            " coalesce(s.last_success_at, c.connected_at) AS since,"
            " s.connection_id IN (SELECT connection_id FROM run WHERE state = 'running') AS running"
            # CROSS JOIN: of one connection only its own schedules are read.
            " FROM schedule s CROSS JOIN connection c ON c.id = s.connection_id"
            " WHERE c.status IN ('connected', 'offline') AND s.next_due_at IS NOT NULL"
            " AND coalesce(s.last_success_at, c.connected_at) < ?1"
            " AND (s.failures > 0 OR s.next_due_at < ?2 OR s.connection_id IN"
            f" (SELECT connection_id FROM run WHERE state IN ('queued', 'interrupted'))){one}"
            " ORDER BY s.connection_id, s.entity",
            (
                now - STALE_INTERVALS * SHORTEST_GAP_MS,
                now - OVERDUE_MS,
                *(() if connection_id is None else (connection_id,)),
            ),
        )
        if not rows:
            return []
        gap = self._gaps({row["connection_id"] for row in rows})
        found = [{**row, "gap": gap(row["connection_id"], row["entity"])} for row in rows]
        return [row for row in found if row["since"] < now - STALE_INTERVALS * row["gap"]]

    def _proof(self, known: Known, aspect: Aspect) -> dict[str, Any]:
        whole = known.get((aspect, ""))
        entities = [proof for (its, entity), proof in known.items() if its == aspect and entity]
        failing = [proof for proof in entities if proof.state == "failing"]
        worst = next(iter(failing), whole)
        told = _told(worst)
        if whole is not None:
            told["proven_at"] = iso(whole.proven_at)
        if failing:
            told["message"] = f"{_named([proof.entity for proof in failing])}: {failing[0].message}"
            told["failed_at"] = iso(max(proof.failed_at or 0 for proof in failing))
        if aspect == "authorized":
            told["entities"] = [{"entity": proof.entity, **_told(proof)} for proof in entities]
        return told

    def _data(self, connection: Connection, issues: list[Issue]) -> dict[str, Any]:
        rows = self._schedules.of_connection(connection.id)
        stale = {row["entity"] for row in self._stale(connection.id, self._clock.now_ms())}
        entities = [
            {
                "entity": row["entity"],
                "problem": "failed" if row["last_error"] else "stale",
                "message": row["last_error"],
                "last_successful_sync": iso(row["last_success_at"]),
            }
            for row in rows
            if row["last_error"] or row["entity"] in stale
        ]
        about_data = [issue for issue in issues if issue.aspect == "data"]
        successes = [row["last_success_at"] for row in rows]
        whole = bool(successes) and None not in successes
        state = "failing" if entities or about_data else ("proven" if whole else "unknown")
        message = next((issue.message for issue in about_data), None)
        if entities:
            message = f"{len(entities)} of {len(rows)} entities are behind: {_named([e['entity'] for e in entities])}."
        return {
            "state": state if connection.is_open else "unknown",
            # All of them had arrived by then.
            "proven_at": iso(min(successes)) if whole else None,
            "failed_at": iso(max((issue.updated_at for issue in about_data), default=None)),
            "since": iso(min((issue.opened_at for issue in about_data), default=None)),
            "code": next((issue.code for issue in about_data), None),
            "message": message,
            "entities": entities,
        }


def _told(proof: Proof | None) -> dict[str, Any]:
    if proof is None:
        return dict.fromkeys(("proven_at", "failed_at", "since", "code", "message"), None) | {
            "state": "unknown"
        }
    return {
        "state": proof.state,
        "proven_at": iso(proof.proven_at),
        "failed_at": iso(proof.failed_at),
        "since": iso(proof.since),
        "code": proof.code,
        "message": proof.message,
    }


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
