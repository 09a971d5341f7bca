"""Rows of a table by RFC_READ_TABLE: key ranges or ROWSKIPS, wide rows read in portions and joined by their key."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import Http, TableRead
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.sap_rfc import columns as sap
from appliance.runtime.protocols.sap_rfc import where as condition
from appliance.runtime.protocols.sap_rfc.envelope import RfcNode, rows_of
from appliance.runtime.select import encode
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template

Cells = dict[str, str]
Key = tuple[str, ...]

_KEYS_AT_ONCE = 20
_DECIMALS = 2


class TablePages:
    """A position holds `after`, the last key as SAP wrote it, or `skip`, the rows read.

    The database gives rows in the order of the primary key as a rule, but promises it only with GET_SORTED: rows out
    of order end a pass by key, since those with smaller keys would never be seen.
    """

    def __init__(self, source: Source, http: Http, read: TableRead, *, where: str) -> None:
        self._source = source
        self._read = read
        self._where = where
        self._node = RfcNode(source, http, read.path, where=where)
        self._function = compile_template(read.function, where=f"{where}.function")
        self._fixed = compile_template(read.where, where=f"{where}.where")

    def first(self) -> Position:
        return {"after": None} if self._read.paging == "key" else {"skip": 0}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        columns = self._columns(self._read.table)
        asked = condition.both(str(self._fixed(self._source.fields)), self._late(since.moment))
        size = 1 if sample else self._read.size
        names = [*self._read.fields, *self._read.amounts, *self._read.amounts.values()]
        first, *others = sap.portions(columns, self._read.key, list(dict.fromkeys(names)), self._read.width)
        after = position.get("after")
        if after is not None:
            beyond = condition.beyond(self._read.key, self._literals(columns, after), ">")
            asked = condition.both(asked, beyond)
        found = self._select(first, asked, count=size, skip=position.get("skip", 0))
        if not found:
            return Page([], None)
        keys = list(found)
        if self._read.paging == "key":
            self._check_order(columns, keys, after)
        for portion in others:
            self._join(found, portion, asked, columns, position, size)
        rows = [encode(self._row(cells, columns)) for cells in found.values()]
        return Page(rows, None if sample else self._next(position, keys))

    def _next(self, position: Position, keys: Sequence[Key]) -> Position:
        if "skip" in position:
            return {"skip": position["skip"] + len(keys)}
        return {"after": list(keys[-1])}

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
        if self._read.paging == "key":
            last = condition.beyond(self._read.key, self._literals(columns, list(found)[-1]), "<=")
            more = self._select(portion, condition.both(asked, last))
        else:
            more = self._select(portion, asked, count=size, skip=position["skip"])
        # Rows may come in another order the second time: those missing are asked for by their key.
        missing = [key for key in found if key not in more]
        for begin in range(0, len(missing), _KEYS_AT_ONCE):
            each = [self._is_key(columns, key) for key in missing[begin : begin + _KEYS_AT_ONCE]]
            more |= self._select(portion, " OR ".join(f"( {one} )" for one in each))
        for key in list(found):
            if key in more:
                found[key] |= more[key]
            else:
                del found[key]

    def _select(self, names: list[str], asked: str, *, count: int = 0, skip: int = 0) -> dict[Key, Cells]:
        answer = self._call(
            self._read.table,
            FIELDS=[{"FIELDNAME": name} for name in names],
            OPTIONS=[{"TEXT": line} for line in condition.lines(asked)],
            ROWSKIPS=skip,
            ROWCOUNT=count,
        )
        described = list(sap.read_columns(rows_of(answer.get("FIELDS"))).values())
        if [column.name for column in described] != names:
            raise SourceAnswerInvalid(f"{self._where}: SAP gave other columns than those asked for.")
        cut = (
            sap.cells(str(row["WA"]), described, self._read.delimiter) for row in rows_of(answer.get("DATA"))
        )
        return {tuple(cells[name] for name in self._read.key): cells for cells in cut}

    def _call(self, table: str, **parameters: Any) -> dict[str, Any]:
        sent = {
            "QUERY_TABLE": table,
            "DELIMITER": self._read.delimiter,
            "OPTIONS": [],
            "FIELDS": [],
            "DATA": [],
            **({"GET_SORTED": "X"} if self._read.sorted and "FIELDS" in parameters else {}),
            **parameters,
        }
        return self._node.call(str(self._function(self._source.fields)), sent)

    def _columns(self, table: str) -> dict[str, sap.Column]:
        def load() -> dict[str, sap.Column]:
            return sap.read_columns(rows_of(self._call(table, NO_DATA="X").get("FIELDS")))

        return self._source.learned(("rfc columns", table), load)

    def _late(self, moment: datetime | None) -> str:
        """From the day before on: SAP's days are those of its own zone."""
        if moment is None:
            return ""
        day = f"{moment - timedelta(days=1):%Y%m%d}"
        return " OR ".join(f"{name} >= '{day}'" for name in self._read.changed)

    def _literals(self, columns: dict[str, sap.Column], key: Sequence[str]) -> list[str]:
        return [
            condition.literal(part, numeric=columns[name].type in sap.NUMERIC)
            for name, part in zip(self._read.key, key, strict=True)
        ]

    def _is_key(self, columns: dict[str, sap.Column], key: Key) -> str:
        parts = zip(self._read.key, self._literals(columns, key), strict=True)
        return " AND ".join(f"{name} = {part}" for name, part in parts)

    def _check_order(
        self, columns: dict[str, sap.Column], keys: Sequence[Key], after: Sequence[str] | None
    ) -> None:
        numeric = [columns[name].type in sap.NUMERIC for name in self._read.key]
        order = [
            tuple(Decimal(p) if n else p for p, n in zip(key, numeric, strict=True))
            for key in ([tuple(after)] if after is not None else []) + list(keys)
        ]
        if any(before >= following for before, following in pairwise(order)):
            raise SourceAnswerInvalid(
                f"{self._where}: SAP gives the rows of {self._read.table} in no order, so some would be missed. "
                "Set `sorted: true` where the system knows GET_SORTED, or `paging: skip`."
            )

    def _row(self, cells: Cells, columns: dict[str, sap.Column]) -> dict[str, str | None]:
        row = {name: sap.value(text, columns[name].type) for name, text in cells.items()}
        for name, currency in self._read.amounts.items():
            try:
                row[name] = sap.shifted(row[name], self._decimals().get(cells[currency], _DECIMALS))
            except InvalidOperation:
                # Left as it is, so that the row is rejected with its value named.
                continue
        for name in self._read.unpadded:
            row[name] = sap.unpadded(row.get(name))
        return row

    def _decimals(self) -> dict[str, int]:
        """Currency to its decimals, for those that have not two."""

        def load() -> dict[str, int]:
            answer = self._call("TCURX", FIELDS=[{"FIELDNAME": "CURRKEY"}, {"FIELDNAME": "CURRDEC"}])
            described = list(sap.read_columns(rows_of(answer.get("FIELDS"))).values())
            cut = [
                sap.cells(str(row["WA"]), described, self._read.delimiter)
                for row in rows_of(answer.get("DATA"))
            ]
            return {cells["CURRKEY"]: int(cells["CURRDEC"] or 0) for cells in cut}

        return self._source.learned(("rfc currency decimals",), load)
