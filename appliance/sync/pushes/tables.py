"""What is stored of deliveries: addresses, and the records they have named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.clock import iso
from appliance.runtime.push import ChangeKind, KeyPart, Named
from appliance.store.database import Database, Row
from appliance.store.records import Stream

MOST_WAITING = 500
"""Records of an entity that wait one by one; beyond it reading what has changed of the entity is cheaper."""

KEPT = 200
"""Events of a connection that stay to be looked at after they are done."""

REFUSAL_NOTED_MS = 60_000


@dataclass(frozen=True, slots=True)
class Event:
    """A record that was named. An empty `key` is the whole entity. Times are milliseconds since 1970."""

    id: int
    connection_id: str
    entity: str
    key: tuple[KeyPart, ...]
    change: ChangeKind
    told: int
    attempts: int


class AddressTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, connection_id: str, digest: bytes, hint: str, now: int) -> None:
        """The address of a connection from now on, in place of a former one, whose counts go with it."""
        with self._database.write():
            self.delete(connection_id)
            self._database.insert(
                "push_address", connection_id=connection_id, hash=digest, hint=hint, created_at=now
            )

    def find(self, connection_id: str) -> Row | None:
        return self._database.row("SELECT * FROM push_address WHERE connection_id = ?", (connection_id,))

    def connection_of(self, digest: bytes) -> str | None:
        found: str | None = self._database.value(
            "SELECT connection_id FROM push_address WHERE hash = ?", (digest,)
        )
        return found

    def delete(self, connection_id: str) -> bool:
        return self._database.run("DELETE FROM push_address WHERE connection_id = ?", (connection_id,)) > 0

    def count(self, connection_id: str, ignored: int, now: int) -> None:
        self._database.run(
            "UPDATE push_address SET deliveries = deliveries + 1, ignored = ignored + ?, delivered_at = ?"
            " WHERE connection_id = ?",
            (ignored, now, connection_id),
        )

    def note_refusal(self, connection_id: str, now: int) -> None:
        """Once a minute, so that forged deliveries cost few writes."""
        self._database.run(
            "UPDATE push_address SET refused_at = ? WHERE connection_id = ? AND coalesce(refused_at, 0) < ?",
            (now, connection_id, now - REFUSAL_NOTED_MS),
        )


class EventTable:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, connection_id: str, named: Sequence[Named], now: int) -> None:
        """Let records wait to be read. One that waits already is told once more; a deletion told of stays so."""
        with self._database.write():
            self._database.run_many(
                "INSERT INTO push_event (connection_id, entity, key, change, state, received_at, due_at)"
                " VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?6)"
                " ON CONFLICT (connection_id, entity, key) WHERE state IN ('waiting', 'again') DO UPDATE SET"
                " told = told + 1, state = 'waiting', received_at = excluded.received_at,"
                " due_at = CASE WHEN state = 'again' THEN excluded.due_at ELSE due_at END,"
                " change = CASE WHEN excluded.change = 'changed' THEN change ELSE excluded.change END",
                [
                    (connection_id, one.entity, _key_text(one.key), one.change, now, now + one.wait * 1000)
                    for one in named
                ],
            )
            for entity in dict.fromkeys(one.entity for one in named if one.key):
                self._gather(connection_id, entity, now)

    def _gather(self, connection_id: str, entity: str, now: int) -> None:
        """Let one reading of an entity stand for its changed records, where too many wait."""
        waiting = self._database.value(
            "SELECT count(*) FROM push_event WHERE connection_id = ? AND entity = ?"
            " AND state IN ('waiting', 'again')",
            (connection_id, entity),
        )
        if waiting <= MOST_WAITING:
            return
        # Deletions only show one by one, as far as there is room for them.
        self._database.run(
            "DELETE FROM push_event WHERE connection_id = ?1 AND entity = ?2 AND state IN ('waiting', 'again')"
            " AND (change <> 'deleted' OR id NOT IN (SELECT id FROM push_event WHERE connection_id = ?1"
            " AND entity = ?2 AND state IN ('waiting', 'again') AND change = 'deleted' ORDER BY id LIMIT ?3))",
            (connection_id, entity, MOST_WAITING - 1),
        )
        self.add(connection_id, [Named(entity, (), "changed")], now)

    def due(self, now: int, limit: int) -> list[Event]:
        """Records to be read of connections that synchronize: the `limit` that wait longest of each.

        Costs one look into an index where nothing is due, else a pass over what is due.
        """
        return [
            Event(**{**row, "key": tuple(msgspec.json.decode(row["key"]))})
            for row in self._database.rows(
                "SELECT id, connection_id, entity, key, change, told, attempts FROM ("
                "SELECT e.*, row_number() OVER (PARTITION BY e.connection_id ORDER BY e.due_at, e.id) AS place"
                " FROM push_event e JOIN connection c ON c.id = e.connection_id"
                " WHERE e.state IN ('waiting', 'again') AND e.due_at <= ? AND c.status IN ('connected', 'offline')"
                " AND (e.state = 'waiting' OR NOT EXISTS (SELECT 1 FROM run r JOIN run_entity t ON t.run_id = r.id"
                " WHERE r.connection_id = e.connection_id AND r.state = 'running' AND t.entity = e.entity"
                " AND t.state = 'running'))) WHERE place <= ? ORDER BY connection_id, place",
                (now, limit),
            )
        ]

    def pass_begun_before(self, connection_id: str, entity: str, moment: int) -> bool:
        """Whether a pass is under way that may hold rows it read before `moment`."""
        return (
            self._database.value(
                "SELECT 1 FROM run r JOIN run_entity t ON t.run_id = r.id WHERE r.connection_id = ?"
                " AND r.state = 'running' AND t.entity = ? AND t.state = 'running' AND t.pass_started_at <= ?",
                (connection_id, entity, moment),
            )
            is not None
        )

    def last_change(self) -> int:
        """The number of the latest change of any record."""
        found: int = self._database.value("SELECT value FROM counter WHERE name = 'seq'")
        return found

    def changed_after(self, stream: Stream, key: str, change: int) -> bool:
        """Whether a record was written after that change."""
        found = self._database.value(
            "SELECT seq FROM record WHERE stream_id = ? AND key = ?", (stream.id, key)
        )
        return found is not None and found > change

    def read_again(self, event: Event, outcome: str) -> None:
        """Read once more when the pass that is under way has ended."""
        self._database.run(
            "UPDATE push_event SET state = CASE WHEN told = ? THEN 'again' ELSE state END, attempts = 0,"
            " outcome = ? WHERE id = ? AND state IN ('waiting', 'again')",
            (event.told, outcome, event.id),
        )

    def finish(self, event: Event, state: str, outcome: str, now: int) -> None:
        """Done or failed; stays waiting where it was named again meanwhile."""
        self._database.run(
            "UPDATE push_event SET state = CASE WHEN told = ? THEN ? ELSE 'waiting' END, finished_at = ?,"
            " outcome = ?, attempts = 0, due_at = CASE WHEN told = ? THEN due_at ELSE ? END"
            " WHERE id = ? AND state IN ('waiting', 'again')",
            (event.told, state, now, outcome, event.told, now, event.id),
        )

    def put_off(self, events: Iterable[Event], due_at: int, outcome: str) -> None:
        self._database.run_many(
            "UPDATE push_event SET state = 'waiting', due_at = ?, attempts = attempts + 1, outcome = ?"
            " WHERE id = ? AND state IN ('waiting', 'again')",
            [(due_at, outcome, event.id) for event in events],
        )

    def forget_old(self, connection_id: str) -> None:
        """Keep the newest KEPT of those that are over."""
        self._database.run(
            "DELETE FROM push_event WHERE connection_id = ?1 AND state IN ('done', 'failed') AND id <"
            " (SELECT id FROM push_event WHERE connection_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (connection_id, KEPT),
        )

    def counts(self, connection_id: str) -> dict[str, int]:
        """State to number of events."""
        rows = self._database.rows(
            "SELECT state, count(*) AS number FROM push_event WHERE connection_id = ? GROUP BY state",
            (connection_id,),
        )
        return {row["state"]: row["number"] for row in rows}

    def recent(self, connection_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest events as plain data."""
        rows = self._database.rows(
            "SELECT entity, key, change, state, told, attempts, received_at, finished_at, outcome FROM push_event"
            " WHERE connection_id = ? ORDER BY id DESC LIMIT ?",
            (connection_id, limit),
        )
        return [
            {
                **row,
                "key": msgspec.json.decode(row["key"]),
                "received_at": iso(row["received_at"]),
                "finished_at": iso(row["finished_at"]),
            }
            for row in rows
        ]

    def drop_waiting(self, connection_id: str) -> None:
        self._database.run(
            "DELETE FROM push_event WHERE connection_id = ? AND state IN ('waiting', 'again')",
            (connection_id,),
        )

    def erase(self, connection_id: str) -> int:
        return self._database.run("DELETE FROM push_event WHERE connection_id = ?", (connection_id,))


def _key_text(key: tuple[KeyPart, ...]) -> str:
    return msgspec.json.encode(key).decode()
