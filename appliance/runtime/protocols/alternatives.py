"""The first of several OData sets that the system has: a new service where there is one, else the one before it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from appliance.errors import ApplianceError, ConfigurationError, SourceAccessDenied, SourceError
from appliance.runtime.protocols import Page, Position, Since
from appliance.runtime.protocols.odata.pages import ODataPages

# Statuses by which a system says that it has no such service, or none for this user.
_NOT_THERE = (403, 404, 405, 410, 501)


class AlternativePages:
    """Reads from the first of `ways` whose $metadata can be read and names the set.

    A position holds `way`, the number of the one a pass began with, and `at`, the position within it: a pass that
    goes on later goes on in the same service.
    """

    def __init__(self, ways: Sequence[ODataPages]) -> None:
        self._ways = ways
        self._chosen: int | None = None

    def first(self) -> Position:
        return {"way": None}

    def one(self, names: Sequence[str], key: Sequence[Any]) -> bytes | None:
        """A single row, as ODataPages gives it, of the way that can be read."""
        return self._ways[self.usable()].one(names, key)

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        begins = position["way"] is None
        number = self.usable() if begins else int(position["way"])
        way = self._ways[number]
        page = way.fetch(way.first() if begins else position["at"], since, resuming=resuming, sample=sample)
        if begins and number > 0:
            told = f"{self._ways[0].name} cannot be read here; {way.name} is read instead."
            page = replace(page, notices=(told, *page.notices))
        return replace(page, next=page.next and {"way": number, "at": page.next})

    def usable(self) -> int:
        """The number of the way to read.

        Raises what the services said when none can be read: a lack of rights before a lack of the service.
        """
        if self._chosen is not None:
            return self._chosen
        failures: list[ApplianceError] = []
        for number, way in enumerate(self._ways):
            try:
                way.entity_type()
            except SourceError as refusal:
                if refusal.details.get("status") not in _NOT_THERE:
                    raise
                failures.append(refusal)
            except ConfigurationError as missing:
                failures.append(missing)
            else:
                self._chosen = number
                return number
        raise next((f for f in failures if isinstance(f, SourceAccessDenied)), failures[0])
