"""Writes a page of a pass: what is new or changed in it, what it counts, and where the pass goes on.

All of a page is one transaction, so a run may be killed at any moment: it goes on after the last page that was
written, and a page that is fetched twice changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from appliance.clock import Clock
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.compiler import Status
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.protocols import Page
from appliance.runtime.select import key_decoder
from appliance.store.database import Database
from appliance.store.presence import Presence
from appliance.store.records import HeldRecord, NewRecord, Records, Stream
from appliance.sync.errors import LeaseLost
from appliance.sync.found_statuses import write_found_statuses
from appliance.sync.passes.table import PageCounts, Pass, PassTable
from appliance.sync.rejections.drift import Drift, Sampler
from appliance.sync.rejections.quarantine import Quarantine, Rejected
from appliance.sync.runs.tables import Claim, RunTable

# Of a page of keys that many rows are asked for one by one; with more, the entity is read anew.
ASKED_SINGLY = 20


@dataclass(frozen=True, slots=True)
class Work:
    """A pass in hand: whose it is, and what its rows go through."""

    claim: Claim
    one: Pass
    stream: Stream
    connector: Connector
    projection: Projection
    gone: Callable[[bytes], bool] | None
    traffic: "Traffic"
    sampler: Sampler

    @property
    def entity(self) -> str:
        return self.one.entity


class Found(NamedTuple):
    """What a page holds. `met` are the numbers of records that are there already, changed or not; `settled` the keys of
    all rows but the rejected ones."""

    changed: list[NewRecord]
    removed: list[str]
    met: list[int]
    unchanged: int
    rejected: list[Rejected]
    settled: set[str]
    newest: int | None
    unkeyed: bool


class PageWriter:
    """`owner` and `lease_ms` are those of the engine: whoever has lost the run writes nothing more."""

    def __init__(
        self,
        database: Database,
        records: Records,
        quarantine: Quarantine,
        drift: Drift,
        clock: Clock,
        *,
        owner: str,
        lease_ms: int,
    ) -> None:
        self._database = database
        self._records = records
        self._quarantine = quarantine
        self._drift = drift
        self._clock = clock
        self._owner = owner
        self._lease_ms = lease_ms
        self._runs = RunTable(database)
        self._passes = PassTable(database)
        self._presence = Presence(database)

    def write(self, work: Work, page: Page, checkpoint: dict[str, Any], *, listed: bool = True) -> None:
        """Write a page of whole rows. Raises LeaseLost, and has written nothing then.

        `listed` pages are those by whose number of rows a pass is known to be complete.
        """
        found = self.look(work.stream, work.projection, page, work.gone)
        counts = PageCounts(
            fetched=len(page.rows) + len(page.rejected),
            unchanged=found.unchanged,
            rejected=len(found.rejected),
        )
        self._commit(work, page, found, counts, checkpoint, listed)

    def write_keys(self, work: Work, page: Page, checkpoint: dict[str, Any], *, listed: bool = True) -> None:
        """Note which records the rows of a page are of, when only keys were asked for.

        Rows that say that they are deleted count as such. Rows that the store lacks are asked for one by one where
        they are few; else they are counted as lacking.
        """
        rows: dict[str, bytes] = {}
        removed: list[str] = []
        unkeyed = bool(page.rejected)
        for raw in page.rows:
            try:
                key = work.projection.key(raw)
            except RowRejected:
                unkeyed = True
                continue
            if work.gone is not None and work.gone(raw):
                removed.append(key)
            else:
                rows[key] = raw
        held = self._records.held(work.stream, list(rows))
        lacking = [raw for key, raw in rows.items() if key not in held]
        fetched = self._asked_singly(work, lacking)
        asked = replace(page, rows=fetched or [], rejected=(), removed=())
        found = self.look(work.stream, work.projection, asked, work.gone)
        found = found._replace(
            removed=[*found.removed, *removed],
            met=[*found.met, *(record.id for record in held.values())],
            unkeyed=unkeyed,
            unchanged=0,
        )
        counts = PageCounts(
            fetched=len(page.rows),
            unchanged=len(held),
            rejected=len(found.rejected),
            lacking=len(lacking) if fetched is None else 0,
        )
        self._commit(work, asked, found, counts, checkpoint, listed)

    def _asked_singly(self, work: Work, lacking: Sequence[bytes]) -> list[bytes] | None:
        """Whole rows by their keys; None where they are too many, or cannot be asked for."""
        if not lacking:
            return []
        if len(lacking) > ASKED_SINGLY or not work.connector.reads_one(work.entity):
            return None
        key_of = key_decoder(work.connector.definition.entities[work.entity].key)
        asked = (work.connector.one(work.entity, key_of(raw)) for raw in lacking)
        return [row for row in asked if row is not None]

    def _commit(
        self,
        work: Work,
        page: Page,
        found: Found,
        counts: PageCounts,
        checkpoint: dict[str, Any],
        listed: bool,
    ) -> None:
        run_id, entity, now = work.claim.run_id, work.entity, self._clock.now_ms()
        requests, received, waited = work.traffic.since_last()
        with self._database.write():
            if not self._runs.renew(run_id, self._owner, now + self._lease_ms):
                raise LeaseLost("The run was ended.")
            written = self._records.write(work.stream, found.changed)
            gone = [*found.removed, *(work.projection.key(raw) for raw in page.removed)]
            deleted = self._records.mark_deleted(work.stream, gone, now, run_id) if gone else 0
            newly_rejected = self.sort_out(work, found, gone, now)
            if work.one.number is not None:
                self._presence.met(work.one.number, found.met)
                if found.unkeyed:
                    self._passes.cannot_prove(work.one, "some rows could not be told from others")
            counts = replace(
                counts,
                inserted=written.inserted,
                updated=written.updated,
                unchanged=counts.unchanged + written.unchanged,
                deleted=deleted,
                requests=requests,
                bytes=received,
                waited_ms=waited,
            )
            self._passes.add_page(
                work.one,
                counts,
                checkpoint,
                now,
                mark=page.mark,
                listed=counts.fetched if listed else 0,
                expected=page.expected if listed else None,
                newest=found.newest,
            )
            if found.rejected:
                self._passes.note(run_id, entity, "ROW_REJECTED", found.rejected[0].reason)
            unknown = write_found_statuses(
                self._records, self._clock, work.stream.connection_id, work.connector, work.projection
            )
            if page.notices or unknown:
                told = [*page.notices, *map(_told_of, unknown)]
                self._passes.add_notices(run_id, entity, told, now)
        work.sampler.look(record.raw for record in found.changed)
        work.sampler.look(newly_rejected)

    def sort_out(self, work: Work, found: Found, gone: Sequence[str], now: int) -> list[bytes]:
        """Keep rejected rows in quarantine and take out those that have their record, or whose record is `gone`.

        Called in the transaction that writes them. Rows that were not rejected so before.
        """
        mapping = work.projection.fingerprint
        self._quarantine.settled(work.stream, found.settled.union(gone), fingerprint=mapping, now=now)
        return self._quarantine.keep(
            work.stream, found.rejected, fingerprint=mapping, run_id=work.claim.run_id, now=now
        )

    def conclude(self, work: Work) -> None:
        """At the end of a pass: note which fields its rows had, and tell what has changed in them."""
        if not work.sampler.rows:
            return
        run_id, now = work.claim.run_id, self._clock.now_ms()
        with self._database.write():
            changes = self._drift.conclude(
                work.stream,
                work.sampler,
                filled_by=lambda paths: work.connector.filled_by(work.entity, paths),
                run_id=run_id,
                now=now,
            )
            if changes:
                self._passes.add_notices(run_id, work.entity, changes, now)

    def look(
        self,
        stream: Stream,
        projection: Projection,
        page: Page,
        gone: Callable[[bytes], bool] | None = None,
    ) -> Found:
        """Which rows of a page differ from what is stored. Unchanged rows are neither decoded nor mapped. One query."""
        rows: dict[str, tuple[bytes, bytes]] = {}
        rejected = [Rejected(None, None, reason) for reason in page.rejected]
        unkeyed = bool(rejected)
        for raw in page.rows:
            try:
                # A row that comes twice in a page counts as it came last.
                rows[projection.key(raw)] = (projection.hash(raw), raw)
            except RowRejected as rejection:
                rejected.append(Rejected(None, raw, rejection.message))
                unkeyed = True
        held: dict[str, HeldRecord] = self._records.held(stream, list(rows))
        now = self._clock.now_ms()
        changed: list[NewRecord] = []
        removed: list[str] = []
        settled = set(rows)
        newest: int | None = None
        for key, (digest, raw) in rows.items():
            known = held.get(key)
            if known is not None and known.hash == digest:
                continue
            if gone is not None and gone(raw):
                removed.append(key)
                continue
            try:
                payload, modified_at = projection.record(raw)
            except RowRejected as rejection:
                rejected.append(Rejected(key, raw, rejection.message))
                settled.discard(key)
                continue
            if modified_at is not None and modified_at <= now:
                newest = modified_at if newest is None else max(newest, modified_at)
            changed.append(NewRecord(key, digest, payload, now if modified_at is None else modified_at, raw))
        unchanged = len(page.rows) + len(page.rejected) - len(changed) - len(removed) - len(rejected)
        met = [record.id for record in held.values()]
        return Found(changed, removed, met, unchanged, rejected, settled, newest, unkeyed)


def _told_of(status: Status) -> str:
    scope, code = status
    return (
        f"The connector does not know the status {code[:60]} of {scope}. It is passed on as it is; "
        "look it up in the source, and report it or add it to the connector's `statuses`."
    )


class Traffic:
    """Requests, bytes and milliseconds of waiting of a connector, from one look to the next."""

    def __init__(self, connector: Connector) -> None:
        self._client = connector.source.client
        self._before = self.now()

    def since_last(self) -> tuple[int, int, int]:
        before, self._before = self._before, self.now()
        return (
            self._before[0] - before[0],
            self._before[1] - before[1],
            self._before[2] - before[2],
        )

    def now(self) -> tuple[int, int, int]:
        """Since the connector was opened."""
        if self._client is None:
            return 0, 0, 0
        counters = self._client.counters
        return counters.requests, counters.bytes_received, round(counters.seconds_waiting * 1000)
