"""A read in another way: as a form field chooses it, or as a part of the definition says."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs
from msgspec.structs import asdict

from appliance.runtime.definition import HttpRead, Way


def chosen(read: HttpRead, fields: Mapping[str, Any]) -> HttpRead:
    """The read in the way that a form field chooses."""
    way = read.ways.get(str(fields.get(read.choose)))
    return read if way is None else in_way(read, way)


def in_way(read: HttpRead, way: Way) -> HttpRead:
    """The read with what a way says instead."""
    said = {name: value for name, value in asdict(way).items() if value is not None}
    return structs.replace(read, **{**said, "vars": {**read.vars, **way.vars}})
