"""The change feed: the records of a connection in the order of their latest change, deleted ones included.

One writer numbers changes at commit, so what is read up to a number is complete. A restore brings old numbers
back; it raises the epoch, by which a reader sees that its position no longer holds. Deleted records are erased in the
end; a reader that began before one was deleted and has not come to that deletion has to begin anew.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from appliance.errors import Conflict
from appliance.store.database import Database

Change = Literal["inserted", "updated", "deleted"]


class ChangedRecord(NamedTuple):
    """`change` as it is to a reader who has seen everything up to the position asked for. Times in milliseconds."""

    seq: int
    entity: str
    key: str
    change: Change
    modified_at: int
    payload: str | None


class ChangePage(NamedTuple):
    changes: list[ChangedRecord]
    more: bool


class PositionTooOld(Conflict):
    """Deletions since that position are no longer known; read everything again without `since`."""

    code = "POSITION_TOO_OLD"


class Feed:
    def __init__(self, database: Database) -> None:
        self._database = database

    def epoch(self) -> int:
        number: int = self._database.value("SELECT value FROM counter WHERE name = 'epoch'")
        return number

    def begin_epoch(self, at_least: int = 0) -> int:
        """For a restore, before anyone reads: positions of before no longer hold.

        The same backup may be restored twice, and must not come to the same epoch: `at_least` is to grow with time.
        """
        number: int = self._database.value(
            "UPDATE counter SET value = max(value + 1, ?) WHERE name = 'epoch' RETURNING value", (at_least,)
        )
        return number

    def latest(self) -> int:
        """The number of the latest change, of whatever connection."""
        number: int = self._database.value("SELECT value FROM counter WHERE name = 'seq'")
        return number

    def after(
        self,
        connection_id: str,
        since: int,
        limit: int,
        entities: Sequence[str] | None = None,
        *,
        begun_at: int = 0,
    ) -> ChangePage:
        """Changes after the number `since`, of these entities or all. Two queries, whatever the number of entities.

        `begun_at`, milliseconds, is when this reader began with nothing: what was deleted before that, it never had.
        Raises PositionTooOld when a later deletion was erased before this reader came to it.
        """
        chosen = [
            row
            for row in self._database.rows(
                "SELECT id, entity, erased_seq, erased_until FROM stream WHERE connection_id = ? ORDER BY id",
                (connection_id,),
            )
            if entities is None or row["entity"] in entities
        ]
        if any(row["erased_seq"] > since and row["erased_until"] >= begun_at for row in chosen):
            raise PositionTooOld(
                "This position is older than the deletions that are still known. "
                "Read everything again, without `since`, and drop what does not come.",
                details={"parameter": "since"},
            )
        streams = {row["id"]: row["entity"] for row in chosen}
        if not streams:
            return ChangePage([], False)
        # The next ones of each stream, of which the first are taken: a stream is read in the order of its index.
        one = (
            "SELECT * FROM (SELECT id, seq FROM record INDEXED BY record_feed"
            " WHERE stream_id = ? AND seq > ? ORDER BY seq LIMIT ?)"
        )
        rows = self._database.tuples(
            "SELECT r.seq, r.stream_id, r.key, r.inserted_seq, r.modified_at, r.deleted_at,"
            " CASE WHEN r.deleted_at IS NULL THEN r.payload END"
            f" FROM (SELECT id, seq FROM ({' UNION ALL '.join([one] * len(streams))}) ORDER BY seq LIMIT ?) AS n"
            " CROSS JOIN record AS r ON r.id = n.id ORDER BY r.seq",
            [*(value for stream in streams for value in (stream, since, limit + 1)), limit + 1],
        )
        changes = [
            ChangedRecord(seq, streams[stream], key, _change(inserted, deleted, since), modified, payload)
            for seq, stream, key, inserted, modified, deleted, payload in rows[:limit]
        ]
        return ChangePage(changes, len(rows) > limit)


def _change(inserted_seq: int, deleted_at: int | None, since: int) -> Change:
    if deleted_at is not None:
        return "deleted"
    return "inserted" if inserted_seq > since else "updated"
