"""Templates inside a connector definition: `${name}` anywhere in a string, a list or a mapping.

A string that is nothing but one `${…}` becomes the value itself with its type; otherwise values are written
into the text. `${a.b}` looks inside, `${name|filter}` passes the value through a filter of `FILTERS`.
A mapping `{$if: name, then: X, else: Y}` chooses; without `else` the element is left out of its list or mapping.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from appliance.errors import ConfigurationError
from appliance.runtime.select import dig

Context = Mapping[str, Any]
Render = Callable[[Context], Any]

_PLACE = re.compile(r"\$\{([^}]*)\}")
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*(?:\|[a-z0-9_]+)*")
_ABSENT = object()


def _parts(moment: datetime) -> dict[str, int]:
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {name: getattr(moment, name) for name in names}


FILTERS: dict[str, Callable[[Any], Any]] = {
    "base64": lambda value: base64.b64encode(str(value).encode()).decode(),
    "date": lambda moment: moment.strftime("%Y-%m-%d"),
    "day_before": lambda moment: moment - timedelta(days=1),
    "iso": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "iso_ms": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
    "json": lambda value: json.dumps(value, separators=(",", ":")),
    "parts": _parts,
    "quote": lambda value: str(value).replace("'", "''"),
    "sql": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
    "unix": lambda moment: int(moment.timestamp()),
    "unix_ms": lambda moment: int(moment.timestamp() * 1000),
    "url": lambda value: quote(str(value), safe=""),
}


def compile_template(template: Any, *, where: str) -> Render:
    """Compile a template to a function of a context.

    `where` names the place in the definition for errors. Raises ConfigurationError for a malformed expression or
    an unknown filter; the compiled function raises it for a name the context lacks or a value a filter does not take.
    """
    if isinstance(template, str):
        return _compile_text(template, where)
    if isinstance(template, list | tuple):
        elements = [compile_template(element, where=f"{where}[{i}]") for i, element in enumerate(template)]
        return lambda context: [
            value for value in (element(context) for element in elements) if value is not _ABSENT
        ]
    if isinstance(template, dict):
        if "$if" in template:
            return _compile_choice(template, where)
        members = {key: compile_template(value, where=f"{where}.{key}") for key, value in template.items()}
        return lambda context: {
            key: value
            for key, value in ((key, member(context)) for key, member in members.items())
            if value is not _ABSENT
        }
    return lambda context: template


def compile_xml(text: str, *, where: str) -> Callable[[Context], str]:
    """Like `compile_template` for a text of XML: values are escaped, so that they stay text in it."""
    render = _compile_text(text, where, lambda value: escape(str(value), {'"': "&quot;", "'": "&apos;"}))
    return lambda context: str(render(context))


def _compile_choice(template: Mapping[str, Any], where: str) -> Render:
    unknown = set(template) - {"$if", "then", "else"}
    if unknown or "then" not in template:
        raise ConfigurationError(f"{where}: a choice has $if, then and perhaps else, nothing more.")
    condition = _compile_expression(str(template["$if"]), where)
    chosen = compile_template(template["then"], where=f"{where}.then")
    other: Render = lambda context: _ABSENT  # noqa: E731
    if "else" in template:
        other = compile_template(template["else"], where=f"{where}.else")
    return lambda context: chosen(context) if _is_given(condition(context)) else other(context)


def _is_given(value: Any) -> bool:
    """Zero is a value like any other."""
    return value is not None and value is not False and value != ""


def _compile_text(text: str, where: str, write: Callable[[Any], str] | None = None) -> Render:
    """`write` puts values into the text; without it a text that is one place keeps the type of its value."""
    whole = _PLACE.fullmatch(text)
    if whole and write is None:
        return _compile_expression(whole[1], where)
    if "${" not in text:
        return lambda context: text
    pieces: list[Render] = []
    put = write or str
    end = 0
    for place in _PLACE.finditer(text):
        pieces.append(_constant(text[end : place.start()]))
        pieces.append(_written(_compile_expression(place[1], where), put))
        end = place.end()
    pieces.append(_constant(text[end:]))
    if "${" in _PLACE.sub("", text):
        raise ConfigurationError(f"{where}: a `${{` in {text[:60]!r} is not closed.")

    def render(context: Context) -> str:
        return "".join(piece(context) for piece in pieces)

    return render


def _written(value_of: Render, put: Callable[[Any], str]) -> Render:
    def text(context: Context) -> str:
        value = value_of(context)
        return "" if value is None else put(value)

    return text


def _constant(text: str) -> Render:
    return lambda context: text


def _compile_expression(expression: str, where: str) -> Render:
    if not _EXPRESSION.fullmatch(expression):
        raise ConfigurationError(
            f"{where}: ${{{expression}}} is not an expression. Write ${{name}} or ${{name|filter}}."
        )
    path, *filters = expression.split("|")
    for name in filters:
        if name not in FILTERS:
            raise ConfigurationError(
                f"{where}: there is no filter {name!r}. Filters: {', '.join(sorted(FILTERS))}."
            )
    steps = path.split(".")
    functions = [FILTERS[name] for name in filters]

    def evaluate(context: Context) -> Any:
        if steps[0] not in context:
            raise ConfigurationError(
                f"{where}: there is no {steps[0]!r} here. There are: {', '.join(sorted(context))}."
            )
        value: Any = context[steps[0]]
        if isinstance(value, datetime) and len(steps) > 1:
            value = _parts(value)
        value = dig(value, steps[1:])
        for name, function in zip(filters, functions, strict=True):
            if value is None:
                return None
            try:
                value = function(value)
            except (AttributeError, TypeError, ValueError):
                kind = type(value).__name__
                raise ConfigurationError(f"{where}: the filter {name!r} does not take a {kind}.") from None
        return value

    return evaluate
