"""Expressions as people write them."""

from typing import Any

import pytest

from appliance.mappings.errors import MappingInvalid
from appliance.mappings.expressions import as_text, read_text, with_field, without_field


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("vendor.name", "vendor.name"),
        ('{"first": ["a", "b"]}', {"first": ["a", "b"]}),
        ("values: {true: live, 3: third, 1.5: half}", {"values": {"true": "live", "3": "third", "1.5": "half"}}),
        ("{const: 2026-01-31}", {"const": "2026-01-31"}),
        ("null", None),
    ],
)  # fmt: skip
def test_yaml_and_json_become_what_json_can_say(text: str, value: Any) -> None:
    assert read_text(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "line 1"),
        ("a: 1\nb: [1, 2\nc: 3", "line 3"),
        ("a: &x [1]\nb: *x", "references"),
        ("!!python/object/apply:os.system [ls]", "neither YAML nor JSON"),
        ("{a: !!binary aGk=}", "bytes"),
        ("[" * 5_000, "neither YAML nor JSON"),
        ("{? [1] : 2}", "neither YAML nor JSON"),
        ("{null: 1}", "texts"),
        ("x" * 100_001, "longer than"),
        ("a\0b", "neither YAML nor JSON"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(MappingInvalid, match=said):
        read_text(text)


@pytest.mark.parametrize(
    "expression",
    [{"const": "30 days"}, {"each": "lines", "map": {f"field{n}": f"path{n}" for n in range(20)}}, {"const": "true"}],
)  # fmt: skip
def test_what_is_shown_can_be_sent_back(expression: Any) -> None:
    assert read_text(as_text(expression)) == expression


def test_one_field_is_changed_and_given_back_and_the_rest_stays() -> None:
    before = {"map": {"a": "x", "b": None}, "custom": {"a": "y"}}
    changed = with_field(before, "custom", "c", None)
    assert changed == {"map": {"a": "x", "b": None}, "custom": {"a": "y", "c": None}}
    assert without_field(changed, "map", "a") == {"map": {"b": None}, "custom": {"a": "y", "c": None}}
    assert without_field(before, "map", "unknown") == before
