"""What a mapping may say of a field.

A mapping expression is a path (`Supplier`, `party.name`, `^.number` for the row around a list item) or a
mapping with one of these operators:

    path: P                     the value at P; with `values: {raw: unified}` an enumeration, with `default`;
                                with `divide: 100` a number in another unit, such as cents, or `divide: P2`, such as
                                a price by the quantity it is for; with `unpadded: true` without leading zeros;
                                with `when: {path: [text, …]}` only where the value at that path is one of these,
                                and with `match: PATTERN` only where the text is of that form
    const: X                    always X
    first: [E, E]               the first that is not null
    join: [E, E], with: " "     texts joined, nulls left out
    parts: [E, E]               the source's key of the referenced entity, for fields of type key; with `whole: true`
                                null as soon as one part is, such as the number of an asset beside its site
    status: SCOPE, path: P      the key of the status with that scope and code; `code: E` where the code is made
    words: [W, W], path: P      the first of these words that stands in a text of words with blanks between
    each: P, map: {…}           list items; for a list of keys `each: P, parts: [E]`; the first list there is, for
                                several paths
    object: {…}                 a sub-object
    rest: [PREFIX, …]           all members of the row whose names begin so, for customFields
    fields: {name: E}, also: E  a free mapping, for fields of type any; with the members of another one

The field's type in the model says how its value is converted; `as: FORMAT` names another time format than the
entity's.
"""

from typing import Any

from appliance.errors import ConfigurationError

_OPERATORS = {
    "path",
    "const",
    "first",
    "join",
    "parts",
    "status",
    "words",
    "each",
    "object",
    "rest",
    "fields",
}
_ALLOWED_BESIDE = {
    "path": {"values", "default", "as", "divide", "when", "unpadded", "match"},
    "first": {"values", "default", "as", "divide"},
    "join": {"with"},
    "status": {"path", "code"},
    "parts": {"whole"},
    "words": {"path"},
    "fields": {"also"},
    "each": {"map", "parts", "key", "whole"},
}
_SHAPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("path", "status", "match"), (str, "a text")),
    **dict.fromkeys(("first", "join", "parts", "rest", "key", "words"), (list, "a list")),
    **dict.fromkeys(("object", "fields", "map", "values", "when"), (dict, "a mapping")),
}


def operator_of(expression: Any, where: str) -> str | None:
    """Its operator; None for a path. Raises ConfigurationError naming `where` for what is no expression."""
    if not isinstance(expression, dict):
        return None
    found = [name for name in expression if name in _OPERATORS]
    # `status` and `each` bring a path or a parts list of their own.
    leading = next((name for name in ("status", "each", "first", "join", "words") if name in found), None)
    operator = leading or (found[0] if len(found) == 1 else None)
    if operator is None:
        raise ConfigurationError(f"{where}: use exactly one of {', '.join(sorted(_OPERATORS))}.")
    unknown = set(expression) - {operator} - _ALLOWED_BESIDE.get(operator, set())
    if unknown:
        raise ConfigurationError(
            f"{where}: `{operator}` does not go with {', '.join(sorted(map(str, unknown)))}."
        )
    for name, value in expression.items():
        shape, wanted = _SHAPES.get(name, (object, ""))
        if not isinstance(value, shape):
            raise ConfigurationError(f"{where}: `{name}` is {wanted}.")
        if name in ("object", "fields", "map") and not all(
            isinstance(member, str) for member in expression[name]
        ):
            raise ConfigurationError(f"{where}: `{name}` names its fields with texts.")
    return operator


def is_whole(expression: Any) -> bool:
    """Whether a key is null as soon as one of its parts is."""
    return isinstance(expression, dict) and expression.get("whole") is True
