"""Rows of a table by RFC_READ_TABLE: key ranges or ROWSKIPS, wide rows read in portions and joined by their key."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from appliance.errors import ConfigurationError, SourceAccessDenied, SourceAnswerInvalid
from appliance.runtime.definition import Http, TableRead, TouchingTable
from appliance.runtime.definition.sap import TableShape
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.sap_rfc import columns as sap
from appliance.runtime.protocols.sap_rfc import where as condition
from appliance.runtime.protocols.sap_rfc.module import Cells, Key, TableModule, literals
from appliance.runtime.protocols.sap_rfc.related import attach
from appliance.runtime.select import encode
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template


class TablePages:
    """A position holds `after`, the last key as SAP wrote it, or `skip`, the rows read.

    With `touched`, the number of a touching table, `after` is its last key; those pages come after the others and
    may bring a row again. The database gives rows in the order of the primary key as a rule, but promises it only
    with GET_SORTED: rows out of order end a pass by key, since those with smaller keys would never be seen.
    """

    def __init__(
        self, source: Source, http: Http, read: TableRead, *, where: str, only_touched: bool = False
    ) -> None:
        """`only_touched`: no rows but those that touching tables tell of."""
        self._source = source
        self._read = read
        self._where = where
        self._only_touched = only_touched
        self._module = TableModule(source, http, read, where=where)
        self._fixed = compile_template(read.where, where=f"{where}.where")
        self._related = [
            (related, compile_template(related.where, where=f"{where}.{related.into}.where"))
            for related in read.related
        ]
        self._touching = [
            (_as_shape(touching), compile_template(touching.where, where=f"{where}.touching.where"))
            for touching in read.touching
        ]

    def first(self) -> Position:
        if self._only_touched:
            return {"touched": 0, "after": None}
        return {"after": None} if self._read.paging == "key" else {"skip": 0}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        late = since.moment is not None and bool(self._touching)
        if late and position == self.first() and not self._read.changed:
            # Nothing in the table itself tells of changes; unasked, it would be read whole.
            return Page([], {"touched": 0, "after": None})
        if "touched" in position:
            return self._touched(position, since)
        read, module = self._read, self._module
        columns = module.columns(read.table)
        asked = condition.both(self._where_fixed(), _late(read.changed, since.moment))
        size = 1 if sample else read.size
        first, *others = module.portions(read)
        after = position.get("after")
        if after is not None:
            beyond = condition.beyond(read.key, literals(columns, read.key, after), ">")
            asked = condition.both(asked, beyond)
        found = module.select(read, first, asked, count=size, skip=position.get("skip", 0))
        notices = self._unreadable() if sample else ()
        if not found:
            return Page([], {"touched": 0, "after": None} if late else None, notices=notices)
        keys = list(found)
        if read.paging == "key":
            self._check_order(read, keys, after)
        for portion in others:
            self._join(found, portion, asked, columns, position, size)
        return Page(self._rows(found), None if sample else self._next(position, keys), notices=notices)

    def one(self, names: Sequence[str], key: Sequence[Any]) -> bytes | None:
        """The row whose columns `names` have the values of `key`, with what belongs to it; None when there is none.

        Raises SourceError, and ConfigurationError for names that are no columns of the table.
        """
        columns = self._module.columns(self._read.table)
        missing = [name for name in names if name not in columns]
        if missing:
            raise ConfigurationError(
                f"{self._where}: a single row cannot be asked for by {missing[0]}, which is no column of"
                f" {self._read.table}."
            )
        wanted = tuple(str(part) for part in key)
        rows = self._rows(self._module.matching(self._read, self._where_fixed(), names, [wanted]))
        return rows[0] if rows else None

    def _next(self, position: Position, keys: Sequence[Key]) -> Position:
        if "skip" in position:
            return {"skip": position["skip"] + len(keys)}
        return {"after": list(keys[-1])}

    def _rows(self, found: dict[Key, Cells]) -> list[bytes]:
        columns = self._module.columns(self._read.table)
        rows = [self._module.row(cells, columns) for cells in found.values()]
        for related, where in self._related:
            attach(self._module, rows, related, str(where(self._source.fields)), place=self._where)
        for row in rows:
            self._module.finish(self._read, row)
        return [encode(row) for row in rows]

    def _touched(self, position: Position, since: Since) -> Page:
        """Rows that a page of a touching table tells of."""
        number, after = position["touched"], position["after"]
        shape, where = self._touching[number]
        following = {"touched": number + 1, "after": None} if number + 1 < len(self._touching) else None
        try:
            columns = self._module.columns(shape.table)
            asked = condition.both(
                str(where(self._source.fields)), _late(self._read.touching[number].changed, since.moment)
            )
            if after is not None:
                asked = condition.both(
                    asked, condition.beyond(shape.key, literals(columns, shape.key, after), ">")
                )
            names = list(dict.fromkeys([*shape.key, *shape.fields]))
            told = self._module.select(shape, names, asked, count=self._read.size)
        except SourceAccessDenied as denied:
            return Page([], following, notices=(self._unseen(shape.table, denied),))
        if not told:
            return Page([], following)
        keys = list(told)
        self._check_order(shape, keys, after)
        touching = self._read.touching[number]
        wanted = dict.fromkeys(
            tuple(cells[name][touching.cut :] for name in touching.by.values()) for cells in told.values()
        )
        found = self._module.matching(self._read, self._where_fixed(), list(touching.by), wanted)
        return Page(self._rows(found), {"touched": number, "after": list(keys[-1])})

    def _unreadable(self) -> tuple[str, ...]:
        """What a probe says of touching tables that the user may not read."""
        notices = []
        for shape, _ in self._touching:
            try:
                self._module.columns(shape.table)
            except SourceAccessDenied as denied:
                notices.append(self._unseen(shape.table, denied))
        return tuple(notices)

    def _unseen(self, table: str, denied: SourceAccessDenied) -> str:
        return f"Changes that only {table} tells of are seen by full passes only. {denied.message}"

    def _where_fixed(self) -> str:
        return str(self._fixed(self._source.fields))

    def _join(
        self,
        found: dict[Key, Cells],
        portion: list[str],
        asked: str,
        columns: dict[str, sap.Column],
        position: Position,
        size: int,
    ) -> None:
        """Add a portion of columns to the rows; a row that has gone meanwhile is left out."""
        read, module = self._read, self._module
        if read.paging == "key":
            last = condition.beyond(read.key, literals(columns, read.key, list(found)[-1]), "<=")
            more = module.select(read, portion, condition.both(asked, last))
        else:
            more = module.select(read, portion, asked, count=size, skip=position["skip"])
        # Rows may come in another order the second time: those missing are asked for by their key.
        missing = [key for key in found if key not in more]
        if missing:
            more |= module.matching(read, "", read.key, missing)
        for key in list(found):
            if key in more:
                found[key] |= more[key]
            else:
                del found[key]

    def _check_order(self, shape: TableShape, keys: Sequence[Key], after: Sequence[str] | None) -> None:
        columns = self._module.columns(shape.table)
        numeric = [columns[name].type in sap.NUMERIC for name in shape.key]
        order: list[tuple[Any, ...]] = [
            tuple(Decimal(p) if n else p for p, n in zip(key, numeric, strict=True))
            for key in ([tuple(after)] if after is not None else []) + list(keys)
        ]
        if any(before >= following for before, following in pairwise(order)):
            raise SourceAnswerInvalid(
                f"{self._where}: SAP gives the rows of {shape.table} in no order, so some would be missed. "
                "Set `sorted: true` where the system knows GET_SORTED, or `paging: skip`."
            )


def _late(names: Sequence[str], moment: datetime | None) -> str:
    """From the day before on: SAP's days are those of its own zone."""
    if moment is None:
        return ""
    day = f"{moment - timedelta(days=1):%Y%m%d}"
    return " OR ".join(f"{name} >= '{day}'" for name in names)


def _as_shape(touching: TouchingTable) -> TableShape:
    return TableShape(table=touching.table, key=touching.key, fields=tuple(touching.by.values()))
