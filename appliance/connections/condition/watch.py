"""The scheduled probe: asks sources that nothing else has asked for a while, and those that are away.

It signs in and reads no rows. A few connections at a time, and of one host only one, so that a host that hangs or
comes back is not met by all of its connections at once.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from appliance.clock import Clock
from appliance.connections.condition.endings import Endings
from appliance.connections.condition.health import Health
from appliance.connections.condition.issues import Conditions
from appliance.connections.condition.proofs import ProofTable
from appliance.connections.condition.standing import Standing
from appliance.connections.tables import Connection, ConnectionTable
from appliance.errors import ApplianceError
from appliance.runtime.connector import Connector
from appliance.runtime.probe import Report
from appliance.store.database import Database

log = logging.getLogger(__name__)

AT_ONCE = 4
LOOKED_AT = 16
"""Connections that are looked at to find AT_ONCE of different hosts."""
LEASE_MS = 600_000
"""A probe that never tells its outcome is made again after this time."""

OpenConnector = Callable[[Connection], Connector]


class Watch:
    """Work beside the synchronization, for the one engine of a data directory."""

    def __init__(
        self,
        database: Database,
        health: Health,
        endings: Endings,
        standing: Standing,
        conditions: Conditions,
        open_connector: OpenConnector,
        clock: Clock,
    ) -> None:
        self._database = database
        self._health = health
        self._endings = endings
        self._standing = standing
        self._conditions = conditions
        self._open_connector = open_connector
        self._clock = clock
        self._proofs = ProofTable(database)
        self._table = ConnectionTable(database)

    def work_off(self) -> int:
        """Probe what is due, AT_ONCE connections at most; how many. One indexed read where nothing is due."""
        self._endings.look()
        self._standing.look_for_stale()
        self._conditions.look()
        due = self._proofs.due(self._clock.now_ms(), LOOKED_AT)
        if not due:
            return 0
        chosen: dict[str, tuple[Connection, Connector]] = {}
        looked_at = 0
        for connection_id in due:
            if len(chosen) == AT_ONCE:
                break
            looked_at += self._choose(connection_id, chosen)
        threads = [
            threading.Thread(target=self._probe_in_thread, args=pair, name="probe", daemon=True)
            for pair in chosen.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return looked_at

    def _choose(self, connection_id: str, chosen: dict[str, tuple[Connection, Connector]]) -> bool:
        """Open a connection for its probe unless one of its host is chosen already; whether it had its turn."""
        connection = self._table.find(connection_id)
        if connection is None:
            return False
        plan = self._proofs.plan(connection.id)
        # First, so that what fails here unexpectedly is not tried again at once for ever.
        self._proofs.set_plan(connection.id, replace(plan, due_at=self._clock.now_ms() + LEASE_MS))
        try:
            connector = self._open_connector(connection)
        except ApplianceError as failure:
            self._health.probed(connection, Report((), (), failure))
            return True
        host = _host(connector, connection)
        if host in chosen:
            connector.close()
            self._proofs.set_plan(connection.id, plan)
            return False
        chosen[host] = (connection, connector)
        return True

    def _probe_in_thread(self, connection: Connection, connector: Connector) -> None:
        try:
            self._probe(connection, connector)
        except Exception:
            log.exception("the probe of connection %s failed unexpectedly", connection.id)
        finally:
            self._database.release_thread()

    def _probe(self, connection: Connection, connector: Connector) -> None:
        try:
            report = self._health.probe(connector)
        finally:
            connector.close()
        self._health.probed(connection, report)
        self._endings.seen(connection, connector.source.fields, report.certificate)


def _host(connector: Connector, connection: Connection) -> str:
    """What probes take turns at: the host of a source, or the connection where it has none of its own."""
    source = connector.source
    if source.definition.http is not None:
        return urlsplit(source.base_url).hostname or connection.id
    if source.database is not None:
        return source.database.login.host.lower()
    return str(source.fields.get("host") or connection.id).lower()
