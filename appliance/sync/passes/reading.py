"""One pass: which rows are asked for, in which legs, and where it goes on after an interruption.

A pass has one leg or more: the rows themselves (or only their keys), the documents that are not finished though
they have not changed for long, and at last the comparison of what was met with what is stored. Its checkpoint is
`{"leg": name, "at": position}`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from appliance.clock import Clock
from appliance.connections.tables import Connection
from appliance.errors import SourceError
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.runtime.connector import Connector
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import Pages, Since
from appliance.store.database import Database
from appliance.store.presence import Presence
from appliance.store.records import Records
from appliance.sync.errors import Interrupted, LeaseLost
from appliance.sync.passes.ahead import FetchAhead
from appliance.sync.passes.deletions import Deletions
from appliance.sync.passes.pages import PageWriter, Traffic, Work
from appliance.sync.passes.table import Pass, PassTable
from appliance.sync.rejections.drift import Sampler
from appliance.sync.runs.tables import Claim
from appliance.sync.schedules.due_table import ScheduleTable

DAY_MS = 24 * 3600 * 1000

# Statuses by which sources say that they know no such filter.
_CANNOT = (400, 422, 501)

LegName = Literal["rows", "keys", "open", "open_keys", "compare", "end"]


class SourceStalled(SourceError):
    """The source has sent nothing for too long."""

    code = "SOURCE_STALLED"
    type = "connection"
    retryable = True


class Leg(NamedTuple):
    name: LegName
    pages: Pages | None = None
    since: Since = Since()


class PassReader:
    """`stopping` tells that the appliance wants to end: the page in hand is finished first."""

    def __init__(
        self,
        database: Database,
        records: Records,
        model: Model,
        writer: PageWriter,
        deletions: Deletions,
        clock: Clock,
        *,
        stall_seconds: int,
        stopping: Callable[[], bool],
        is_ours: Callable[[str], bool],
    ) -> None:
        self._records = records
        self._model = model
        self._writer = writer
        self._deletions = deletions
        self._clock = clock
        self._stall_seconds = stall_seconds
        self._stopping = stopping
        self._is_ours = is_ours
        self._passes = PassTable(database)
        self._presence = Presence(database)
        self._schedules = ScheduleTable(database)

    def read(self, claim: Claim, one: Pass, connection: Connection, connector: Connector) -> Pass:
        """Do a pass to its end; gives it as it was begun.

        Raises SourceError and other ApplianceErrors of the source, Interrupted, LeaseLost.
        """
        one = self._begun(claim, one, connection, connector)
        work = self._work(claim, one, connector)
        try:
            self._legs_from(work, connector)
        except ResumeRefused:
            # A kept page position has expired at the source; rows that come again change nothing.
            work = replace(work, one=self._begin_again(one))
            self._legs_from(work, connector)
        return work.one

    def read_what_changed_since(
        self, claim: Claim, one: Pass, connection: Connection, connector: Connector
    ) -> Pass:
        """After a pass that was taken up: an incremental one, from where that had begun. Raises as `read` does."""
        fresh = Pass(one.run_id, one.entity, "queued", "incremental")
        now = self._clock.now_ms()
        begun = self._planned(fresh, connection, connector, now)
        self._passes.begin(begun, now)
        return self.read(claim, begun, connection, connector)

    def _begun(self, claim: Claim, one: Pass, connection: Connection, connector: Connector) -> Pass:
        if one.state == "running" and one.started_at is not None:
            return one
        now = self._clock.now_ms()
        left = self._passes.left_behind(connection.id, one.entity, now)
        if left is not None and claim.mode == "incremental" and left.kind in ("incremental", "full"):
            begun = replace(left, run_id=one.run_id, state="running", taken_up=True)
            self._passes.begin(begun, now, follows=left.run_id)
            return begun
        begun = self._planned(one, connection, connector, now)
        self._passes.begin(begun, now)
        return begun

    def _begin_again(self, one: Pass) -> Pass:
        now = self._clock.now_ms()
        if one.number is not None:
            self._presence.forget(one.number)
        begun = replace(one, started_at=now, checkpoint=None, unproven=None, taken_up=False)
        if one.number is not None:
            number, seq = self._presence.begin()
            begun = replace(begun, number=number, seq=seq)
        self._passes.begin(begun, now)
        return begun

    def _planned(self, one: Pass, connection: Connection, connector: Connector, now: int) -> Pass:
        """From when on rows are asked for, and whether what is not met can be compared.

        An incremental pass goes on where the last successful one got to. Any other takes all master data, and
        transactions of the historical period.
        """
        begun = replace(one, state="running", started_at=now)
        if one.kind == "backfill":
            return begun
        definition = connector.definition.entities[one.entity]
        if definition.incremental != "compare" and one.kind == "incremental":
            watermark, mark = self._schedules.reached(connection.id, one.entity)
            if watermark is not None:
                return replace(begun, since=watermark, since_mark=mark)
        master = entity_of(self._model, one.entity).nature == "master"
        since = (
            None
            if definition.incremental == "compare" or master
            else now - connection.historical_days * DAY_MS
        )
        stream = self._records.stream(connection.id, one.entity)
        # Without the time of its change a record cannot be told to have left the historical period.
        bounded = since is None or definition.modified is not None
        if bounded and self._records.count(stream) and connector.compares(one.entity):
            number, seq = self._presence.begin()
            return replace(begun, since=since, number=number, seq=seq)
        return replace(begun, since=since)

    def _work(self, claim: Claim, one: Pass, connector: Connector) -> Work:
        return Work(
            claim,
            one,
            self._records.stream(claim.connection_id, one.entity),
            connector,
            connector.projection(one.entity),
            connector.gone(one.entity),
            Traffic(connector),
            Sampler(false_is_null=connector.definition.entities[one.entity].false_is_null),
        )

    def _legs(self, one: Pass, connector: Connector, whole: bool) -> list[Leg]:
        if one.kind == "reconcile" and one.number is None:
            # Nothing can be compared. Files that were taken before would only bring back what they said then.
            return [Leg("end")]
        since = Since(_moment(one.since), one.since_mark, _moment(one.until))
        keys = connector.key_pages(one.entity) if one.kind == "reconcile" and one.number is not None else None
        legs = [Leg("rows", connector.pages(one.entity), since) if keys is None else Leg("keys", keys, since)]
        unfinished = (
            connector.open_pages(one.entity, only_keys=keys is not None) if whole and one.since else None
        )
        if unfinished is not None:
            legs.append(Leg("open" if keys is None else "open_keys", unfinished))
        if one.number is not None:
            legs.append(Leg("compare"))
        return [*legs, Leg("end")]

    def _legs_from(self, work: Work, connector: Connector) -> None:
        one = work.one
        whole = one.kind in ("full", "reconcile") or (
            one.kind == "incremental" and not self._has_reached(work)
        )
        legs = self._legs(one, connector, whole)
        kept = one.checkpoint or {"leg": legs[0].name, "at": None}
        name, at = kept.get("leg"), kept.get("at")
        if name is None:
            # As releases before this one wrote it.
            name, at = "rows", one.checkpoint
        begins = next((number for number, leg in enumerate(legs) if leg.name == name), 0)
        for number, leg in enumerate(legs[begins:-1], begins):
            resuming = at if number == begins else None
            if leg.pages is None:
                self._deletions.compare(work, resuming or {"after": 0}, self._go_on)
            elif leg.name in ("open", "open_keys"):
                self._read_unfinished(work, leg, resuming, legs[number + 1].name)
            else:
                self._read_leg(work, leg, resuming, legs[number + 1].name)
        self._writer.conclude(work)

    def _has_reached(self, work: Work) -> bool:
        watermark, _ = self._schedules.reached(work.claim.connection_id, work.entity)
        return watermark is not None and work.one.since == watermark

    def _read_leg(self, work: Work, leg: Leg, at: dict[str, Any] | None, following: LegName) -> None:
        assert leg.pages is not None
        write = self._writer.write_keys if leg.name in ("keys", "open_keys") else self._writer.write
        listed = leg.name in ("rows", "keys")
        position = leg.pages.first() if at is None else at
        watch = _Watch(self._clock, work, self._stall_seconds, self._is_ours, self._stopping)
        with FetchAhead(leg.pages, position, leg.since, resuming=at is not None, watch=watch) as arriving:
            for page in arriving:
                goes_on = (
                    {"leg": following, "at": None}
                    if page.next is None
                    else {"leg": leg.name, "at": page.next}
                )
                write(work, page, goes_on, listed=listed)
                watch.moved()
                if page.next is not None:
                    self._go_on()

    def _read_unfinished(self, work: Work, leg: Leg, at: dict[str, Any] | None, following: LegName) -> None:
        """The documents that are not finished; a source that refuses to be asked so keeps no other row back."""
        try:
            self._read_leg(work, leg, at, following)
        except SourceError as refusal:
            if refusal.details.get("status") not in _CANNOT:
                raise
            message = f"The source refuses to be asked for unfinished documents alone. {refusal.message}"
            self._passes.add_notices(work.claim.run_id, work.entity, [message], self._clock.now_ms())

    def _go_on(self) -> None:
        if self._stopping():
            raise Interrupted("The appliance is stopping; the run goes on at the next start.")


class _Watch:
    """Looks, while no page comes, whether anything still moves and the run still is ours."""

    def __init__(
        self,
        clock: Clock,
        work: Work,
        stall_seconds: int,
        is_ours: Callable[[str], bool],
        stopping: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._work = work
        self._stall_seconds = stall_seconds
        self._is_ours = is_ours
        self._stopping = stopping
        self._counted = work.traffic.now()
        self._moved_at = clock.monotonic()

    def moved(self) -> None:
        self._moved_at = self._clock.monotonic()

    def __call__(self) -> None:
        if self._stopping():
            # The page under way is asked for again: waiting for it could take minutes.
            raise Interrupted("The appliance is stopping; the run goes on at the next start.")
        if not self._is_ours(self._work.claim.run_id):
            raise LeaseLost("The run was ended.")
        counted = self._work.traffic.now()
        if counted != self._counted:
            self._counted = counted
            self.moved()
        still = self._clock.monotonic() - self._moved_at
        if still > self._stall_seconds:
            raise SourceStalled(
                f"The source has sent neither a row nor a byte for {still:.0f} s. It is asked again later, from the "
                "last page on. Look whether it is overloaded, or raise sync.stall_seconds in the settings.",
                details={"seconds": round(still)},
            )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)
