"""The part of a form that limits a key or an application: entities, verbs, connections, address ranges, an end."""

from collections.abc import Collection

from werkzeug.datastructures import MultiDict

from appliance.admin.forms import whole_number
from appliance.errors import InvalidInput
from appliance.users.scopes import VERBS, Scope

DAY_MS = 86_400_000
LONGEST_DAYS = 36_500


def given_scope(form: "MultiDict[str, str]", known_entities: Collection[str]) -> Scope:
    """What was filled in; an empty field and no ticked verb limit nothing. Raises InvalidInput naming the field."""
    parts = {name: _split(form.get(name, "")) for name in ("entities", "connections", "networks")}
    given = {name: values for name, values in parts.items() if values}
    verbs = [verb for verb in VERBS if verb in form.getlist("verbs")]
    return Scope.of({**given, **({"verbs": verbs} if verbs else {})}, known_entities)


def given_end(form: "MultiDict[str, str]", now_ms: int) -> int | None:
    """The end in milliseconds since 1970, None without one. Raises InvalidInput."""
    days = whole_number(form.get("days", ""), "days")
    if days is None:
        return None
    if not 1 <= days <= LONGEST_DAYS:
        rule = f"1 to {LONGEST_DAYS}, or empty"
        raise InvalidInput(f"The days are {rule}.", details={"fields": {"days": rule}})
    return now_ms + days * DAY_MS


def _split(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").split() if part]
