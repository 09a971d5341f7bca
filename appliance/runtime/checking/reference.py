"""The reference of every key of a connector definition, in Markdown, made of the schema itself."""

from collections.abc import Iterable
from typing import Any, get_origin

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo

from appliance.runtime.checking.schema import (
    Part,
    all_parts,
    bare,
    choices,
    description,
    inside,
    keys,
    metas,
    parts_in,
    tag,
    values,
)
from appliance.runtime.definition import Definition
from appliance.runtime.definition.node import Node
from appliance.runtime.mapping import expression
from appliance.runtime.mapping.transforms import FORMATS
from appliance.runtime.template_filters import FILTERS

_HEAD = """# Connector reference

A connector is a folder: `connector.yaml`, perhaps `mapping/*.yaml` (entities, one file a group), `packs/*.yaml`
(ready-made entities of a generic connector), `guide.md` and `code.py`. Every key that `connector.yaml` may hold
stands here; a key that does not is an error. `defaults` is merged into every entity.
"""
_LIMITS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "pattern": "`{}`"}


def reference() -> str:
    """The whole reference."""
    return "\n".join([_HEAD, *(_section(part) for part in all_parts()), *_vocabulary()])


def _section(part: Part) -> str:
    told_by = tag(part)
    # The tag is left out of the fields; it is the key that names the part.
    first = [] if told_by is None else [f"| `{told_by[0]}` | `{told_by[1]}` | required | Names this part. |"]
    rows = [*first, *(_row(key) for key in keys(part))]
    table = ["| key | value | default | what |", "|---|---|---|---|", *rows] if rows else ["No keys."]
    return "\n".join([f"## {_title(part)}", "", str(part.__doc__).strip(), "", *table, ""])


def _title(part: Part) -> str:
    told_by = tag(part)
    if part is Definition:
        return "connector.yaml"
    return part.__name__ if told_by is None else f"{part.__name__} (`{told_by[0]}: {told_by[1]}`)"


def _row(key: FieldInfo) -> str:
    cells = (f"`{key.encode_name}`", _value(key.type), _default(key), description(key.type))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _value(annotation: Any) -> str:
    parts, within = parts_in(annotation), inside(annotation)
    if parts:
        return " or ".join(_link(part) for part in parts)
    if values(annotation):
        return " or ".join(f"`{value}`" for value in values(annotation))
    if within is not None:
        shape = "mapping of" if any(get_origin(c) is dict for c in choices(annotation)) else "list of"
        return f"{shape} {_value(within)}"
    kinds = [_plain(bare(choice)) for choice in choices(annotation) if choice is not type(None)]
    return " or ".join(kinds) + _limits(annotation)


def _limits(annotation: Any) -> str:
    said = [
        text.format(getattr(meta, name))
        for meta in metas(annotation)
        for name, text in _LIMITS.items()
        if getattr(meta, name) is not None
    ]
    return f" {', '.join(said)}" if said else ""


def _plain(kind: Any) -> str:
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
    return names.get(kind, str(kind))


def _link(part: Part) -> str:
    # As Markdown renderers make the anchor of a heading.
    anchor = "".join(c for c in _title(part).lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{part.__name__}](#{anchor})"


def _default(key: FieldInfo) -> str:
    default = key.default if key.default_factory is NODEFAULT else key.default_factory()
    if default is NODEFAULT:
        return "required"
    if default is None or default in ("", (), {}) or isinstance(default, Node):
        return ""
    written = msgspec.json.encode(default).decode()
    return f"`{written.strip(chr(34))}`"


def _mapping_text() -> str:
    """What is said of mapping expressions, without the first line, which is about the module."""
    _, _, expressions = str(expression.__doc__).partition("\n\n")
    return expressions.rpartition("\nThe field's type")[0].strip()


def _vocabulary() -> Iterable[str]:
    yield f"## The mapping\n\n{_mapping_text()}\n"
    listed = (
        ("Template filters", "`${name|filter}`; `since` is a time, the rest are texts or numbers.", FILTERS),
        ("Time formats", "For `times` and `as`.", FORMATS),
    )
    for title, text, names in listed:
        yield f"## {title}\n\n{text} {', '.join(f'`{name}`' for name in sorted(names))}.\n"
