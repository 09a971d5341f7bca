"""Which records of a stream a pass has met, and so which are gone at the source.

What was met is noted in the transaction of its page, so a pass that is killed goes on with it: a bit for the id of
each record, 4096 of them a row, since records that come together mostly lie together. A record that was written
after the pass began is never missing: whoever wrote it has seen it since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from appliance.store.database import Database
from appliance.store.raw_rows import NOT_KEPT, RawRows
from appliance.store.records import Stream


class Missing(NamedTuple):
    """A record that a pass did not meet; `raw` is the source's row as JSON text, None when it is no longer kept."""

    id: int
    key: str
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which records a pass should have met: those written until `seq`, and changed since `changed_from` where given.

    Times are milliseconds since 1970, as the source gave them.
    """

    pass_id: int
    stream: Stream
    seq: int
    changed_from: int | None = None

    @property
    def condition(self) -> str:
        late = "" if self.changed_from is None else " AND modified_at >= :changed_from"
        return f"stream_id = :stream AND deleted_at IS NULL AND seq <= :seq{late}"

    @property
    def parameters(self) -> dict[str, int | None]:
        found: dict[str, int | None] = {"stream": self.stream.id, "seq": self.seq, "pass": self.pass_id}
        return found if self.changed_from is None else {**found, "changed_from": self.changed_from}


_MET = "is_met((SELECT bits FROM pass_met WHERE pass_id = :pass AND chunk = record.id >> 12), record.id)"
_CHUNK = 1 << 12


class Presence:
    def __init__(self, database: Database) -> None:
        self._database = database
        database.function("is_met", 2, is_met)
        self._raw_rows = RawRows(database)

    def begin(self) -> tuple[int, int]:
        """The number of a new pass, and the number of the latest change until now."""
        with self._database.write():
            number: int = self._database.value(
                "UPDATE counter SET value = value + 1 WHERE name = 'pass' RETURNING value"
            )
            return number, self._database.value("SELECT value FROM counter WHERE name = 'seq'")

    def met(self, pass_id: int, record_ids: Iterable[int]) -> None:
        """Note records that the source has. Called in the transaction of their page. Two statements."""
        chunks: dict[int, bytearray] = {}
        for record_id in record_ids:
            bits = chunks.setdefault(record_id >> 12, bytearray(_CHUNK // 8))
            bits[(record_id & _CHUNK - 1) >> 3] |= 1 << (record_id & 7)
        if not chunks:
            return
        for chunk, held in self._database.tuples(
            "SELECT chunk, bits FROM pass_met WHERE pass_id = ? AND chunk IN (SELECT value FROM json_each(?))",
            (pass_id, msgspec.json.encode(list(chunks)).decode()),
        ):
            both = int.from_bytes(held) | int.from_bytes(chunks[chunk])
            chunks[chunk] = bytearray(both.to_bytes(_CHUNK // 8))
        self._database.run_many(
            "INSERT INTO pass_met (pass_id, chunk, bits) VALUES (?, ?, ?)"
            " ON CONFLICT (pass_id, chunk) DO UPDATE SET bits = excluded.bits",
            [(pass_id, chunk, bytes(bits)) for chunk, bits in chunks.items()],
        )

    def count(self, scope: Scope) -> tuple[int, int]:
        """How many records of the scope were not met, and how many it has. Reads the stream's index once."""
        row = self._database.tuples(
            f"SELECT count(*) FILTER (WHERE NOT {_MET}), count(*) FROM record WHERE {scope.condition}",
            scope.parameters,
        )[0]
        return row[0], row[1]

    def missing(self, scope: Scope, after: int, limit: int) -> list[Missing]:
        """Records of the scope that were not met, in order of their id, after the id `after`."""
        return [
            Missing(id_, key, None if raw == NOT_KEPT else self._raw_rows.decompress(raw))
            for id_, key, raw in self._database.tuples(
                f"SELECT id, key, raw FROM record WHERE {scope.condition} AND id > :after AND NOT {_MET}"
                " ORDER BY id LIMIT :limit",
                {**scope.parameters, "after": after, "limit": limit},
            )
        ]

    def missed_before(self, scope: Scope, record_ids: Sequence[int]) -> set[int]:
        """Those of the records that an earlier pass missed too; the others are noted as missed by this one."""
        with self._database.write():
            before = {
                row[0]
                for row in self._database.tuples(
                    "SELECT record_id FROM record_missed WHERE stream_id = ? AND pass_id <> ?"
                    " AND record_id IN (SELECT value FROM json_each(?))",
                    (scope.stream.id, scope.pass_id, msgspec.json.encode(record_ids).decode()),
                )
            }
            self._database.run_many(
                "INSERT INTO record_missed (stream_id, record_id, pass_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(scope.stream.id, one, scope.pass_id) for one in record_ids if one not in before],
            )
        return before

    def found_again(self, scope: Scope) -> None:
        """Take out of those missed before what this pass has met, or what is written since."""
        self._database.run(
            "DELETE FROM record_missed WHERE stream_id = :stream AND NOT EXISTS (SELECT 1 FROM record"
            f" WHERE id = record_missed.record_id AND deleted_at IS NULL AND seq <= :seq AND NOT {_MET})",
            {"stream": scope.stream.id, "pass": scope.pass_id, "seq": scope.seq},
        )

    def forget(self, pass_id: int) -> None:
        """Give back the space of a pass that is over."""
        self._database.run("DELETE FROM pass_met WHERE pass_id = ?", (pass_id,))

    def forget_all_but(self, pass_ids: Sequence[int]) -> None:
        """Forget every pass but these, such as those that were ended from outside."""
        self._database.run(
            "DELETE FROM pass_met WHERE pass_id NOT IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(pass_ids).decode(),),
        )


def is_met(bits: bytes | None, record_id: int) -> int:
    """Whether the bit of a record is set; None stands for a chunk of which no record was met."""
    return 0 if bits is None else bits[(record_id & _CHUNK - 1) >> 3] >> (record_id & 7) & 1
