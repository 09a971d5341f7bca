"""One run: its entities one after the other, each page by page.

A page is fetched, mapped, and written in one transaction together with its counts and the checkpoint. So a run
may be killed at any moment: it goes on after the last committed page, and a page fetched twice changes nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.health import Health
from appliance.connections.tables import CONNECTED, OFFLINE, Connection, ConnectionTable
from appliance.errors import ApplianceError, InternalError, SourceThrottled
from appliance.model.entity import Model
from appliance.runtime.connector import Connector
from appliance.store.database import Database
from appliance.store.presence import Presence
from appliance.store.records import Records
from appliance.store.space import DiskFull
from appliance.sync.errors import Interrupted, LeaseLost, NotSynchronizing
from appliance.sync.passes.deletions import Deletions
from appliance.sync.passes.pages import PageWriter
from appliance.sync.passes.reading import PassReader
from appliance.sync.passes.table import Pass, PassTable
from appliance.sync.passes.watermark import watermark
from appliance.sync.rejections.drift import Drift
from appliance.sync.rejections.quarantine import Quarantine
from appliance.sync.runs.tables import Claim, RunTable
from appliance.sync.schedules.due import DueTimes
from appliance.sync.schedules.due_table import ScheduleTable

log = logging.getLogger(__name__)

DAY_MS = 24 * 3600 * 1000
# After so many failures at one place a pass begins again.
TRIES_IN_PLACE = 3
OpenConnector = Callable[[Connection], Connector]


@dataclass(frozen=True, slots=True)
class Terms:
    """How passes are read. `overlap_ms` is read again before the last pass, `clock_skew_ms` is how far the clock of a
    source may be behind, and a lease runs for `lease_ms`. More than `deletion_guard_percent` of an entity are not
    deleted without a person's word."""

    overlap_ms: int
    clock_skew_ms: int
    lease_ms: int
    stall_seconds: int
    deletion_guard_percent: int


class Runner:
    """Does claimed runs. `stopping` tells that the appliance wants to end: the page in hand is finished first."""

    def __init__(
        self,
        database: Database,
        records: Records,
        model: Model,
        health: Health,
        open_connector: OpenConnector,
        due_times: DueTimes,
        quarantine: Quarantine,
        drift: Drift,
        clock: Clock,
        *,
        owner: str,
        terms: Terms,
        stopping: Callable[[], bool],
        announce: Announce = unheard,
    ) -> None:
        self._database = database
        self._health = health
        self._open_connector = open_connector
        self._due_times = due_times
        self._clock = clock
        self._owner = owner
        self._terms = terms
        self._stopping = stopping
        self._runs = RunTable(database, announce)
        self._passes = PassTable(database)
        self._presence = Presence(database)
        self._announce = announce
        self._schedules = ScheduleTable(database)
        self._connections = ConnectionTable(database)
        writer = PageWriter(database, records, quarantine, drift, clock, owner=owner, lease_ms=terms.lease_ms)
        deletions = Deletions(
            database,
            records,
            writer,
            clock,
            owner=owner,
            lease_ms=terms.lease_ms,
            guard_percent=terms.deletion_guard_percent,
        )
        self._reader = PassReader(
            database,
            records,
            model,
            writer,
            deletions,
            clock,
            stall_seconds=terms.stall_seconds,
            stopping=stopping,
            is_ours=lambda run_id: self._runs.is_held(run_id, owner),
        )

    def run(self, claim: Claim) -> None:
        """Do a claimed run to its end, or until it is interrupted or taken away. Raises nothing expected."""
        connection = self._connections.find(claim.connection_id)
        assert connection is not None, "a run refers to its connection"
        if connection.status not in (CONNECTED, OFFLINE):
            self._fail_all(claim, NotSynchronizing("The connection waits to be reauthorized."))
            return
        try:
            connector = self._open_connector(connection)
        except ApplianceError as failure:
            self._health.run_failed(connection, failure)
            self._fail_all(claim, failure)
            return
        try:
            for one in self._passes.of_run(claim.run_id):
                self._keep_going(claim)
                if self._run_entity(claim, one, connection, connector):
                    self._fail_all(claim, NotSynchronizing("The connection waits to be reauthorized."))
                    return
            self._runs.finish(claim.run_id, self._owner, self._clock.now_ms())
        except (Interrupted, DiskFull):
            # On a full disk the page in hand was not written; it comes again, after the checkpoint.
            self._interrupt(claim)
        except LeaseLost:
            log.info("run %s was ended or taken over", claim.run_id)
        finally:
            connector.close()

    def _interrupt(self, claim: Claim) -> None:
        self._database.make_room()
        try:
            self._runs.interrupt(claim.run_id, self._owner)
        except DiskFull:
            log.debug("run %s is taken up again when its lease has ended", claim.run_id)

    def clear_away(self) -> None:
        """Forget what passes had met that nobody goes on with, such as cancelled ones."""
        self._presence.forget_all_but(self._passes.under_way())

    def abandon(self, claim: Claim) -> None:
        """Close a run that met an error of our own; the log holds it under the run's id."""
        failure = InternalError(f"An unexpected error ended the run; the log has it under {claim.run_id}.")
        connection = self._connections.find(claim.connection_id)
        if connection is not None:
            self._health.run_failed(connection, failure)
        self._fail_all(claim, failure)
        self._announce(
            "system.error",
            claim.connection_id,
            lambda: {"code": failure.code, "message": failure.message, "run_id": claim.run_id},
        )

    def _run_entity(self, claim: Claim, one: Pass, connection: Connection, connector: Connector) -> bool:
        """One entity; its failure does not stop the others, unless the credentials are no longer valid (True)."""
        if one.entity not in connector.definition.entities:
            self._fail(claim, one, NotSynchronizing("The connection no longer has this."))
            return False
        try:
            done = self._reader.read(claim, one, connection, connector)
            if done.taken_up:
                self._reached(claim, done, connector)
                done = self._reader.read_what_changed_since(claim, done, connection, connector)
        except (Interrupted, LeaseLost, DiskFull):
            raise
        except ApplianceError as failure:
            log.warning("run %s, %s: %s", claim.run_id, one.entity, failure.message)
            needs_reauthorization = self._health.source_failed(
                connection, connector, failure, entity=one.entity
            )
            self._fail(claim, one, failure)
            return needs_reauthorization
        self._succeed(claim, done, connection, connector)
        return False

    def _keep_going(self, claim: Claim) -> None:
        if self._stopping():
            raise Interrupted("The appliance is stopping; the run goes on at the next start.")
        if not self._runs.renew(claim.run_id, self._owner, self._clock.now_ms() + self._terms.lease_ms):
            raise LeaseLost("The run was ended.")

    def _succeed(self, claim: Claim, one: Pass, connection: Connection, connector: Connector) -> None:
        assert one.started_at is not None
        with self._database.write():
            if self._passes.finish(claim.run_id, one.entity, "completed", self._clock.now_ms()):
                self._schedules.resume_later(connection.id, one.entity, None)
                match one.kind:
                    case "reconcile":
                        self._read_anew_if_lacking(connection.id, one)
                    case "backfill":
                        self._schedules.reaches_back(connection.id, one.entity, one.since)
                    case _:
                        self._reached(claim, one, connector)
        if one.number is not None:
            self._presence.forget(one.number)
        self._health.source_answered(connection, entity=one.entity)

    def _reached(self, claim: Claim, one: Pass, connector: Connector) -> None:
        """Move the watermark on: a full or incremental pass has met all that changed before it began."""
        assert one.started_at is not None
        now = self._clock.now_ms()
        newest = self._passes.standing(one)["newest"]
        held = self._schedules.note_newest(claim.connection_id, one.entity, newest)
        overlap = connector.definition.entities[one.entity].overlap_seconds * 1000
        self._schedules.succeeded(
            claim.run_id,
            claim.connection_id,
            one.entity,
            watermark=watermark(
                # Later than now where the clock was set back since.
                started=min(one.started_at, now),
                finished=now,
                newest=held,
                overlap=max(self._terms.overlap_ms, overlap),
                clock_skew=self._terms.clock_skew_ms,
            ),
            now=now,
            next_due_at=self._due_times.after_success(claim.connection_id, one.entity, now),
        )
        if one.since_mark is None and one.kind == "full":
            self._schedules.reaches_back(claim.connection_id, one.entity, one.since)

    def _read_anew_if_lacking(self, connection_id: str, one: Pass) -> None:
        """Rows that the store lacks came past every incremental pass: the next one reads everything, once."""
        lacking = self._passes.standing(one)["lacking"]
        if not self._schedules.note_lacking(connection_id, one.entity, lacking):
            return
        message = (
            f"{lacking} rows of the source are not here; the next synchronization reads everything again."
        )
        self._passes.add_notices(one.run_id, one.entity, [message], self._clock.now_ms())

    def _fail(self, claim: Claim, one: Pass, failure: ApplianceError) -> None:
        now = self._clock.now_ms()
        with self._database.write():
            error = (failure.code, failure.message)
            if not self._passes.finish(claim.run_id, one.entity, "failed", now, error):
                return
            if one.kind in ("full", "incremental"):
                self._keep_what_was_read(claim, one)
                again = self._due_times.after_failure(
                    claim.connection_id, one.entity, now, rest=_rest(failure)
                )
                self._schedules.failed(claim.connection_id, one.entity, failure.message, next_due_at=again)

    def _keep_what_was_read(self, claim: Claim, one: Pass) -> None:
        """A pass that got on is gone on with by the next run, which begins to count failures anew.

        One that cannot get on where it stands begins again after a few tries.
        """
        progressed = self._passes.progressed(one)
        if progressed:
            self._schedules.forget_failures(claim.connection_id, one.entity)
        if progressed or self._schedules.failures(claim.connection_id, one.entity) < TRIES_IN_PLACE:
            self._schedules.resume_later(claim.connection_id, one.entity, claim.run_id)
        else:
            self._schedules.resume_later(claim.connection_id, one.entity, None)

    def _fail_all(self, claim: Claim, failure: ApplianceError) -> None:
        for one in self._passes.of_run(claim.run_id):
            self._fail(claim, one, failure)
        self._runs.finish(claim.run_id, self._owner, self._clock.now_ms())


def _rest(failure: ApplianceError) -> int:
    """Milliseconds that the source asked to be left alone for, at most a day: its clock may be wrong."""
    asked = failure.retry_after if isinstance(failure, SourceThrottled) else None
    return min(DAY_MS, round((asked or 0) * 1000))
