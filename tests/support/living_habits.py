"""How a living source pages and tells the time, and the connector that reads it (see tests/support/living.py)."""

from dataclasses import dataclass
from typing import Any, Literal

Paging = Literal["offset", "newest", "number", "key", "keyset", "cursor"]
"""`newest` is by offset, what changed last first; `key` is by the key, `keyset` by the time of change and the key."""

ENTITIES = {"Vendor": "vendors", "WorkOrder": "work-orders", "Team": "teams"}
"""Master data, transactions, and what cannot be asked since when."""

LATEST = 540
"""Seconds between the stamp of a change and the moment it can be seen, at most."""
COARSEST = 60
"""Seconds between two times the source can tell apart, at most."""
NEEDED = LATEST + COARSEST
"""The overlap that a connector of such a source has to declare."""
FURTHEST = 3600
"""Seconds the source's clock is ahead or behind, at most: what the settings allow for."""


@dataclass(frozen=True)
class Habits:
    """How a source pages, and how it tells the time: its clock is `skew` seconds ahead, in steps of `step` seconds.

    `keys` tells whether it lists keys alone, `singly` whether it gives a single row, `stamped` whether the appliance
    is told which member of a row is the time of its change. With `flags` a row that is deleted stays in the lists and
    says so; `counted` lists tell how many rows there are.
    """

    paging: Paging = "keyset"
    size: int = 3
    skew: int = 0
    step: int = 1
    keys: bool = True
    singly: bool = True
    stamped: bool = True
    flags: bool = False
    counted: bool = False


def entities_of(habits: Habits) -> dict[str, Any]:
    """The entities of the connector, as its form holds them."""
    size = habits.size
    pagings: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
        "offset": (
            {"kind": "offset", "size": size, "overlap": min(3, size - 1)},
            {"offset": "${page.offset}"},
        ),
        "newest": (
            {"kind": "offset", "size": size, "overlap": min(3, size - 1)},
            {"offset": "${page.offset}"},
        ),
        "key": ({"kind": "keyset", "size": size, "by": "id"}, {"after": "${page.after}"}),
        "number": ({"kind": "number", "size": size}, {"page": "${page.number}"}),
        "keyset": (
            {"kind": "keyset", "size": size, "by": ["changed", "id"]},
            {"after_time": "${page.after.0}", "after_id": "${page.after.1}"},
        ),
        "cursor": ({"kind": "cursor", "size": size, "next": "next"}, {"cursor": "${page.cursor}"}),
    }
    paging, asking = pagings[habits.paging]
    maps = {
        "Vendor": {"code": "id", "name": "note", "createdAt": "due"},
        "WorkOrder": {"code": "id", "title": "note", "dueAt": "due"},
        "Team": {"code": "id", "name": "note", "createdAt": "due"},
    }
    entities: dict[str, Any] = {}
    for entity, path in ENTITIES.items():
        query = {"size": "${page.size}", **asking, **({} if entity == "Team" else {"since": "${since|iso}"})}
        if habits.paging == "newest":
            query.pop("since", None)
        read: dict[str, Any] = {"paging": paging, "request": {"path": path, "query": query}}
        if habits.paging == "newest" and entity != "Team":
            read["newest_first"] = {"by": "changed"}
        if habits.counted:
            read["count"] = "count"
        if habits.keys:
            read["keys"] = {"request": {"path": path, "query": {**query, "only": "keys"}}}
        if habits.singly:
            read["one"] = {"request": {"path": f"{path}/${{key.0}}"}, "record": ""}
        entities[entity] = {"map": maps[entity], "read": read, "incremental": "compare"}
        if habits.flags:
            entities[entity]["gone"] = {"state": ["gone"]}
        if entity != "Team":
            entities[entity] |= {"incremental": "changed", "overlap_seconds": NEEDED}
            entities[entity] |= {"modified": "changed"} if habits.stamped else {}
    return entities
