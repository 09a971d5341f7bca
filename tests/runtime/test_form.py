"""The connect form."""

import re
from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.runtime.definition import FormField, parse_definition
from appliance.runtime.form import check_form, sealed_values

SECRET = "Plant-2025!-geheim"


def form(*fields: dict[str, Any]) -> Any:
    document = {
        "system": "plant",
        "name": "Plant system",
        "summary": "",
        "categories": ["eam"],
        "tier": 3,
        "hosting": "either",
        "evidence": "contract",
        "form": [{"label": "Value", **field} for field in fields],
        "entities": {"Vendor": {"read": {"protocol": "declared", "items": []}, "key": ["id"], "map": {}}},
    }
    return parse_definition(document, where="plant")


def value(kind: str, given: Any, **more: Any) -> Any:
    return check_form(form({"name": "v", "type": kind, **more}), {"v": given}).all.get("v")


def refusal(kind: str, given: Any, **more: Any) -> str:
    with pytest.raises(InvalidInput) as told:
        value(kind, given, **more)
    (reason,) = told.value.details["fields"].values()
    assert told.value.message == f"The field v is not right: {reason}"
    return str(reason)


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("text", " kept as it is ", " kept as it is "),
        ("text", 5, "5"),
        ("url", " https://host.plant.example:8443/path/ ", "https://host.plant.example:8443/path"),
        ("url", "http://[::1]:80", "http://[::1]:80"),
        ("integer", " -12 ", -12),
        ("integer", 7, 7),
        ("integer", "007", 7),
        ("boolean", "on", True),
        ("boolean", "No", False),
        ("boolean", True, True),
        ("boolean", False, False),
        ("document", "Vendor:\n  key: [id]\n", "Vendor:\n  key: [id]\n"),
        ("password", " secret ", " secret "),
    ],
)
def test_kinds(kind: str, given: Any, expected: Any) -> None:
    assert value(kind, given) == expected


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        ("text", "", "Value is required."),
        ("text", None, "Value is required."),
        ("text", ["a"], "single value"),
        ("text", {"a": 1}, "single value"),
        ("text", "a\r\nb", "control characters"),
        ("text", "x" * 2001, "longer than 2000"),
        ("document", "x" * 100_001, "longer than 100000"),
        ("url", "host.plant.example", "is an address such as"),
        ("url", "ftp://host", "is an address such as"),
        ("url", "file:///etc/passwd", "is an address such as"),
        ("url", "https://", "is an address such as"),
        ("url", "https://host:99999", "is an address such as"),
        ("url", "https://host:port", "is an address such as"),
        ("url", "https://[::1", "is an address such as"),
        ("url", "https://my host/path", "is an address such as"),
        ("url", "https://host/path?x=1", "ends before `\\?`"),
        ("url", "https://host/path?", "ends before `\\?`"),
        ("url", "https://host/#part", "ends before `\\?`"),
        ("integer", "1.5", "is a whole number"),
        ("integer", "--5", "is a whole number"),
        ("integer", "²", "is a whole number"),
        ("integer", "٣", "is a whole number"),
        ("integer", "9" * 2001, "longer than"),
        ("boolean", "perhaps", "is yes or no"),
    ],
)
def test_what_is_not_right_is_told_for_its_field(kind: str, given: Any, reason: str) -> None:
    assert re.search(reason, refusal(kind, given))


def test_a_choice() -> None:
    more = {"choices": {"a": "First", "b": "Second"}}
    assert value("choice", "b", **more) == "b"
    assert refusal("choice", "First", **more) == "Value is one of a, b."


def test_an_optional_field_left_empty_is_null_and_a_default_stands_in() -> None:
    assert value("text", "", required=False) is None
    assert value("integer", "", default=1) == 1
    assert value("boolean", None, default=False) is False
    assert value("password", "", required=False) is None


def test_every_field_that_is_not_right_is_told_at_once() -> None:
    definition = form({"name": "url", "type": "url"}, {"name": "company", "type": "integer"}, {"name": "ok"})
    with pytest.raises(InvalidInput) as told:
        check_form(definition, {"url": "x", "company": "y", "ok": "z", "extra": 1})
    assert set(told.value.details["fields"]) == {"url", "company", "extra"}
    assert "Fields: company, ok, url." in told.value.details["fields"]["extra"]


def test_secrets_are_kept_apart() -> None:
    definition = form(
        {"name": "user"}, {"name": "password", "type": "password"}, {"name": "key", "secret": True}
    )
    values = check_form(definition, {"user": "u", "password": SECRET, "key": "k"})
    assert values.public == {"user": "u"}
    assert values.secret == {"password": SECRET, "key": "k"}
    assert sealed_values(definition, {**values.all, "other": "x"}) == (SECRET, "k")
    assert FormField(name="p", label="P", type="password").sealed


@pytest.mark.parametrize("kind", ["text", "password", "url", "integer", "boolean", "choice"])
@pytest.mark.parametrize("given", [SECRET + "\n", SECRET * 200, f"https://user:{SECRET}@host", f"--{SECRET}"])
def test_no_reason_repeats_what_was_entered(kind: str, given: str) -> None:
    try:
        value(kind, given, secret=True, choices={"a": "A"})
    except InvalidInput as told:
        assert SECRET not in told.message + str(told.details)
