"""Mappings of a connection, from the first look at its rows to records that are mapped anew.

A change is compiled before it is kept, so a wrong one is refused. It is in force at once for what is synchronized from
then on; what is there is mapped anew from the kept rows, without asking the source, some hundred records a transaction.
"""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from appliance.clock import Clock
from appliance.connections.lifecycle import Connections
from appliance.connections.tables import Connection
from appliance.errors import ApplianceError, ConfigurationError
from appliance.mappings.errors import MappingInvalid, MappingUnknown
from appliance.mappings.samples import fields_of
from appliance.mappings.tables import MappingTable, Remapping, Version
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.runtime.catalog import Catalog
from appliance.runtime.definition import Definition
from appliance.runtime.definition.overlay import Overlay
from appliance.runtime.mapping.overlay import changed, overlaid
from appliance.runtime.mapping.projection import Projection, RowRejected
from appliance.runtime.mapping.source_fields import filled_by
from appliance.runtime.select import decode
from appliance.store.database import Database
from appliance.store.records import KeptRow, NewRecord, Records, Stream
from appliance.sync.rejections.quarantine import Quarantine, Rejected
from appliance.sync.runs.tables import RunTable

log = logging.getLogger(__name__)

ROWS_LOOKED_AT = 200
ROWS_SHOWN = 10
ROWS_AT_ONCE = 500
# Done before the answer; the engine does the rest.
AT_ONCE_PAGES = 4
WAIT_FOR_RUNS_MS = 30_000
LONGEST_CHANGE = 256 * 1024


class Mappings:
    def __init__(
        self,
        database: Database,
        records: Records,
        model: Model,
        catalog: Catalog,
        connections: Connections,
        quarantine: Quarantine,
        clock: Clock,
    ) -> None:
        self._database = database
        self._records = records
        self._model = model
        self._catalog = catalog
        self._connections = connections
        self._quarantine = quarantine
        self._clock = clock
        self._runs = RunTable(database)
        self.table = MappingTable(database)

    def adjusted(self, connection: Connection, definition: Definition) -> Definition:
        """The definition with the changes of the connection that are in force."""
        defaults = self._catalog.folder(connection.system).defaults
        return overlaid(definition, self.table.in_force(connection.id), defaults)

    def overview(self, connection_id: str) -> list[dict[str, Any]]:
        """Each entity of the connection, whether its mapping differs from the connector's, and what is under way."""
        connection = self._connections.get(connection_id)
        # Back at the connector's own mapping a version without changes is in force.
        changed = {
            name for name, overlay in self.table.in_force(connection.id).items() if overlay != Overlay()
        }
        return [
            {"entity": name, "changed": name in changed, "remapping": self.progress(connection.id, name)}
            for name in self._definition(connection).entities
        ]

    def show(self, connection_id: str, entity: str) -> dict[str, Any]:
        """The mapping in force, field by field, and the fields of the source with samples."""
        connection, definition = self._served(connection_id, entity)
        overlay = self.table.in_force(connection.id).get(entity, Overlay())
        mapped = changed(definition.entities[entity], overlay).map
        return {
            "entity": entity,
            "map": {name: mapped.get(name) for name in self._model.entities[entity].fields if name != "key"},
            "changed": {"map": overlay.map, "custom": overlay.custom},
            "note": definition.entities[entity].note,
            "source_fields": fields_of(
                decode(raw) for _, _, raw in self._rows(connection, entity, ROWS_LOOKED_AT)
            ),
            "versions": [version.as_dict() for version in self.table.versions(connection.id, entity)],
            "remapping": self.progress(connection.id, entity),
        }

    def preview(self, connection_id: str, entity: str, change: Any) -> list[dict[str, Any]]:
        """Some records as they are and as they would be. Raises MappingInvalid."""
        connection, definition = self._served(connection_id, entity)
        projection = self._projection(connection, definition, entity, _read(change))
        shown: list[dict[str, Any]] = []
        for key, payload, raw in self._rows(connection, entity, ROWS_SHOWN):
            now = msgspec.json.decode(payload)
            try:
                then = msgspec.json.decode(projection.record(raw).payload)
            except RowRejected as rejection:
                shown.append({"key": key, "rejected": rejection.message})
                continue
            differs = sorted(name for name in then if then[name] != now.get(name))
            shown.append({"key": key, "now": now, "then": then, "changed": differs})
        return shown

    def change(
        self, connection_id: str, entity: str, change: Any, *, note: str = "", author: str = ""
    ) -> Version:
        """Put a change in force and begin to apply it to what is there. Raises MappingInvalid and changes nothing."""
        connection, definition = self._served(connection_id, entity)
        overlay = _read(change)
        self._projection(connection, definition, entity, overlay)
        now = self._clock.now_ms()
        with self._database.write():
            self.table.add(connection.id, entity, overlay, note=note[:500], author=author[:200], now=now)
            self.table.begin_remapping(connection.id, entity, now)
            self._quarantine.begin_retry(self._records.stream(connection.id, entity), now)
        for _ in range(AT_ONCE_PAGES):
            job = self.table.remapping(connection.id, entity)
            if job is None or not self._remap(job):
                break
        return self.table.versions(connection.id, entity)[0]

    def roll_back(self, connection_id: str, entity: str, number: int, *, author: str = "") -> Version:
        """Put the content of an earlier version in force again, as a new one; 0 is the connector's own mapping."""
        self._served(connection_id, entity)
        known = {version.number: version.overlay for version in self.table.versions(connection_id, entity)}
        if number not in known and number != 0:
            raise MappingUnknown(f"There is no version {number} of the mapping of {entity}.")
        overlay = known.get(number, Overlay())
        change = {"map": overlay.map, "custom": overlay.custom}
        return self.change(connection_id, entity, change, note=f"Back to version {number}", author=author)

    def work_off(self) -> int:
        """Map a page of records anew, where that waits; 1 when there was one. The engine calls it."""
        job = self.table.due(self._clock.now_ms())
        if job is None:
            return 0
        try:
            self._remap(job)
        except ApplianceError as failure:
            log.warning("mapping anew of %s of %s ended: %s", job.entity, job.connection_id, failure.message)
            self.table.finish(job)
        return 1

    def _remap(self, job: Remapping) -> bool:
        """A page of records; False when nothing is left to do now."""
        connection, definition = self._served(job.connection_id, job.entity)
        overlay = self.table.in_force(connection.id).get(job.entity, Overlay())
        projection = self._projection(connection, definition, job.entity, overlay)
        stream = self._records.stream(connection.id, job.entity)
        # Read and written in one transaction: what a run writes in between would be lost to the older row.
        with self._database.write():
            rows = self._records.rows_after(stream, job.after_id, ROWS_AT_ONCE)
            if rows:
                self._map_anew(job, stream, projection, rows)
                return True
        return self._finished(job)

    def _map_anew(
        self, job: Remapping, stream: Stream, projection: Projection, rows: Sequence[KeptRow]
    ) -> None:
        made: list[NewRecord] = []
        rejections: list[Rejected] = []
        without_row = 0
        for row in rows:
            if row.raw is None:
                without_row += 1
                continue
            try:
                payload, modified_at = projection.record(row.raw)
            except RowRejected as rejection:
                rejections.append(Rejected(row.key, row.raw, rejection.message))
                continue
            stamp = row.modified_at if modified_at is None else modified_at
            made.append(NewRecord(row.key, projection.hash(row.raw), payload, stamp, row.raw))
        if self.table.advance(
            job,
            rows[-1].id,
            mapped=len(made),
            rejected=len(rejections),
            without_row=without_row,
            first_rejection=rejections[0].reason if rejections else None,
        ):
            self._records.write(stream, made)
            self._quarantine.keep(
                stream,
                rejections,
                fingerprint=projection.fingerprint,
                run_id=None,
                now=self._clock.now_ms(),
                stored=True,
            )

    def _finished(self, job: Remapping) -> bool:
        # A run that began before the change still writes by the mapping it began with.
        busy = any(row["entity"] == job.entity for row in self._runs.active(job.connection_id))
        if busy:
            self.table.postpone(job, self._clock.now_ms() + WAIT_FOR_RUNS_MS)
        else:
            self.table.finish(job)
        return False

    def _rows(self, connection: Connection, entity: str, limit: int) -> list[tuple[str, str, bytes]]:
        """Key, unified record and row of some records, the newest first."""
        stream = self._records.find_stream(connection.id, entity)
        return [] if stream is None else self._records.newest(stream, limit)

    def with_fills(self, connection_id: str, findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Findings of `sync.findings` with `fills`: the unified fields taken from there by the mapping in force.

        A mapping is compiled for each entity among them.
        """
        paths: dict[str, list[str]] = {}
        for one in findings:
            paths.setdefault(one["entity"], []).append(one["path"])
        fills = {entity: self.filled_by(connection_id, entity, named) for entity, named in paths.items()}
        return [{**one, "fills": fills[one["entity"]].get(one["path"], [])} for one in findings]

    def filled_by(self, connection_id: str, entity: str, paths: Sequence[str]) -> dict[str, list[str]]:
        """Path of the source's rows to the unified fields that are taken from there, by the mapping in force.

        Empty for what the connection no longer serves.
        """
        connection = self._connections.get(connection_id)
        definition = self.adjusted(connection, self._definition(connection)).entities.get(entity)
        if definition is None:
            return {}
        return filled_by(self._model, entity_of(self._model, entity), definition, paths)

    def progress(self, connection_id: str, entity: str) -> dict[str, Any] | None:
        """How many records have been mapped anew, None when nothing is under way."""
        job = self.table.remapping(connection_id, entity)
        if job is None:
            return None
        return {
            "mapped": job.mapped,
            "rejected": job.rejected,
            "without_row": job.without_row,
            "first_rejection": job.first_rejection,
        }

    def _served(self, connection_id: str, entity: str) -> tuple[Connection, Definition]:
        connection = self._connections.get(connection_id)
        definition = self._definition(connection)
        if entity not in definition.entities or entity not in self._model.entities:
            raise MappingUnknown(
                f"This connection serves no {entity[:60]!r}. It serves: {', '.join(sorted(definition.entities))}."
            )
        return connection, definition

    def _definition(self, connection: Connection) -> Definition:
        return self._catalog.definition(connection.system, connection.fields)

    def _projection(
        self, connection: Connection, definition: Definition, entity: str, overlay: Overlay
    ) -> Projection:
        try:
            return Projection(
                self._model,
                self._model.entities[entity],
                changed(definition.entities[entity], overlay),
                part=connection.part,
                zone=connection.fields.get("time_zone"),
                where=entity,
            )
        except ConfigurationError as failure:
            raise MappingInvalid(failure.message) from None


def _read(change: Any) -> Overlay:
    try:
        if len(msgspec.json.encode(change)) > LONGEST_CHANGE:
            raise MappingInvalid(f"A change of a mapping is at most {LONGEST_CHANGE} characters.")
        return msgspec.convert(change, Overlay)
    except (msgspec.ValidationError, TypeError) as failure:
        raise MappingInvalid(f"Send `map` and `custom`: {failure}.") from None
