"""Due times of the streams of this appliance: the rules that are stored, and the settings below them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from appliance.store.database import Database
from appliance.sync.schedules import timing
from appliance.sync.schedules.rule import Never, Rule, Timetable, timetable
from appliance.sync.schedules.table import Rules, RuleTable


class Usual(NamedTuple):
    """What the settings say where no rule does. `reconcile_hours` 0: never."""

    interval_seconds: int
    reconcile_hours: int


class Timetables:
    """The timetables of some connections, each made once; entities mostly share that of their connection."""

    def __init__(self, rules: Rules, usual: Usual) -> None:
        self._rules = rules
        self._usual = usual
        self._made: dict[Rule, Timetable] = {}

    def rule(self, connection_id: str, entity: str) -> Rule:
        """The rule in force, without the settings below it."""
        whole = self._rules.get((connection_id, ""), Rule())
        own = self._rules.get((connection_id, entity)) if entity else None
        return whole if own is None else own.over(whole)

    def of(self, connection_id: str, entity: str) -> Timetable:
        rule = self.rule(connection_id, entity)
        if rule not in self._made:
            self._made[rule] = timetable(
                rule,
                interval_seconds=self._usual.interval_seconds,
                reconcile_hours=self._usual.reconcile_hours,
            )
        return self._made[rule]

    def in_force(self, connection_id: str, entity: str) -> Rule:
        """The rule in force with the settings below it, for those who look at it."""
        table = self.of(connection_id, entity)
        return replace(
            self.rule(connection_id, entity),
            pattern=table.pattern,
            time_zone=table.zone.key,
            quiet=table.quiet,
            reconcile=table.reconcile,
        )

    def next_due(self, connection_id: str, entity: str, after: int) -> int | None:
        # Spread by connection, so that its entities come together and share one sign-in.
        return timing.next_due(self.of(connection_id, entity), connection_id, after)

    def next_reconcile(self, connection_id: str, entity: str, after: int) -> int | None:
        # Spread by stream: comparing all lists of a connection at once would keep its other runs waiting.
        return timing.next_reconcile(self.of(connection_id, entity), f"{connection_id} {entity}", after)

    def reconciled(self, due: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Of what was planned, by connection, what still is to be compared: the setting may have changed since."""
        return {
            connection_id: [
                entity
                for entity in entities
                if not isinstance(self.of(connection_id, entity).reconcile, Never)
            ]
            for connection_id, entities in due.items()
        }

    def caught_up(self, connection_id: str, entity: str, moment: int) -> int | None:
        """A moment that was chosen for what was missed, moved out of a pause or quiet window."""
        return timing.moved(self.of(connection_id, entity), connection_id, moment)


class DueTimes:
    """What the runner is given to plan with when an entity has ended. Times are milliseconds since 1970."""

    def __init__(self, database: Database, usual: Usual) -> None:
        self.rules = RuleTable(database)
        self._database = database
        self.usual = usual

    def timetables(self, connection_ids: Iterable[str]) -> Timetables:
        """One query."""
        return Timetables(self.rules.of(connection_ids), self.usual)

    def after_success(self, connection_id: str, entity: str, now: int) -> int | None:
        """When an entity is due again that was synchronized; None while it is paused for good."""
        return self.timetables([connection_id]).next_due(connection_id, entity, now)

    def after_failure(self, connection_id: str, entity: str, now: int, *, rest: int = 0) -> int | None:
        """When an entity is tried again that failed; call it before the failure is counted.

        `rest` is for how many milliseconds the source asked to be left alone.
        """
        failures = self._database.value(
            "SELECT failures FROM schedule WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )
        table = self.timetables([connection_id]).of(connection_id, entity)
        return timing.retry_at(table, f"{connection_id} {entity}", failures or 0, now, rest)
