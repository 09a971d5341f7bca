"""Health of a connection: what a failure of its source means for it.

A rejected password is believed only after a probe says the same: sources answer 401 for other reasons too. Then
the connection asks to be reauthorized, and its schedule rests until that happened.
"""

import logging

from appliance.clock import Clock
from appliance.connections.announce import Announce, unheard
from appliance.connections.tables import (
    CONNECTED,
    OFFLINE,
    REAUTHORIZATION_REQUIRED,
    Connection,
    ConnectionTable,
)
from appliance.errors import ApplianceError, SourceAccessDenied, SourceCredentialsRejected, SourceUnreachable
from appliance.runtime.connector import Connector
from appliance.runtime.probe import OpenReach, probe
from appliance.store.database import Database

log = logging.getLogger(__name__)


class Health:
    def __init__(
        self, database: Database, open_reach: OpenReach, clock: Clock, announce: Announce = unheard
    ) -> None:
        self._table = ConnectionTable(database, announce)
        self._open_reach = open_reach
        self._clock = clock

    def source_answered(self, connection: Connection) -> None:
        """A request went well: an offline connection is online again."""
        # As it is now: an entity before this one may have found the source offline.
        known = self._table.find(connection.id)
        if known is None or known.status != OFFLINE:
            return
        if self._table.set_status(connection.id, CONNECTED, None, self._clock.now_ms()):
            log.info("connection %s is online again", connection.id)

    def source_failed(self, connection: Connection, connector: Connector, failure: ApplianceError) -> bool:
        """Judge a failure; True when the connection now asks to be reauthorized."""
        if isinstance(failure, SourceCredentialsRejected | SourceAccessDenied):
            return self._confirm_credentials(connection, connector)
        if isinstance(failure, SourceUnreachable):
            self._mark_offline(connection, failure)
        return False

    def _confirm_credentials(self, connection: Connection, connector: Connector) -> bool:
        report = probe(connector, self._open_reach, self._clock, read=False)
        if isinstance(report.failure, SourceCredentialsRejected):
            self.mark_reauthorization_required(connection, report.failure.message)
            return True
        if isinstance(report.failure, SourceUnreachable):
            self._mark_offline(connection, report.failure)
        return False

    def mark_reauthorization_required(self, connection: Connection, reason: str) -> None:
        """The source rejects the credentials: calls are answered so, syncs rest, credits stay taken."""
        if self._table.set_status(connection.id, REAUTHORIZATION_REQUIRED, reason, self._clock.now_ms()):
            log.warning("connection %s needs to be reauthorized", connection.id)

    def _mark_offline(self, connection: Connection, failure: ApplianceError) -> None:
        if self._table.set_status(connection.id, OFFLINE, failure.message, self._clock.now_ms()):
            log.warning("connection %s is offline: %s", connection.id, failure.message)
