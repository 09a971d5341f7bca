"""Pages of what a selection finds, in the records of a stream or in what they hold.

Where only indexes are asked, a page costs what its records cost. A condition on a document reads documents until
the page is full, and sorting by a field reads them all: such statements are bounded in time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from appliance.clock import Clock
from appliance.store.database import Database, QueryTooLong
from appliance.store.records import ListedRow, Records, Stream
from appliance.store.selection import Selection, after_sql, conditions_sql, order_value

PAGE_SECONDS = 20.0
# A total is worth less waiting than the records.
COUNT_SECONDS = 3.0
# Rows of one table have the same columns, most of the time.
SAMPLED_ROWS = 2000
SAMPLED_SOURCE_ROWS = 200
SAMPLED_OF_EACH = 20
MOST_NAMES = 1000


@dataclass(frozen=True, slots=True)
class Rows:
    """Where documents come from: the unified records of a stream, or the source's rows beside them.

    With `member` the documents are the items of that list in the unified records. In their place `texts` may
    be given: JSON texts that are in no stream.
    """

    stream: Stream | None
    of: Literal["unified", "source"] = "unified"
    member: str | None = None
    texts: tuple[str, ...] = ()


class Found(NamedTuple):
    """`last` is the place after which the next page begins, None on an empty page."""

    rows: list[ListedRow]
    last: list[Any] | None
    more: bool


class SourceTable(NamedTuple):
    """The source rows of an entity: how many there are, and the columns of the newest."""

    entity: str
    rows: int
    columns: list[str]


class Lists:
    def __init__(self, database: Database, records: Records, clock: Clock) -> None:
        self._database = database
        self._records = records
        self._clock = clock

    def page(
        self,
        rows: Rows,
        selection: Selection,
        limit: int,
        *,
        after: Sequence[Any] | None = None,
        offset: int = 0,
        with_raw: bool = False,
    ) -> Found:
        """The rows after a place, or from the one numbered `offset` on. Raises QueryTooLong."""
        plain = rows == Rows(rows.stream) and selection == Selection(since=selection.since)
        if plain and rows.stream is not None and not with_raw:
            return self._plain_page(rows.stream, selection.since, limit, after, offset)
        statement = _Statement(rows, selection)
        sql, parameters = statement.page(
            limit + 1, list(after) if after is not None else None, offset, with_raw or rows.of == "source"
        )
        with self._database.within(PAGE_SECONDS, self._clock):
            found = self._database.tuples(sql, parameters)
        listed = [self._row(rows, with_raw, *row[:3]) for row in found[:limit]]
        last = list(found[len(listed) - 1][3:]) if listed else None
        return Found(listed, last, len(found) > limit)

    def count(self, rows: Rows, selection: Selection, *, live: int | None = None) -> int | None:
        """How many rows there are in all; None when counting takes too long.

        `live` is the known number of records of the stream, used where nothing is selected.
        """
        if live is not None and selection == Selection() and rows == Rows(rows.stream, rows.of):
            return live
        sql, parameters = _Statement(rows, selection).count()
        try:
            with self._database.within(COUNT_SECONDS, self._clock):
                counted: int = self._database.value(sql, parameters)
        except QueryTooLong:
            return None
        return counted

    def names(self, stream: Stream, member: str) -> list[str]:
        """The names inside an object of the newest records, such as those of custom fields, in order."""
        found = self._database.tuples(
            "SELECT DISTINCT each.key FROM (SELECT payload FROM record INDEXED BY record_order"
            " WHERE stream_id = ? AND deleted_at IS NULL ORDER BY id DESC LIMIT ?) AS newest,"
            " json_each(newest.payload, ?) AS each WHERE typeof(each.key) = 'text' LIMIT ?",
            (stream.id, SAMPLED_ROWS, f'$."{member}"', MOST_NAMES),
        )
        return sorted(name for (name,) in found)

    def columns(self, stream: Stream) -> list[str]:
        """The names of the columns of the newest source rows, in order of appearance."""
        found = self._database.tuples(
            "SELECT raw FROM record INDEXED BY record_order WHERE stream_id = ? AND deleted_at IS NULL"
            " ORDER BY id DESC LIMIT ?",
            (stream.id, SAMPLED_SOURCE_ROWS),
        )
        return self._columns(raw for (raw,) in found)

    def tables(self, connection_id: str) -> list[SourceTable]:
        """The source rows of all entities of a connection, by name. One query, of a few rows each."""
        raws: dict[tuple[str, int], list[bytes]] = {}
        for entity, live, raw in self._database.tuples(
            "SELECT entity, live, raw FROM stream LEFT JOIN record ON record.id IN"
            " (SELECT id FROM record INDEXED BY record_order WHERE stream_id = stream.id"
            " AND deleted_at IS NULL ORDER BY id DESC LIMIT ?) WHERE connection_id = ? ORDER BY entity",
            (SAMPLED_OF_EACH, connection_id),
        ):
            raws.setdefault((entity, live), []).extend([] if raw is None else [raw])
        return [SourceTable(entity, live, self._columns(rows)) for (entity, live), rows in raws.items()]

    def _columns(self, raws: Iterable[bytes]) -> list[str]:
        names: dict[str, None] = {}
        for raw in raws:
            row = msgspec.json.decode(self._records.raw_rows.decompress(raw))
            names.update(dict.fromkeys(row if isinstance(row, dict) else ()))
        return list(names)[:MOST_NAMES]

    def _plain_page(
        self, stream: Stream, since: int | None, limit: int, after: Sequence[Any] | None, offset: int
    ) -> Found:
        if after is None and offset:
            page = self._records.by_offset(stream, since, offset, limit)
        elif since is None:
            page = self._records.by_id(stream, after[0] if after else 0, limit)
        else:
            page = self._records.by_modified(stream, since, (after[0], after[1]) if after else (0, 0), limit)
        last = None if page.last is None else list(page.last if since is not None else page.last[1:])
        return Found([ListedRow(payload) for payload in page.payloads], last, page.more)

    def _row(
        self, rows: Rows, with_raw: bool, document: str | bytes, deleted_at: int | None, raw: bytes
    ) -> ListedRow:
        if rows.of == "source":
            return ListedRow(self._records.raw_rows.decompress(raw).decode(), deleted_at)
        return ListedRow(
            str(document),
            deleted_at,
            self._records.raw_rows.decompress(raw).decode() if with_raw else None,
        )


class _Statement:
    """The SQL of a page or a count. Rows are found first and read after, so that sorting moves no documents."""

    def __init__(self, rows: Rows, selection: Selection) -> None:
        self._rows = rows
        self._selection = selection
        self._own = rows.member is None and not rows.texts and rows.stream is not None
        self._document = "each.value" if not self._own else "r.payload"
        if rows.of == "source":
            self._document = "raw_text(r.raw)"
        if rows.stream is None:
            self._ids = ["each.key"]
        else:
            record = "r.id" if selection.linked_to is None else "link.record_id"
            self._ids = [record] if self._own else [record, "each.key"]
        dated = rows.stream is not None and (selection.since is not None or selection.until is not None)
        self._columns: list[str] = [*(["r.modified_at"] if dated and not selection.order else []), *self._ids]
        self._sorts = [
            (*order_value(order.place, self._document), order.descending) for order in selection.order
        ]

    def page(self, limit: int, after: list[Any] | None, offset: int, with_raw: bool) -> tuple[str, list[Any]]:
        names = [f"k{number}" for number in range(len(self._sorts) + len(self._columns))]
        order = self._order(names)
        parts: list[str] = []
        parameters: list[Any] = []
        several = self._selection.deleted == "include" and self._own
        for deleted in (False, True) if several else (self._selection.deleted == "only",):
            sql, values = self._found(names, deleted, after)
            parts.append(f"SELECT * FROM ({sql} ORDER BY {order} LIMIT ?)" if several else sql)
            parameters += [*values, *([limit + offset] if several else [])]
        # A compound SELECT is not ordered by expressions.
        joined = f"SELECT * FROM ({' UNION ALL '.join(parts)})" if several else parts[0]
        found = f"{joined} ORDER BY {order} LIMIT ? OFFSET ?"
        parameters += [limit, offset]
        keys = ", ".join(f"p.{name}" for name in names)
        if not self._own:
            return f"SELECT p.document, NULL, NULL, {keys} FROM ({found}) AS p ORDER BY {order}", parameters
        # CROSS JOIN holds the order of the two: the page first, then its records.
        return (
            f"SELECT r.payload, r.deleted_at, {'r.raw' if with_raw else 'NULL'}, {keys} FROM ({found}) AS p"
            f" CROSS JOIN record AS r ON r.id = p.{names[-1]} ORDER BY {order}",
            parameters,
        )

    def count(self) -> tuple[str, list[Any]]:
        parts: list[str] = []
        parameters: list[Any] = []
        several = self._selection.deleted == "include" and self._own
        for deleted in (False, True) if several else (self._selection.deleted == "only",):
            sql, values = self._from(deleted)
            parts.append(f"(SELECT count(*) {sql})")
            parameters += values
        return f"SELECT {' + '.join(parts)}", parameters

    def _found(self, names: list[str], deleted: bool, after: list[Any] | None) -> tuple[str, list[Any]]:
        values = [sql for sql, _, _ in self._sorts] + self._columns
        columns = ", ".join(f"{value} AS {name}" for value, name in zip(values, names, strict=True))
        if not self._own:
            columns += f", {self._document} AS document"
        parameters = [value for _, given, _ in self._sorts for value in given]
        sql, selected = self._from(deleted)
        parameters += selected
        if after is not None:
            condition, at = self._after(after)
            sql += f" AND {condition}"
            parameters += at
        return f"SELECT {columns} {sql}", parameters

    def _after(self, after: list[Any]) -> tuple[str, list[Any]]:
        if self._sorts:
            return after_sql([*self._sorts, *((column, [], False) for column in self._columns)], after)
        # A row value is searched in the index; the same as an OR would scan it.
        after_all = _row_value(self._columns, ">")
        if self._rows.member is None:
            return after_all, after
        # The number of an item is in no index, so the record it stands in is searched for first.
        return f"{_row_value(self._columns[:-1], '>=')} AND {after_all}", [*after[:-1], *after]

    def _order(self, names: list[str]) -> str:
        sorts = [
            f"{name} IS NULL, {name} {'DESC' if descending else 'ASC'}"
            for name, (_, _, descending) in zip(names, self._sorts, strict=False)
        ]
        return ", ".join([*sorts, *names[len(self._sorts) :]])

    def _from(self, deleted: bool) -> tuple[str, list[Any]]:
        """FROM and WHERE, without the place."""
        rows, selection = self._rows, self._selection
        tables: list[str] = []
        conditions: list[str] = []
        table_values: list[Any] = []
        values: list[Any] = []
        if rows.stream is not None:
            linked = selection.linked_to is not None
            dated = selection.since is not None or selection.until is not None
            if linked:
                tables.append("record_link AS link CROSS JOIN record AS r ON r.id = link.record_id")
                conditions += ["link.stream_id = ?", "link.target = ?"]
                values += [rows.stream.id, selection.linked_to]
            else:
                index = ("record_deleted_" if deleted else "record_") + ("modified" if dated else "order")
                tables.append(f"record AS r INDEXED BY {index}")
            conditions += ["r.stream_id = ?", f"r.deleted_at IS {'NOT ' if deleted else ''}NULL"]
            values.append(rows.stream.id)
            if selection.since is not None:
                conditions.append("r.modified_at >= ?")
                values.append(selection.since)
            if selection.until is not None:
                conditions.append("r.modified_at < ?")
                values.append(selection.until)
        if rows.member is not None:
            tables.append("json_each(r.payload, ?) AS each")
            table_values.append(f'$."{rows.member}"')
            conditions.append("each.type = 'object'")
        elif rows.stream is None:
            tables.append("json_each(?) AS each")
            table_values.append(
                msgspec.json.encode([msgspec.Raw(text.encode()) for text in rows.texts]).decode()
            )
        condition, given = conditions_sql(selection, self._document)
        conditions.append(condition)
        return (
            f"FROM {', '.join(tables)} WHERE {' AND '.join(conditions)}",
            [*table_values, *values, *given],
        )


def _row_value(columns: Sequence[str], compare: str) -> str:
    return f"({', '.join(columns)}) {compare} ({', '.join('?' * len(columns))})"
