"""A field of an entity or of a request body, and how it is written in the model files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from appliance.model.declaration import Declaration

FieldType = Literal[
    "string",
    "boolean",
    "integer",
    "number",
    "decimal",
    "datetime",
    "date",
    "key",
    "keys",
    "object",
    "list",
    "any",
]
FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)

_IMPLIED = {"boolean": "boolean", "integer": "integer", "number": "object", "keys": "[any]", "any": "object"}


@dataclass(frozen=True, slots=True)
class Field:
    """A named, typed field.

    `number` and `decimal` are both exact; a number goes out as a JSON number, a decimal as a JSON string.
    `any` is a list or map of unspecified content. `to` is the entity that a key or keys refer to, None for
    keys of any entity; `of` is the entity that an object or list consists of. `declared` is the type in the
    public API description, which generated clients rely on. `required` is only ever set in bodies.
    """

    name: str
    type: FieldType
    to: str | None = None
    of: str | None = None
    declared: str = "string"
    required: bool = False


def read_field(
    declaration: Declaration, name: str, written: object, known: Mapping[str, Field] | None = None
) -> Field:
    """The field that `name: written` stands for.

    `known` are the fields that a body may name; the type may be left out for one of them. Raises ValueError
    for an unknown type or attribute, or an entity that is missing or out of place.
    """
    parts: Mapping[str, Any] = (
        {"type": written} if isinstance(written, str) else declaration.mapping(written, f"field {name}")
    )
    in_body = known is not None
    allowed = {"type", "declared", "required"} if in_body else {"type", "declared"}
    declaration.check_keys(parts, allowed, f"field {name}")
    if not isinstance(parts.get("required", False), bool):
        declaration.refuse(f"field {name}: required must be true or false")
    required = bool(parts.get("required", False))
    declared = parts.get("declared")
    if declared is not None:
        declaration.text(declared, f"field {name}: declared")
    if "type" not in parts:
        base = (known or {}).get(name)
        if base is None:
            declaration.refuse(f"field {name} has no type, and is no field of the entity")
        return Field(base.name, base.type, base.to, base.of, declared or base.declared, required)
    kind, target = _split_type(declaration, name, declaration.text(parts["type"], f"field {name}: type"))
    refers = kind in ("key", "keys")
    return Field(
        name,
        kind,
        to=target if refers else None,
        of=None if refers else target,
        declared=declared or _implied_declaration(kind, target),
        required=required,
    )


def _split_type(declaration: Declaration, name: str, written: str) -> tuple[FieldType, str | None]:
    word, _, target = written.partition(" ")
    kind = next((known for known in FIELD_TYPES if known == word), None)
    if kind is None:
        declaration.refuse(f"field {name} has unknown type {word!r}; known are {', '.join(FIELD_TYPES)}")
    if target and kind not in ("key", "keys", "object", "list"):
        declaration.refuse(f"field {name}: {kind} takes no entity")
    if not target and (kind in ("object", "list") or (kind == "key" and name != "key")):
        declaration.refuse(f"field {name}: {kind} needs an entity, as in `{kind} Asset`")
    return kind, target or None


def _implied_declaration(kind: FieldType, target: str | None) -> str:
    if kind == "object":
        return str(target)
    if kind == "list":
        return f"[{target}]"
    return _IMPLIED.get(kind, "string")
