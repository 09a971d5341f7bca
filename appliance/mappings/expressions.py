"""Changes as people write them: YAML or JSON to plain data and back, and the change of one field among others."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

import yaml

from appliance.mappings.errors import MappingInvalid

Part = Literal["map", "custom"]

LONGEST_TEXT = 100_000
LONGEST_NAME = 100
LONGEST_LINE = 70


def read_text(text: str) -> Any:
    """What a text of YAML or JSON says, as JSON could say it. Raises MappingInvalid with the line."""
    if len(text) > LONGEST_TEXT:
        raise MappingInvalid(f"The text is longer than {LONGEST_TEXT} characters.")
    try:
        # A few lines of references to references would be gigabytes when they are written out.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise MappingInvalid("Write values out: references (*name) are not taken.")
        return _plain(yaml.safe_load(text))
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise MappingInvalid(f"This is neither YAML nor JSON: {failure.problem}{line}.") from None
    except (yaml.YAMLError, ValueError, RecursionError) as failure:
        raise MappingInvalid(f"This is neither YAML nor JSON: {str(failure)[:200]}.") from None


def as_text(expression: Any) -> str:
    """An expression as YAML: a path as it is, what is short on one line."""
    if isinstance(expression, str):
        return expression
    line = _yaml(expression, in_one_line=True)
    return line if len(line) <= LONGEST_LINE else _yaml(expression, in_one_line=False)


def with_field(changed: Mapping[str, Any], part: Part, name: str, expression: Any) -> dict[str, Any]:
    """A whole change (`map` and `custom`) with another expression for one field; None takes the field out."""
    return _both(changed, part, {**changed[part], name: expression})


def without_field(changed: Mapping[str, Any], part: Part, name: str) -> dict[str, Any]:
    """A whole change in which one field is as the connector has it."""
    return _both(changed, part, {key: value for key, value in changed[part].items() if key != name})


def _both(changed: Mapping[str, Any], part: Part, fields: dict[str, Any]) -> dict[str, Any]:
    return {"map": dict(changed["map"]), "custom": dict(changed["custom"]), part: fields}


def _yaml(expression: Any, *, in_one_line: bool) -> str:
    return yaml.safe_dump(
        expression, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=in_one_line
    ).strip()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_name(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise MappingInvalid(f"{type(value).__name__} is not a kind of value that JSON has.")


def _name(name: Any) -> str:
    # YAML reads `true:` and `3:` as no texts, in `values` they stand for what the source sends.
    if isinstance(name, bool):
        return "true" if name else "false"
    if isinstance(name, str | int | float):
        return str(name)
    raise MappingInvalid("Names of a mapping are texts.")
