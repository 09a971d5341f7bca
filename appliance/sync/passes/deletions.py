"""What is gone at the source: records that a complete pass did not meet become deleted, if that is believable.

Nothing is deleted by a pass that was not proven complete: each row had to be readable, and as many had to come as the
source counted. Where pages can pass over a row while others vanish before them, a row is asked for by itself, or has
to be missed by two passes. When a larger share than `guard_percent` would vanish, nothing is deleted: it is held, and
a person decides.
"""

import logging
from collections.abc import Callable
from typing import Any

from appliance.clock import Clock, new_id
from appliance.runtime.protocols import Page
from appliance.runtime.select import key_decoder
from appliance.store.database import Database
from appliance.store.presence import Missing, Presence, Scope
from appliance.store.records import Records
from appliance.sync.errors import LeaseLost
from appliance.sync.passes.hold_table import HoldTable
from appliance.sync.passes.pages import PageWriter, Work
from appliance.sync.passes.table import PageCounts, PassTable
from appliance.sync.runs.tables import RunTable

log = logging.getLogger(__name__)

DAY_MS = 24 * 3600 * 1000
COMPARED_AT_ONCE = 200
# So many are asked for by themselves rather than left for the next pass.
ASKED_SINGLY = 200
# So many are never held back, unless they are all there is and none can be asked for by itself.
FEW = 10
SAMPLE = 5


class Deletions:
    def __init__(
        self,
        database: Database,
        records: Records,
        writer: PageWriter,
        clock: Clock,
        *,
        owner: str,
        lease_ms: int,
        guard_percent: int,
    ) -> None:
        self._database = database
        self._records = records
        self._writer = writer
        self._clock = clock
        self._owner = owner
        self._lease_ms = lease_ms
        self._guard_percent = guard_percent
        self._presence = Presence(database)
        self._passes = PassTable(database)
        self._runs = RunTable(database)
        self._holds = HoldTable(database)

    def compare(self, work: Work, at: dict[str, Any], go_on: Callable[[], None]) -> None:
        """Delete what the pass did not meet, in slices; `go_on` is called between them and may raise.

        Costs one walk through the stream's index, and what is missing. Raises LeaseLost.
        """
        one = work.one
        if one.number is None or one.seq is None:
            return
        # A day of margin: times near the border may be written by another clock or zone.
        changed_from = None if one.since is None else one.since + DAY_MS
        scope = Scope(one.number, work.stream, one.seq, changed_from)
        missing, known = self._presence.count(scope)
        confirmed = work.connector.proves_absence(work.entity, since=one.since is not None)
        asks = work.connector.reads_one(work.entity) and self._is_asked_singly(missing, known, confirmed)
        if at["after"] == 0:
            self._presence.found_again(scope)
            why = self._unproven(work) if missing else None
            if why is not None:
                self._tell(work, f"{missing} records were not met, but nothing was deleted: {why}.")
                return
            if self._is_too_much(missing, known, asks) and not one.deletes_freely:
                self._hold(work, scope, missing, known)
                return
            self._holds.settle(work.claim.connection_id, work.entity, self._clock.now_ms())
        after = int(at["after"])
        while absent := self._presence.missing(scope, after, COMPARED_AT_ONCE):
            go_on()
            after = absent[-1].id
            # A record whose row is no longer kept cannot be asked for; two passes have to miss it.
            askable = [record for record in absent if record.raw is not None] if asks else []
            there = self._asked_singly(work, askable)
            sure = askable if asks else absent if confirmed else []
            self._delete(work, scope, absent, there, after, sure=sure)

    def _unproven(self, work: Work) -> str | None:
        standing = self._passes.standing(work.one)
        if standing["unproven"] is not None:
            return str(standing["unproven"])
        if standing["expected"] is not None and standing["pass_rows"] < standing["expected"]:
            return f"the source counts {standing['expected']} rows and gave {standing['pass_rows']}"
        return None

    def _is_asked_singly(self, missing: int, known: int, confirmed: bool) -> bool:
        """Whether records are asked for by themselves: where the pages prove nothing, or gave nothing of a few."""
        return missing <= FEW if confirmed and missing == known else not confirmed and missing <= ASKED_SINGLY

    def _is_too_much(self, missing: int, known: int, asks: bool) -> bool:
        """An answer without any row is the likeliest to be wrong; it is believed where each row is asked for."""
        if missing == known and missing and not (asks and missing <= FEW):
            return True
        return missing > FEW and missing * 100 > known * self._guard_percent

    def _hold(self, work: Work, scope: Scope, missing: int, known: int) -> None:
        now = self._clock.now_ms()
        message = (
            f"{missing} of {known} records are no longer in the source. That is more than {self._guard_percent} %, so"
            " none was deleted. Look at the source, or at the rights of its user, and approve or dismiss the deletion."
        )
        sample = [record.key for record in self._presence.missing(scope, 0, SAMPLE)]
        self._holds.open(
            new_id("hold"),
            work.claim.connection_id,
            work.entity,
            work.claim.run_id,
            missing=missing,
            known=known,
            sample=sample,
            now=now,
        )
        log.warning(
            "connection %s: %d of %d %s would vanish; held",
            work.claim.connection_id,
            missing,
            known,
            work.entity,
        )
        self._tell(work, message)

    def _asked_singly(self, work: Work, absent: list[Missing]) -> list[bytes]:
        """Rows of those that are there after all."""
        key_of = key_decoder(work.connector.definition.entities[work.entity].key)
        rows = (work.connector.one(work.entity, key_of(record.raw)) for record in absent if record.raw)
        return [row for row in rows if row is not None and not (work.gone and work.gone(row))]

    def _delete(
        self,
        work: Work,
        scope: Scope,
        absent: list[Missing],
        there: list[bytes],
        after: int,
        *,
        sure: list[Missing],
    ) -> None:
        """Delete those that are `sure` to be gone, but for the rows that are `there`, and what was missed before."""
        run_id, now = work.claim.run_id, self._clock.now_ms()
        found = self._writer.look(work.stream, work.projection, Page(there, None))
        kept = {work.projection.key(row) for row in there}
        requests, received, waited = work.traffic.since_last()
        with self._database.write():
            if not self._runs.renew(run_id, self._owner, now + self._lease_ms):
                raise LeaseLost("The run was ended.")
            known = {record.id for record in sure}
            doubtful = [record for record in absent if record.id not in known]
            gone = [*sure, *(self._missed_twice(scope, doubtful) if doubtful else [])]
            vanished = [record.key for record in gone if record.key not in kept]
            deleted = self._records.mark_deleted(work.stream, vanished, now, run_id)
            written = self._records.write(work.stream, found.changed)
            self._writer.sort_out(work, found, vanished, now)
            self._presence.met(scope.pass_id, found.met)
            counts = PageCounts(
                fetched=len(there),
                updated=written.updated,
                unchanged=found.unchanged + written.unchanged,
                rejected=len(found.rejected),
                deleted=deleted,
                requests=requests,
                bytes=received,
                waited_ms=waited,
            )
            self._passes.add_page(work.one, counts, {"leg": "compare", "at": {"after": after}}, now)

    def _missed_twice(self, scope: Scope, absent: list[Missing]) -> list[Missing]:
        before = self._presence.missed_before(scope, [record.id for record in absent])
        return [record for record in absent if record.id in before]

    def _tell(self, work: Work, message: str) -> None:
        self._passes.add_notices(work.claim.run_id, work.entity, [message], self._clock.now_ms())
