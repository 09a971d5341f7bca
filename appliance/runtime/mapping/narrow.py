"""Decodes only what a mapping looks at: the rest of a row is skipped in the JSON text.

Rows of business systems have many more members than a mapping uses; skipping them halves the time of decoding.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

from appliance.runtime.mapping.transforms import exact


class Looks:
    """Where a mapping looks in a row, or in the items of a list of it."""

    def __init__(self, *, listed: bool = False) -> None:
        self._members: dict[str, Looks | None] = {}
        self._listed = listed
        self._prefixes: tuple[str, ...] = ()

    def at(self, path: Sequence[str]) -> None:
        """The mapping takes the value at a path."""
        self._inside(path[:-1])._members[path[-1]] = None

    def beginning(self, prefixes: Sequence[str]) -> None:
        """The mapping takes every member whose name begins so; it has to go through all of them."""
        self._prefixes += tuple(prefixes)

    def items(self, path: Sequence[str]) -> "Looks":
        """The mapping goes through the items of the list at a path; where it looks in them."""
        parent = self._inside(path[:-1])
        if path[-1] not in parent._members:
            parent._members[path[-1]] = Looks(listed=True)
        found = parent._members[path[-1]]
        if found is not None and found._listed:
            return found
        # Taken whole, or looked into as a single record as well: then all of it is needed.
        parent._members[path[-1]] = None
        return Looks()

    def same_items(self, path: Sequence[str], items: "Looks") -> None:
        """The list at a path is gone through as another one that may stand in its place."""
        members = self._inside(path[:-1])._members
        members[path[-1]] = None if path[-1] in members else items

    def reaches(self, path: Sequence[str]) -> bool:
        """Whether the mapping looks at the value at a path, at part of it, or at what it is part of.

        The step `[]` leads to the items of a list.
        """
        if not path:
            return True
        step, rest = path[0], path[1:]
        if step == "[]" and self._listed:
            return self.reaches(rest)
        if step == "[]":
            numbered = [inner for name, inner in self._members.items() if name.isdigit()]
            return any(inner is None or inner.reaches(rest) for inner in numbered)
        if self._prefixes and step.startswith(self._prefixes):
            return True
        inner = self._members.get(step, self)
        return inner is None or (inner is not self and inner.reaches(rest))

    def _inside(self, path: Sequence[str]) -> "Looks":
        looks = self
        for step in path:
            found = looks._members.setdefault(step, Looks())
            if found is not None and found._listed:
                # One item of a list whose items are gone through as well: then all of it is needed.
                found = looks._members[step] = None
            if found is None:
                return Looks()
            looks = found
        return looks

    def type(self) -> Any:
        """A type that decodes to plain dicts and lists with just these members."""
        if self._prefixes or (self._listed and not self._members):
            return Any
        members = {
            name: Any if looks is None else looks.type() | None if looks.type() is not Any else Any
            for name, looks in self._members.items()
        }
        row: Any = TypedDict("Row", members, total=False)  # type: ignore[misc]
        return list[row] if self._listed else row


def narrow_decoder(looks: Looks) -> Callable[[bytes], Any]:
    """A decoder of one row, exact decimals. A row of an unexpected shape is decoded whole, with its complaints."""
    whole = msgspec.json.Decoder(float_hook=exact).decode
    narrow = msgspec.json.Decoder(looks.type(), float_hook=Decimal).decode

    def decode(raw: bytes) -> Any:
        try:
            return narrow(raw)
        except (msgspec.ValidationError, ArithmeticError):
            return whole(raw)

    return decode
