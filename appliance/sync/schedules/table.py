"""The rules of schedules as they are stored: of a connection under the entity '', and of its entities."""

from collections.abc import Iterable, Mapping

import msgspec

from appliance.store.database import Database
from appliance.sync.schedules.rule import Rule, read_rule

Rules = dict[tuple[str, str], Rule]
"""By connection and entity."""


class RuleTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, connection_ids: Iterable[str]) -> Rules:
        """All rules of these connections. One query."""
        rows = self._database.rows(
            "SELECT connection_id, entity, rule FROM schedule_rule"
            " WHERE connection_id IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(list(connection_ids)).decode(),),
        )
        return {
            (row["connection_id"], row["entity"]): read_rule(msgspec.json.decode(row["rule"])) for row in rows
        }

    def replace(self, connection_id: str, rules: Mapping[str, Rule], *, by: str, now: int) -> None:
        """Keep these rules by entity in place of all former ones; one that says nothing is left out."""
        with self._database.write():
            self.erase(connection_id)
            self._database.run_many(
                "INSERT INTO schedule_rule (connection_id, entity, rule, changed_at, changed_by)"
                " VALUES (?, ?, ?, ?, ?)",
                [
                    (connection_id, entity, msgspec.json.encode(rule.as_dict()).decode(), now, by)
                    for entity, rule in rules.items()
                    if rule != Rule()
                ],
            )

    def last_change(self, connection_id: str) -> tuple[int, str] | None:
        """When (milliseconds since 1970) and by whom a rule was set, None where none is."""
        row = self._database.row(
            "SELECT changed_at, changed_by FROM schedule_rule WHERE connection_id = ?"
            " ORDER BY changed_at DESC LIMIT 1",
            (connection_id,),
        )
        return None if row is None else (row["changed_at"], row["changed_by"])

    def erase(self, connection_id: str) -> int:
        return self._database.run("DELETE FROM schedule_rule WHERE connection_id = ?", (connection_id,))
