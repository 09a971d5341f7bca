"""Pages of a query by keyset.

A pass over everything goes in the order of the key, so that rows whose time of change is unknown are read too. A
pass over changes goes in the order of cursor and key, and so does every pass by a number, since what is inserted
meanwhile comes at the end there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.definition import SqlChildren, SqlRead
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.sql.changes import COUNTED, lower_bound, upper_bound
from appliance.runtime.protocols.sql.children import Row, attach
from appliance.runtime.protocols.sql.statement import Parameters, Relation, after, coalesced, count, select
from appliance.runtime.protocols.sql.values import pack, row_text, unpack, version_number
from appliance.transport.sql.database import Database
from appliance.transport.sql.guard import split

# A page ends early when its rows are this large together.
PAGE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Order:
    """What a pass is ordered by: names for the values of a row, expressions for the statement."""

    expressions: tuple[str, ...]
    conditions: tuple[str, ...]
    by_cursor: bool


class SqlPages:
    def __init__(
        self,
        database: Database,
        fields: Mapping[str, Any],
        read: SqlRead,
        key: Sequence[str],
        *,
        where: str,
        gone: Sequence[str] = (),
        only_keys: bool = False,
        only_open: bool = False,
    ) -> None:
        """`only_keys` asks for the columns of the key and of `gone` alone, `only_open` for documents not finished."""
        self._database = database
        self._read = read
        self._where = where
        self._keys = read.keys or tuple(key)
        self._only = read.open if only_open else ""
        cursor = read.cursor.columns if read.cursor else ()
        self._columns = tuple(dict.fromkeys((*key, *gone, *self._keys, *cursor))) if only_keys else ()
        self._zone = _known_zone(
            (read.cursor.zone if read.cursor else "") or str(fields.get("time_zone") or "")
        )
        self._schema = database.login.schema
        self._relation = self._related(self._text(read))
        self._children = [(one, self._related(self._text(one))) for one in read.children]

    def first(self) -> Position:
        return {"after": None}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        parameters = Parameters()
        order = self._order(since, parameters)
        conditions = [*order.conditions]
        bounds = len(parameters.values)
        if position["after"] is not None:
            values = [unpack(value) for value in position["after"]]
            conditions.append(after(order.expressions, values, parameters))
        size = 1 if sample else self._read.size
        statement = select(self._relation, conditions, order.expressions, size, columns=self._columns)
        rows, cut_short = self._rows(statement, parameters.values, size)
        notices: tuple[str, ...] = ()
        if sample:
            self._refuse_null_keys()
            notices = self._rows_without_time()
        last = self._last(rows[-1], order) if rows else None
        if last is not None and last == position["after"]:
            raise SourceAnswerInvalid(
                f"{self._where}: more rows share one value of the cursor and the key than fit a page, or the "
                "column is more exact than what can be read of it. Name unique `keys`, or cast the column."
            )
        more = len(rows) == size or cut_short
        expected = None
        if self._read.count and position["after"] is None and not sample:
            expected = self._count(order.conditions, parameters.values[:bounds])
        texts = self._finished(rows)
        return Page(
            texts,
            {"after": last} if more and rows and not sample else None,
            expected,
            self._mark(rows, since),
            notices,
        )

    def _order(self, since: Since, parameters: Parameters) -> _Order:
        order = self._order_by_since(since, parameters)
        return replace(order, conditions=(*order.conditions, self._only)) if self._only else order

    def _order_by_since(self, since: Since, parameters: Parameters) -> _Order:
        keys = tuple(f"q.{self._relation.quote(column)}" for column in self._keys)
        cursor = self._read.cursor
        if cursor is None:
            return _Order(keys, (), by_cursor=False)
        bound = lower_bound(cursor, since, self._zone)
        counted = cursor.kind in COUNTED
        if bound is None and not counted:
            return _Order(keys, (), by_cursor=False)
        changed = coalesced(self._relation, cursor.columns)
        conditions = (
            [] if bound is None else [f"{changed} {'>' if counted else '>='} {parameters.place(bound)}"]
        )
        below = upper_bound(cursor, since, self._zone)
        if below is not None:
            conditions.append(f"{changed} < {parameters.place(below)}")
        if cursor.kind == "rowversion":
            # Below it, no transaction that is still open can have taken a version.
            conditions.append(f"{changed} < MIN_ACTIVE_ROWVERSION()")
        elif bound is None:
            conditions.append(f"{changed} IS NOT NULL")
        return _Order((changed, *keys), tuple(conditions), by_cursor=True)

    def _rows(self, statement: str, values: Sequence[Any], most: int) -> tuple[list[Row], bool]:
        """The rows of a page, and whether it was ended early for its size."""
        found: list[Row] = []
        size = 0
        with self._database.rows(statement, values, most=most) as answer:
            for row in answer.values:
                found.append(dict(zip(answer.columns, row, strict=True)))
                size += sum(len(value) for value in row if isinstance(value, str | bytes))
                if size > PAGE_BYTES:
                    return found, True
        return found, False

    def _last(self, row: Row, order: _Order) -> list[Any]:
        cursor = self._read.cursor
        values = [self._of(row, column) for column in self._keys]
        if order.by_cursor and cursor is not None:
            values.insert(0, self._cursor_value(row))
        try:
            return [pack(value) for value in values]
        except TypeError as failure:
            raise SourceAnswerInvalid(
                f"{self._where}: a key or cursor column is null or of a type that has no order ({failure}). "
                f"Keys are {', '.join(self._keys)}; use COALESCE or a cast in the query."
            ) from None

    def _cursor_value(self, row: Row) -> Any:
        cursor = self._read.cursor
        assert cursor is not None
        values = (self._of(row, column) for column in cursor.columns)
        return next((value for value in values if value is not None), None)

    def _mark(self, rows: Sequence[Row], since: Since) -> Any:
        """Of rows in the order of the number the last one's; the overlap may end before what was reached."""
        cursor = self._read.cursor
        if cursor is None or cursor.kind not in COUNTED or not rows:
            return None
        number = int(version_number(self._cursor_value(rows[-1])) or 0)
        return number if since.mark is None else max(number, int(since.mark))

    def _of(self, row: Row, column: str) -> Any:
        if column not in row:
            raise ConfigurationError(
                f"{self._where}: the query gives no column {column!r}. Its columns are: {', '.join(row)}."
            )
        return row[column]

    def _finished(self, rows: list[Row]) -> list[bytes]:
        for children, relation in self._children if not self._columns else ():
            attach(rows, children, relation, self._rows_whole)
        cursor = self._read.cursor
        if cursor is not None and cursor.kind == "rowversion":
            for row in rows:
                row.update({column: version_number(row[column]) for column in cursor.columns})
        return [row_text(row, trim=self._read.trim) for row in rows]

    def _rows_whole(self, statement: str, values: Sequence[Any], most: int) -> list[Row]:
        with self._database.rows(statement, values, most=most) as answer:
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.values]

    def _count(self, conditions: Sequence[str], values: Sequence[Any]) -> int:
        with self._database.rows(count(self._relation, conditions), values, most=1) as answer:
            return int(next(iter(answer.values))[0])

    def _refuse_null_keys(self) -> None:
        """A row without a part of its key comes in no page; better to know at once."""
        missing = " OR ".join(f"q.{self._relation.quote(column)} IS NULL" for column in self._keys)
        if self._rows_whole(select(self._relation, [missing], (), 1), (), 1):
            raise SourceAnswerInvalid(
                f"{self._where}: some rows have no value in {' or '.join(self._keys)} and would never be read. "
                "Leave them out by a condition, or use COALESCE in the query."
            )

    def _rows_without_time(self) -> tuple[str, ...]:
        cursor = self._read.cursor
        if cursor is None:
            return ()
        missing = f"{coalesced(self._relation, cursor.columns)} IS NULL"
        if not self._rows_whole(select(self._relation, [missing], (), 1), (), 1):
            return ()
        return (
            f"Some rows have no value in {' and '.join(cursor.columns)}: they are read by full passes of master data "
            "only. Add a column that is always filled, such as the time of creation.",
        )

    def _related(self, query: str) -> Relation:
        prefix, body = split(query, self._database.login.dialect)
        return Relation(self._database.login.dialect, prefix, body, self._database.quote)

    def _text(self, part: SqlRead | SqlChildren) -> str:
        """The query that is written, or that of the table."""
        if bool(part.query) == bool(part.table):
            raise ConfigurationError(f"{self._where}: write either `query` or `table`.")
        if part.query:
            return part.query
        quote = self._database.quote
        names = [*([self._schema] if self._schema and "." not in part.table else []), *part.table.split(".")]
        columns, condition = "*", ""
        if isinstance(part, SqlRead):
            columns = ", ".join(quote(column) for column in part.columns) or "*"
            condition = f" WHERE {part.where}" if part.where else ""
        return f"SELECT {columns} FROM {'.'.join(quote(name) for name in names)}{condition}"


def _known_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, KeyError, OSError):
        raise ConfigurationError(
            f"There is no time zone {name[:40]!r}. Write it as Europe/Berlin or UTC."
        ) from None
