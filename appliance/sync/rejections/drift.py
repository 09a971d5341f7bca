"""Changes in the rows of a source: fields that are new, of another kind, or missing.

A pass looks at a few of its changed rows and at the rejected ones that are new. At its end what was seen is compared
with what is known of the stream, and what differs becomes a finding that stays until someone acknowledges it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple

import msgspec

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.mapping.source_fields import kind_of, parent_of, values_in
from appliance.runtime.select import decode
from appliance.store.database import Database
from appliance.store.records import Stream

# Of a page as it is written, which may be several of the source joined.
ROWS_A_PAGE = 20
ROWS_A_PASS = 200
MOST_FIELDS = 500
MOST_SAMPLES = 3
LONGEST_SAMPLE = 80
LONGEST_PATH = 300
# A field that this part of the rows had, and none of so many has, is missing.
NEARLY_ALL = 0.95
ENOUGH_ROWS = 20
NAMED_IN_NOTICE = 10

Kind = Literal["new", "retyped", "missing"]
FilledBy = Callable[[Sequence[str]], Mapping[str, Sequence[str]]]
"""Paths of the source to the unified fields that they fill."""


class Finding(NamedTuple):
    """`before` and `after` are kinds of values, such as `number`; empty where the field was or is not there."""

    path: str
    kind: Kind
    before: str
    after: str


@dataclass(slots=True)
class SampledField:
    """`first` and `last` are the numbers of the first and last sample that had the field, `seen` how many had it."""

    first: int
    last: int
    seen: int = 1
    kinds: set[str] = field(default_factory=set)
    samples: list[Any] = field(default_factory=list)


class Sampler:
    """The fields in some rows of one pass. With `false_is_null` false says nothing, as in the mapping."""

    def __init__(self, *, false_is_null: bool = False) -> None:
        self._false_is_null = false_is_null
        self.rows = 0
        self.fields: dict[str, SampledField] = {}

    def look(self, rows: Iterable[bytes]) -> None:
        """Look at the first few of these rows, JSON texts, unless the pass has had enough."""
        for raw in islice(rows, min(ROWS_A_PAGE, ROWS_A_PASS - self.rows)):
            try:
                row = decode(raw)
            except SourceAnswerInvalid:
                continue
            self.rows += 1
            for path, value in values_in(row):
                self._note(path, value)

    def _note(self, path: str, value: Any) -> None:
        found = self.fields.get(path)
        if found is None:
            if len(self.fields) >= MOST_FIELDS or len(path) > LONGEST_PATH:
                return
            found = self.fields[path] = SampledField(self.rows, self.rows)
        elif found.last != self.rows:
            found.last = self.rows
            found.seen += 1
        if value is None or value == "" or (value is False and self._false_is_null):
            return
        kind = kind_of(value)
        found.kinds.add(kind)
        if kind not in ("object", "list") and len(found.samples) < MOST_SAMPLES:
            sample = value if isinstance(value, bool | int) else str(value)[:LONGEST_SAMPLE]
            if sample not in found.samples:
                found.samples.append(sample)


@dataclass(slots=True)
class _Known:
    kinds: set[str]
    samples: list[Any]
    seen: int
    first: int
    last: int
    missing: bool

    @property
    def is_usual(self) -> bool:
        """Whether nearly all rows had it, from the first that did to the last."""
        return self.last >= ENOUGH_ROWS and self.seen >= NEARLY_ALL * (self.last - self.first + 1)


class Drift:
    def __init__(self, database: Database) -> None:
        self._database = database

    def conclude(
        self, stream: Stream, sampler: Sampler, *, filled_by: FilledBy, run_id: str, now: int
    ) -> list[str]:
        """Compare a pass with what is known and keep both; what to say of it, a text for each kind of finding.

        Nothing is read or written for a pass in which no row changed. The first pass with rows finds nothing.
        """
        if not sampler.rows:
            return []
        with self._database.write():
            before: int = (
                self._database.value("SELECT sampled FROM source_sampling WHERE stream_id = ?", (stream.id,))
                or 0
            )
            known = self._known(stream)
            seen = dict(islice(_admitted(sampler.fields, known), MOST_FIELDS))
            gone = _gone(known, seen, before + sampler.rows)
            found = _findings(known, seen, gone) if before else []
            self._write_fields(stream, known, seen, gone, before, now)
            self._database.run(
                "INSERT INTO source_sampling (stream_id, sampled) VALUES (?, ?)"
                " ON CONFLICT (stream_id) DO UPDATE SET sampled = excluded.sampled",
                (stream.id, before + sampler.rows),
            )
            self._write_findings(stream, found, run_id, now)
        return _notices(found, filled_by([one.path for one in found])) if found else []

    def erase(self, connection_id: str) -> int:
        """Forget fields and findings of a connection; how many findings there were."""
        of_connection = "stream_id IN (SELECT id FROM stream WHERE connection_id = ?)"
        with self._database.write():
            for table in ("source_field", "source_sampling"):
                self._database.run(f"DELETE FROM {table} WHERE {of_connection}", (connection_id,))
            return self._database.run(f"DELETE FROM drift WHERE {of_connection}", (connection_id,))

    def erase_stream(self, stream: Stream) -> None:
        with self._database.write():
            for table in ("source_field", "source_sampling", "drift"):
                self._database.run(f"DELETE FROM {table} WHERE stream_id = ?", (stream.id,))

    def erase_before(self, moment: int, limit: int) -> int:
        """Forget up to `limit` findings that were acknowledged before `moment`, milliseconds; how many."""
        return self._database.run(
            "DELETE FROM drift WHERE id IN"
            " (SELECT id FROM drift WHERE acknowledged_at < ? ORDER BY acknowledged_at LIMIT ?)",
            (moment, limit),
        )

    def _known(self, stream: Stream) -> dict[str, _Known]:
        return {
            path: _Known(set(kinds.split()), msgspec.json.decode(samples), seen, first, last, bool(missing))
            for path, kinds, samples, seen, first, last, missing in self._database.tuples(
                "SELECT path, kinds, samples, seen, first_sample, last_sample, missing FROM source_field"
                " WHERE stream_id = ?",
                (stream.id,),
            )
        }

    def _write_fields(
        self,
        stream: Stream,
        known: Mapping[str, _Known],
        seen: Mapping[str, SampledField],
        gone: Sequence[str],
        before: int,
        now: int,
    ) -> None:
        rows = []
        for path, one in seen.items():
            held = known.get(path)
            kinds = one.kinds | (held.kinds if held else set())
            samples = held.samples if held and len(held.samples) >= MOST_SAMPLES else one.samples
            texts = " ".join(sorted(kinds)), msgspec.json.encode(samples).decode()
            rows.append((stream.id, path, *texts, one.seen, before + one.first, before + one.last, now, now))
        self._database.run_many(
            "INSERT INTO source_field (stream_id, path, kinds, samples, seen, first_sample, last_sample,"
            " first_seen, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (stream_id, path) DO UPDATE SET kinds = excluded.kinds, samples = excluded.samples,"
            " seen = seen + excluded.seen, last_sample = excluded.last_sample, last_seen = excluded.last_seen,"
            " missing = 0",
            rows,
        )
        self._database.run_many(
            "UPDATE source_field SET missing = 1 WHERE stream_id = ? AND path = ?",
            [(stream.id, path) for path in gone],
        )

    def _write_findings(self, stream: Stream, found: Sequence[Finding], run_id: str, now: int) -> None:
        self._database.run_many(
            "INSERT INTO drift (stream_id, path, kind, before, after, noticed_at, run_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream_id, path, kind) WHERE acknowledged_at IS NULL"
            " DO UPDATE SET before = excluded.before, after = excluded.after, run_id = excluded.run_id,"
            " noticed_at = excluded.noticed_at",
            [(stream.id, one.path, one.kind, one.before, one.after, now, run_id) for one in found],
        )


def _admitted(
    fields: Mapping[str, SampledField], known: Mapping[str, _Known]
) -> Iterable[tuple[str, SampledField]]:
    """Fields that are known, and new ones as long as there is room for them."""
    room = MOST_FIELDS - len(known)
    for path, one in fields.items():
        if path not in known:
            room -= 1
            if room < 0:
                continue
        yield path, one


def _gone(known: Mapping[str, _Known], seen: Mapping[str, SampledField], sampled: int) -> list[str]:
    """Fields that nearly all rows had and none of the latest has, not told of before."""
    return [
        path
        for path, held in known.items()
        if path not in seen and not held.missing and held.is_usual and sampled - held.last >= ENOUGH_ROWS
    ]


def _findings(
    known: Mapping[str, _Known], seen: Mapping[str, SampledField], gone: Sequence[str]
) -> list[Finding]:
    """What differs. Of an object that is new or missing, or was none before, what is in it is not told as well."""
    new = {path for path in seen if path not in known}
    retyped = {
        path
        for path, one in seen.items()
        if path in known and known[path].kinds and one.kinds and not one.kinds <= known[path].kinds
    }
    missing = set(gone)
    found = [
        Finding(path, "new", "", _said(seen[path].kinds))
        for path in seen
        if path in new and parent_of(path) not in new | retyped
    ]
    found += [
        Finding(path, "retyped", _said(known[path].kinds), _said(seen[path].kinds))
        for path in seen
        if path in retyped
    ]
    found += [
        Finding(path, "missing", _said(known[path].kinds), "")
        for path in gone
        if parent_of(path) not in missing | retyped
    ]
    return found


def _said(kinds: Iterable[str]) -> str:
    return ", ".join(sorted(kinds)) or "null"


_OPENINGS: dict[Kind, str] = {
    "new": "The source's rows have new fields",
    "retyped": "Fields of the source's rows hold another kind of value",
    "missing": "Fields that the source's rows had are missing",
}


def _notices(found: Sequence[Finding], filled: Mapping[str, Sequence[str]]) -> list[str]:
    notices = []
    for kind, opening in _OPENINGS.items():
        of_kind = [one for one in found if one.kind == kind]
        if not of_kind:
            continue
        # Those that matter to records come first.
        of_kind.sort(key=lambda one: not filled.get(one.path))
        named = ", ".join(_named(one, filled.get(one.path, ())) for one in of_kind[:NAMED_IN_NOTICE])
        more = len(of_kind) - NAMED_IN_NOTICE
        notices.append(f"{opening}: {named}{f' and {more} more' if more > 0 else ''}.")
    return notices


def _named(finding: Finding, fields: Sequence[str]) -> str:
    said = [f"{finding.before}, now {finding.after}"] if finding.kind == "retyped" else []
    said += [f"fills {', '.join(fields)}"] if fields else []
    return f"{finding.path} ({'; '.join(said)})" if said else finding.path
