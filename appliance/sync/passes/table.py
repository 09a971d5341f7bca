"""What is stored of passes: state, counts and checkpoint of one entity of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.store.database import Database
from appliance.sync.runs.tables import MOST_NOTICES, EntityState, Mode, json_of, text_of

# What a pass left unfinished is gone on with for a day; rows it met before may have changed since.
RESUMABLE_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Pass:
    """One entity of a claimed run; what follows `kind` is set when it has begun. Times in milliseconds.

    `number` is there for passes that meet every row and are compared with the store, which holds changes until
    `seq` when they begin. `unproven` says why nothing may be concluded from a row that was not met. `taken_up`: an
    earlier run left the pass behind, so what changed since on pages it had read is still to come.
    """

    run_id: str
    entity: str
    state: EntityState
    kind: Mode
    started_at: int | None = None
    since: int | None = None
    until: int | None = None
    since_mark: Any = None
    number: int | None = None
    seq: int | None = None
    checkpoint: dict[str, Any] | None = None
    unproven: str | None = None
    newest: int | None = None
    deletes_freely: bool = False
    taken_up: bool = False


@dataclass(frozen=True, slots=True)
class PageCounts:
    """What one page adds to the counts of an entity. `lacking` are keys that the store does not have."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    lacking: int = 0
    requests: int = 0
    bytes: int = 0
    waited_ms: int = 0


_COLUMNS = (
    "e.run_id, e.entity, e.state, coalesce(e.kind, r.mode) AS kind, e.pass_started_at AS started_at, e.since,"
    " e.until, e.since_mark, e.pass_id AS number, e.pass_seq AS seq, e.checkpoint, e.unproven, e.newest,"
    " e.deletes_freely"
)


class PassTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of_run(self, run_id: str) -> list[Pass]:
        """The entities of a run that still are to be done, in order."""
        return self._found("e.run_id = ? AND e.state IN ('queued', 'running') ORDER BY e.position", (run_id,))

    def left_behind(self, connection_id: str, entity: str, now: int) -> Pass | None:
        """The failed pass of an earlier run that may be gone on with, or None."""
        found = self._found(
            "e.run_id = (SELECT resume_run_id FROM schedule WHERE connection_id = ? AND entity = ?)"
            " AND e.entity = ? AND e.state = 'failed' AND e.checkpoint IS NOT NULL AND e.pass_started_at > ?",
            (connection_id, entity, entity, now - RESUMABLE_MS),
        )
        return found[0] if found else None

    def _found(self, condition: str, parameters: Sequence[Any]) -> list[Pass]:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM run_entity e JOIN run r ON r.id = e.run_id WHERE {condition}", parameters
        )
        return [
            Pass(
                **{
                    **row,
                    "since_mark": json_of(row["since_mark"]),
                    "checkpoint": json_of(row["checkpoint"]),
                    "deletes_freely": bool(row["deletes_freely"]),
                }
            )
            for row in rows
        ]

    def let_delete(self, run_id: str, entity: str) -> None:
        """A person has said that what is missing may be deleted however much it is."""
        self._database.run(
            "UPDATE run_entity SET deletes_freely = 1 WHERE run_id = ? AND entity = ?", (run_id, entity)
        )

    def set_spans(self, run_id: str, spans: Mapping[str, tuple[int, int]]) -> None:
        """The times, [from, until) in milliseconds, that passes of a backfill are to read, by entity."""
        self._database.run_many(
            "UPDATE run_entity SET since = ?, until = ? WHERE run_id = ? AND entity = ?",
            [(since, until, run_id, entity) for entity, (since, until) in spans.items()],
        )

    def begin(self, one: Pass, now: int, *, follows: str | None = None) -> None:
        """Write down a pass that begins now, or goes on with that of the run `follows`."""
        self._database.run(
            "UPDATE run_entity SET state = 'running', kind = ?, pass_started_at = ?, since = ?, until = ?,"
            " since_mark = ?, pass_id = ?, pass_seq = ?, checkpoint = ?, unproven = ?, newest = ?,"
            " started_at = coalesce(started_at, ?), (mark, pass_rows, expected) ="
            " (SELECT f.mark, coalesce(f.pass_rows, 0), f.expected FROM (SELECT 1) LEFT JOIN run_entity f"
            " ON f.run_id = ? AND f.entity = run_entity.entity)"
            " WHERE run_id = ? AND entity = ?",
            (
                *(one.kind, one.started_at, one.since, one.until, text_of(one.since_mark)),
                *(one.number, one.seq, text_of(one.checkpoint), one.unproven, one.newest),
                *(now, follows, one.run_id, one.entity),
            ),
        )

    def add_page(
        self,
        one: Pass,
        counts: PageCounts,
        checkpoint: dict[str, Any] | None,
        now: int,
        *,
        mark: Any = None,
        listed: int = 0,
        expected: int | None = None,
        newest: int | None = None,
    ) -> None:
        """Add a page to the counts and keep where the pass goes on. Called in the page's own transaction.

        `listed` are rows that count against what the source `expected` in all.
        """
        self._database.run(
            "UPDATE run_entity SET checkpoint = ?, mark = coalesce(?, mark), expected = coalesce(?, expected),"
            " newest = coalesce(max(newest, ?), newest, ?), fetched = fetched + ?, inserted = inserted + ?,"
            " pass_rows = pass_rows + ?,"
            " updated = updated + ?, unchanged = unchanged + ?, rejected = rejected + ?, deleted = deleted + ?,"
            " lacking = lacking + ?, requests = requests + ?, bytes = bytes + ?, waited_ms = waited_ms + ?,"
            " pages = pages + 1, progress_at = ? WHERE run_id = ? AND entity = ?",
            (
                *(text_of(checkpoint), text_of(mark), expected, newest, newest),
                *(counts.fetched, counts.inserted, listed, counts.updated, counts.unchanged, counts.rejected),
                *(counts.deleted, counts.lacking, counts.requests, counts.bytes, counts.waited_ms),
                *(now, one.run_id, one.entity),
            ),
        )

    def cannot_prove(self, one: Pass, why: str) -> None:
        """Nothing may be concluded from what this pass does not meet; the first reason stays."""
        self._database.run(
            "UPDATE run_entity SET unproven = coalesce(unproven, ?) WHERE run_id = ? AND entity = ?",
            (why, one.run_id, one.entity),
        )

    def standing(self, one: Pass) -> dict[str, Any]:
        """What a pass has counted so far: pass_rows, expected, lacking, unproven, newest."""
        row = self._database.row(
            "SELECT pass_rows, expected, lacking, unproven, newest FROM run_entity"
            " WHERE run_id = ? AND entity = ?",
            (one.run_id, one.entity),
        )
        assert row is not None, "a pass stands in its run"
        return row

    def progressed(self, one: Pass) -> bool:
        """Whether this run has got further with a pass than it had found it."""
        return bool(
            self._database.value(
                "SELECT pages > 0 FROM run_entity WHERE run_id = ? AND entity = ?", (one.run_id, one.entity)
            )
        )

    def finish(
        self, run_id: str, entity: str, state: EntityState, now: int, error: tuple[str, str] | None = None
    ) -> bool:
        """Close a pass; False when it was closed before, such as by a cancellation, which stays.

        Without an error of its own it keeps what was noted of it.
        """
        code, message = error or (None, None)
        closed = self._database.run(
            "UPDATE run_entity SET state = ?, finished_at = ?, error_code = coalesce(?, error_code),"
            " error_message = coalesce(?, error_message)"
            " WHERE run_id = ? AND entity = ? AND state IN ('queued', 'running')",
            (state, now, code, message, run_id, entity),
        )
        return closed == 1

    def note(self, run_id: str, entity: str, code: str, message: str) -> None:
        """Keep why the first of the rejected rows of a pass was rejected."""
        self._database.run(
            "UPDATE run_entity SET error_code = ?, error_message = ?"
            " WHERE run_id = ? AND entity = ? AND error_code IS NULL",
            (code, message, run_id, entity),
        )

    def add_notices(self, run_id: str, entity: str, messages: Sequence[str], now: int) -> None:
        """What to know of a pass though it goes on; each message once, MOST_NOTICES of an entity at most."""
        self._database.run_many(
            "INSERT INTO run_notice (run_id, entity, message, noted_at) SELECT ?1, ?2, ?3, ?4 WHERE"
            " (SELECT count(*) FROM run_notice WHERE run_id = ?1 AND entity = ?2) < ?5 ON CONFLICT DO NOTHING",
            [(run_id, entity, message, now, MOST_NOTICES) for message in messages],
        )

    def under_way(self) -> list[int]:
        """Numbers of the passes whose met records are still needed: those begun, and those to be gone on with."""
        return [
            row[0]
            for row in self._database.tuples(
                "SELECT pass_id FROM run_entity e JOIN run r ON r.id = e.run_id WHERE pass_id IS NOT NULL"
                " AND r.state IN ('queued', 'running', 'interrupted') AND e.state = 'running'"
                " UNION SELECT e.pass_id FROM schedule s JOIN run_entity e"
                " ON e.run_id = s.resume_run_id AND e.entity = s.entity WHERE e.pass_id IS NOT NULL"
            )
        ]
