"""Statuses that only rows know and the connector does not: records of their own, so that no reference leads nowhere."""

from appliance.clock import Clock
from appliance.runtime.connector import Connector
from appliance.runtime.mapping.compiler import Status
from appliance.runtime.mapping.projection import Projection
from appliance.store.records import NewRecord, Records


def write_found_statuses(
    records: Records, clock: Clock, connection_id: str, connector: Connector, projection: Projection
) -> list[Status]:
    """Write those that the projection has met since the last call, in the caller's transaction; which they are."""
    found = projection.unknown_statuses()
    if found:
        mapped = connector.projection("Status")
        now = clock.now_ms()
        records.write(
            records.stream(connection_id, "Status"),
            [
                NewRecord(mapped.key(raw), mapped.hash(raw), mapped.record(raw).payload, now, raw)
                for raw in map(connector.found_status, found)
            ],
        )
    return found
