"""What a simulator takes in a body that writes: members, types and values held to a description."""

import json
import re
from datetime import datetime
from typing import Any


def read_body(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def fault(value: Any, described: Any, where: str = "body") -> str | None:
    """What is wrong with a value, None when it fits.

    A description is a mapping of members (`name*` is required, `...` allows any), a list of one description, a tuple
    of allowed values, or one of integer, number, text, time, day, flag, any; null fits with `?` behind it.
    """
    if isinstance(described, str) and described.endswith("?"):
        return None if value is None else fault(value, described[:-1], where)
    match described:
        case dict():
            return _members(value, described, where)
        case [inner]:
            if not isinstance(value, list):
                return f"{where} must be a list"
            return next((f for f in (fault(one, inner, f"{where}[]") for one in value) if f), None)
        case tuple():
            return None if value in described else f"{where} must be one of {', '.join(map(str, described))}"
        case "any":
            return None
        case "integer":
            return None if type(value) is int else f"{where} must be an integer"
        case "number":
            return None if type(value) in (int, float) else f"{where} must be a number"
        case "flag":
            return None if type(value) is bool else f"{where} must be true or false"
        case "text":
            return None if isinstance(value, str) else f"{where} must be a string"
        case "day":
            known = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)
            return None if known else f"{where} must be a date"
        case "time":
            return None if _is_time(value) else f"{where} must be a date and time"
    raise AssertionError(described)


def _members(value: Any, described: dict[str, Any], where: str) -> str | None:
    if not isinstance(value, dict):
        return f"{where} must be an object"
    known = {name.rstrip("*"): inner for name, inner in described.items() if name != "..."}
    missing = next((n[:-1] for n in described if n.endswith("*") and n[:-1] not in value), None)
    if missing:
        return f"{where}.{missing} is required"
    for name, inner in value.items():
        if name not in known:
            if "..." in described:
                continue
            return f"{where}.{name} is not allowed"
        found = fault(inner, known[name], f"{where}.{name}")
        if found:
            return found
    return None


def _is_time(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False
