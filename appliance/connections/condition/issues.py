"""Issues: what is wrong, since when, what to do, and who can do it. Durable, one row for one thing.

An issue is opened once for its connection, code and entity, and updated when it is seen again. The proof that it is
over resolves it. Who dismisses one says why; it then rests until the proof, unless it becomes more severe.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from appliance.clock import Clock, iso, new_id
from appliance.connections.condition.remedies import REMEDIES, SEVERITIES, Aspect, Severity, Who
from appliance.connections.errors import IssueNotFound
from appliance.errors import Conflict, InvalidInput
from appliance.store.database import Database, Row

SEEN_AGAIN_MS = 60_000
"""The same seen again sooner is not written."""
LONGEST_NOTE = 500
MOST_SHOWN = 200
LONGEST_MESSAGE = 2000

State = Literal["open", "dismissed", "resolved"]
STATES: tuple[State, ...] = ("open", "dismissed", "resolved")
_IN_STATE: Mapping[str, str] = {
    "open": "i.resolved_at IS NULL AND i.dismissed_at IS NULL",
    "dismissed": "i.resolved_at IS NULL AND i.dismissed_at IS NOT NULL",
    "resolved": "i.resolved_at IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Issue:
    """Times are milliseconds since 1970. Without `connection_id` it is one of the appliance; `entity` may be empty.

    `count` is how often it was seen, once a minute at most; `detail` is what was known of it last.
    """

    id: str
    connection_id: str | None
    connection_name: str | None
    code: str
    entity: str
    aspect: Aspect | None
    severity: Severity
    message: str
    fix: str
    who: Who
    detail: dict[str, Any]
    count: int
    opened_at: int
    updated_at: int
    resolved_at: int | None
    dismissed_at: int | None
    dismissed_by: str | None
    note: str | None

    @property
    def state(self) -> State:
        if self.resolved_at is not None:
            return "resolved"
        return "open" if self.dismissed_at is None else "dismissed"

    def as_dict(self) -> dict[str, Any]:
        """For API and command line."""
        return {
            "id": self.id,
            "state": self.state,
            "severity": self.severity,
            "code": self.code,
            "connection_id": self.connection_id,
            "connection_name": self.connection_name,
            "entity": self.entity or None,
            "aspect": self.aspect,
            "message": self.message,
            "fix": self.fix,
            "who": self.who,
            "detail": self.detail,
            "count": self.count,
            "opened_at": iso(self.opened_at),
            "updated_at": iso(self.updated_at),
            "resolved_at": iso(self.resolved_at),
            "dismissed_at": iso(self.dismissed_at),
            "dismissed_by": self.dismissed_by,
            "note": self.note,
        }


class Issues:
    """The one door to issues. `open` and `resolve` join a transaction that is under way.

    `system_name` gives the name by which people know a system.
    """

    def __init__(
        self, database: Database, clock: Clock, system_name: Callable[[str], str] = lambda system: system
    ) -> None:
        self._database = database
        self._clock = clock
        self._system_name = system_name

    def open(
        self,
        code: str,
        message: str,
        *,
        connection_id: str | None = None,
        entity: str = "",
        severity: Severity | None = None,
        fix: str | None = None,
        who: Who | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> bool:
        """Open an issue, or note that an open one is seen again; whether it says something new.

        Severity, fix and who come from the table of remedies where they are not given. One query where the same was
        seen within the last minute. Raises ValueError for a code that is in no table and comes without a fix.
        """
        remedy = REMEDIES.get(code)
        who = who or (remedy.who if remedy else None)
        if who is None or not (fix or remedy):
            raise ValueError(f"the issue {code} does not say what to do, or who can do it")
        severity = severity or (remedy.severity if remedy else "warning")
        now, message = self._clock.now_ms(), message[:LONGEST_MESSAGE]
        told = json.dumps(dict(detail or {}))
        known = self._current(code, connection_id, entity)
        if (
            known is not None
            and (known["message"], known["detail"], known["severity"]) == (message, told, severity)
            and now - known["updated_at"] < SEEN_AGAIN_MS
        ):
            return False
        fix = fix or self._fix(code, connection_id)
        with self._database.write():
            known = self._current(code, connection_id, entity)
            if known is not None:
                worse = SEVERITIES.index(severity) > SEVERITIES.index(known["severity"])
                self._database.run(
                    "UPDATE issue SET message = ?, detail = ?, severity = ?, fix = ?, who = ?, updated_at = ?,"
                    " count = count + 1, dismissed_at = CASE WHEN ? THEN NULL ELSE dismissed_at END WHERE id = ?",
                    (message, told, severity, fix, who, now, worse, known["id"]),
                )
                return bool(known["message"] != message)
            self._database.insert(
                "issue",
                id=new_id("iss"),
                connection_id=connection_id,
                code=code,
                entity=entity,
                aspect=remedy.aspect if remedy else None,
                severity=severity,
                message=message,
                fix=fix,
                who=who,
                detail=told,
                opened_at=now,
                updated_at=now,
            )
            return True

    def resolve(self, code: str, *, connection_id: str | None = None, entity: str = "") -> None:
        """The proof came. One query where there is no such issue."""
        known = self._current(code, connection_id, entity)
        if known is not None:
            self.end([known["id"]])

    def end(self, issue_ids: Iterable[str]) -> None:
        """Resolve these."""
        now = self._clock.now_ms()
        self._database.run_many(
            "UPDATE issue SET resolved_at = ? WHERE id = ? AND resolved_at IS NULL",
            [(now, issue_id) for issue_id in issue_ids],
        )

    def end_connection(self, connection_id: str) -> None:
        """A disconnected connection has no issues any more."""
        self._database.run(
            "UPDATE issue SET resolved_at = ? WHERE connection_id = ? AND resolved_at IS NULL",
            (self._clock.now_ms(), connection_id),
        )

    def erase(self, connection_id: str) -> int:
        """Delete those of a connection; how many."""
        return self._database.run("DELETE FROM issue WHERE connection_id = ?", (connection_id,))

    def unresolved(self, connection_id: str) -> list[Row]:
        """Id, code, entity and aspect of what is not resolved, dismissed ones included."""
        return self._database.rows(
            "SELECT id, code, entity, aspect FROM issue"
            " WHERE coalesce(connection_id, '') = ? AND resolved_at IS NULL",
            (connection_id,),
        )

    def own(self, codes: Sequence[str]) -> list[Row]:
        """Id, code and entity of the appliance's own issues of these codes that are not resolved."""
        marks = ", ".join("?" * len(codes))
        return self._database.rows(
            "SELECT id, code, entity FROM issue WHERE coalesce(connection_id, '') = '' AND resolved_at IS NULL"
            f" AND code IN ({marks})",
            tuple(codes),
        )

    def of_code(self, code: str) -> list[Row]:
        """Id, connection and entity of the issues of a code that are not resolved. Reads all that are not."""
        return self._database.rows(
            "SELECT id, connection_id, entity FROM issue WHERE resolved_at IS NULL AND code = ?", (code,)
        )

    def open_issues(self, connection_id: str | None = None) -> list[Issue]:
        """The open ones of a connection, or of everything; the most severe first, MOST_SHOWN at most."""
        return self.page(None if connection_id is None else [connection_id], "open", limit=MOST_SHOWN)

    def page(
        self, connection_ids: Collection[str] | None, state: State | None, *, limit: int, offset: int = 0
    ) -> list[Issue]:
        """Issues in a state, or in any, the newest first; before that the most severe ones where they are open.

        Those of these connections only; None: of all of them and of the appliance.
        """
        where, parameters = _where(connection_ids, state)
        severe = "" if state in (None, "resolved") else f"{_BY_SEVERITY}, "
        rows = self._database.rows(
            f"{_ISSUE}{where} ORDER BY {severe}i.opened_at DESC, i.id LIMIT ? OFFSET ?",
            (*parameters, limit, offset),
        )
        return [_issue(row) for row in rows]

    def count(self, connection_ids: Collection[str] | None = None, state: State | None = "open") -> int:
        where, parameters = _where(connection_ids, state)
        number: int = self._database.value(f"SELECT count(*) FROM issue i{where}", parameters)
        return number

    def get(self, issue_id: str) -> Issue:
        """Raises IssueNotFound."""
        row = self._database.row(f"{_ISSUE} WHERE i.id = ?", (issue_id,))
        if row is None:
            raise IssueNotFound(f"There is no issue {issue_id[:60]!r}.")
        return _issue(row)

    def dismiss(self, issue_id: str, note: str, *, by: str) -> Issue:
        """Let an issue rest until it is over or gets worse. Raises IssueNotFound, InvalidInput, Conflict."""
        note = note.strip()
        if not 1 <= len(note) <= LONGEST_NOTE:
            raise InvalidInput(
                f"Say in 1 to {LONGEST_NOTE} characters why the issue is dismissed.",
                details={"fields": {"note": "required"}},
            )
        with self._database.write():
            if self.get(issue_id).state != "open":
                raise Conflict("The issue is no longer open.")
            self._database.run(
                "UPDATE issue SET dismissed_at = ?, dismissed_by = ?, note = ? WHERE id = ?",
                (self._clock.now_ms(), by, note, issue_id),
            )
        return self.get(issue_id)

    def _current(self, code: str, connection_id: str | None, entity: str) -> Row | None:
        return self._database.row(
            "SELECT id, severity, message, detail, updated_at FROM issue"
            " WHERE coalesce(connection_id, '') = ? AND code = ? AND entity = ? AND resolved_at IS NULL",
            (connection_id or "", code, entity),
        )

    def _fix(self, code: str, connection_id: str | None) -> str:
        """What the table says, with the names of the connection and its system."""
        row = self._database.row("SELECT name, system FROM connection WHERE id = ?", (connection_id,))
        name, system = ("the connection", "the system")
        if row is not None:
            name, system = row["name"], self._system_name(row["system"])
        return REMEDIES[code].fix.format(connection=name, system=system)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that another room holds open, and that is an issue as long as it does."""

    message: str
    connection_id: str | None = None
    entity: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


class Conditions:
    """Issues that follow from the state of other rooms, such as a deletion that waits for somebody's word.

    `sources` gives, by the code of the issue, what is open now; each is asked once a minute and best costs one query.
    So those rooms need not know of issues, and no issue outlives what it is about.
    """

    def __init__(
        self, issues: Issues, clock: Clock, sources: Mapping[str, Callable[[], Iterable[Condition]]]
    ) -> None:
        self._issues = issues
        self._clock = clock
        self._sources = sources
        self._looked_at: int | None = None

    def look(self) -> None:
        """Open what is new, resolve what is over."""
        now = self._clock.now_ms()
        if self._looked_at is not None and 0 <= now - self._looked_at < SEEN_AGAIN_MS:
            return
        self._looked_at = now
        for code, source in self._sources.items():
            there = {(one.connection_id, one.entity): one for one in source()}
            known = {(row["connection_id"], row["entity"]): row["id"] for row in self._issues.of_code(code)}
            for one in there.values():
                self._issues.open(
                    code,
                    one.message,
                    connection_id=one.connection_id,
                    entity=one.entity,
                    detail=one.detail,
                )
            over = [issue_id for about, issue_id in known.items() if about not in there]
            if over:
                self._issues.end(over)


_BY_SEVERITY = "CASE i.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END"
_ISSUE = "SELECT i.*, c.name AS connection_name FROM issue i LEFT JOIN connection c ON c.id = i.connection_id"


def _where(connection_ids: Collection[str] | None, state: State | None) -> tuple[str, tuple[Any, ...]]:
    parts = [] if state is None else [_IN_STATE[state]]
    if connection_ids is None:
        return (f" WHERE {' AND '.join(parts)}" if parts else ""), ()
    # The index over issues that are not resolved has this expression; without a state the plain column serves.
    column = "i.connection_id" if state in (None, "resolved") else "coalesce(i.connection_id, '')"
    parts.append(f"{column} IN (SELECT value FROM json_each(?))")
    return f" WHERE {' AND '.join(parts)}", (json.dumps(list(connection_ids)),)


def _issue(row: Row) -> Issue:
    row["detail"] = json.loads(row["detail"])
    return Issue(**row)
