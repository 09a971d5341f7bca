"""The schema of a definition as it can be walked: parts, keys, and what each key holds."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

from appliance.runtime.definition import Definition
from appliance.runtime.definition.node import Node

Part = type[Node]


def keys(part: Part) -> tuple[FieldInfo, ...]:
    """The keys of a part, in the order of the schema."""
    return msgspec.structs.fields(part)


def choices(annotation: Any) -> list[Any]:
    """The alternatives an annotation allows, without their metadata."""
    annotation = bare(annotation)
    if get_origin(annotation) in (Union, UnionType):
        return [choice for member in get_args(annotation) for choice in choices(member)]
    return [annotation]


def bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def parts_in(annotation: Any) -> list[Part]:
    """The parts that may stand at this place itself, not inside a list or mapping there."""
    return [choice for choice in choices(annotation) if isinstance(choice, type) and issubclass(choice, Node)]


def inside(annotation: Any) -> Any:
    """What each item of a list, or each value of a mapping, is; None for what is neither."""
    for choice in choices(annotation):
        if get_origin(choice) in (tuple, list, dict):
            return get_args(choice)[1 if get_origin(choice) is dict else 0]
    return None


def metas(annotation: Any) -> list[Meta]:
    """Descriptions and limits at this place."""
    found = [meta for meta in getattr(annotation, "__metadata__", ()) if isinstance(meta, Meta)]
    if get_origin(annotation) in (Union, UnionType, Annotated):
        for member in get_args(annotation):
            found += metas(member)
    return found


def description(annotation: Any) -> str:
    """The one-line description of a key; empty when it has none."""
    return next((meta.description for meta in metas(annotation) if meta.description), "")


def values(annotation: Any) -> tuple[Any, ...]:
    """The values of a key that takes only some."""
    return tuple(
        value for choice in choices(annotation) if get_origin(choice) is Literal for value in get_args(choice)
    )


def tag(part: Part) -> tuple[str, str] | None:
    """The key and value by which a part is told from others at its place, such as `protocol: http`."""
    config = part.__struct_config__
    return None if config.tag_field is None else (config.tag_field, str(config.tag))


def all_parts(start: Part = Definition) -> list[Part]:
    """Every part, each after the one that first names it."""
    found: list[Part] = []

    def visit(part: Part) -> None:
        if part in found:
            return
        found.append(part)
        for key in keys(part):
            for inner in _below(key.type):
                visit(inner)

    visit(start)
    return found


def _below(annotation: Any) -> Iterator[Part]:
    yield from parts_in(annotation)
    within = inside(annotation)
    if within is not None:
        yield from _below(within)
