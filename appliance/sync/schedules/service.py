"""The schedule of a connection for those who look at it and change it: its rules, its due times, and why not now."""

from collections.abc import Callable, Mapping
from typing import Any

from appliance.clock import Clock, iso
from appliance.connections.errors import ConnectionClosed, ConnectionNotFound
from appliance.connections.tables import CONNECTED, OFFLINE, Connection, ConnectionTable
from appliance.store.database import Database, Row
from appliance.sync.errors import ScheduleInvalid, UnknownEntity
from appliance.sync.planner import Planner
from appliance.sync.schedules.due import Timetables
from appliance.sync.schedules.rule import FOR_GOOD, Bounds, Rule, Timetable, read_rule
from appliance.sync.schedules.timing import quiet_until

WHOLE = ""
"""Stands for the connection as a whole where an entity is named."""


class Schedules:
    """`bounds` tells how often a connection may be synchronized, `disk_is_full` whether all runs wait for room."""

    def __init__(
        self,
        database: Database,
        planner: Planner,
        bounds: Callable[[Connection], Bounds],
        disk_is_full: Callable[[], bool],
        clock: Clock,
    ) -> None:
        self._database = database
        self._planner = planner
        self._rules = planner.due_times.rules
        self._bounds = bounds
        self._disk_is_full = disk_is_full
        self._connections = ConnectionTable(database)
        self._clock = clock

    def describe(self, connection_id: str) -> dict[str, Any]:
        """Rules as they were set, and by entity what is in force, what is due when, and why not now.

        Raises ConnectionNotFound. Some queries, whatever the number of entities.
        """
        connection = self._find(connection_id)
        rules = {entity: rule for (_, entity), rule in self._rules.of([connection.id]).items()}
        changed = self._rules.last_change(connection.id)
        bounds = self._bounds(connection)
        tables = self._planner.due_times.timetables([connection.id])
        active = {row["entity"]: row for row in self._planner.runs.active(connection.id)}
        held_back = "disk" if self._disk_is_full() else None
        if active and held_back is None:
            held_back = self._planner.claims.held_back(connection.id)
        return {
            "connection_id": connection.id,
            "status": connection.status,
            "rule": rules.pop(WHOLE, Rule()).as_dict(),
            "entity_rules": {entity: rule.as_dict() for entity, rule in sorted(rules.items())},
            "changed_at": iso(changed[0]) if changed else None,
            "changed_by": changed[1] if changed else None,
            "shortest_seconds": bounds.shortest,
            "longest_seconds": bounds.longest,
            "entities": [
                self._entity(connection, row, tables, active.get(row["entity"]), held_back)
                for row in self._planner.schedules.of_connection(connection.id)
            ],
        }

    def change(self, connection_id: str, rule: Any, entity_rules: Any, *, by: str) -> None:
        """Set all rules of a connection, as JSON, in place of the former ones, and plan anew.

        Raises ConnectionNotFound, ConnectionClosed, UnknownEntity, ScheduleInvalid; nothing is changed then.
        """
        connection = self._open(connection_id)
        bounds = self._bounds(connection)
        rules = {WHOLE: read_rule(rule, bounds)}
        if not isinstance(entity_rules, Mapping):
            wanted = "an object of entity and rule"
            raise ScheduleInvalid(f"entity_rules is {wanted}.", details={"fields": {"entity_rules": wanted}})
        self._check_entities(connection, list(entity_rules))
        for entity, document in entity_rules.items():
            rules[entity] = read_rule(document, bounds, where=f"entity_rules.{entity}")
        self._replace(connection, rules, by)

    def set_rule(self, connection_id: str, entity: str, rule: Rule, *, by: str) -> None:
        """Set one rule, of an entity or of the whole connection, that was checked before. Raises as `change` does."""
        connection = self._open(connection_id)
        if entity:
            self._check_entities(connection, [entity])
        rules = {name: held for (_, name), held in self._rules.of([connection.id]).items()}
        self._replace(connection, {**rules, entity: rule}, by)

    def pause(self, connection_id: str, entity: str = WHOLE, *, until: int = FOR_GOOD, by: str) -> None:
        """Synchronize an entity, or the whole connection, not before `until`. Raises as `change` does."""
        self.set_rule(connection_id, entity, self.rule(connection_id, entity).paused(until), by=by)

    def resume(self, connection_id: str, entity: str = WHOLE, *, by: str) -> None:
        """End a pause; what was missed meanwhile is due at its next time. Raises as `change` does."""
        self.set_rule(connection_id, entity, self.rule(connection_id, entity).paused(None), by=by)

    def rule(self, connection_id: str, entity: str = WHOLE) -> Rule:
        """What was set for an entity itself, or for the whole connection."""
        return self._rules.of([connection_id]).get((connection_id, entity), Rule())

    def read(self, connection_id: str, document: Any, *, where: str = "rule") -> Rule:
        """A rule within the bounds of a connection. Raises ConnectionNotFound, ScheduleInvalid."""
        return read_rule(document, self._bounds(self._find(connection_id)), where=where)

    def _replace(self, connection: Connection, rules: Mapping[str, Rule], by: str) -> None:
        with self._database.write():
            self._rules.replace(connection.id, rules, by=by, now=self._clock.now_ms())
            self._planner.replan(connection.id)

    def _find(self, connection_id: str) -> Connection:
        found = self._connections.find(connection_id)
        if found is None:
            raise ConnectionNotFound(f"There is no connection {connection_id[:60]!r}.")
        return found

    def _open(self, connection_id: str) -> Connection:
        connection = self._find(connection_id)
        if not connection.is_open:
            raise ConnectionClosed(f"The connection {connection.name!r} is disconnected; it has no schedule.")
        return connection

    def _check_entities(self, connection: Connection, entities: list[Any]) -> None:
        known = self._planner.schedules.entities(connection.id)
        unknown = [str(entity)[:60] for entity in entities if entity not in known]
        if unknown:
            raise UnknownEntity(
                f"This connection does not serve {', '.join(unknown)}. It serves: {', '.join(known)}.",
                details={"entities": known},
            )

    def _entity(
        self,
        connection: Connection,
        row: Row,
        tables: Timetables,
        active: Row | None,
        held_back: str | None,
    ) -> dict[str, Any]:
        table = tables.of(connection.id, row["entity"])
        return {
            "entity": row["entity"],
            "in_force": tables.in_force(connection.id, row["entity"]).as_dict(),
            "next_due_at": iso(row["next_due_at"]),
            "next_reconcile_at": iso(row["next_reconcile_at"]),
            "last_success_at": iso(row["last_success_at"]),
            "why_not_now": self._why_not_now(connection, row, table, active, held_back),
        }

    def _why_not_now(
        self, connection: Connection, row: Row, table: Timetable, active: Row | None, held_back: str | None
    ) -> dict[str, Any]:
        """The first reason in order; `until` is None where nobody knows."""
        now = self._clock.now_ms()
        due = row["next_due_at"]
        if connection.status not in (CONNECTED, OFFLINE):
            return _why("connection", "The connection is disconnected, or waits to be reauthorized.")
        if active is not None and active["state"] == "running":
            return _why("running", f"The run {active['id']} does it now.")
        if held_back == "disk":
            return _why("disk", "All synchronization waits for room on the disk.")
        if active is not None and held_back == "host":
            return _why("ceiling", "As many runs as may ask this source at the same time are under way.")
        if active is not None:
            return _why("queued", f"It waits its turn in the run {active['id']}.")
        if table.paused_until is not None and table.paused_until > now:
            until = None if table.paused_until == FOR_GOOD else table.paused_until
            return _why("paused", "It is paused.", until)
        if row["failures"]:
            times = "once" if row["failures"] == 1 else f"{row['failures']} times in a row"
            return _why("backoff", f"It failed {times} and is tried again.", due)
        if quiet_until(table, now) is not None:
            return _why("quiet", "These are quiet hours.", due)
        return _why("not_due", "It is not due yet.", due)


def _why(reason: str, message: str, until: int | None = None) -> dict[str, Any]:
    return {"reason": reason, "message": message, "until": iso(until)}
