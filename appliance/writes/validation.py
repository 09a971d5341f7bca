"""Bodies of writes checked against the model, and made values that a connector can send.

Texts stay texts, numbers become exact, times aware and UTC, null NULL, keys References that `references.py` resolves.
All problems are found at once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from appliance.model.entity import Entity
from appliance.model.field import Field
from appliance.runtime.template import NULL
from appliance.writes.errors import WriteInvalid, problem

LONGEST_TEXT = 100_000
MOST_ITEMS = 1_000
DEEPEST = 8
_KEY = re.compile("[0-9a-f]{40}")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,20})?([eE][+-]?\d{1,2})?")


@dataclass(frozen=True, slots=True)
class Reference:
    """A unified key in a body; `entity` is what it refers to, None for any."""

    entity: str | None
    key: str


class Body:
    """Checks bodies whose fields are `fields`; `takes` names those the system writes, each with what is below it,
    None for all."""

    def __init__(
        self,
        fields: Mapping[str, Field],
        entities: Mapping[str, Entity],
        *,
        takes: Mapping[str, frozenset[str]] | None,
        required: frozenset[str],
    ) -> None:
        self._fields = fields
        self._entities = entities
        self._takes = takes
        self._required = required
        self._problems: list[dict[str, Any]] = []

    def check(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The values by field. Raises WriteInvalid with every problem there is."""
        self._problems = []
        record = self._object(self._fields, body, "", self._takes)
        for path in sorted(self._required):
            self._demand(path, record)
        if self._problems:
            raise WriteInvalid(self._problems)
        return record

    def _demand(self, path: str, record: Mapping[str, Any]) -> None:
        name, _, below = path.partition(".")
        value = record.get(name)
        if below:
            for number, item in enumerate(value if isinstance(value, list) else []):
                if isinstance(item, dict) and item.get(below) in (None, NULL, ""):
                    self._note(f"{name}.{number}.{below}", "REQUIRED", "is required by this system.")
        elif value in (None, NULL, "", []) and not any(found["field"] == name for found in self._problems):
            self._note(name, "REQUIRED", "is required.")

    def _object(
        self,
        fields: Mapping[str, Field],
        body: Mapping[str, Any],
        at: str,
        takes: Mapping[str, frozenset[str]] | None,
    ) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for name, value in body.items():
            where = f"{at}{name}"
            if name not in fields and takes is not None and name in takes:
                # What the system has and the model has not, such as the parts of a MaintainX order.
                record[name] = self._extra(value, where)
            elif name not in fields:
                known = ", ".join(sorted(takes if takes is not None else fields))
                self._note(where, "UNKNOWN_FIELD", f"is no field here. Fields that can be written: {known}.")
            elif takes is not None and name not in takes:
                self._note(where, "READ_ONLY", "is not taken by this system.")
            else:
                record[name] = self._value(fields[name], value, where, (takes or {}).get(name, frozenset()))
        return record

    def _value(self, field: Field, value: Any, where: str, below: frozenset[str]) -> Any:
        if value is None:
            return NULL
        match field.type:
            case "key":
                return self._reference(field, value, where)
            case "keys":
                keys = value if isinstance(value, list) else [value]
                return [self._reference(field, key, f"{where}.{n}") for n, key in enumerate(keys)]
            case "object" if isinstance(value, dict):
                return self._object(self._of(field), value, f"{where}.", _only(below))
            case "list" if isinstance(value, list) and len(value) <= MOST_ITEMS:
                return [self._item(field, item, f"{where}.{n}", below) for n, item in enumerate(value)]
            case "any":
                return self._free(value, where, below)
            case "object" | "list":
                self._note(where, "TYPE", _WANTED[field.type])
            case _:
                return self._scalar(field.type, value, where)
        return None

    def _of(self, field: Field) -> Mapping[str, Field]:
        return self._entities[str(field.of)].fields

    def _item(self, field: Field, item: Any, where: str, below: frozenset[str]) -> Any:
        if not isinstance(item, dict):
            self._note(where, "TYPE", "is an object with fields.")
            return None
        return self._object(self._of(field), item, f"{where}.", _only(below))

    def _extra(self, value: Any, where: str) -> Any:
        """Content that only the connector knows; members named like keys are references to any record."""
        if _depth(value) > DEEPEST:
            self._note(where, "TOO_LARGE", f"is nested over {DEEPEST} levels.")
            return None
        return NULL if value is None else _with_references(value)

    def _free(self, value: Any, where: str, below: frozenset[str]) -> Any:
        """Content that the model does not describe, such as customFields."""
        if isinstance(value, dict) and below:
            for name in value:
                if name not in below:
                    known = ", ".join(sorted(below))
                    self._note(
                        f"{where}.{name}", "READ_ONLY", f"is not taken by this system. It takes: {known}."
                    )
        if _depth(value) > DEEPEST:
            self._note(where, "TOO_LARGE", f"is nested over {DEEPEST} levels.")
        return value

    def _reference(self, field: Field, value: Any, where: str) -> Any:
        if not isinstance(value, str) or not _KEY.fullmatch(value):
            self._note(where, "TYPE", "is a key of 40 characters, as records have it.")
            return None
        return Reference(field.to, value)

    def _scalar(self, kind: str, value: Any, where: str) -> Any:
        made = scalar(kind, value)
        if made is None:
            self._note(where, "TYPE", _WANTED[kind])
        return made

    def _note(self, where: str, code: str, message: str) -> None:
        if len(self._problems) < 100:
            self._problems.append(problem(where, code, message))


def scalar(kind: str, value: Any) -> Any:
    """A value of JSON as one of a field type that holds a single value; None when it is none of it."""
    return _SCALARS[kind](value)


def _with_references(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {inner: _with_references(of, inner) for inner, of in value.items()}
    if isinstance(value, list):
        return [_with_references(of, name) for of in value]
    is_key = name.endswith("Key") and isinstance(value, str) and _KEY.fullmatch(value)
    return Reference(None, value) if is_key else value


def _only(below: frozenset[str]) -> dict[str, frozenset[str]] | None:
    """What is taken of an object; all of it when the connector looks at it as a whole."""
    return {name: frozenset() for name in below} if below else None


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = value if isinstance(value, str) else format(Decimal(value), "f")
    return text if len(text) <= LONGEST_TEXT and "\0" not in text else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
            return None
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 40 else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == number.to_integral_value() else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _depth(value: Any, level: int = 1) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return level if level > DEEPEST else max((_depth(one, level + 1) for one in inner), default=level)


_SCALARS: dict[str, Any] = {
    "string": _text,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "decimal": _number,
    "datetime": _moment,
    "date": _moment,
}
_WANTED = {
    "string": "is a text.",
    "boolean": "is true or false.",
    "integer": "is a whole number.",
    "number": "is a number.",
    "decimal": 'is a number, as a text such as "12.50" or a JSON number.',
    "datetime": "is a time such as 2026-01-31T08:00:00Z.",
    "date": "is a date such as 2026-01-31.",
    "object": "is an object with fields.",
    "list": f"is a list of at most {MOST_ITEMS} objects.",
}
