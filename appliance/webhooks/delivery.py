"""Delivering: what waits in the outbox is sent, tried again, and at last given up. All of it is in the database, so
it survives a restart; a worker that is killed in the middle of sending leaves a lease behind, after which the same
event is sent again with the same id.

Of each lane the oldest delivery is tried: 30 s after the first failure, then 1, 2, 4 … minutes, an hour at the longest,
each up to a fifth less by chance. A failure a day after its event ends a delivery as undelivered, and the next of its
lane is tried at once: where that fails as well, all others that are as old are undelivered, and the lane goes on. An
endpoint that fails five times in a row, whatever the lane, rests 30 s, 1, 2, 4 … minutes and is tried by one lane at a
time; when it answers, all lanes go on at once.
"""

import logging
import secrets
from typing import Protocol

from appliance.clock import Clock, new_id
from appliance.store.database import Database
from appliance.vault.secrets import SecretStore
from appliance.webhooks.queue import Attempt, DeliveryQueue, Lane, Waiting
from appliance.webhooks.signing import Secrets
from appliance.webhooks.tables import FAILURES_TO_REST, Endpoint, EndpointTable

log = logging.getLogger(__name__)

FIRST_RETRY_MS = 30_000
GONE = 410
# Longer than any exchange takes, the wait for the database's lock included.
LEASE_MS = 45_000
TOGETHER = 50
"""Most deliveries of a lane that are sent before it goes to the end of the line."""
TOGETHER_SECONDS = 4.0
"""No further one is begun after so long; less than the engine takes to stop."""


class Send(Protocol):
    """One attempt at an endpoint (see webhooks.sender)."""

    def __call__(self, url: str, event_id: str, body: bytes, held: Secrets) -> Attempt: ...


class Deliveries:
    """`workers` threads call `work_off`; no endpoint takes more than half of them."""

    def __init__(
        self,
        database: Database,
        secrets_store: SecretStore,
        send: Send,
        clock: Clock,
        *,
        workers: int,
        longest_wait_seconds: int,
    ) -> None:
        self._database = database
        self._secrets = secrets_store
        self._send = send
        self._clock = clock
        self._most_lanes = max(1, workers // 2)
        self._longest_ms = longest_wait_seconds * 1000
        self._endpoints = EndpointTable(database)
        self._queue = DeliveryQueue(database)

    def work_off(self) -> int:
        """Send what is due in one lane; how many attempts were made. The engine calls it."""
        if self._queue.due(self._clock.now_ms(), self._most_lanes) is None:
            return 0
        lease = new_id("lse")
        with self._database.write():
            now = self._clock.now_ms()
            lane = self._queue.due(now, self._most_lanes)
            if lane is None:
                return 0
            self._queue.take(lane, lease, now + LEASE_MS)
            waiting = self._queue.waiting(lane, TOGETHER)
            endpoint = self._endpoints.find(lane.endpoint_id)
            assert endpoint is not None, "a lane refers to its endpoint"
            held = secrets_of(self._secrets, endpoint, now)
        began = self._clock.monotonic()
        given_up = False
        for number, delivery in enumerate(waiting, 1):
            attempt = self._send(endpoint.url, delivery.event_id, delivery.body, held)
            if attempt.error is None:
                given_up, goes_on = False, self._succeeded(lane, lease, delivery, attempt)
            else:
                # One that no receiver takes must not end those behind it untried.
                goes_on = self._failed(lane, lease, endpoint, delivery, attempt, alone=not given_up)
                given_up = True
            if not goes_on:
                return number
            if self._clock.monotonic() - began > TOGETHER_SECONDS:
                break
        self._queue.let_go(lane, lease, self._clock.now_ms())
        return max(1, len(waiting))

    def _succeeded(self, lane: Lane, lease: str, delivery: Waiting, attempt: Attempt) -> bool:
        """False when the lane was taken away meanwhile: whoever has it now sends the event again."""
        now = self._clock.now_ms()
        with self._database.write():
            if not self._queue.keep(lane, lease, now + LEASE_MS):
                return False
            self._queue.note(delivery.id, attempt)
            self._queue.delivered(delivery.id, attempt)
            if self._endpoints.answered(lane.endpoint_id):
                self._queue.wake(lane.endpoint_id, now)
        return True

    def _failed(
        self, lane: Lane, lease: str, endpoint: Endpoint, delivery: Waiting, attempt: Attempt, *, alone: bool
    ) -> bool:
        """True when the next of the lane is to be tried now: one past its limit was given up `alone`."""
        log.info("webhook %s, event %s: %s", endpoint.id, delivery.event_id, attempt.error)
        with self._database.write():
            now = self._clock.now_ms()
            failures = self._queue.failures_of(lane, lease)
            if failures is None:
                return False
            self._queue.note(delivery.id, attempt)
            if attempt.status == GONE and endpoint.disable_on_gone:
                reason = "The receiver answered 410 Gone: it wants no more of this."
                self._endpoints.disable(endpoint.id, reason, now)
                self._queue.stop(endpoint.id, reason, now)
                return False
            in_a_row = self._endpoints.failed(endpoint.id)
            rests = in_a_row >= FAILURES_TO_REST
            if rests:
                self._endpoints.rest(endpoint.id, now + self._delay(in_a_row - FAILURES_TO_REST))
            if delivery.give_up_at <= now:
                self._queue.undelivered(delivery.id, attempt)
                given_up = 1
                if rests:
                    given_up += self._queue.give_up_others(lane, now)
                if not alone:
                    given_up += self._queue.give_up(lane, now)
                log.warning("webhook %s: %d events are undelivered", endpoint.id, given_up)
                if alone:
                    return True
            self._queue.put_off(lane, failures + 1, now + self._delay(failures))
        return False

    def _delay(self, failures: int) -> int:
        """Milliseconds until the next try after so many failures before this one."""
        limit = min(self._longest_ms, FIRST_RETRY_MS << min(failures, 20))
        # Downwards, so that the longest wait is what the setting says.
        return limit - secrets.randbelow(limit // 5 + 1)


def secrets_of(store: SecretStore, endpoint: Endpoint, now: int) -> Secrets:
    """What to sign with at `now`, milliseconds."""
    held = store.get(endpoint.id)
    former = held.get("former") if endpoint.former_secret_until > now else None
    return Secrets(held["current"], former)
