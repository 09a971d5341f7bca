"""Rows from a function module that lists them, such as a BAPI."""

from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import CursorPaging, Http, LinkPaging, RfcRead
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.sap_rfc.envelope import RfcNode, raise_for_messages, rows_of
from appliance.runtime.reading.paging import Answered, call_context, first_position, next_position
from appliance.runtime.select import dig, encode, steps
from appliance.runtime.source import Source
from appliance.runtime.template import compile_template


class RfcPages:
    def __init__(self, source: Source, http: Http, read: RfcRead, *, where: str) -> None:
        self._source = source
        self._read = read
        self._node = RfcNode(source, http, read.path, where=where)
        self._function = compile_template(read.function, where=f"{where}.function")
        self._vars = compile_template(read.vars, where=f"{where}.vars")
        self._parameters = compile_template(read.parameters, where=f"{where}.parameters")

    def first(self) -> Position:
        return first_position(self._read.paging)

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        read = self._read
        context = call_context(self._source.fields, self._vars, read.paging, position, since, sample=sample)
        tables: dict[str, Any] = {name: [] for name in read.tables}
        answer = self._node.call(str(self._function(context)), {**tables, **self._parameters(context)})
        raise_for_messages(answer.get(read.messages), self._source)
        found = dig(answer, steps(read.rows))
        if found is None:
            raise SourceAnswerInvalid(
                f"The answer of {read.function} holds nothing at {read.rows!r}. "
                "SAP returns only tables that were sent: name it in `tables`."
            )
        rows = [encode(row) for row in rows_of(found)]
        if sample:
            return Page(rows[:1], None)
        following = read.paging.next if isinstance(read.paging, CursorPaging | LinkPaging) else ""
        answered = Answered(rows, dig(answer, steps(following)) if following else None, exact=True)
        return Page(rows, next_position(read.paging, position, answered))
