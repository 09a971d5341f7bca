"""The quarantine: rows that could not become records, kept with the reason until they fit, are gone, or are dismissed.

A row stands in it once, at its latest version. What stands in it is always newer than the record of its key: whoever
writes a newer row takes it out in the same transaction. So trying it again never brings back an older state.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import msgspec

from appliance.store.database import Database
from appliance.store.raw_rows import RawRows
from appliance.store.records import Stream

LONGEST_REASON = 1000


class Rejected(NamedTuple):
    """`key` is that of the record, None where it cannot be read; `raw` the source's row as JSON text, None for what
    could not be read as a row at all."""

    key: str | None
    raw: bytes | None
    reason: str


class KeptRejection(NamedTuple):
    """A row to try again; `key` is None where it could not be read."""

    id: int
    key: str | None
    raw: bytes


class Retrying(NamedTuple):
    """A stream whose rows are being tried again; `after` is the id of the last one done."""

    stream: Stream
    after: int


class Quarantine:
    """`rows` are kept of a stream at most; rejections above are only counted."""

    def __init__(self, database: Database, raw_rows: RawRows, *, rows: int) -> None:
        self._database = database
        self._raw_rows = raw_rows
        self._most = rows

    def keep(
        self,
        stream: Stream,
        rejected: Sequence[Rejected],
        *,
        fingerprint: bytes,
        run_id: str | None,
        now: int,
        stored: bool = False,
    ) -> list[bytes]:
        """Keep rows that the mapping `fingerprint` did not take; those that were not kept so already, as JSON texts.
        Called in the transaction of their page.

        With `stored` they are rows of records that are there: one that is kept already is newer and stays. Five
        statements whatever the number, none without rejections.
        """
        if not rejected:
            return []
        arrived: dict[str, list[Rejected]] = {}
        for one in rejected:
            arrived.setdefault(_name(one), []).append(one)
        with self._database.write():
            held = self._digests(stream, arrived)
            fresh = [name for name in arrived if name not in held]
            room = self._most - (self._database.value(_HELD, (stream.id,)) or 0)
            kept, beyond = fresh[: max(0, room)], fresh[max(0, room) :]
            same = [name for name in held if held[name] == _digest(arrived[name][-1])]
            replaced = [name for name in held if name not in same]
            self._insert(stream, {name: arrived[name] for name in kept}, run_id, now)
            if not stored:
                self._count(stream, {name: arrived[name] for name in same}, run_id, now)
                self._replace(stream, {name: arrived[name] for name in replaced}, run_id, now)
            self._database.run(
                "INSERT INTO quarantine (stream_id, rows, not_kept, fingerprint) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (stream_id) DO UPDATE SET"
                # Rows that were there before are still to be tried by this mapping: see `settled`.
                " fingerprint = CASE WHEN rows = 0 THEN excluded.fingerprint ELSE fingerprint END,"
                " rows = rows + excluded.rows, not_kept = not_kept + excluded.not_kept",
                (stream.id, len(kept), sum(len(arrived[name]) for name in beyond), fingerprint),
            )
        came = [arrived[name][-1].raw for name in (*kept, *([] if stored else replaced))]
        return [raw for raw in came if raw is not None]

    def settled(self, stream: Stream, keys: Collection[str], *, fingerprint: bytes, now: int) -> None:
        """Take out rows whose records were written, found unchanged, or deleted. Called in the same transaction.

        One look by primary key where the stream has none in quarantine. Where `fingerprint` is another mapping than
        rows were last tried by, such as after an update of the connector, they are tried again.
        """
        held = self._database.row(
            "SELECT rows, fingerprint FROM quarantine WHERE stream_id = ?", (stream.id,)
        )
        if held is None or not held["rows"]:
            return
        if held["fingerprint"] != fingerprint:
            self.begin_retry(stream, now)
            self._database.run(
                "UPDATE quarantine SET fingerprint = ? WHERE stream_id = ?", (fingerprint, stream.id)
            )
        if not keys:
            return
        gone = self._database.run(
            "DELETE FROM rejected_row WHERE stream_id = ? AND key IN (SELECT value FROM json_each(?))",
            (stream.id, _json(keys)),
        )
        self._forget(stream.id, gone)

    def begin_retry(self, stream: Stream, now: int) -> bool:
        """Let the rows that are not dismissed be tried again, from the first on; whether there are any."""
        begun = self._database.run(
            "UPDATE quarantine SET retry_at = ?, retry_after = 0, retry_accepted = 0, retry_rejected = 0"
            " WHERE stream_id = ? AND rows > 0",
            (now, stream.id),
        )
        return begun > 0

    def retrying(self, now: int) -> Retrying | None:
        """A stream whose rows wait to be tried again. A read by an index, empty in general."""
        row = self._database.row(
            "SELECT s.id, s.connection_id, s.entity, q.retry_after FROM quarantine q"
            " JOIN stream s ON s.id = q.stream_id WHERE q.retry_at <= ? ORDER BY q.retry_at LIMIT 1",
            (now,),
        )
        if row is None:
            return None
        return Retrying(Stream(row["id"], row["connection_id"], row["entity"]), row["retry_after"])

    def advance_retry(self, stream: Stream, after: int, *, accepted: int, rejected: int) -> None:
        self._database.run(
            "UPDATE quarantine SET retry_after = ?, retry_accepted = retry_accepted + ?,"
            " retry_rejected = retry_rejected + ? WHERE stream_id = ? AND retry_at IS NOT NULL",
            (after, accepted, rejected, stream.id),
        )

    def end_retry(self, stream: Stream, fingerprint: bytes | None = None) -> None:
        """All were tried by the mapping `fingerprint`; None when they could not be tried."""
        self._database.run(
            "UPDATE quarantine SET retry_at = NULL, fingerprint = coalesce(?, fingerprint) WHERE stream_id = ?",
            (fingerprint, stream.id),
        )

    def waiting(self, stream: Stream, after: int, limit: int) -> list[KeptRejection]:
        """Rows that are not dismissed, in the order in which they first came, after the id `after`."""
        return self._kept("dismissed_at IS NULL AND id > ? ORDER BY id LIMIT ?", stream, (after, limit))

    def chosen(self, stream: Stream, ids: Sequence[int]) -> list[KeptRejection]:
        """Those of these rows that can be tried again."""
        return self._kept("id IN (SELECT value FROM json_each(?)) ORDER BY id", stream, (_json(ids),))

    def release(self, stream: Stream, ids: Sequence[int]) -> None:
        """Take out rows that have become records."""
        gone = self._database.run(
            "DELETE FROM rejected_row WHERE stream_id = ? AND id IN (SELECT value FROM json_each(?))",
            (stream.id, _json(ids)),
        )
        self._forget(stream.id, gone)

    def note_reasons(self, reasons: Sequence[tuple[int, str]]) -> None:
        """Keep why rows do not fit the mapping they were tried by now: ids with reasons."""
        self._database.run_many(
            "UPDATE rejected_row SET reason = ? WHERE id = ?",
            [(reason[:LONGEST_REASON], id_) for id_, reason in reasons],
        )

    def erase(self, connection_id: str) -> int:
        """Forget the rows of a connection; how many there were."""
        of_connection = "stream_id IN (SELECT id FROM stream WHERE connection_id = ?)"
        with self._database.write():
            self._database.run(f"DELETE FROM quarantine WHERE {of_connection}", (connection_id,))
            return self._database.run(f"DELETE FROM rejected_row WHERE {of_connection}", (connection_id,))

    def erase_stream(self, stream: Stream) -> None:
        with self._database.write():
            self._database.run("DELETE FROM quarantine WHERE stream_id = ?", (stream.id,))
            self._database.run("DELETE FROM rejected_row WHERE stream_id = ?", (stream.id,))

    def erase_before(self, moment: int, limit: int) -> int:
        """Forget up to `limit` rows that were last rejected before `moment`, milliseconds; how many."""
        with self._database.write():
            gone = self._database.tuples(
                "DELETE FROM rejected_row WHERE id IN"
                " (SELECT id FROM rejected_row WHERE last_at < ? ORDER BY last_at LIMIT ?) RETURNING stream_id",
                (moment, limit),
            )
            streams = [row[0] for row in gone]
            for stream_id in set(streams):
                self._forget(stream_id, streams.count(stream_id))
            return len(gone)

    def _digests(self, stream: Stream, names: Collection[str]) -> dict[str, bytes]:
        return dict(
            self._database.tuples(
                "SELECT key, digest FROM rejected_row WHERE stream_id = ?"
                " AND key IN (SELECT value FROM json_each(?))",
                (stream.id, _json(names)),
            )
        )

    def _insert(self, stream: Stream, rows: dict[str, list[Rejected]], run_id: str | None, now: int) -> None:
        raws = self._compressed(stream, rows)
        self._database.run_many(
            "INSERT INTO rejected_row (stream_id, key, digest, reason, count, first_at, last_at, run_id, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    stream.id,
                    name,
                    _digest(came[-1]),
                    _reason(came),
                    len(came),
                    now,
                    now,
                    run_id,
                    raws.get(name),
                )
                for name, came in rows.items()
            ],
        )

    def _count(self, stream: Stream, rows: dict[str, list[Rejected]], run_id: str | None, now: int) -> None:
        """The same rows again; one that is dismissed stays so."""
        self._database.run_many(
            "UPDATE rejected_row SET count = count + ?, reason = ?, last_at = ?, run_id = ?"
            " WHERE stream_id = ? AND key = ?",
            [(len(came), _reason(came), now, run_id, stream.id, name) for name, came in rows.items()],
        )

    def _replace(self, stream: Stream, rows: dict[str, list[Rejected]], run_id: str | None, now: int) -> None:
        """Newer versions of rows, which are for someone to look at again."""
        raws = self._compressed(stream, rows)
        self._database.run_many(
            "UPDATE rejected_row SET count = count + ?, reason = ?, last_at = ?, run_id = ?, digest = ?, raw = ?,"
            " dismissed_at = NULL, dismissed_by = NULL, dismissed_why = NULL WHERE stream_id = ? AND key = ?",
            [
                (len(came), _reason(came), now, run_id, _digest(came[-1]), raws.get(name), stream.id, name)
                for name, came in rows.items()
            ],
        )

    def _compressed(self, stream: Stream, rows: dict[str, list[Rejected]]) -> dict[str, bytes]:
        raws = {name: came[-1].raw for name, came in rows.items()}
        there = {name: raw for name, raw in raws.items() if raw is not None}
        if not there:
            return {}
        packed = self._raw_rows.compress(stream.id, list(there.values()))
        return dict(zip(there, packed, strict=True))

    def _kept(self, condition: str, stream: Stream, parameters: tuple[Any, ...]) -> list[KeptRejection]:
        return [
            KeptRejection(id_, None if key.startswith("?") else key, self._raw_rows.decompress(raw))
            for id_, key, raw in self._database.tuples(
                f"SELECT id, key, raw FROM rejected_row WHERE stream_id = ? AND raw IS NOT NULL AND {condition}",
                (stream.id, *parameters),
            )
        ]

    def _forget(self, stream_id: int, gone: int) -> None:
        if gone:
            self._database.run(
                "UPDATE quarantine SET rows = rows - ?1, not_kept = CASE WHEN rows > ?1 THEN not_kept ELSE 0 END"
                " WHERE stream_id = ?2",
                (gone, stream_id),
            )


_HELD = "SELECT rows FROM quarantine WHERE stream_id = ?"


def _name(rejected: Rejected) -> str:
    return rejected.key or f"?{_digest(rejected).hex()}"


def _digest(rejected: Rejected) -> bytes:
    said = rejected.reason.encode() if rejected.raw is None else rejected.raw
    return hashlib.sha256(said).digest()[:16]


def _reason(came: Sequence[Rejected]) -> str:
    return came[-1].reason[:LONGEST_REASON]


def _json(values: Collection[str] | Sequence[int]) -> str:
    return msgspec.json.encode(list(values)).decode()
