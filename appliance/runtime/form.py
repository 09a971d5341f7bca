"""The connect form: one description serves page, API and command line, one check serves all three."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from appliance.errors import InvalidInput
from appliance.runtime.definition import Definition, FormField


@dataclass(frozen=True, slots=True)
class FormValues:
    """Checked values of a form; `secret` are those that go into the vault."""

    public: dict[str, Any]
    secret: dict[str, str]

    @property
    def all(self) -> dict[str, Any]:
        return {**self.public, **self.secret}


def sealed_values(definition: Definition, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """The secrets among the values of a form, which no message may hold."""
    return tuple(str(fields[f.name]) for f in definition.form if f.sealed and fields.get(f.name))


def check_form(definition: Definition, given: Mapping[str, Any]) -> FormValues:
    """Check what was filled in. Raises InvalidInput with a reason per field in `details["fields"]`."""
    problems: dict[str, str] = {}
    values = FormValues({}, {})
    for form_field in definition.form:
        if not _is_asked(definition, form_field, given):
            if not form_field.sealed:
                values.public[form_field.name] = None
            continue
        try:
            value = _value(form_field, given.get(form_field.name))
        except ValueError as failure:
            problems[form_field.name] = str(failure)
            continue
        if form_field.sealed:
            if value is not None:
                values.secret[form_field.name] = str(value)
        else:
            values.public[form_field.name] = value
    known = {form_field.name for form_field in definition.form}
    for name in given:
        if name not in known:
            problems[str(name)[:60]] = (
                f"{definition.name} has no such field. Fields: {', '.join(sorted(known))}."
            )
    if problems:
        first, reason = next(iter(problems.items()))
        raise InvalidInput(f"The field {first} is not right: {reason}", details={"fields": problems})
    return values


def _is_asked(definition: Definition, form_field: FormField, given: Mapping[str, Any]) -> bool:
    """Whether the field's `when` holds; a field left empty counts with its default."""
    defaults = {other.name: other.default for other in definition.form}
    return all(
        str(given.get(name) or defaults.get(name)) == wanted for name, wanted in form_field.when.items()
    )


def _value(form_field: FormField, given: Any) -> Any:
    if given is None or given == "":
        given = form_field.default
    if given is None or given == "":
        if form_field.required:
            raise ValueError(f"{form_field.label} is required.")
        return None
    if isinstance(given, dict | list):
        raise ValueError(f"{form_field.label} is a single value.")
    text = str(given)
    limit = max(form_field.max_length, 100_000) if form_field.type == "document" else form_field.max_length
    if len(text) > limit:
        raise ValueError(f"{form_field.label} is longer than {limit} characters.")
    if form_field.type != "document" and any(ord(character) < 32 for character in text):
        raise ValueError(f"{form_field.label} holds control characters.")
    match form_field.type:
        case "url":
            return _url(form_field, text.strip())
        case "integer":
            if not re.fullmatch(r"\s*-?[0-9]+\s*", text):
                raise ValueError(f"{form_field.label} is a whole number.")
            return int(text)
        case "boolean":
            if text.lower() not in ("true", "false", "1", "0", "on", "off", "yes", "no"):
                raise ValueError(f"{form_field.label} is yes or no.")
            return text.lower() in ("true", "1", "on", "yes")
        case "choice":
            if text not in form_field.choices:
                raise ValueError(f"{form_field.label} is one of {', '.join(form_field.choices)}.")
            return text
    return text


def _url(form_field: FormField, text: str) -> str:
    example = form_field.example or "https://host.plant.example:8443/path"
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
        parts = urlsplit("")
    written_well = port_is_valid and not re.search(r"\s", text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not written_well:
        raise ValueError(f"{form_field.label} is an address such as {example}.")
    if parts.username or parts.password:
        raise ValueError("Write user and password into their own fields, not into the address.")
    if "?" in text or "#" in text:
        raise ValueError(f"{form_field.label} ends before `?`, such as {example}.")
    return text.rstrip("/")
