"""What old age takes from the records: tombstones, and the source's rows beside records that have long been the same.

A reader of the change feed that has not read since before an erased record was deleted would never learn of that; so
each stream keeps what was erased, and the feed refuses such a position. See store.feed.
"""

from collections.abc import Sequence

import msgspec

from appliance.store.database import Database
from appliance.store.raw_rows import NOT_KEPT


class Erasing:
    def __init__(self, database: Database) -> None:
        self._database = database

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
            self._database.run(
                "DELETE FROM record_link WHERE record_id IN (SELECT value FROM json_each(?))", (ids,)
            )
            return self._database.run(
                "DELETE FROM record WHERE id IN (SELECT value FROM json_each(?))", (ids,)
            )

    def rows(self, before: int, limit: int, entities: Sequence[str]) -> int:
        """Empty the source's rows of records of these entities that last changed before the moment; how many.

        It walks past those that were emptied earlier, some hundred thousand a second: not for every hour.
        """
        return self._database.run(
            "UPDATE record SET raw = ? WHERE id IN ("
            "SELECT r.id FROM stream AS s CROSS JOIN record AS r INDEXED BY record_modified"
            " ON r.stream_id = s.id AND r.modified_at < ? AND r.deleted_at IS NULL"
            " WHERE s.entity IN (SELECT value FROM json_each(?)) AND length(r.raw) > 0 LIMIT ?)",
            (NOT_KEPT, before, msgspec.json.encode(entities).decode(), limit),
        )
