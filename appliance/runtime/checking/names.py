"""Which names the templates of a definition use, and whether its form and its parts provide them."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from appliance.runtime.definition import Definition

_NAME = re.compile(r"\$\{([A-Za-z_]\w*)")
# What the protocols, the sign-in and the paging put beside the form fields.
_GIVEN = frozenset(
    (
        *("since", "since_local", "mark", "page", "row", "each", "parent", "parents", "terms", "login"),
        *("learned", "now", "window", "record", "key", "status", "taken", "reference", "previous", "item"),
        *("number", "way"),
    )
)
# Form fields that protocols and mappings look for by their name.
_LOOKED_FOR = frozenset({"time_zone", "encoding", "delimiter", "decimal"})


def foreign_names(definition: Definition) -> list[tuple[str, str]]:
    """Place and name of what templates use but nothing provides."""
    form = {form_field.name for form_field in definition.form}
    content = _built(definition)
    foreign: list[tuple[str, str]] = []
    for place in ("http", "auth", "probe"):
        foreign += _unknown(content.get(place), place, form | _GIVEN)
    for name, entity in content["entities"].items():
        read = entity["read"]
        if read["protocol"] in ("sql", "files", "declared", "code"):
            continue
        known = form | _GIVEN | set(read.get("vars") or {})
        foreign += _unknown(read, f"entities.{name}.read", known)
    return foreign


def unused_fields(definition: Definition) -> list[str]:
    """Form fields that nothing in the definition uses. A `code.py` may use any."""
    content = _built(definition)
    form = content.pop("form")
    if any(entity["read"]["protocol"] == "code" for entity in content["entities"].values()):
        return []
    used = {name for _, name in _names(content, "")} | _LOOKED_FOR | {definition.entities_field}
    used |= {name for form_field in form for name in form_field["when"]}
    used |= {value for name, value in _texts(content["auth"], "") if name in ("field", "refresh_token")}
    used |= {value for name, value in _texts(content["push"], "") if name == "key_field"}
    for place in ("probe", "entities"):
        used |= {value for name, value in _texts(content[place], "") if name in ("choose", "when")}
    return [
        form_field["name"]
        for form_field in form
        if form_field["name"] not in used and not form_field["name"].startswith("tls_")
    ]


def _built(definition: Definition) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(definition)
    content["auth"] = _in_use(content["auth"])
    return content


def _in_use(auth: dict[str, Any]) -> dict[str, Any]:
    """A sign-in without the keys that its way of using OAuth2 leaves alone, whose defaults name fields as well."""
    left_alone: set[str] = set()
    if auth["scheme"] == "oauth2":
        if auth["grant"] != "password":
            left_alone |= {"username", "password"}
        if auth["client"] == "assertion":
            left_alone.add("client_secret")
    kept = {name: value for name, value in auth.items() if name not in left_alone}
    if "inner" in kept:
        kept["inner"] = _in_use(kept["inner"])
    if "schemes" in kept:
        kept["schemes"] = {value: _in_use(scheme) for value, scheme in kept["schemes"].items()}
    return kept


def _unknown(value: Any, place: str, known: set[str]) -> list[tuple[str, str]]:
    return [(where, name) for where, name in _names(value, place) if name not in known]


def _names(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every name at the start of an expression; `$if` holds one without the braces."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$if" and isinstance(inner, str):
                yield f"{place}.$if", re.split(r"[.|]", inner)[0]
            yield from _names(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _names(inner, f"{place}.{number}")
    elif isinstance(value, str):
        for found in _NAME.finditer(value):
            yield place, found[1]


def _texts(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Key and text of every text below."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, key)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str):
        yield name, value
