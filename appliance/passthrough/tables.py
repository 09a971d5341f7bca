"""The rules of connections, and the record of what was handed on."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from appliance.clock import iso
from appliance.passthrough.rules import Rules
from appliance.store.database import Database

# A connection's record is cut to so many calls, a tenth at a time.
KEPT_CALLS = 20_000


@dataclass(frozen=True, slots=True)
class Call:
    """`status` is None when there was no answer; `error` is the code of what went wrong."""

    connection_id: str
    at: int
    caller: str
    request_id: str
    method: str
    what: str
    status: int | None
    milliseconds: int
    bytes: int
    error: str | None


class PassthroughTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def rules(self, connection_id: str) -> Rules:
        held = self._database.value(
            "SELECT rules FROM passthrough_rule WHERE connection_id = ?", (connection_id,)
        )
        return Rules(() if held is None else msgspec.json.decode(held, type=tuple[str, ...]))

    def last_change(self, connection_id: str) -> tuple[int, str] | None:
        """When (milliseconds since 1970) and by whom the rules were set, None where they never were."""
        row = self._database.row(
            "SELECT changed_at, changed_by FROM passthrough_rule WHERE connection_id = ?", (connection_id,)
        )
        return None if row is None else (row["changed_at"], row["changed_by"])

    def set_rules(self, connection_id: str, rules: Rules, *, by: str, now: int) -> None:
        self._database.run(
            "INSERT INTO passthrough_rule (connection_id, rules, changed_at, changed_by) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (connection_id) DO UPDATE SET rules = excluded.rules, changed_at = excluded.changed_at,"
            " changed_by = excluded.changed_by",
            (connection_id, msgspec.json.encode(rules.texts).decode(), now, by),
        )

    def note(self, call: Call) -> None:
        with self._database.write():
            self._database.insert("passthrough_call", **asdict(call))
            number = self._database.value("SELECT max(id) FROM passthrough_call")
            if number % (KEPT_CALLS // 10) == 0:
                self._database.run("DELETE FROM passthrough_call WHERE id <= ?", (number - KEPT_CALLS,))

    def erase(self, connection_id: str) -> int:
        """Forget the rules and calls of a connection; how many calls there were."""
        with self._database.write():
            self._database.run("DELETE FROM passthrough_rule WHERE connection_id = ?", (connection_id,))
            return self._database.run(
                "DELETE FROM passthrough_call WHERE connection_id = ?", (connection_id,)
            )

    def calls(self, connection_id: str, limit: int) -> list[dict[str, Any]]:
        """The latest first."""
        rows = self._database.rows(
            "SELECT * FROM passthrough_call WHERE connection_id = ? ORDER BY id DESC LIMIT ?",
            (connection_id, limit),
        )
        return [{**row, "at": iso(row["at"])} for row in rows]
