"""`filter[field:operator]=value`, and the date filters of the other dialect, as conditions.

Without an operator a filter compares for equality; an empty value stands for none. Texts are found whatever the
case of their letters by contains, startsWith and endsWith, and compared exactly by the rest. A date without a
time means the whole day.
"""

import re
from datetime import UTC, date, datetime, timedelta

from appliance.api.records.fields import Fields, Named, Type
from appliance.errors import InvalidInput
from appliance.store.selection import Condition, Operator, is_number

MOST_FILTERS = 30
MOST_VALUES = 100
LONGEST_VALUE = 1000
# The parser ignores what follows the microseconds.
LONGEST_MOMENT = 40

_WRITTEN = re.compile(r"filter\[([^\[\]:]+)(?::([A-Za-z]+))?\]")
_WORDS: dict[str, tuple[Operator, bool]] = {
    "eq": ("eq", False),
    "ne": ("eq", True),
    "contains": ("contains", False),
    "startsWith": ("startsWith", False),
    "endsWith": ("endsWith", False),
    "gt": ("gt", False),
    "gteq": ("gteq", False),
    "lt": ("lt", False),
    "lteq": ("lteq", False),
    "in": ("in", False),
    "notIn": ("in", True),
    "exists": ("exists", False),
}
# As the cloud product writes it.
_ALIASES = {"lted": "lteq"}
_TEXTS = ("contains", "startsWith", "endsWith")
_ALLOWED: dict[Type, tuple[str, ...]] = {
    "text": tuple(_WORDS),
    "any": tuple(_WORDS),
    "number": tuple(word for word in _WORDS if word not in _TEXTS),
    "datetime": tuple(word for word in _WORDS if word not in _TEXTS),
    "date": tuple(word for word in _WORDS if word not in _TEXTS),
    "boolean": ("eq", "ne", "exists"),
    "group": ("exists",),
}


def is_filter(parameter: str) -> bool:
    return parameter.startswith("filter[")


def read_filter(fields: Fields, parameter: str, value: str) -> Condition:
    """The condition of one filter. Raises InvalidInput that says what is allowed."""
    match = _WRITTEN.fullmatch(parameter)
    if match is None:
        raise _wrong(parameter, "a filter is written filter[field]=value or filter[field:operator]=value.")
    named = fields.find(match[1], parameter)
    word = _ALIASES.get(match[2] or "eq", match[2] or "eq")
    allowed = _ALLOWED[named.type]
    if word not in allowed:
        what = f"there is no operator {word[:40]!r} for {match[1][:80]}"
        raise InvalidInput(
            f"{parameter[:80]}: {what}. Operators: {', '.join(allowed)}.",
            details={"parameter": parameter[:80], "operator": word[:40], "allowed": list(allowed)},
        )
    return condition(named, word, value, parameter)


def condition(named: Named, word: str, value: str, parameter: str) -> Condition:
    """The condition of an operator and a value as it was sent."""
    operator, negated = _WORDS[word]
    if len(value) > LONGEST_VALUE * (MOST_VALUES if operator == "in" else 1):
        raise _wrong(parameter, f"a value has at most {LONGEST_VALUE} characters.")
    if operator == "exists":
        return Condition(named.place, "exists", negated=not _truth(value, parameter))
    if value == "":
        if operator != "eq":
            raise _wrong(parameter, f"{word} needs a value.")
        return Condition(named.place, "exists", negated=not negated)
    if named.type == "datetime" and operator != "in" and _is_day(value):
        return _of_day(named, operator, negated, value, parameter)
    values = [one for one in value.split(",") if one] if operator == "in" else [value]
    if not 0 < len(values) <= MOST_VALUES:
        raise _wrong(parameter, f"{word} takes 1 to {MOST_VALUES} values with commas between them.")
    return Condition(
        named.place, operator, tuple(_value(named.type, one, parameter) for one in values), negated
    )


def moment(text: str, parameter: str) -> datetime:
    """A date, meaning its first moment, or a time; without an offset it is UTC. Raises InvalidInput."""
    try:
        if len(text) > LONGEST_MOMENT:
            raise ValueError
        # A plus sign of an offset arrives as a blank when the client did not escape it.
        found = datetime.fromisoformat(
            text.strip().replace(" ", "+") if text.count(":") > 2 else text.strip()
        )
    except ValueError:
        raise InvalidInput(
            f"{parameter[:80]} is a date or a time such as 2026-01-31 or 2026-01-31T08:00:00Z.",
            details={"parameter": parameter[:80], "value": text[:40]},
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def stored_time(found: datetime) -> str:
    """A moment as times stand in records, without the `Z`; the ends of the calendar stay where they are."""
    try:
        utc = found.astimezone(UTC)
    except OverflowError:
        utc = (datetime.min if found.year == 1 else datetime.max).replace(tzinfo=UTC)  # noqa: DTZ901
    text = utc.replace(tzinfo=None).isoformat(timespec="milliseconds" if utc.microsecond else "seconds")
    return text.removesuffix(".000")


def date_condition(named: Named, after: bool, value: str, parameter: str) -> Condition:
    """`…_after` includes its moment, `…_before` does not."""
    found = moment(value, parameter)
    text = found.date().isoformat() if named.type == "date" else stored_time(found)
    return Condition(named.place, "gteq" if after else "lt", (text,))


def _value(type_: Type, text: str, parameter: str) -> str:
    if len(text) > LONGEST_VALUE:
        raise _wrong(parameter, f"a value has at most {LONGEST_VALUE} characters.")
    match type_:
        case "number":
            if not is_number(text):
                raise _wrong(parameter, f"{text[:40]!r} is no number such as 12 or -3.50.")
        case "boolean":
            return "true" if _truth(text, parameter) else "false"
        case "datetime":
            return stored_time(moment(text, parameter))
        case "date":
            return moment(text, parameter).date().isoformat()
    return text


def _of_day(named: Named, operator: Operator, negated: bool, text: str, parameter: str) -> Condition:
    """A time compared with a whole day: after it begins when it ends."""
    day = moment(text, parameter)
    first = stored_time(day)
    end = "9999-12-31T24" if day.date() == date.max else stored_time(day + timedelta(days=1))
    match operator:
        case "gt":
            return Condition(named.place, "gteq", (end,), negated)
        case "lteq":
            return Condition(named.place, "lt", (end,), negated)
        case "eq":
            return Condition(named.place, "between", (first, end), negated)
    return Condition(named.place, operator, (first,), negated)


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None


def _truth(text: str, parameter: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise _wrong(parameter, f"{text[:40]!r} is neither true nor false.")
    return text in ("true", "1")


def _wrong(parameter: str, message: str) -> InvalidInput:
    return InvalidInput(f"{parameter[:80]}: {message}", details={"parameter": parameter[:80]})
