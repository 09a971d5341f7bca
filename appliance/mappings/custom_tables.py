"""Tables of a source that its connector does not know: declared for a connection, tried, synchronized from then on."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from appliance.clock import Clock
from appliance.connections.lifecycle import Connections
from appliance.connections.tables import Connection
from appliance.errors import ApplianceError, ConfigurationError
from appliance.mappings.errors import MappingInvalid, MappingUnknown
from appliance.mappings.tables import MappingTable
from appliance.model.custom_table import PREFIX
from appliance.runtime.connector import Connector
from appliance.runtime.definition.overlay import Overlay
from appliance.runtime.mapping.projection import RowRejected
from appliance.runtime.protocols import EVERYTHING
from appliance.runtime.select import decode
from appliance.store.database import Database
from appliance.store.records import Records
from appliance.sync.planner import Planner
from appliance.sync.rejections.drift import Drift
from appliance.sync.rejections.quarantine import Quarantine

MOST_TABLES = 100
_NAME = re.compile("[a-z][a-z0-9_]{0,40}")

OpenConnector = Callable[[Connection, Mapping[str, Overlay]], Connector]
"""Opens the connector of a connection with changes beside those that are in force."""


class CustomTables:
    def __init__(
        self,
        database: Database,
        records: Records,
        connections: Connections,
        planner: Planner,
        quarantine: Quarantine,
        drift: Drift,
        open_connector: OpenConnector,
        clock: Clock,
    ) -> None:
        self._database = database
        self._records = records
        self._connections = connections
        self._planner = planner
        self._quarantine = quarantine
        self._drift = drift
        self._open_connector = open_connector
        self._clock = clock
        self._table = MappingTable(database)

    def all(self, connection_id: str) -> list[dict[str, Any]]:
        """Name, definition and number of rows of each."""
        connection = self._connections.get(connection_id)
        counts = self._records.counts(connection.id)
        return [
            {"name": name.removeprefix(PREFIX), "table": name, **overlay.table, "rows": counts.get(name, 0)}
            for name, overlay in self._table.in_force(connection.id).items()
            if overlay.table is not None
        ]

    def put(self, connection_id: str, name: str, document: Any, *, author: str) -> dict[str, Any]:
        """Declare a table or change its declaration, after one of its rows was read; that row.

        It is synchronized at once, and by schedule from then on. Raises MappingInvalid for a declaration that is
        none, SourceError as the source answers to the trial.
        """
        sample = self.sample(connection_id, name, document)
        self.keep(connection_id, name, document, author=author)
        return {"name": name, "table": _entity(name), "sample": sample}

    def sample(self, connection_id: str, name: str, document: Any) -> Any:
        """Read one row as a table is declared; None where there is none. Raises as `put` does."""
        return self._tried(self._connections.get(connection_id), _entity(name), _overlay(document))

    def keep(self, connection_id: str, name: str, document: Any, *, author: str) -> None:
        """Declare a table that was tried before. Raises MappingInvalid."""
        connection = self._connections.get(connection_id)
        entity, overlay = _entity(name), _overlay(document)
        now = self._clock.now_ms()
        with self._database.write():
            declared = [one for one in self._table.in_force(connection.id).values() if one.table is not None]
            if len(declared) >= MOST_TABLES:
                raise MappingInvalid(f"A connection has at most {MOST_TABLES} tables of its own.")
            self._table.add(connection.id, entity, overlay, note="", author=author[:200], now=now)
            self._planner.add_entity(connection.id, entity)

    def remove(self, connection_id: str, name: str, *, author: str) -> int:
        """Forget a table and its rows; how many there were. Raises MappingUnknown."""
        connection = self._connections.get(connection_id)
        entity = _entity(name)
        overlay = self._table.in_force(connection.id).get(entity)
        if overlay is None or overlay.table is None:
            raise MappingUnknown(f"There is no table {name[:60]!r} of this connection.")
        with self._database.write():
            now = self._clock.now_ms()
            self._table.add(connection.id, entity, Overlay(), note="Removed", author=author[:200], now=now)
            self._planner.drop_entity(connection.id, entity)
        stream = self._records.find_stream(connection.id, entity)
        if stream is None:
            return 0
        self._quarantine.erase_stream(stream)
        self._drift.erase_stream(stream)
        return self._records.erase_stream(stream)

    def _tried(self, connection: Connection, entity: str, overlay: Overlay) -> Any:
        try:
            connector = self._open_connector(connection, {entity: overlay})
        except ConfigurationError as failure:
            raise MappingInvalid(failure.message) from None
        try:
            pages = connector.pages(entity)
            page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
            projection = connector.projection(entity)
            for raw in page.rows[:1]:
                projection.key(raw)
            return decode(page.rows[0]) if page.rows else None
        except (ConfigurationError, RowRejected) as failure:
            raise MappingInvalid(failure.message) from None
        finally:
            connector.close()


def _entity(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise MappingInvalid(
            "A table's name is small letters, digits and underscores, and begins with a letter."
        )
    return f"{PREFIX}{name}"


def _overlay(document: Any) -> Overlay:
    try:
        return msgspec.convert({"table": document}, Overlay)
    except (msgspec.ValidationError, ApplianceError) as failure:
        raise MappingInvalid(f"Send `read` and `key`: {failure}.") from None
