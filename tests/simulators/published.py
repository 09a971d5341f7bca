"""What published descriptions of systems say, kept as bare facts beside the simulators that are held to it.

A file names where its facts come from; `tests/published/` compares it with the original where that lies beside the
checkout. It has `sets` by name, each with

    key         its key properties
    navigation  names that lead to other sets
    properties  words NAME:TYPE, or NAME alone where the type is a text or is not known

and may have `enumerations` (type to members) and `parameters` (names that a request may have).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import NoneType
from typing import Any

import yaml

_NUMBER = (int, float, Decimal)
_SHAPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "Int32": (int,),
    "Int64": (int,),
    "number": _NUMBER,
    "Decimal": _NUMBER,
    "boolean": (bool,),
    "Boolean": (bool,),
    "DateTimeOffset": (str,),
    "Guid": (str,),
    "array": (list,),
}


@dataclass(frozen=True)
class Described:
    """An entity set or object structure. `types` is property to type, an empty one for text or not known."""

    types: Mapping[str, str]
    key: tuple[str, ...] = ()
    navigation: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Published:
    sets: Mapping[str, Described]
    enumerations: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()

    def wrong(self, name: str, row: Mapping[str, Any]) -> list[str]:
        """Members of a row of a set that the description does not have, or not so. Raises KeyError for the set."""
        types = self.sets[name].types
        found = [member for member in row if member not in types]
        for member, value in row.items():
            kind = types.get(member, "")
            members, shape = self.enumerations.get(kind), _SHAPES.get(kind)
            if (members and value not in members) or (shape and type(value) not in (*shape, NoneType)):
                found.append(f"{member}: {value!r}")
        return found


def published(path: Path) -> Published:
    content = yaml.safe_load(path.read_text("utf-8"))
    sets = {}
    for name, said in content["sets"].items():
        words = [word.partition(":") for word in said["properties"].split()]
        sets[name] = Described(
            {prop: kind for prop, _, kind in words},
            tuple(said.get("key", ())),
            frozenset(said.get("navigation", ())),
        )
    enumerations = {name: frozenset(members) for name, members in content.get("enumerations", {}).items()}
    return Published(sets, enumerations, frozenset(content.get("parameters", "").split()))
