"""Health of a connection: what every answer and every failure of its source means for it.

Runs, writes, pass-through and probes tell it here what they met; nobody else changes the status of a connection that
is in use. A failure is believed when it was seen twice: a run that fails is confirmed by a probe, and a probe that
fails by the next one, half a minute later. So one lost answer changes nothing, and a rejected password, which sources
also claim for other reasons, asks for a reauthorization only when the sign-in itself says so.
"""

import logging
import secrets
from dataclasses import replace
from typing import Protocol

from appliance.clock import Clock
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.issues import Issues
from appliance.connections.condition.proofs import Known, Plan, ProofTable
from appliance.connections.condition.remedies import ENDS_A_RUN, Aspect
from appliance.connections.tables import (
    CONNECTED,
    OFFLINE,
    REAUTHORIZATION_REQUIRED,
    Connection,
    ConnectionTable,
)
from appliance.errors import ApplianceError, SourceAccessDenied, SourceCredentialsRejected, SourceUnreachable
from appliance.runtime.connector import Connector
from appliance.runtime.probe import OpenReach, Report, probe
from appliance.store.database import Database, Row

log = logging.getLogger(__name__)

PROVEN_AGAIN_MS = 60_000
"""The same proof again sooner is not written."""
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 30_000, 900_000
DAY_MS = 86_400_000
"""So often a connection is probed though its runs prove that it works: a probe also looks at the certificate."""

_SIGNED_IN: tuple[Aspect, ...] = ("reachable", "authenticated")


class Returning(Protocol):
    """What health asks of the scheduler (see sync.planner)."""

    def source_returned(self, connection_id: str) -> None:
        """Make due now what failed while the source was away."""
        ...


class Health:
    def __init__(
        self,
        database: Database,
        issues: Issues,
        open_reach: OpenReach,
        clock: Clock,
        returning: Returning,
        *,
        probe_seconds: int,
        announce: Announce = unheard,
    ) -> None:
        self._database = database
        self._issues = issues
        self._proofs = ProofTable(database)
        self._table = ConnectionTable(database, announce)
        self._open_reach = open_reach
        self._clock = clock
        self._returning = returning
        self._probe_ms = probe_seconds * 1000

    def source_answered(self, connection: Connection, *, entity: str | None = None) -> None:
        """A request went well, with `entity` the whole pass of that one: an offline connection is online again.

        Three small queries; a write only when something changes, and once a minute so that the proof is recent.
        """
        # As it is now: an entity before this one may have found the source offline.
        status = self._table.status(connection.id)
        if status not in (CONNECTED, OFFLINE):
            return
        now = self._clock.now_ms()
        known = self._proofs.of_connection(connection.id)
        found: list[tuple[Aspect, str]] = [(aspect, "") for aspect in _SIGNED_IN]
        if entity is not None:
            found.append(("authorized", ""))
            if ("authorized", entity) in known:
                found.append(("authorized", entity))
        news = [one for one in found if _is_news(known, one, now)]
        over = [row["id"] for row in self._issues.unresolved(connection.id) if _is_over(row, entity)]
        if news or over or status == OFFLINE:
            with self._database.write():
                self._proofs.proven(connection.id, news, now)
                self._rest(connection, now)
                self._issues.end(over)
                self._back_online(connection)

    def source_failed(
        self,
        connection: Connection,
        connector: Connector,
        failure: ApplianceError,
        *,
        entity: str | None = None,
    ) -> bool:
        """Judge a failure of a request, with `entity` of a pass; True when the connection now asks to be reauthorized.

        Asks the source itself when the failure says something of its reachability or of the credentials. Without
        `entity` what concerns the one request alone is left to its caller.
        """
        status = self._table.status(connection.id)
        if status not in (CONNECTED, OFFLINE):
            return status == REAUTHORIZATION_REQUIRED
        match failure:
            case SourceCredentialsRejected() | SourceAccessDenied():
                report = self.probe(connector)
                self.probed(connection, report, confirmed=True)
                if isinstance(report.failure, SourceCredentialsRejected):
                    return True
            case SourceUnreachable():
                if status == OFFLINE:
                    self._open_issue(connection, failure)
                    return False
                report = self.probe(connector)
                away = isinstance(report.failure, SourceUnreachable)
                self.probed(connection, report, confirmed=away)
                if away:
                    return False
        if entity is not None:
            self._entity_failed(connection, entity, failure)
        return False

    def probe(self, connector: Connector) -> Report:
        """Ask a source for nothing but the sign-in. The outcome is not yet judged."""
        return probe(connector, self._open_reach, self._clock, read=False)

    def run_failed(self, connection: Connection, failure: ApplianceError) -> None:
        """A run ended before it asked the source for anything, as when the connector cannot be opened."""
        self._open_issue(connection, failure)

    def probed(self, connection: Connection, report: Report, *, confirmed: bool = False) -> None:
        """Judge a probe. `confirmed`: something else has failed just now, so that a failure is seen the second time."""
        now = self._clock.now_ms()
        failure = report.failure
        with self._database.write():
            if self._table.status(connection.id) not in (CONNECTED, OFFLINE):
                return
            known = self._proofs.of_connection(connection.id)
            plan = replace(self._proofs.plan(connection.id), probed_at=now)
            # Before the outcome, which leaves a connection alone that has to be reauthorized.
            self._proofs.set_plan(connection.id, plan)
            match failure:
                case None:
                    self._signed_in(connection, now)
                case SourceUnreachable():
                    self._retry(connection, plan, now)
                    self._away(connection, failure, again=confirmed or _is_failing(known, "reachable"))
                case SourceCredentialsRejected():
                    self._proofs.proven(connection.id, [("reachable", "")], now)
                    self._retry(connection, plan, now)
                    self._refused(connection, failure, again=confirmed or _is_failing(known, "authenticated"))
                case SourceAccessDenied():
                    self._signed_in(connection, now)
                    self._fails(connection, "authorized", failure)
                    self._open_issue(connection, failure)
                case _:
                    if report.passed("connect", "proxy", "tls", "authenticate", "read"):
                        self._proofs.proven(connection.id, [("reachable", "")], now)
                    self._retry(connection, plan, now)
                    self._open_issue(connection, failure)

    def connected(self, connection: Connection, report: Report) -> None:
        """A connection was made, or made valid again with new credentials, after this probe has passed."""
        now = self._clock.now_ms()
        with self._database.write():
            self._set_status(connection, CONNECTED, None)
            self._proofs.set_plan(connection.id, Plan(probed_at=now))
            self._signed_in(connection, now)
            if report.readable:
                self._proofs.proven(connection.id, [("authorized", "")], now)

    def ended(self, connection_id: str) -> None:
        """A connection was disconnected: nothing is asked of its source any more, nothing is wrong with it."""
        with self._database.write():
            self._proofs.forget(connection_id)
            self._issues.end_connection(connection_id)

    def mark_reauthorization_required(self, connection: Connection, reason: str) -> None:
        """The source rejects the credentials: calls are answered so, syncs rest, credits stay taken."""
        with self._database.write():
            if self._set_status(connection, REAUTHORIZATION_REQUIRED, reason):
                log.warning("connection %s needs to be reauthorized", connection.id)
            # Each further sign-in with a wrong password brings the user closer to being locked at the source.
            self._proofs.set_plan(connection.id, Plan(probed_at=self._proofs.plan(connection.id).probed_at))
            refused = SourceCredentialsRejected(reason)
            self._fails(connection, "authenticated", refused)
            self._open_issue(connection, refused)

    def _signed_in(self, connection: Connection, now: int) -> None:
        """The source is there and takes the credentials."""
        self._proofs.proven(connection.id, [(aspect, "") for aspect in _SIGNED_IN], now)
        self._rest(connection, now)
        self._issues.end(
            row["id"]
            for row in self._issues.unresolved(connection.id)
            if row["code"] in ENDS_A_RUN and row["aspect"] in _SIGNED_IN and not row["entity"]
        )
        self._back_online(connection)

    def _back_online(self, connection: Connection) -> None:
        if self._table.status(connection.id) == OFFLINE and self._set_status(connection, CONNECTED, None):
            log.info("connection %s is online again", connection.id)
            self._returning.source_returned(connection.id)

    def _away(self, connection: Connection, failure: ApplianceError, *, again: bool) -> None:
        self._fails(connection, "reachable", failure)
        if again:
            if self._set_status(connection, OFFLINE, failure.message):
                log.warning("connection %s is offline: %s", connection.id, failure.message)
            self._open_issue(connection, failure)

    def _refused(self, connection: Connection, failure: ApplianceError, *, again: bool) -> None:
        if again:
            self.mark_reauthorization_required(connection, failure.message)
        else:
            self._fails(connection, "authenticated", failure)

    def _entity_failed(self, connection: Connection, entity: str, failure: ApplianceError) -> None:
        remedy = ENDS_A_RUN.get(failure.code)
        # The source as a whole answers: a time-out, or a refusal that the probe denies, is one of the entity.
        whole = (
            remedy is not None
            and remedy.aspect in _SIGNED_IN
            and not isinstance(failure, SourceUnreachable | SourceCredentialsRejected)
        )
        with self._database.write():
            if isinstance(failure, SourceAccessDenied):
                self._fails(connection, "authorized", failure, entity)
            self._open_issue(connection, failure, "" if whole else entity)

    def _fails(
        self, connection: Connection, aspect: Aspect, failure: ApplianceError, entity: str = ""
    ) -> None:
        now = self._clock.now_ms()
        self._proofs.failing(connection.id, aspect, entity, failure.code, failure.message, now)

    def _open_issue(self, connection: Connection, failure: ApplianceError, entity: str = "") -> None:
        remedy = ENDS_A_RUN.get(failure.code) or ENDS_A_RUN["INTERNAL_ERROR"]
        self._issues.open(
            remedy.counts_as or failure.code,
            failure.message,
            connection_id=connection.id,
            entity=entity,
            fix=None if failure.code in ENDS_A_RUN else remedy.fix,
            who=remedy.who,
        )

    def _set_status(self, connection: Connection, status: str, reason: str | None) -> bool:
        """Whether the status really changed. `connection` may be older than what is stored."""
        return self._table.set_status(connection.id, status, reason, self._clock.now_ms())

    def _rest(self, connection: Connection, now: int) -> None:
        """Probe again when nothing else has proven for a while that it works; up to a tenth less, to spread load."""
        plan = self._proofs.plan(connection.id)
        pause = self._probe_ms - secrets.randbelow(max(1, self._probe_ms // 10))
        due_at = min(now + pause, (plan.probed_at or 0) + DAY_MS)
        self._proofs.set_plan(connection.id, Plan(due_at, 0, plan.probed_at))

    def _retry(self, connection: Connection, plan: Plan, now: int) -> None:
        """Probe again after 30 s, then 1, 2, 4 … 15 min."""
        pause = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS << min(plan.failures, 10))
        self._proofs.set_plan(connection.id, Plan(now + pause, plan.failures + 1, plan.probed_at))


def _is_news(known: Known, one: tuple[Aspect, str], now: int) -> bool:
    proof = known.get(one)
    return proof is None or proof.state != "proven" or now - (proof.proven_at or 0) >= PROVEN_AGAIN_MS


def _is_failing(known: Known, aspect: Aspect) -> bool:
    proof = known.get((aspect, ""))
    return proof is not None and proof.state == "failing"


def _is_over(row: Row, entity: str | None) -> bool:
    """Whether a success ends an issue: one of the source as a whole, or one of the entity that was passed."""
    if row["code"] not in ENDS_A_RUN:
        return False
    if row["entity"]:
        return bool(row["entity"] == entity)
    return row["aspect"] in _SIGNED_IN or entity is not None
