"""One run: its entities one after the other, each page by page.

A page is fetched, mapped, and written in one transaction together with its counts and the checkpoint. So a run
may be killed at any moment: it goes on after the last committed page, and a page fetched twice changes nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from appliance.clock import Clock
from appliance.connections.health import Health
from appliance.connections.tables import CONNECTED, OFFLINE, Connection, ConnectionTable
from appliance.errors import ApplianceError, InternalError, SourceThrottled
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.runtime.connector import Connector
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.protocols import Page, Since
from appliance.store.database import Database
from appliance.store.records import NewRecord, Records, Stream
from appliance.sync.ahead import FetchAhead
from appliance.sync.drift import Drift, Sampler
from appliance.sync.errors import Interrupted, LeaseLost, NotSynchronizing
from appliance.sync.quarantine import Quarantine, Rejected
from appliance.sync.schedule_table import ScheduleTable
from appliance.sync.tables import Claim, EntityTask, PageCounts, RunTable

log = logging.getLogger(__name__)

DAY_MS = 24 * 3600 * 1000
OpenConnector = Callable[[Connection], Connector]


class _Candidates(NamedTuple):
    """Rows of a page that are new or changed, how many were not, and those that cannot become records.

    `settled` are the keys of all rows that have their record, unchanged ones included.
    """

    changed: list[NewRecord]
    unchanged: int
    rejected: list[Rejected]
    settled: set[str]


class Runner:
    """Does claimed runs. `stopping` tells that the appliance wants to end: the page in hand is finished first."""

    def __init__(
        self,
        database: Database,
        records: Records,
        model: Model,
        health: Health,
        open_connector: OpenConnector,
        quarantine: Quarantine,
        drift: Drift,
        clock: Clock,
        *,
        owner: str,
        overlap_seconds: int,
        lease_seconds: int,
        stopping: Callable[[], bool],
    ) -> None:
        self._database = database
        self._records = records
        self._model = model
        self._health = health
        self._open_connector = open_connector
        self._quarantine = quarantine
        self._drift = drift
        self._clock = clock
        self._owner = owner
        self._overlap_ms = overlap_seconds * 1000
        self._lease_ms = lease_seconds * 1000
        self._stopping = stopping
        self._runs = RunTable(database)
        self._schedules = ScheduleTable(database)
        self._connections = ConnectionTable(database)

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
            self._fail_all(claim, failure)
            return
        try:
            for task in self._runs.tasks(claim.run_id):
                self._keep_going(claim)
                if self._run_entity(claim, task, connection, connector):
                    self._fail_all(claim, NotSynchronizing("The connection waits to be reauthorized."))
                    return
            self._runs.finish(claim.run_id, self._owner, self._clock.now_ms())
        except Interrupted:
            self._runs.interrupt(claim.run_id, self._owner)
        except LeaseLost:
            log.info("run %s was ended or taken over", claim.run_id)
        finally:
            connector.close()

    def abandon(self, claim: Claim) -> None:
        """Close a run that met an error of our own; the log holds it under the run's id."""
        self._fail_all(
            claim, InternalError(f"An unexpected error ended the run; the log has it under {claim.run_id}.")
        )

    def _run_entity(
        self, claim: Claim, task: EntityTask, connection: Connection, connector: Connector
    ) -> bool:
        """One entity; its failure does not stop the others, unless the credentials are no longer valid (True)."""
        if task.entity not in connector.definition.entities:
            self._fail(claim, task.entity, NotSynchronizing("The connection no longer has this."))
            return False
        try:
            task = self._begin_pass(claim, task, connection, connector)
            try:
                self._read_pass(claim, task, connector)
            except ResumeRefused:
                # A kept page position has expired at the source; rows that come again change nothing.
                task = self._restart_pass(task)
                self._read_pass(claim, task, connector)
        except (Interrupted, LeaseLost):
            raise
        except ApplianceError as failure:
            log.warning("run %s, %s: %s", claim.run_id, task.entity, failure.message)
            needs_reauthorization = self._health.source_failed(connection, connector, failure)
            self._fail(claim, task.entity, failure)
            return needs_reauthorization
        self._succeed(claim, task, connection, connector)
        return False

    def _begin_pass(
        self, claim: Claim, task: EntityTask, connection: Connection, connector: Connector
    ) -> EntityTask:
        if task.state == "running" and task.pass_started_at is not None:
            return task
        now = self._clock.now_ms()
        since, mark = self._since(claim, task.entity, connection, connector, now)
        begun = replace(
            task, state="running", pass_started_at=now, since=since, since_mark=mark, checkpoint=None
        )
        self._runs.begin_pass(begun)
        return begun

    def _restart_pass(self, task: EntityTask) -> EntityTask:
        begun = replace(task, pass_started_at=self._clock.now_ms(), checkpoint=None)
        self._runs.begin_pass(begun)
        return begun

    def _since(
        self, claim: Claim, entity: str, connection: Connection, connector: Connector, now: int
    ) -> tuple[int | None, Any]:
        """From when on rows are asked for, milliseconds, and the mark to go on from; None for all.

        An incremental pass goes on where the last successful one got to. A full pass takes all master data, and
        transactions of the historical period.
        """
        definition = connector.definition.entities[entity]
        if definition.incremental == "compare":
            return None, None
        if claim.mode == "incremental":
            watermark, mark = self._schedules.reached(connection.id, entity)
            if watermark is not None:
                return watermark, mark
        if entity_of(self._model, entity).nature == "master":
            return None, None
        return now - connection.historical_days * DAY_MS, None

    def _read_pass(self, claim: Claim, task: EntityTask, connector: Connector) -> None:
        pages = connector.pages(task.entity)
        projection = connector.projection(task.entity)
        stream = self._records.stream(claim.connection_id, task.entity)
        moment = None if task.since is None else datetime.fromtimestamp(task.since / 1000, UTC)
        since = Since(moment, task.since_mark)
        position = task.checkpoint if task.checkpoint is not None else pages.first()
        traffic = _Traffic(connector)
        sampler = Sampler(false_is_null=connector.definition.entities[task.entity].false_is_null)
        with FetchAhead(pages, position, since, resuming=task.checkpoint is not None) as arriving:
            for page in arriving:
                self._write_page(
                    claim, task, stream, projection, page, traffic.since_last(), connector, sampler
                )
                if page.next is not None and self._stopping():
                    raise Interrupted("The appliance is stopping; the run goes on at the next start.")
        self._conclude(claim, stream, connector, sampler)

    def _conclude(self, claim: Claim, stream: Stream, connector: Connector, sampler: Sampler) -> None:
        """Note which fields the rows of a whole pass had, and tell what has changed in them."""
        now = self._clock.now_ms()
        with self._database.write():
            changes = self._drift.conclude(
                stream,
                sampler,
                filled_by=lambda paths: connector.filled_by(stream.entity, paths),
                run_id=claim.run_id,
                now=now,
            )
            if changes:
                self._runs.add_notices(claim.run_id, stream.entity, changes, now)

    def _write_page(
        self,
        claim: Claim,
        task: EntityTask,
        stream: Stream,
        projection: Projection,
        page: Page,
        traffic: tuple[int, int],
        connector: Connector,
        sampler: Sampler,
    ) -> None:
        found = self._candidates(stream, projection, page)
        now = self._clock.now_ms()
        with self._database.write():
            if not self._runs.renew(claim.run_id, self._owner, now + self._lease_ms):
                raise LeaseLost("The run was ended.")
            written = self._records.write(stream, found.changed)
            removed = [projection.key(raw) for raw in page.removed]
            if removed:
                self._records.mark_deleted(stream, removed, now)
            mapping = projection.fingerprint
            self._quarantine.settled(stream, found.settled.union(removed), fingerprint=mapping, now=now)
            newly_rejected = self._quarantine.keep(
                stream, found.rejected, fingerprint=mapping, run_id=claim.run_id, now=now
            )
            counts = PageCounts(
                fetched=len(page.rows) + len(page.rejected),
                inserted=written.inserted,
                updated=written.updated,
                unchanged=found.unchanged + written.unchanged,
                rejected=len(found.rejected),
                requests=traffic[0],
                bytes=traffic[1],
            )
            self._runs.add_page(claim.run_id, task.entity, counts, page.next, page.mark, page.expected, now)
            if found.rejected:
                self._runs.note(claim.run_id, task.entity, "ROW_REJECTED", found.rejected[0].reason)
            unknown = self._write_unknown_statuses(stream, projection, connector)
            if page.notices or unknown:
                self._runs.add_notices(claim.run_id, task.entity, [*page.notices, *unknown], now)
        sampler.look(record.raw for record in found.changed)
        sampler.look(newly_rejected)

    def _write_unknown_statuses(
        self, stream: Stream, projection: Projection, connector: Connector
    ) -> list[str]:
        """Make records of statuses that only the rows know, so that no reference leads nowhere; what to say of them."""
        unknown = projection.unknown_statuses()
        if not unknown:
            return []
        statuses = self._records.stream(stream.connection_id, "Status")
        rows = Page([connector.found_status(status) for status in unknown], None)
        found = self._candidates(statuses, connector.projection("Status"), rows)
        self._records.write(statuses, found.changed)
        return [
            f"The connector does not know the status {code[:60]} of {scope}. It is passed on as it is; "
            "look it up in the source, and report it or add it to the connector's `statuses`."
            for scope, code in unknown
        ]

    def _candidates(self, stream: Stream, projection: Projection, page: Page) -> _Candidates:
        """Which rows of a page differ from what is stored. Unchanged rows are neither decoded nor mapped."""
        rows: dict[str, tuple[bytes, bytes]] = {}
        rejected = [Rejected(None, None, reason) for reason in page.rejected]
        for raw in page.rows:
            try:
                # A row that comes twice in a page counts as it came last.
                rows[projection.key(raw)] = (projection.hash(raw), raw)
            except RowRejected as rejection:
                rejected.append(Rejected(None, raw, rejection.message))
        known = self._records.hashes(stream, list(rows))
        now = self._clock.now_ms()
        changed: list[NewRecord] = []
        settled = set(rows)
        for key, (digest, raw) in rows.items():
            if known.get(key) == digest:
                continue
            try:
                payload, modified_at = projection.record(raw)
            except RowRejected as rejection:
                rejected.append(Rejected(key, raw, rejection.message))
                settled.discard(key)
                continue
            changed.append(NewRecord(key, digest, payload, now if modified_at is None else modified_at, raw))
        unchanged = len(page.rows) + len(page.rejected) - len(changed) - len(rejected)
        return _Candidates(changed, unchanged, rejected, settled)

    def _keep_going(self, claim: Claim) -> None:
        if self._stopping():
            raise Interrupted("The appliance is stopping; the run goes on at the next start.")
        if not self._runs.renew(claim.run_id, self._owner, self._clock.now_ms() + self._lease_ms):
            raise LeaseLost("The run was ended.")

    def _succeed(self, claim: Claim, task: EntityTask, connection: Connection, connector: Connector) -> None:
        assert task.pass_started_at is not None
        now = self._clock.now_ms()
        # What the source commits while we read, with a stamp from before, lies within the overlap.
        overlap = max(self._overlap_ms, connector.definition.entities[task.entity].overlap_seconds * 1000)
        with self._database.write():
            if self._runs.finish_entity(claim.run_id, task.entity, "completed", now):
                self._schedules.succeeded(
                    claim.run_id,
                    connection.id,
                    task.entity,
                    watermark=task.pass_started_at - overlap,
                    now=now,
                )
        self._health.source_answered(connection)

    def _fail(self, claim: Claim, entity: str, failure: ApplianceError) -> None:
        now = self._clock.now_ms()
        with self._database.write():
            error = (failure.code, failure.message)
            if self._runs.finish_entity(claim.run_id, entity, "failed", now, error):
                self._schedules.failed(
                    claim.connection_id, entity, failure.message, now=now, rest=_rest(failure)
                )

    def _fail_all(self, claim: Claim, failure: ApplianceError) -> None:
        for task in self._runs.tasks(claim.run_id):
            self._fail(claim, task.entity, failure)
        self._runs.finish(claim.run_id, self._owner, self._clock.now_ms())


def _rest(failure: ApplianceError) -> int:
    """Milliseconds that the source asked to be left alone for, at most a day: its clock may be wrong."""
    asked = failure.retry_after if isinstance(failure, SourceThrottled) else None
    return min(DAY_MS, round((asked or 0) * 1000))


class _Traffic:
    """Requests and bytes of a connector, from one look to the next."""

    def __init__(self, connector: Connector) -> None:
        self._client = connector.source.client
        self._before = self._now()

    def since_last(self) -> tuple[int, int]:
        before, self._before = self._before, self._now()
        return self._before[0] - before[0], self._before[1] - before[1]

    def _now(self) -> tuple[int, int]:
        if self._client is None:
            return 0, 0
        counters = self._client.counters
        return counters.requests, counters.bytes_received
