"""Rows that stand in the definition itself, such as the fixed statuses of a system."""

from appliance.runtime.definition import DeclaredRead
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.select import encode


class DeclaredPages:
    def __init__(self, read: DeclaredRead) -> None:
        self._rows = [encode(item) for item in read.items]

    def first(self) -> Position:
        return {}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        return Page(self._rows, None, len(self._rows))
