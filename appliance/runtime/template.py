"""Templates inside a connector definition: `${name}` anywhere in a string, a list or a mapping.

A string that is nothing but one `${…}` becomes the value itself with its type; otherwise values are written
into the text. `${a.b}` looks inside, `${name|filter}` passes the value through a filter (`template_filters.py`). The
name of a member may be a place, too; the member is left out where it is empty.


    {$if: name, then: X, else: Y}             chooses; where the one of them is missing the element is left out
    {$each: name, do: X, step: 10}            X for every item of a list, `${item.…}`, `${number}` counts in steps
    {$values: {a: 1}, of: name, else: Y}      the value that stands for another; what stands there where it has none;
                                              null: left out of what is written
    {$first: [X, Y]}                          the first that is given
    {$times: 100, of: name}                   a number in a smaller unit, such as cents
    {$names: {a: X, b: Y}}                    the names of what is given among these, as "a, b"
    {$onto: name, keep: [a, b.id], do: {c: X}}   what is given laid over the members kept of what stands there

What is written (`omit`) leaves out members and elements whose single `${…}` has no value, and sends null where NULL is.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from appliance.errors import ConfigurationError, InvalidInput
from appliance.runtime.select import dig
from appliance.runtime.template_filters import FILTERS, parts_of_moment, plain_text

Context = Mapping[str, Any]
Render = Callable[[Context], Any]

_PLACE = re.compile(r"\$\{([^}]*)\}")
_EXPRESSION = re.compile(r"[A-Za-z_][\w.]*(?:\|[a-z0-9_]+)*")
_ABSENT = object()


class _Null:
    """A value that is given as null, told apart from one that is not given."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""


NULL = _Null()


def compile_template(template: Any, *, where: str, omit: bool = False) -> Render:
    """Compile a template to a function of a context.

    `where` names the place in the definition for errors. Raises ConfigurationError for a malformed expression or
    an unknown filter; the compiled function raises it for a name the context lacks or a value a filter does not take.
    With `omit` what has no value is left out; NULL stays NULL until `without_marks`.
    """
    if isinstance(template, str):
        return _omitting(_compile_text(template, where)) if omit else _compile_text(template, where)
    if isinstance(template, list | tuple):
        elements = [
            compile_template(element, where=f"{where}[{i}]", omit=omit) for i, element in enumerate(template)
        ]
        return lambda context: [
            value for value in (element(context) for element in elements) if value is not _ABSENT
        ]
    if isinstance(template, dict):
        operator = next((name for name in template if name in _OPERATORS), None)
        if operator is not None:
            return _OPERATORS[operator](template, where, omit)
        return _compile_members(template, where, omit)
    return lambda context: template


def _compile_members(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    members = [
        (_compile_text(key, f"{where}.{key}"), compile_template(value, where=f"{where}.{key}", omit=omit))
        for key, value in template.items()
    ]

    def render(context: Context) -> Any:
        rendered = {
            name: value
            for name, value in ((name_of(context), member(context)) for name_of, member in members)
            if value is not _ABSENT and name not in (None, "")
        }
        # An object of which nothing is given is not given.
        return _ABSENT if omit and members and not rendered else rendered

    return render


def without_marks(value: Any) -> Any:
    """What a template with `omit` gave, as it is sent: NULL is None, nothing at all an empty object."""
    if value is NULL:
        return None
    if value is _ABSENT:
        return {}
    if isinstance(value, dict):
        return {name: without_marks(inner) for name, inner in value.items()}
    return [without_marks(inner) for inner in value] if isinstance(value, list) else value


def given(value: Any) -> bool:
    """Whether a template with `omit` gave a value, null among them."""
    return value is not _ABSENT


def _omitting(render: Render) -> Render:
    def value_of(context: Context) -> Any:
        value = render(context)
        return _ABSENT if value is None else value

    return value_of


def compile_xml(text: str, *, where: str) -> Callable[[Context], str]:
    """Like `compile_template` for a text of XML: values are escaped, so that they stay text in it."""
    render = _compile_text(text, where, lambda value: escape(str(value), {'"': "&quot;", "'": "&apos;"}))
    return lambda context: str(render(context))


def _compile_choice(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    other_way = "then" not in template and "else" in template
    needed, allowed = ("else", "then") if other_way else ("then", "else")
    _check_names(template, where, "$if", {needed}, {allowed})
    condition = _compile_expression(str(template["$if"]), where)
    chosen = (
        compile_template(template["then"], where=f"{where}.then", omit=omit)
        if "then" in template
        else lambda context: _ABSENT
    )
    other = _compile_else(template, where, omit, lambda context: _ABSENT)
    return lambda context: chosen(context) if _is_given(condition(context)) else other(context)


def _compile_each(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    _check_names(template, where, "$each", {"do"}, {"step"})
    items_of = _compile_expression(str(template["$each"]), where)
    item = compile_template(template["do"], where=f"{where}.do", omit=omit)
    step = int(template.get("step", 1))

    def render(context: Context) -> Any:
        listed = items_of(context)
        if listed is None or listed is NULL:
            return listed if listed is NULL or not omit else _ABSENT
        made = (
            item({**context, "item": one, "number": number * step}) for number, one in enumerate(listed, 1)
        )
        return [value for value in made if value is not _ABSENT]

    return render


def _compile_values(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    _check_names(template, where, "$values", {"of"}, {"else"})
    # As text, so that YAML's true and 1 mean what is written.
    table = {plain_text(name): value for name, value in template["$values"].items()}
    value_of = _compile_expression(str(template["of"]), where)
    other = _compile_else(template, where, omit, value_of)

    def render(context: Context) -> Any:
        value = value_of(context)
        if value is None or value is NULL:
            return _ABSENT if value is None and omit else value
        text = plain_text(value)
        if text not in table:
            return other(context)
        return _ABSENT if table[text] is None and omit else table[text]

    return render


def _compile_first(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    _check_names(template, where, "$first", set(), set())
    values = [
        compile_template(value, where=f"{where}[{i}]", omit=omit)
        for i, value in enumerate(template["$first"])
    ]

    def render(context: Context) -> Any:
        found = (value(context) for value in values)
        nothing: Any = _ABSENT if omit else None
        return next(
            (v for v in found if v is not _ABSENT and v is not None and v is not NULL and v != ""), nothing
        )

    return render


def _compile_times(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    _check_names(template, where, "$times", {"of"}, set())
    by = template["$times"]
    if type(by) is not int:
        raise ConfigurationError(f"{where}: `$times` is a whole number.")
    value_of = _compile_expression(str(template["of"]), where)

    def render(context: Context) -> Any:
        value = value_of(context)
        if value is None or value is NULL:
            return _ABSENT if value is None and omit else value
        product = Decimal(value) * by
        return int(product) if product == product.to_integral_value() else product

    return render


def _compile_names(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    _check_names(template, where, "$names", set(), set())
    members = compile_template(template["$names"], where=where, omit=True)

    def render(context: Context) -> Any:
        rendered = members(context)
        return ", ".join(rendered) if isinstance(rendered, dict) else _ABSENT

    return render


def _compile_onto(template: Mapping[str, Any], where: str, omit: bool) -> Render:
    _check_names(template, where, "$onto", {"keep", "do"}, set())
    base_of = _compile_expression(str(template["$onto"]), where)
    keep = [str(path).split(".") for path in template["keep"]]
    members = compile_template(template["do"], where=f"{where}.do", omit=True)

    def render(context: Context) -> Any:
        base, laid = base_of(context), members(context)
        kept = {path[0]: _reduced(dig(base, path[:1]), path[1:]) for path in keep}
        known = {name: value for name, value in kept.items() if value is not None}
        return {**known, **laid} if isinstance(laid, dict) else known

    return render


def _reduced(value: Any, path: list[str]) -> Any:
    """Of a record, or each of several, only the member at the path."""
    if isinstance(value, list):
        return [_reduced(one, path) for one in value]
    return {path[0]: value.get(path[0])} if path and isinstance(value, dict) else value


_OPERATORS: dict[str, Callable[[Mapping[str, Any], str, bool], Render]] = {
    "$if": _compile_choice,
    "$each": _compile_each,
    "$values": _compile_values,
    "$first": _compile_first,
    "$times": _compile_times,
    "$names": _compile_names,
    "$onto": _compile_onto,
}


def _check_names(
    template: Mapping[str, Any], where: str, operator: str, needed: set[str], allowed: set[str]
) -> None:
    if set(template) - {operator} - needed - allowed or not needed <= set(template):
        beside = " and ".join(sorted(needed)) or "nothing"
        perhaps = f" and perhaps {', '.join(sorted(allowed))}" if allowed else ""
        raise ConfigurationError(f"{where}: beside `{operator}` stand {beside}{perhaps}, nothing more.")


def _compile_else(template: Mapping[str, Any], where: str, omit: bool, otherwise: Render) -> Render:
    if "else" not in template:
        return otherwise
    return compile_template(template["else"], where=f"{where}.else", omit=omit)


def _is_given(value: Any) -> bool:
    """Zero is a value like any other."""
    return value is not None and value is not False and value is not NULL and value != ""


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
        for step in steps[1:]:
            # A reference that is emptied has no parts.
            if value is NULL:
                break
            value = dig(parts_of_moment(value) if isinstance(value, datetime) else value, [step])
        for name, function in zip(filters, functions, strict=True):
            if value is None or value is NULL:
                return value
            try:
                value = function(value)
            except (AttributeError, TypeError, ValueError):
                if steps[0] in ("record", "item"):
                    raise InvalidInput(
                        f"The source does not take {value!r} for {'.'.join(steps[1:])}: it wants it as {name}."
                    ) from None
                kind = type(value).__name__
                raise ConfigurationError(f"{where}: the filter {name!r} does not take a {kind}.") from None
        return value

    return evaluate


def paths_of(template: Any) -> set[tuple[str, ...]]:
    """Every path that the places and operators of a template look at, such as `("record", "title")`.

    Inside `$each` the paths of `item` are those below the list: `("record", "lineItems", "quantity")`.
    """
    if isinstance(template, str):
        return {tuple(place.split("|")[0].split(".")) for place in _PLACE.findall(template)}
    if isinstance(template, list | tuple):
        return {path for element in template for path in paths_of(element)}
    if not isinstance(template, dict):
        return set()
    named = {
        tuple(str(template[name]).split("|")[0].split("."))
        for name in ("$if", "$each", "of")
        if name in template
    }
    inner = {
        path
        for name, value in template.items()
        if name not in ("$if", "$each", "of")
        for path in paths_of(value)
    }
    if "$each" in template:
        listed = tuple(str(template["$each"]).split("."))
        inner = {(*listed, *path[1:]) if path[0] == "item" else path for path in inner}
    return named | inner
