"""The system: the tables behind the node."""

from bisect import insort
from typing import Any

from tests.simulators.soap_rfc import SapNode, Table
from tests.simulators.soap_rfc.node import AbapException
from tests.transport.servers import Exchange

from .columns import COLUMNS
from .modules import PREFIX, Modules
from .rows import ROWS

_INITIAL = {"D": "00000000", "T": "000000", "P": "0.000 ", "I": "0 "}


class Ecc(SapNode):
    """`busy`: how many of the next requests find no dialog process. Rows added with `put` keep the key's order.

    `modules`: those of the customer that write and commit.
    """

    url = ""

    def __init__(self) -> None:
        super().__init__(**{name: _table(name) for name in COLUMNS})
        self.busy = 0
        self.modules = Modules(self)

    def put(self, table: str, **cells: str) -> None:
        insort(self.tables[table].rows, _row(table, cells), key=lambda row: tuple(row.values()))

    def _serve(self, exchange: Exchange) -> None:
        if self.busy:
            self.busy -= 1
            exchange.reply(503, b"<html>Service unavailable</html>", Content_Type="text/html")
            return
        if "sap-language=EN" not in exchange.path:
            exchange.reply(500, b"<html>no language</html>", Content_Type="text/html")
            return
        super()._serve(exchange)

    def _other(self, function: str, parameters: dict[str, Any]) -> dict[str, Any]:
        if function == "RFC_PING":
            return {}
        if not function.startswith(PREFIX):
            raise AbapException(f"FU_NOT_FOUND: {function}")
        return self.modules.call(function.removeprefix(PREFIX), parameters)


def _table(name: str) -> Table:
    columns = []
    for column in COLUMNS[name].split():
        title, length, *kind = column.split(":")
        columns.append((title, int(length), kind[0] if kind else "C"))
    return Table(tuple(columns), [_row(name, cells) for cells in ROWS[name]])


def _row(table: str, cells: dict[str, str]) -> dict[str, str]:
    row = {}
    for column in COLUMNS[table].split():
        name, length, *kind = column.split(":")
        initial = "0" * int(length) if kind == ["N"] else _INITIAL.get(kind[0] if kind else "C", "")
        row[name] = cells.get(name, initial)
    unknown = set(cells) - set(row)
    assert not unknown, f"{table} has no {unknown}"
    return row
