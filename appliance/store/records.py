"""Synchronized records: what a page of a sync writes, and what a page of the API reads.

The unified record is stored as the JSON text that is sent, the source's row beside it, compressed. A stream is
one entity of one connection. `seq` grows in commit order over everything, so the records of a stream in order
of `seq` are its change feed, each record at its latest change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from appliance.store.changes import Changes
from appliance.store.database import Database
from appliance.store.raw_rows import NOT_KEPT, RawRows
from appliance.store.selection import Deleted

ERASED_AT_ONCE = 2000


class NewRecord(NamedTuple):
    """A record to write: `raw` is the source's row as JSON text, `payload` the unified record as JSON text."""

    key: str
    hash: bytes
    payload: bytes
    modified_at: int
    raw: bytes


class HeldRecord(NamedTuple):
    """What tells whether a row is new: the hash of the one that is there; `id` is the record's own number."""

    id: int
    hash: bytes


class Written(NamedTuple):
    inserted: int
    updated: int
    unchanged: int


class ListedRow(NamedTuple):
    """`deleted_at` is None for what is there; `raw` is the source's row as JSON, where it was asked for."""

    payload: str
    deleted_at: int | None = None
    raw: str | None = None


class ListedPage(NamedTuple):
    """`payloads` are JSON texts; `last` is the place after which the next page begins, None on an empty page."""

    payloads: list[str]
    last: tuple[int, int] | None
    more: bool


class KeptRow(NamedTuple):
    """A record's row as it came from the source, JSON text, None where it is no longer kept; `id` is its place."""

    id: int
    key: str
    modified_at: int
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Stream:
    id: int
    connection_id: str
    entity: str


class StreamState(NamedTuple):
    """`live` records are not deleted, `last_seq` is the latest change, `epoch` the one of the change feed."""

    stream: Stream
    live: int
    last_seq: int
    epoch: int


class Records:
    """`links` names, for each entity whose records belong to others, the fields that hold the keys of those.

    `changed` is told of every change inside the transaction that makes it.
    """

    def __init__(
        self,
        database: Database,
        links: Mapping[str, Sequence[str]] | None = None,
        changed: Callable[[Stream, Changes], None] | None = None,
    ) -> None:
        self._database = database
        self._links = dict(links or {})
        self._changed = changed
        self.raw_rows = RawRows(database)

    def stream(self, connection_id: str, entity: str) -> Stream:
        """The stream of an entity of a connection, made when it is new."""
        found = self.find_stream(connection_id, entity)
        if found is None:
            self._database.run(
                "INSERT INTO stream (connection_id, entity) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (connection_id, entity),
            )
            found = self.find_stream(connection_id, entity)
        assert found is not None
        return found

    def find_stream(self, connection_id: str, entity: str) -> Stream | None:
        row = self._database.row(
            "SELECT id FROM stream WHERE connection_id = ? AND entity = ?", (connection_id, entity)
        )
        return None if row is None else Stream(row["id"], connection_id, entity)

    def state(self, connection_id: str, entity: str) -> StreamState | None:
        """What changes when a stream does, by one query."""
        row = self._database.row(
            "SELECT id, live, (SELECT max(seq) FROM record INDEXED BY record_feed WHERE stream_id = stream.id)"
            " AS last_seq, (SELECT value FROM counter WHERE name = 'epoch') AS epoch"
            " FROM stream WHERE connection_id = ? AND entity = ?",
            (connection_id, entity),
        )
        if row is None:
            return None
        stream = Stream(row["id"], connection_id, entity)
        return StreamState(stream, row["live"], row["last_seq"] or 0, row["epoch"])

    def counts(self, connection_id: str) -> dict[str, int]:
        """Entity to number of records that are not deleted."""
        return {
            row["entity"]: row["live"]
            for row in self._database.rows(
                "SELECT entity, live FROM stream WHERE connection_id = ? ORDER BY entity", (connection_id,)
            )
        }

    def held(self, stream: Stream, keys: Sequence[str]) -> dict[str, HeldRecord]:
        """By key those records that are there and not deleted. One query."""
        return {
            key: HeldRecord(id_, digest)
            for key, id_, digest in self._database.tuples(
                # Named, since the planner would walk the whole stream by one of the partial indexes.
                "SELECT key, id, hash FROM record INDEXED BY record_key WHERE stream_id = ? AND deleted_at IS NULL"
                " AND key IN (SELECT value FROM json_each(?))",
                (stream.id, msgspec.json.encode(keys).decode()),
            )
        }

    def write(self, stream: Stream, records: Sequence[NewRecord]) -> Written:
        """Insert new records, update those whose unified text differs. Four statements, whatever the number, and
        a few more for records that belong to others.

        A record whose row changed only in what is not mapped keeps its `seq`: it is no change to a reader.
        Joins the transaction it is called in, which also holds the checkpoint.
        """
        if not records:
            return Written(0, 0, 0)
        with self._database.write():
            held: dict[str, tuple[str, int | None]] = {
                key: (payload, deleted_at)
                for key, payload, deleted_at in self._database.tuples(
                    "SELECT key, payload, deleted_at FROM record INDEXED BY record_key WHERE stream_id = ?"
                    " AND key IN (SELECT value FROM json_each(?))",
                    (stream.id, msgspec.json.encode([record.key for record in records]).decode()),
                )
            }
            raws = self.raw_rows.compress(stream.id, [record.raw for record in records])
            fresh: list[tuple[NewRecord, str, bytes]] = []
            same: list[tuple[bytes, bytes, int, str]] = []
            for record, raw in zip(records, raws, strict=True):
                payload = record.payload.decode()
                if held.get(record.key) == (payload, None):
                    same.append((record.hash, raw, stream.id, record.key))
                else:
                    fresh.append((record, payload, raw))
            inserted = sum(1 for record, _, _ in fresh if record.key not in held)
            # Those that were not there to a reader, whether they are new or had been deleted.
            appeared = [r.key for r, _, _ in fresh if r.key not in held or held[r.key][1] is not None]
            self._upsert(stream, fresh)
            self._database.run_many(
                "UPDATE record SET hash = ?, raw = ? WHERE stream_id = ? AND key = ?", same
            )
            if appeared:
                self._database.run(
                    "UPDATE stream SET live = live + ? WHERE id = ?", (len(appeared), stream.id)
                )
            if fresh and self._changed is not None:
                new = set(appeared)
                updated = [record.key for record, _, _ in fresh if record.key not in new]
                self._changed(stream, Changes(appeared, updated, []))
        return Written(inserted, len(fresh) - inserted, len(same))

    def mark_deleted(self, stream: Stream, keys: Sequence[str], now: int, run_id: str | None = None) -> int:
        """Mark records as deleted at `now`, milliseconds; how many of `keys` were there. Part of the change feed.

        With the run that does it, it can be undone.
        """
        with self._database.write():
            there = self.held(stream, keys)
            if not there:
                return 0
            last = self._database.value(
                "UPDATE counter SET value = value + ? WHERE name = 'seq' RETURNING value", (len(there),)
            )
            self._database.run_many(
                "UPDATE record SET seq = ?, modified_at = ?, deleted_at = ? WHERE stream_id = ? AND key = ?",
                [(seq, now, now, stream.id, key) for seq, key in enumerate(there, last - len(there) + 1)],
            )
            self._database.run("UPDATE stream SET live = live - ? WHERE id = ?", (len(there), stream.id))
            if run_id is not None:
                self._database.run_many(
                    "INSERT INTO tombstone (run_id, record_id, seq) VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET seq = excluded.seq",
                    [
                        (run_id, record.id, seq)
                        for seq, record in enumerate(there.values(), last - len(there) + 1)
                    ],
                )
            if self._changed is not None:
                self._changed(stream, Changes([], [], list(there)))
        return len(there)

    def undelete(self, stream: Stream, run_id: str, now: int, limit: int) -> int:
        """Bring back what a run deleted of a stream and is still deleted, `limit` records at most; how many.

        Part of the change feed. The undone ones are forgotten, so that calls go on until none is left.
        """
        with self._database.write():
            back = dict(
                self._database.tuples(
                    "SELECT t.record_id, r.key FROM tombstone t CROSS JOIN record r ON r.id = t.record_id"
                    " WHERE t.run_id = ? AND r.stream_id = ? AND r.deleted_at IS NOT NULL AND r.seq = t.seq LIMIT ?",
                    (run_id, stream.id, limit),
                )
            )
            if not back:
                return 0
            last = self._database.value(
                "UPDATE counter SET value = value + ? WHERE name = 'seq' RETURNING value", (len(back),)
            )
            self._database.run_many(
                "UPDATE record SET seq = ?, modified_at = ?, deleted_at = NULL WHERE id = ?",
                [(seq, now, record_id) for seq, record_id in enumerate(back, last - len(back) + 1)],
            )
            self._database.run_many(
                "DELETE FROM tombstone WHERE run_id = ? AND record_id = ?", [(run_id, one) for one in back]
            )
            self._database.run("UPDATE stream SET live = live + ? WHERE id = ?", (len(back), stream.id))
            if self._changed is not None:
                self._changed(stream, Changes(list(back.values()), [], []))
        return len(back)

    def _upsert(self, stream: Stream, records: Sequence[tuple[NewRecord, str, bytes]]) -> None:
        """Write records with their unified text and compressed row."""
        if not records:
            return
        # One writer at a time gives the numbers, so a reader of the feed never sees a gap filled later.
        last = self._database.value(
            "UPDATE counter SET value = value + ? WHERE name = 'seq' RETURNING value", (len(records),)
        )
        first = last - len(records) + 1
        self._database.run_many(
            "INSERT INTO record"
            " (stream_id, key, seq, inserted_seq, modified_at, deleted_at, hash, payload, raw)"
            " VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?)"
            " ON CONFLICT (stream_id, key) DO UPDATE SET seq = excluded.seq,"
            " modified_at = excluded.modified_at, deleted_at = NULL,"
            " hash = excluded.hash, payload = excluded.payload, raw = excluded.raw",
            (
                (stream.id, r.key, seq, seq, r.modified_at, r.hash, payload, raw)
                for seq, (r, payload, raw) in enumerate(records, first)
            ),
        )
        if stream.entity in self._links:
            self._link(stream, [record.key for record, _, _ in records])

    def _link(self, stream: Stream, keys: Sequence[str]) -> None:
        """Note which records these belong to now."""
        written = msgspec.json.encode(keys).decode()
        these = (
            "SELECT id FROM record INDEXED BY record_key WHERE stream_id = ?"
            " AND key IN (SELECT value FROM json_each(?))"
        )
        self._database.run(f"DELETE FROM record_link WHERE record_id IN ({these})", (stream.id, written))
        for field in self._links[stream.entity]:
            self._database.run(
                "INSERT INTO record_link (stream_id, target, record_id)"
                " SELECT stream_id, payload ->> ?, id FROM record INDEXED BY record_key"
                " WHERE stream_id = ? AND key IN (SELECT value FROM json_each(?)) AND payload ->> ? IS NOT NULL"
                " ON CONFLICT DO NOTHING",
                (field, stream.id, written, field),
            )

    def by_id(self, stream: Stream, after: int, limit: int) -> ListedPage:
        """Records in the order in which they first came, after the place `after` (0 for the start)."""
        rows = self._database.tuples(
            "SELECT id, payload FROM record WHERE stream_id = ? AND deleted_at IS NULL AND id > ?"
            " ORDER BY id LIMIT ?",
            (stream.id, after, limit + 1),
        )
        page = rows[:limit]
        return ListedPage([row[1] for row in page], (0, page[-1][0]) if page else None, len(rows) > limit)

    def by_modified(self, stream: Stream, since: int, after: tuple[int, int], limit: int) -> ListedPage:
        """Records changed at or after `since` (milliseconds), oldest change first, after the place `after`."""
        rows = self._database.tuples(
            # The row value is searched in the index; the same as an OR would scan it.
            "SELECT modified_at, id, payload FROM record WHERE stream_id = ? AND deleted_at IS NULL"
            " AND modified_at >= ? AND (modified_at, id) > (?, ?) ORDER BY modified_at, id LIMIT ?",
            (stream.id, max(since, after[0]), *after, limit + 1),
        )
        page = rows[:limit]
        last = (page[-1][0], page[-1][1]) if page else None
        return ListedPage([row[2] for row in page], last, len(rows) > limit)

    def by_offset(self, stream: Stream, since: int | None, offset: int, limit: int) -> ListedPage:
        """Like `by_id`, or `by_modified` when `since` is given, from the record number `offset` on."""
        order = "id" if since is None else "modified_at, id"
        condition = "" if since is None else " AND modified_at >= ?"
        # The offset is walked in the index alone; only the page itself is read from the table.
        rows = self._database.tuples(
            "SELECT modified_at, id, payload FROM record WHERE id IN ("
            f"SELECT id FROM record WHERE stream_id = ? AND deleted_at IS NULL{condition}"
            f" ORDER BY {order} LIMIT ? OFFSET ?) ORDER BY {order}",
            (stream.id, *(() if since is None else (since,)), limit + 1, offset),
        )
        page = rows[:limit]
        last = (page[-1][0] if since is not None else 0, page[-1][1]) if page else None
        return ListedPage([row[2] for row in page], last, len(rows) > limit)

    def count(self, stream: Stream, since: int | None = None) -> int:
        """How many records there are; kept as a number when unfiltered, counted in the index otherwise."""
        if since is None:
            live: int = self._database.value("SELECT live FROM stream WHERE id = ?", (stream.id,))
            return live
        counted: int = self._database.value(
            "SELECT count(*) FROM record WHERE stream_id = ? AND deleted_at IS NULL AND modified_at >= ?",
            (stream.id, since),
        )
        return counted

    def payload(self, stream: Stream, key: str) -> str | None:
        """The JSON text of one record that is not deleted, or None."""
        payload: str | None = self._database.value(
            "SELECT payload FROM record WHERE stream_id = ? AND key = ? AND deleted_at IS NULL",
            (stream.id, key),
        )
        return payload

    def row(self, stream: Stream, key: str, *, deleted: Deleted, with_raw: bool) -> ListedRow | None:
        """One record, whether it is deleted or not as `deleted` says, or None."""
        row = self._database.row(
            f"SELECT payload, deleted_at, {'raw' if with_raw else 'NULL AS raw'} FROM record"
            " WHERE stream_id = ? AND key = ?",
            (stream.id, key),
        )
        if row is None or (deleted != "include" and (row["deleted_at"] is not None) != (deleted == "only")):
            return None
        raw = None if row["raw"] in (None, NOT_KEPT) else self.raw_rows.decompress(row["raw"]).decode()
        return ListedRow(row["payload"], row["deleted_at"], raw)

    def payloads(self, connection_id: str, entity: str, keys: Sequence[str]) -> dict[str, str]:
        """Key to JSON text of those records that are there and not deleted. One query."""
        return dict(
            self._database.tuples(
                "SELECT record.key, payload FROM stream CROSS JOIN record INDEXED BY record_key"
                " ON record.stream_id = stream.id WHERE connection_id = ? AND entity = ? AND deleted_at IS NULL"
                " AND record.key IN (SELECT value FROM json_each(?))",
                (connection_id, entity, msgspec.json.encode(keys).decode()),
            )
        )

    def raw(self, stream: Stream, key: str) -> bytes | None:
        """The source's row of a record as JSON text, or None, also where it is no longer kept."""
        held = self._database.value(
            "SELECT raw FROM record WHERE stream_id = ? AND key = ?", (stream.id, key)
        )
        return None if held in (None, NOT_KEPT) else self.raw_rows.decompress(held)

    def raws(self, stream: Stream, keys: Sequence[str]) -> dict[str, bytes]:
        """Key to the source's row as JSON text, of those that are kept and not deleted. One query."""
        return {
            key: self.raw_rows.decompress(raw)
            for key, raw in self._database.tuples(
                "SELECT key, raw FROM record INDEXED BY record_key WHERE stream_id = ? AND deleted_at IS NULL"
                " AND key IN (SELECT value FROM json_each(?))",
                (stream.id, msgspec.json.encode(keys).decode()),
            )
            if raw != NOT_KEPT
        }

    def with_value(self, stream: Stream, field: str, value: str) -> list[str]:
        """All records with a value in a field. Reads the whole stream: only for small ones, such as statuses."""
        return [
            row[0]
            for row in self._database.tuples(
                "SELECT payload FROM record WHERE stream_id = ? AND deleted_at IS NULL"
                " AND payload ->> ('$.' || ?) = ? ORDER BY id",
                (stream.id, field, value),
            )
        ]

    def rows_after(self, stream: Stream, after: int, limit: int) -> list[KeptRow]:
        """Rows of records that are not deleted in the order in which they first came, after the id `after`."""
        return [
            KeptRow(id_, key, modified_at, None if raw == NOT_KEPT else self.raw_rows.decompress(raw))
            for id_, key, modified_at, raw in self._database.tuples(
                "SELECT id, key, modified_at, raw FROM record WHERE stream_id = ? AND deleted_at IS NULL AND id > ?"
                " ORDER BY id LIMIT ?",
                (stream.id, after, limit),
            )
        ]

    def newest(self, stream: Stream, limit: int) -> list[tuple[str, str, bytes]]:
        """Key, unified record as JSON text, and row of the records that came last and whose rows are kept."""
        return [
            (key, payload, self.raw_rows.decompress(raw))
            for key, payload, raw in self._database.tuples(
                "SELECT key, payload, raw FROM record WHERE stream_id = ? AND deleted_at IS NULL"
                " AND length(raw) > 0 ORDER BY id DESC LIMIT ?",
                (stream.id, limit),
            )
        ]

    def erase(self, connection_id: str) -> int:
        """Delete every record of a connection, in short transactions; how many there were."""
        erased = 0
        for row in self._database.rows(
            "SELECT id, connection_id, entity FROM stream WHERE connection_id = ?", (connection_id,)
        ):
            erased += self.erase_stream(Stream(**row))
            self._database.run("DELETE FROM raw_dictionary WHERE stream_id = ?", (row["id"],))
        return erased

    def erase_stream(self, stream: Stream) -> int:
        """Delete the records of a stream, in short transactions; how many there were. It may be filled again."""
        erased = 0
        self._database.make_room()
        while deleted := self._database.run(
            "DELETE FROM record WHERE id IN (SELECT id FROM record WHERE stream_id = ? LIMIT ?)",
            (stream.id, ERASED_AT_ONCE),
        ):
            erased += deleted
        with self._database.write():
            self._database.run("DELETE FROM record_link WHERE stream_id = ?", (stream.id,))
            self._database.run("DELETE FROM record_missed WHERE stream_id = ?", (stream.id,))
            self._database.run("UPDATE stream SET live = 0 WHERE id = ?", (stream.id,))
        return erased
