"""What old age takes from the records: tombstones, and the source's rows beside records that have long been the same.

A reader of the change feed that has not read since before an erased record was deleted would never learn of that; so
each stream keeps what was erased, and the feed refuses such a position. See store.feed.
"""

from collections.abc import Iterator, Sequence

import msgspec

from appliance.store.database import Database
from appliance.store.raw_rows import NOT_KEPT


class Erasing:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._walk: Iterator[list[int]] | None = None

    def tombstones(self, before: int, limit: int) -> int:
        """Erase records that were deleted before the moment, some of them; how many. Without any, a look a stream."""
        with self._database.write():
            found = self._database.tuples(
                # The order of the two is held: streams first, then in each the oldest of its index.
                "SELECT r.id, r.stream_id, r.seq, r.deleted_at FROM stream AS s CROSS JOIN record AS r"
                " INDEXED BY record_deleted_modified ON r.stream_id = s.id AND r.modified_at < ?"
                " WHERE r.deleted_at IS NOT NULL AND r.deleted_at < ? LIMIT ?",
                (before, before, limit),
            )
            if not found:
                return 0
            reached: dict[int, tuple[int, int]] = {}
            for _, stream_id, seq, deleted_at in found:
                last = reached.get(stream_id, (0, 0))
                reached[stream_id] = (max(last[0], seq), max(last[1], deleted_at))
            self._database.run_many(
                "UPDATE stream SET erased_seq = max(erased_seq, ?), erased_until = max(erased_until, ?) WHERE id = ?",
                [(*last, stream_id) for stream_id, last in reached.items()],
            )
            ids = msgspec.json.encode([row[0] for row in found]).decode()
            # Ids may be given anew, and a run that is undone later must not mean another record.
            for table in ("record_link", "tombstone"):
                self._database.run(
                    f"DELETE FROM {table} WHERE record_id IN (SELECT value FROM json_each(?))", (ids,)
                )
            return self._database.run(
                "DELETE FROM record WHERE id IN (SELECT value FROM json_each(?))", (ids,)
            )

    def rows(self, before: int, limit: int, entities: Sequence[str]) -> int:
        """Empty the source's rows of records of these entities that last changed before the moment; how many.

        Called again and again until 0, it walks once past all such records, some hundred thousand a second, those
        that were emptied earlier included: not for every hour.
        """
        if self._walk is None:
            self._walk = self._old_rows(before, limit, entities)
        for ids in self._walk:
            if ids:
                return self._database.run(
                    "UPDATE record SET raw = ? WHERE id IN (SELECT value FROM json_each(?))",
                    (NOT_KEPT, msgspec.json.encode(ids).decode()),
                )
        self._walk = None
        return 0

    def _old_rows(self, before: int, limit: int, entities: Sequence[str]) -> Iterator[list[int]]:
        """Ids of records with a row, stream by stream, of so many records at a time."""
        streams = self._database.tuples(
            "SELECT id FROM stream WHERE entity IN (SELECT value FROM json_each(?)) ORDER BY id",
            (msgspec.json.encode(entities).decode(),),
        )
        for (stream_id,) in streams:
            after = (-1 << 62, 0)
            while found := self._database.tuples(
                "SELECT modified_at, id, length(raw) FROM record INDEXED BY record_modified WHERE stream_id = ?"
                " AND deleted_at IS NULL AND modified_at < ? AND (modified_at, id) > (?, ?)"
                " ORDER BY modified_at, id LIMIT ?",
                (stream_id, before, *after, limit),
            ):
                after = (found[-1][0], found[-1][1])
                yield [id_ for _, id_, length in found if length]
