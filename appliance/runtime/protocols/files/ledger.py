"""The ledger of files already taken.

It is the mark that a pass leaves for the next one, so that it is stored in the same transaction as the last rows, and
forgotten together with them. A file that is gone from the folder needs no entry: the ledger is never longer than the
folder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from appliance.transport.files import Entry


class Taken(NamedTuple):
    """A file whose rows were read. `sha` is the beginning of its SHA-256 in hex, `rows` how many it had."""

    size: int
    modified: int
    sha: str
    rows: int


@dataclass(slots=True)
class Ledger:
    """`seen`: files that looked unfinished, as size and time, to be looked at again."""

    taken: dict[str, Taken] = field(default_factory=dict)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, mark: Any, further: Mapping[str, Any]) -> "Ledger":
        """The ledger of a mark, None for an empty one, with what the pass under way has taken since."""
        kept = mark or {}
        taken = {name: Taken(*values) for name, values in {**kept.get("taken", {}), **further}.items()}
        return cls(taken, {name: (size, when) for name, (size, when) in kept.get("seen", {}).items()})

    def is_taken(self, entry: Entry) -> bool:
        known = self.taken.get(entry.name)
        return known is not None and (known.size, known.modified) == (entry.size, entry.modified)

    def mark(self, present: Iterable[str], seen: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
        """What the next pass needs to know."""
        return {
            "taken": {name: list(self.taken[name]) for name in present if name in self.taken},
            "seen": {name: list(values) for name, values in seen.items()},
        }
