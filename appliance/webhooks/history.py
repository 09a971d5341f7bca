"""The log of deliveries: what was sent, how often it was tried, what came back; replay, and erasing."""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.clock import Clock, iso
from appliance.store.database import Database, Row
from appliance.webhooks.errors import DeliveryNotFound, WebhookDisabled
from appliance.webhooks.queue import DELIVERED, UNDELIVERED, WAITING, DeliveryQueue

STATES = (WAITING, DELIVERED, UNDELIVERED)
REPLAYABLE = (UNDELIVERED, DELIVERED)
MOST_LISTED = 500
MOST_ATTEMPTS = 100
"""The newest attempts of a delivery that are shown."""
HOUR_MS = 3600 * 1000
_AT_ONCE = 1000
_SECONDS = 5.0
_COLUMNS = (
    "d.id AS number, e.id, e.name AS event, e.connection_id, e.is_test, d.state, d.attempts, d.status, d.error,"
    " e.created_at, d.last_attempt_at, d.finished_at, d.give_up_at"
)


class History:
    """Methods take the id of an endpoint that the caller may see, and of events of it alone."""

    def __init__(self, database: Database, clock: Clock, *, give_up_hours: int) -> None:
        self._database = database
        self._clock = clock
        self._give_up_ms = give_up_hours * HOUR_MS
        self._queue = DeliveryQueue(database)

    def page(
        self,
        endpoint_id: str,
        limit: int,
        *,
        state: str | None = None,
        event: str | None = None,
        before: str | None = None,
    ) -> list[dict[str, Any]]:
        """Newest first, at most `limit`, those older than that of the event with the id `before`.

        `state` is one of `STATES`. Raises DeliveryNotFound for a `before` that is not there, QueryTooLong.
        """
        conditions, values = ["d.endpoint_id = ?"], [endpoint_id]
        if before is not None:
            conditions.append("d.id < ?")
            values.append(self._row(endpoint_id, before)["number"])
        if state is not None:
            conditions.append(f"d.state IN ({_literals([state])})")
        if event is not None:
            conditions.append("e.name = ?")
            values.append(event)
        # A filter that few fit reads far back.
        with self._database.within(_SECONDS, self._clock):
            rows = self._database.rows(
                f"SELECT {_COLUMNS} FROM webhook_delivery d CROSS JOIN webhook_event e ON e.seq = d.event_seq"
                f" WHERE {' AND '.join(conditions)} ORDER BY d.id DESC LIMIT ?",
                (*values, min(limit, MOST_LISTED)),
            )
        return [_shown(row) for row in rows]

    def find(self, endpoint_id: str, event_id: str) -> dict[str, Any]:
        """One delivery with its body and its attempts, oldest first. Raises DeliveryNotFound."""
        row = self._row(endpoint_id, event_id)
        body: bytes = self._database.value("SELECT body FROM webhook_event WHERE id = ?", (event_id,))
        attempts = self._database.rows(
            "SELECT at, milliseconds, status, error, answer FROM webhook_attempt WHERE delivery_id = ?"
            " ORDER BY id DESC LIMIT ?",
            (row["number"], MOST_ATTEMPTS),
        )
        log = [{**attempt, "at": iso(attempt["at"])} for attempt in reversed(attempts)]
        return {**_shown(row), "body": body.decode(), "log": log}

    def counts(self, endpoint_id: str) -> dict[str, int]:
        """How many wait and how many are undelivered."""
        return {
            state: self._database.value(
                f"SELECT count(*) FROM webhook_delivery WHERE endpoint_id = ? AND state = '{state}'",
                (endpoint_id,),
            )
            for state in (WAITING, UNDELIVERED)
        }

    def replay(self, endpoint_id: str, event_id: str) -> None:
        """Send one again, with the same id and the same body; it is due now, before what is newer. One that waits
        is due now as well.

        Raises DeliveryNotFound, also for a test event, and WebhookDisabled.
        """
        row = self._row(endpoint_id, event_id)
        if row["is_test"]:
            raise DeliveryNotFound("This was a test event, which is not sent again. Send another test event.")
        self._replay(endpoint_id, "d.id = ?", [row["number"]], STATES)

    def replay_all(
        self,
        endpoint_id: str,
        *,
        state: str = UNDELIVERED,
        event: str | None = None,
        since: int | None = None,
        until: int | None = None,
    ) -> int:
        """Send again what is in a state, of one kind of event or all, made in a span of time (milliseconds).

        In short transactions; how many. Raises WebhookDisabled.
        """
        conditions: list[str] = ["NOT e.is_test"]
        values: list[Any] = []
        for condition, value in (
            ("e.name = ?", event),
            ("e.created_at >= ?", since),
            ("e.created_at < ?", until),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        return self._replay(endpoint_id, " AND ".join(conditions), values, (state,))

    def erase_before(self, ms: int, limit: int) -> int:
        """Erase up to `limit` events made before `ms` (milliseconds) that wait for nobody; how many."""
        return self._database.run(
            "DELETE FROM webhook_event WHERE seq IN (SELECT seq FROM webhook_event e WHERE created_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d.event_seq = e.seq AND d.state = 'waiting')"
            " ORDER BY seq LIMIT ?)",
            (ms, limit),
        )

    def erase_of(self, endpoint_id: str) -> int:
        """Erase the deliveries of an endpoint, in short transactions; how many."""
        return self._erase(
            "DELETE FROM webhook_delivery WHERE id IN"
            " (SELECT id FROM webhook_delivery WHERE endpoint_id = ? LIMIT ?)",
            endpoint_id,
        )

    def erase_connection(self, connection_id: str) -> int:
        """Erase the events of a connection with all their deliveries, in short transactions; how many."""
        return self._erase(
            "DELETE FROM webhook_event WHERE seq IN"
            " (SELECT seq FROM webhook_event WHERE connection_id = ? LIMIT ?)",
            connection_id,
        )

    def _erase(self, sql: str, whose: str) -> int:
        erased = 0
        while deleted := self._database.run(sql, (whose, _AT_ONCE)):
            erased += deleted
        return erased

    def _replay(self, endpoint_id: str, condition: str, values: list[Any], states: tuple[str, ...]) -> int:
        now = self._clock.now_ms()
        # By number and not until none is left: what is delivered again meanwhile would never end.
        replayed, last = 0, 0
        while True:
            with self._database.write():
                self._check_enabled(endpoint_id)
                found = self._database.tuples(
                    "UPDATE webhook_delivery SET state = 'waiting', finished_at = NULL, give_up_at = ?"
                    " WHERE id IN (SELECT d.id FROM webhook_delivery d"
                    " CROSS JOIN webhook_event e ON e.seq = d.event_seq WHERE d.endpoint_id = ? AND d.id > ?"
                    f" AND d.state IN ({_literals(states)}) AND {condition} ORDER BY d.id LIMIT ?) RETURNING id, lane",
                    (now + self._give_up_ms, endpoint_id, last, *values, _AT_ONCE),
                )
                if not found:
                    return replayed
                self._queue.open(endpoint_id, {lane for _, lane in found}, now)
            replayed += len(found)
            last = max(number for number, _ in found)

    def _check_enabled(self, endpoint_id: str) -> None:
        enabled = self._database.value("SELECT enabled FROM webhook_endpoint WHERE id = ?", (endpoint_id,))
        if not enabled:
            raise WebhookDisabled("The webhook is off, so nothing is sent to it. Enable it first.")

    def _row(self, endpoint_id: str, event_id: str) -> Row:
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM webhook_event e JOIN webhook_delivery d ON d.event_seq = e.seq"
            " WHERE e.id = ? AND d.endpoint_id = ?",
            (event_id, endpoint_id),
        )
        if row is None:
            raise DeliveryNotFound(f"The webhook has no delivery of an event {event_id[:60]!r}.")
        return row


def _literals(states: Sequence[str]) -> str:
    """Known states as SQL; written out, since a partial index is not found for a value that is bound."""
    return ", ".join(f"'{state}'" for state in STATES if state in states)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: iso(value) if name.endswith("_at") else value for name, value in row.items()}
    del shown["number"]
    if row["state"] != WAITING:
        shown["give_up_at"] = None
    return {**shown, "is_test": bool(row["is_test"])}
