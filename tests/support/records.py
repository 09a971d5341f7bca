"""Records as a synchronization would make them, without a source."""

import hashlib
import json

from appliance.store.database import Database
from appliance.store.records import NewRecord, Stream


def new_record(key: str, value: object = 0, *, modified_at: int = 1000, unmapped: object = None) -> NewRecord:
    """A record whose unified text holds `value`; `unmapped` is in the source's row only."""
    payload = json.dumps({"key": key, "value": value}).encode()
    raw = json.dumps({"id": key, "value": value, "unmapped": unmapped}).encode()
    return NewRecord(key, hashlib.sha256(raw).digest()[:16], payload, modified_at, raw)


def bury(database: Database, stream: Stream, key: str) -> None:
    """Make a tombstone of a record."""
    with database.write():
        buried = database.run(
            "UPDATE record SET deleted_at = 1 WHERE stream_id = ? AND key = ? AND deleted_at IS NULL",
            (stream.id, key),
        )
        database.run("UPDATE stream SET live = live - ? WHERE id = ?", (buried, stream.id))


def sequence_of(database: Database, stream: Stream, key: str) -> int:
    """The place of a record in the change feed."""
    found: int = database.value("SELECT seq FROM record WHERE stream_id = ? AND key = ?", (stream.id, key))
    return found


def real_count(database: Database, stream: Stream) -> int:
    """How many records are there, counted one by one."""
    found: int = database.value(
        "SELECT count(*) FROM record WHERE stream_id = ? AND deleted_at IS NULL", (stream.id,)
    )
    return found
