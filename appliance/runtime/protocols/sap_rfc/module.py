"""RFC_READ_TABLE as a function of a table, columns and a condition; rows by their key, values by their types."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import InvalidOperation
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import Http, TableRead
from appliance.runtime.definition.sap import TableShape
from appliance.runtime.protocols.sap_rfc import columns as sap
from appliance.runtime.protocols.sap_rfc import where as condition
from appliance.runtime.protocols.sap_rfc.envelope import RfcNode, rows_of
from appliance.runtime.select import dig, steps
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template

Cells = dict[str, str]
Columns = Mapping[str, sap.Column]
Key = tuple[str, ...]
Row = dict[str, Any]

KEYS_AT_ONCE = 50
_DECIMALS = 2


class TableModule:
    """The module of one system. Cells are texts as SAP writes them, blanks at the end taken off."""

    def __init__(self, source: Source, http: Http, read: TableRead, *, where: str) -> None:
        self._source = source
        self._read = read
        self._where = where
        self._node = RfcNode(source, http, read.path, where=where)
        self._function = compile_template(read.function, where=f"{where}.function")
        self._sorted = compile_template(read.sorted, where=f"{where}.sorted")

    def columns(self, table: str) -> dict[str, sap.Column]:
        """The table's columns, asked for once."""

        def load() -> dict[str, sap.Column]:
            return sap.read_columns(rows_of(self._call(table, NO_DATA="X").get("FIELDS")))

        return self._source.learned(("rfc columns", table), load)

    def portions(self, shape: TableShape) -> list[list[str]]:
        """The columns to read, key first, split so that no row is too wide."""
        of_amounts = [name for pair in shape.amounts.items() for name in pair if "." not in name]
        names = dict.fromkeys([*shape.fields, *of_amounts])
        return sap.portions(self.columns(shape.table), shape.key, list(names), self._read.width)

    def select(
        self, shape: TableShape, names: Sequence[str], asked: str, *, count: int = 0, skip: int = 0
    ) -> dict[Key, Cells]:
        """Rows by their key, in the order they come."""
        answer = self._call(
            shape.table,
            FIELDS=[{"FIELDNAME": name} for name in names],
            OPTIONS=[{"TEXT": line} for line in condition.lines(asked)],
            ROWSKIPS=skip,
            ROWCOUNT=count,
        )
        described = list(sap.read_columns(rows_of(answer.get("FIELDS"))).values())
        if [column.name for column in described] != list(names):
            raise SourceAnswerInvalid(f"{self._where}: SAP gave other columns than those asked for.")
        cut = (
            sap.cells(str(row["WA"]), described, self._read.delimiter) for row in rows_of(answer.get("DATA"))
        )
        return {tuple(cells[name] for name in shape.key): cells for cells in cut}

    def matching(
        self, shape: TableShape, asked: str, by: Sequence[str], wanted: Iterable[Key]
    ) -> dict[Key, Cells]:
        """Whole rows whose columns `by` have one of the `wanted` values; a row that goes meanwhile is left out."""
        columns = self.columns(shape.table)
        alternatives = [f"( {equal(columns, by, values)} )" for values in wanted]
        first, *others = self.portions(shape)
        found: dict[Key, Cells] = {}
        for begin in range(0, len(alternatives), KEYS_AT_ONCE):
            these = condition.both(asked, " OR ".join(alternatives[begin : begin + KEYS_AT_ONCE]))
            rows = self.select(shape, first, these)
            for portion in others:
                more = self.select(shape, portion, these)
                rows = {key: cells | more[key] for key, cells in rows.items() if key in more}
            found |= rows
        return found

    def row(self, cells: Cells, columns: Columns) -> Row:
        """Cells as JSON values, amounts as they are stored."""
        return {name: sap.value(text, columns[name].type) for name, text in cells.items()}

    def finish(self, shape: TableShape, row: Row, around: Row | None = None) -> None:
        """Make of the row what the shape says, related rows being there; `around` is the row it belongs to."""
        for name, currency in shape.amounts.items():
            code = (
                dig(around, steps(currency[2:])) if currency.startswith("^.") else dig(row, steps(currency))
            )
            try:
                row[name] = sap.shifted(row[name], self._decimals().get(str(code), _DECIMALS))
            except InvalidOperation:
                # Left as it is, so that the row is rejected with its value named.
                continue
        for name, column in shape.shown.items():
            row[name] = sap.unpadded(row.get(column))
        for name in shape.unpadded:
            row[name] = sap.unpadded(row.get(name))

    def _call(self, table: str, **parameters: Any) -> dict[str, Any]:
        in_order = "FIELDS" in parameters and self._sorted(self._source.fields) in (True, "true")
        sent = {
            "QUERY_TABLE": table,
            "DELIMITER": self._read.delimiter,
            "OPTIONS": [],
            "FIELDS": [],
            "DATA": [],
            **({"GET_SORTED": "X"} if in_order else {}),
            **parameters,
        }
        return self._node.call(str(self._function(self._source.fields)), sent)

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


def literals(columns: Columns, names: Sequence[str], values: Sequence[str]) -> list[str]:
    return [
        condition.literal(value, numeric=columns[name].type in sap.NUMERIC)
        for name, value in zip(names, values, strict=True)
    ]


def equal(columns: Columns, names: Sequence[str], values: Sequence[str]) -> str:
    """The condition that columns have these values."""
    parts = zip(names, literals(columns, names, values), strict=True)
    return " AND ".join(f"{name} = {part}" for name, part in parts)
