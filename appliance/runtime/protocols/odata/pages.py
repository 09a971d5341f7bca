"""Rows of an OData entity set: filters with the literals $metadata asks for, server, skip and key paging, delta."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceError
from appliance.runtime.definition import Http, OData4Read, ODataRead
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import EVERYTHING, Page, Position, Since
from appliance.runtime.protocols.odata.distinct import distinct
from appliance.runtime.protocols.odata.edmx import EntityType
from appliance.runtime.protocols.odata.literals import holds_moment, literal, moment_literal, removed_row
from appliance.runtime.protocols.odata.options import select_and_expand, some
from appliance.runtime.protocols.odata.service import ODataService
from appliance.runtime.reading.repetition import same_page, watched
from appliance.runtime.select import Envelope, decode, key_decoder
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template
from appliance.transport.http import Response

_PATHS = {
    2: {"rows": "d.results", "next": "d.__next", "count": "d.__count"},
    4: {"rows": "value", "next": "@odata.nextLink", "count": "@odata.count", "delta": "@odata.deltaLink"},
}

# Statuses by which services say that they cannot filter by a property.
_CANNOT = (400, 501)

# A moment before everything, for a filter that is only tried.
_LONG_AGO = Since(datetime(1990, 1, 2, tzinfo=UTC))

# Filter number of a pass that reads everything, since the service filters by none.
_UNFILTERED = -1

_MOST_MOVES = 3


class ODataPages:
    """Rows of one entity set.

    A position holds `link` (server paging; scheme and host always are the configured ones), or `skip` with the key
    `last` read (and `back`, `moved` while rows shift), or `after`, the last key; and `filter`, the number of the
    changed filter that the service accepted.
    """

    def __init__(self, source: Source, http: Http, read: ODataRead, *, where: str) -> None:
        version = 4 if isinstance(read, OData4Read) else 2
        self.service = ODataService(source, http, read.service, version, where=where)
        self._version = version
        self._source = source
        self._read = read
        self._where = where
        self._delta = isinstance(read, OData4Read) and read.delta
        self._fixed_filter = compile_template(read.filter, where=f"{where}.filter")
        paths = dict(_PATHS[version])
        self._rows_path = paths.pop("rows")
        self._envelope = Envelope(self._rows_path, paths)
        self._bare = Envelope("d", {}) if version == 2 else None
        self._filters = (read.changed, *read.changed_fallback) if read.changed else ()

    def first(self) -> Position:
        match self._read.paging:
            case "server":
                return {"link": None}
            case "skip":
                return {"skip": 0}
            case "key":
                return {"after": None}

    @property
    def name(self) -> str:
        """The set and its service, for messages."""
        return f"{self._read.set} of {self._read.service or 'the service'}"

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        page = self._fetch(position, since, resuming=resuming, sample=sample)
        return replace(page, rows=distinct(page.rows, self._read.distinct)) if self._read.distinct else page

    def one(self, names: Sequence[str], key: Sequence[Any]) -> bytes | None:
        """The row whose properties `names` have the values of `key`; None when the set has none.

        Raises SourceError, and ConfigurationError for values that are not of the types of the properties.
        """
        kind = self.entity_type()
        try:
            wanted = [
                f"{name} eq {literal(self._version, kind.properties[name], value)}"
                for name, value in zip(names, key, strict=True)
            ]
        except (KeyError, ValueError) as failure:
            raise ConfigurationError(
                f"{self._where}: a single {self._read.set} cannot be asked for: {failure}."
            ) from None
        options = dict(self._options(kind, EVERYTHING, _UNFILTERED))
        options["$filter"] = " and ".join([*([options["$filter"]] if "$filter" in options else []), *wanted])
        request = self.service.request(self._read.set, list(options.items()))
        rows = self._page({}, self._source.send(request, interactive=True), kind).rows
        return rows[0] if rows else None

    def _fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        if sample:
            return self._sample()
        if position.get("link"):
            return self._linked(position, str(position["link"]), resuming)
        if self._delta and since.mark and position == self.first():
            try:
                # A token that has expired is refused like a page position that has.
                return self._linked(position, str(since.mark), resuming=True)
            except ResumeRefused:
                pass
        number = position.get("filter")
        if since.moment is None or not self._filters:
            return self._ask(position, EVERYTHING, _UNFILTERED, resuming)
        if number is not None:
            return self._ask(position, since, number, resuming)
        return self._with_first_usable_filter(position, since, resuming)

    def _with_first_usable_filter(self, position: Position, since: Since, resuming: bool) -> Page:
        for number in self._usable_filters():
            try:
                page = self._ask(position, since, number, resuming)
            except SourceError as refusal:
                if refusal.details.get("status") not in _CANNOT:
                    raise
            else:
                return replace(page, notices=(*self._notices(number), *page.notices))
        page = self._ask(position, EVERYTHING, _UNFILTERED, resuming)
        return replace(page, notices=(*self._notices(_UNFILTERED), *page.notices), endless=True)

    def _sample(self) -> Page:
        """One row, and whether the service does what it is asked: the limit, and the changed filter."""
        kind = self.entity_type()
        number = self._filter_tried(kind) if self._filters else 0
        request = self.service.request(self._read.set, [("$top", "1"), *self._options(kind, EVERYTHING, 0)])
        page = self._page({}, self._source.send(request), kind)
        notices = self._notices(number)
        if len(page.rows) > 1:
            notices = (
                *notices,
                f"{self._read.set} ignores $top: it gave {len(page.rows)} rows where one was asked for. "
                "It may ignore filters as well; prefer `paging: server` and `incremental: compare`.",
            )
        return Page(page.rows[:1], None, page.expected, notices=notices)

    def _filter_tried(self, kind: EntityType) -> int:
        for number in self._usable_filters():
            options = [("$top", "1"), *self._options(kind, _LONG_AGO, number)]
            try:
                self._source.send(self.service.request(self._read.set, options))
            except SourceError as refusal:
                if refusal.details.get("status") not in _CANNOT:
                    raise
            else:
                return number
        return _UNFILTERED

    def _notices(self, number: int) -> tuple[str, ...]:
        if number == 0:
            return ()
        asked = " and ".join(self._filters[0])
        if number == _UNFILTERED:
            return (
                f"{self._read.set} cannot be filtered by {asked}: every pass reads all rows and compares them.",
            )
        return (
            f"{self._read.set} cannot be filtered by {asked}; {' and '.join(self._filters[number])} is used.",
        )

    def _usable_filters(self) -> list[int]:
        """Numbers of the changed filters that $metadata does not rule out, in order.

        Raises ConfigurationError when none names properties there are, or when one holds no date.
        """
        kind = self.entity_type()
        there = [
            number for number, names in enumerate(self._filters) if all(n in kind.properties for n in names)
        ]
        if not there:
            missing = next(name for name in self._filters[0] if name not in kind.properties)
            raise ConfigurationError(
                f"{self._where}: {self._read.set} has no property {missing!r}. Properties: {some(kind.properties)}."
            )
        for name in (name for number in there for name in self._filters[number]):
            if not holds_moment(self._version, kind.properties[name], self._read.literals):
                raise ConfigurationError(
                    f"{self._where}: {name} is {kind.properties[name]}; a changed-since filter needs a date or time."
                )
        if "*" in kind.unfilterable:
            return []
        return [number for number in there if not kind.unfilterable.intersection(self._filters[number])]

    def entity_type(self) -> EntityType:
        """The set's type. Raises ConfigurationError naming the sets there are."""
        metadata = self.service.metadata()
        if self._read.set not in metadata.sets:
            raise ConfigurationError(
                f"{self._where}: the service has no entity set {self._read.set!r}. Sets: {some(metadata.sets)}."
            )
        return metadata.sets[self._read.set]

    def _ask(self, position: Position, since: Since, number: int, resuming: bool) -> Page:
        kind = self.entity_type()
        if self._filters and position == self.first():
            self._usable_filters()
        params = [*self._options(kind, since, number, position), *self._window(position, kind)]
        if self._read.count:
            params.append(("$count", "true") if self._version == 4 else ("$inlinecount", "allpages"))
        request = self.service.request(self._read.set, params, self._preferences(position == self.first()))
        page = self._page(position, self._source.send(request, resuming=resuming), kind)
        following = page.next
        if following is not None and "link" not in following and since.moment is not None:
            following = {**following, "filter": number}
        return replace(page, next=following)

    def _linked(self, position: Position, link: str, resuming: bool) -> Page:
        request = self.service.request(self._read.set, [], self._preferences(False))
        response = self._source.send(self.service.following(request, link), resuming=resuming)
        return self._page({**position, "link": link}, response, self.entity_type())

    def _preferences(self, first: bool) -> dict[str, str]:
        wanted = [f"odata.maxpagesize={self._read.size}"] if self._read.paging == "server" else []
        if self._delta and first:
            wanted.append("odata.track-changes")
        return {"Prefer": ",".join(wanted)} if wanted else {}

    def _options(
        self, kind: EntityType, since: Since, number: int, position: Position | None = None
    ) -> list[tuple[str, str]]:
        options = [("$format", "json")] if self._version == 2 else []
        options += select_and_expand(
            self._read, self._version, kind, self.service.metadata(), where=self._where
        )
        fixed = self._fixed_filter(self._source.fields)
        filters = [f"({fixed})"] if fixed else []
        if since.moment is not None:
            changed = [self._changed(kind, name, since.moment, since.until) for name in self._filters[number]]
            filters.append(f"({' or '.join(changed)})")
        after = (position or {}).get("after")
        if after is not None:
            filters.append(f"{self._single_key(kind)} gt {self._key_literal(kind, after)}")
        return [*options, ("$filter", " and ".join(filters))] if filters else options

    def _changed(self, kind: EntityType, name: str, moment: datetime, until: datetime | None) -> str:
        """Both ends are written alike, so that where one slice ends the next begins."""
        edge = kind.properties[name]
        late = f"{name} ge {moment_literal(self._version, edge, moment, self._read.literals)}"
        if until is None:
            return late
        return f"({late} and {name} lt {moment_literal(self._version, edge, until, self._read.literals)})"

    def _window(self, position: Position, kind: EntityType) -> list[tuple[str, str]]:
        if "link" in position:
            # Without a full order a server may give a row on two pages and another one on none. A tracked set has
            # an order of its own, and services refuse another one with it.
            return [("$orderby", ",".join(kind.keys))] if kind.keys and not self._delta else []
        if "after" in position:
            return [("$orderby", self._single_key(kind)), ("$top", str(self._read.size))]
        # One row of the page before comes again: it tells whether rows have moved meanwhile.
        skip = max(0, position["skip"] - 1)
        top = self._read.size + (position["skip"] - skip)
        return [("$orderby", ",".join(kind.keys)), ("$top", str(top)), ("$skip", str(skip))]

    def _single_key(self, kind: EntityType) -> str:
        if len(kind.keys) != 1:
            raise ConfigurationError(
                f"{self._where}: {self._read.set} has the key {', '.join(kind.keys)}; "
                "`paging: key` needs a single one. Use `paging: skip`."
            )
        return kind.keys[0]

    def _key_literal(self, kind: EntityType, value: object) -> str:
        name = self._single_key(kind)
        try:
            return literal(self._version, kind.properties[name], value)
        except ValueError as failure:
            raise ConfigurationError(
                f"{self._where}: rows cannot be paged by {name}: {failure}. Use `paging: skip`."
            ) from None

    def _page(self, position: Position, response: Response, kind: EntityType) -> Page:
        rows, beside = self._envelope.read(response.body)
        if rows is None and self._bare is not None:
            # Version 1 services give the bare list.
            rows, beside = self._bare.read(response.body)
        if rows is None:
            said = self._source.said(response)
            raise SourceAnswerInvalid(
                f"{self._where}: the answer of set {self._read.set!r} holds no rows at `{self._rows_path}`. "
                f"Check that the address is an OData V{self._version} service.{f' It said: {said}' if said else ''}"
            )
        removed: tuple[bytes, ...] = ()
        if self._delta:
            rows, removed = _without_removed(rows, kind)
        counted = str(beside.get("count") if beside.get("count") is not None else "")
        expected = int(counted) if counted.isdigit() else None
        link, delta = self._link(beside.get("next")), self._link(beside.get("delta"))
        if link or "link" in position or not position:
            following = watched(position, {"link": link}, rows) if link else None
            if link and following is None:
                raise same_page(self._where)
            return Page(rows, following, expected, mark=delta, removed=removed)
        if "after" in position:
            return self._page_by_key(position, rows, expected, kind)
        return self._page_by_skip(position, rows, expected, kind)

    def _link(self, value: object) -> str | None:
        if not value:
            return None
        if not isinstance(value, str):
            raise SourceAnswerInvalid(f"{self._where}: the service's answer holds a link that is no address.")
        return value

    def _page_by_key(self, position: Position, rows: list[bytes], left: int | None, kind: EntityType) -> Page:
        # Some services give fewer rows than asked for in the middle: only no more rows, or the count, is the end.
        expected = left if position["after"] is None else None
        if len(rows) > self._read.size:
            return Page(rows, None, expected, notices=(self._ignores_top(len(rows)),))
        if not rows or (left is not None and len(rows) >= left):
            return Page(rows, None, expected)
        last = key_decoder(kind.keys)(rows[-1])[0]
        if last == position["after"]:
            raise SourceAnswerInvalid(
                f"{self._where}: {self._read.set} ignores the filter by its key; `paging: key` cannot be used here."
            )
        return Page(rows, {"after": str(last) if not isinstance(last, int | str) else last}, expected)

    def _page_by_skip(
        self, position: Position, rows: list[bytes], expected: int | None, kind: EntityType
    ) -> Page:
        skip, last, moved = position["skip"], position.get("last"), position.get("moved", 0)
        key_values = key_decoder(kind.keys)
        keys = [[str(part) for part in key_values(row)] for row in rows]
        read = max(0, skip - 1) + len(rows)
        if "back" in position:
            if skip and last not in keys:
                return Page(rows, self._step_back(position, 2 * position["back"], moved), expected)
        elif last is not None:
            if keys[:1] != [last]:
                return Page(rows, self._step_back(position, self._read.size, moved + 1), expected)
            rows, keys, moved = rows[1:], keys[1:], 0
        if len(rows) > self._read.size + 1:
            return Page(rows, None, expected, notices=(self._ignores_top(len(rows)),))
        if not rows or (expected is not None and read >= expected):
            return Page(rows, None, expected)
        return Page(rows, {"skip": read, "last": keys[-1], "moved": moved}, expected)

    def _step_back(self, position: Position, distance: int, moved: int) -> Position:
        """Rows before this page have gone or come: go back, farther each time, to the last row that was read.

        What slid over the border of a page lies behind that row. When it is gone itself, the set begins again.
        """
        if moved > _MOST_MOVES:
            raise SourceAnswerInvalid(
                f"{self._where}: the rows of {self._read.set} come in another order each time, so $skip loses some. "
                "Use `paging: key`, or `paging: server` where the service gives next links."
            )
        skip = max(0, position["skip"] - distance)
        return {"skip": skip, "last": position["last"], "back": distance, "moved": moved}

    def _ignores_top(self, rows: int) -> str:
        return f"{self._read.set} ignores $top and gave all {rows} rows at once."


def _without_removed(rows: list[bytes], kind: EntityType) -> tuple[list[bytes], tuple[bytes, ...]]:
    kept: list[bytes] = []
    removed: list[bytes] = []
    for raw in rows:
        said = b"@removed" in raw or b"$deletedEntity" in raw
        gone = removed_row(decode(raw), kind) if said else None
        if gone is None:
            kept.append(raw)
        else:
            removed.append(gone)
    return kept, tuple(removed)
