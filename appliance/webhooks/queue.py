"""What is stored of events and of what is still to be sent: lanes, their waiting deliveries, attempts.

A lane is an endpoint and a connection. The oldest waiting delivery of a lane is the only one that is tried, so what
is told of a connection arrives in the order in which it happened.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from appliance.store.database import Database
from appliance.webhooks.events import Event
from appliance.webhooks.tables import FAILURES_TO_REST

WAITING = "waiting"
DELIVERED = "delivered"
UNDELIVERED = "undelivered"
_UNTRIED = "Not tried: what came before it failed until its time was over."


class Lane(NamedTuple):
    """`lane` is a connection's id, or empty for what is about none."""

    endpoint_id: str
    lane: str


class Waiting(NamedTuple):
    """A delivery to send: `body` are the bytes; times in milliseconds."""

    id: int
    event_id: str
    body: bytes
    give_up_at: int


class Attempt(NamedTuple):
    """One try. `status` is None without an answer, `error` None when it was taken; `answer` is how it began."""

    at: int
    milliseconds: int
    status: int | None
    error: str | None
    answer: str | None = None


class DeliveryQueue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, event: Event, endpoint_ids: Sequence[str], give_up_at: int) -> None:
        """Keep an event, and let it wait for each of these endpoints. Three statements."""
        lane = event.connection_id or ""
        seq = self._insert(event, is_test=False)
        self._database.run_many(
            "INSERT INTO webhook_delivery (endpoint_id, event_seq, lane, state, give_up_at)"
            " VALUES (?, ?, ?, 'waiting', ?)",
            [(endpoint_id, seq, lane, give_up_at) for endpoint_id in endpoint_ids],
        )
        self._database.run_many(
            "INSERT INTO webhook_lane (endpoint_id, lane, next_at) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET next_at = excluded.next_at WHERE next_at IS NULL",
            [(endpoint_id, lane, event.created_at) for endpoint_id in endpoint_ids],
        )

    def put_test(self, event: Event, endpoint_id: str, attempt: Attempt) -> None:
        """Keep a test event that was tried already; it is not tried again."""
        with self._database.write():
            seq = self._insert(event, is_test=True)
            delivery_id: int = self._database.value(
                "INSERT INTO webhook_delivery (endpoint_id, event_seq, lane, state, give_up_at)"
                " VALUES (?, ?, ?, 'waiting', ?) RETURNING id",
                (endpoint_id, seq, event.connection_id or "", attempt.at),
            )
            self.note(delivery_id, attempt)
            self._end(delivery_id, DELIVERED if attempt.error is None else UNDELIVERED, attempt)

    def due(self, now: int, most: int) -> Lane | None:
        """The lane that has waited longest for its turn; a read, so that an idle appliance writes nothing.

        An endpoint has at most `most` lanes under way, and one when it failed too often.
        """
        row = self._database.tuples(
            "SELECT l.endpoint_id, l.lane FROM webhook_lane l INDEXED BY webhook_lane_due"
            " CROSS JOIN webhook_endpoint e ON e.id = l.endpoint_id"
            " WHERE l.next_at <= ?1 AND l.lease_until < ?1 AND e.enabled AND e.rests_until <= ?1"
            " AND (SELECT count(*) FROM webhook_lane o INDEXED BY webhook_lane_held"
            " WHERE o.endpoint_id = l.endpoint_id AND o.lease IS NOT NULL AND o.lease_until >= ?1)"
            " < CASE WHEN e.failures >= ?2 THEN 1 ELSE ?3 END"
            " ORDER BY l.next_at LIMIT 1",
            (now, FAILURES_TO_REST, most),
        )
        return Lane(*row[0]) if row else None

    def take(self, lane: Lane, lease: str, until: int) -> None:
        """Called in one write transaction with `due`."""
        self._database.run(
            "UPDATE webhook_lane SET lease = ?, lease_until = ? WHERE endpoint_id = ? AND lane = ?",
            (lease, until, *lane),
        )

    def waiting(self, lane: Lane, limit: int) -> list[Waiting]:
        """The oldest deliveries of a lane, in order."""
        return [
            Waiting(*row)
            for row in self._database.tuples(
                "SELECT d.id, e.id, e.body, d.give_up_at"
                " FROM webhook_delivery d INDEXED BY webhook_delivery_lane"
                " CROSS JOIN webhook_event e ON e.seq = d.event_seq"
                " WHERE d.endpoint_id = ? AND d.lane = ? AND d.state = 'waiting' ORDER BY d.id LIMIT ?",
                (*lane, limit),
            )
        ]

    def keep(self, lane: Lane, lease: str, until: int) -> bool:
        """Keep the lease after a success; False when the lane was taken away meanwhile."""
        return (
            self._database.run(
                "UPDATE webhook_lane SET failures = 0, lease_until = ?"
                " WHERE endpoint_id = ? AND lane = ? AND lease = ?",
                (until, *lane, lease),
            )
            == 1
        )

    def failures_of(self, lane: Lane, lease: str) -> int | None:
        """Failures in a row so far, None when the lane was taken away meanwhile."""
        number: int | None = self._database.value(
            "SELECT failures FROM webhook_lane WHERE endpoint_id = ? AND lane = ? AND lease = ?",
            (*lane, lease),
        )
        return number

    def put_off(self, lane: Lane, failures: int, next_at: int) -> None:
        """Let a lane go until a later try."""
        self._database.run(
            "UPDATE webhook_lane SET failures = ?, next_at = ?, lease = NULL, lease_until = 0"
            " WHERE endpoint_id = ? AND lane = ?",
            (failures, next_at, *lane),
        )

    def let_go(self, lane: Lane, lease: str, now: int) -> None:
        """Let a lane go; what still waits in it is due now, behind the lanes that wait longer."""
        self._database.run(
            "UPDATE webhook_lane SET lease = NULL, lease_until = 0, next_at = CASE WHEN EXISTS"
            " (SELECT 1 FROM webhook_delivery d WHERE d.endpoint_id = webhook_lane.endpoint_id"
            " AND d.lane = webhook_lane.lane AND d.state = 'waiting') THEN ? END"
            " WHERE endpoint_id = ? AND lane = ? AND lease = ?",
            (now, *lane, lease),
        )

    def note(self, delivery_id: int, attempt: Attempt) -> None:
        """Keep an attempt in the log of its delivery."""
        self._database.run(
            "INSERT INTO webhook_attempt (delivery_id, at, milliseconds, status, error, answer)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (delivery_id, *attempt),
        )
        self._database.run(
            "UPDATE webhook_delivery SET attempts = attempts + 1, status = ?, error = ?, last_attempt_at = ?"
            " WHERE id = ?",
            (attempt.status, attempt.error, attempt.at, delivery_id),
        )

    def delivered(self, delivery_id: int, attempt: Attempt) -> None:
        self._end(delivery_id, DELIVERED, attempt)

    def undelivered(self, delivery_id: int, attempt: Attempt) -> None:
        self._end(delivery_id, UNDELIVERED, attempt)

    def give_up(self, lane: Lane, now: int) -> int:
        """End what has waited in a lane to its limit; how many."""
        return self._database.run(
            "UPDATE webhook_delivery INDEXED BY webhook_delivery_lane SET state = 'undelivered', finished_at = ?,"
            " error = coalesce(error, ?) WHERE endpoint_id = ? AND lane = ? AND state = 'waiting' AND give_up_at <= ?",
            (now, _UNTRIED, *lane, now),
        )

    def give_up_others(self, lane: Lane, now: int) -> int:
        """End what has waited to its limit in the other lanes of the endpoint; how many."""
        return self._database.run(
            "UPDATE webhook_delivery INDEXED BY webhook_delivery_lane SET state = 'undelivered', finished_at = ?,"
            " error = coalesce(error, ?) WHERE endpoint_id = ? AND lane <> ? AND state = 'waiting' AND give_up_at <= ?",
            (now, _UNTRIED, *lane, now),
        )

    def stop(self, endpoint_id: str, reason: str, now: int) -> None:
        """End everything that waits for an endpoint, and take its lanes from the workers."""
        with self._database.write():
            self._database.run(
                "UPDATE webhook_delivery INDEXED BY webhook_delivery_lane"
                " SET state = 'undelivered', finished_at = ?, error = coalesce(error, ?)"
                " WHERE endpoint_id = ? AND state = 'waiting'",
                (now, reason, endpoint_id),
            )
            self._database.run(
                "UPDATE webhook_lane SET failures = 0, next_at = NULL, lease = NULL, lease_until = 0"
                " WHERE endpoint_id = ?",
                (endpoint_id,),
            )

    def stop_all(self, reason: str, now: int) -> int:
        """End everything that waits, for every endpoint, and take all lanes from the workers; how many deliveries."""
        with self._database.write():
            ended = self._database.run(
                "UPDATE webhook_delivery SET state = 'undelivered', finished_at = ?, error = coalesce(error, ?)"
                " WHERE state = 'waiting'",
                (now, reason),
            )
            self._database.run(
                "UPDATE webhook_lane SET failures = 0, next_at = NULL, lease = NULL, lease_until = 0"
            )
            return ended

    def begin_anew(self, endpoint_id: str, now: int) -> None:
        """Make all that waits for an endpoint due now, and take its lanes from the workers: it has changed."""
        self._database.run(
            "UPDATE webhook_lane SET failures = 0, lease = NULL, lease_until = 0,"
            " next_at = CASE WHEN next_at IS NULL THEN NULL ELSE ? END WHERE endpoint_id = ?",
            (now, endpoint_id),
        )

    def open(self, endpoint_id: str, lanes: Collection[str], now: int) -> None:
        """Somebody wants these lanes tried now, whatever failed before."""
        self._database.run_many(
            "INSERT INTO webhook_lane (endpoint_id, lane, next_at) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET failures = 0, next_at = excluded.next_at",
            [(endpoint_id, lane, now) for lane in lanes],
        )
        self._database.run(
            "UPDATE webhook_endpoint SET failures = 0, rests_until = 0 WHERE id = ?", (endpoint_id,)
        )

    def wake(self, endpoint_id: str, now: int) -> None:
        """The endpoint answers again: what waits for it in other lanes is due now."""
        self._database.run(
            "UPDATE webhook_lane SET failures = 0, next_at = ? WHERE endpoint_id = ? AND next_at > ?",
            (now, endpoint_id, now),
        )

    def _insert(self, event: Event, *, is_test: bool) -> int:
        seq: int = self._database.value(
            "INSERT INTO webhook_event (id, name, connection_id, is_test, created_at, body)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
            (event.id, event.name, event.connection_id, is_test, event.created_at, event.body()),
        )
        return seq

    def _end(self, delivery_id: int, state: str, attempt: Attempt) -> None:
        self._database.run(
            "UPDATE webhook_delivery SET state = ?, finished_at = ? WHERE id = ?",
            (state, attempt.at + attempt.milliseconds, delivery_id),
        )
