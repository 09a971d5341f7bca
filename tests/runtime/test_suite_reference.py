"""The reference of connector.yaml is complete: every key has a description, every part stands in it."""

import re

import pytest

from appliance.runtime.checking.reference import reference
from appliance.runtime.checking.schema import Part, all_parts, description, keys, tag
from appliance.runtime.definition import __all__ as names
from appliance.runtime.definition.node import Node


@pytest.mark.parametrize("part", all_parts(), ids=lambda part: part.__name__)
def test_every_key_is_described_in_a_line(part: Part) -> None:
    missing = [key.name for key in keys(part) if not description(key.type)]
    assert missing == []
    assert part.__doc__
    assert all("\n" not in description(key.type) for key in keys(part))


def test_every_part_of_the_schema_is_reached() -> None:
    import appliance.runtime.definition as schema

    declared = {getattr(schema, name) for name in names}
    parts = {part for part in declared if isinstance(part, type) and issubclass(part, Node)}
    assert parts <= set(all_parts())
    assert len(parts) > 40


def test_the_reference_names_every_part_and_key_and_every_link_leads_somewhere() -> None:
    text = reference()
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    assert len(sections) > len(all_parts())
    for part in all_parts():
        title = next(name for name in sections if name.split(" ")[0] in (part.__name__, "connector.yaml"))
        title = next((name for name in sections if name.split(" ")[0] == part.__name__), title)
        for key in keys(part):
            assert f"| `{key.encode_name}` |" in sections[title], (part, key.name)
        told = tag(part)
        assert told is None or f"`{told[1]}`" in sections[title]
    anchors = {
        re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))
        for title in re.findall(r"^## (.*)$", text, re.M)
    }
    links = re.findall(r"\]\(#([^)]*)\)", text)
    assert len(links) > 50
    assert set(links) <= anchors


def test_values_limits_and_defaults_stand_in_the_reference() -> None:
    text = reference()
    assert "| `tier` | `1` or `2` or `3` | required |" in text
    assert "| `size` | whole number ≥ 1 | `100` |" in text
    assert "| `reserve` | number ≥ 0, < 1 | `0.1` |" in text
    assert "`day_before`" in text
    assert "status: SCOPE, path: P" in text
