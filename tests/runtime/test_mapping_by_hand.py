"""The compiled mapping beside what a person would write, and the traps of the code it is compiled to."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.runtime.mapping.transforms import datetime_of, iso_ms
from tests.benchmarks.mapping import MAP, as_a_run_does, by_hand, fields_of, projection, raw_row
from tests.runtime.test_mapping import field, key


def test_forty_fields_come_out_as_a_person_would_write_them() -> None:
    hand, whole = by_hand(), as_a_run_does(projection())
    assert fields_of(MAP) == 40
    for number in range(1, 60):
        ours, theirs = whole(raw_row(number)), hand(raw_row(number))
        assert ours[0] == theirs[0]
        assert msgspec.json.decode(ours[2]) == msgspec.json.decode(theirs[2])


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"a": {"kind": "x"}, "b": {"c": "one"}, "d": "two"}, "Ex"),
        ({"a": {"kind": "y"}, "b": {"c": "one"}, "d": "two"}, "y"),
        ({"a": {"kind": " "}, "b": {"c": "one"}, "d": "two"}, "one two"),
        ({"a": 5, "b": [], "d": "two"}, "two"),
        ({"b": {"c": " "}}, "none"),
    ],
)
def test_expressions_within_expressions_keep_their_values_apart(row: dict[str, Any], wanted: str) -> None:
    inner = {"path": "a.kind", "values": {"x": "Ex"}}
    expression = {"first": [inner, {"join": ["b.c", "d"]}], "default": "none"}
    assert field("Vendor", "name", expression, row) == wanted


def test_parts_of_a_key_are_looked_up_apart() -> None:
    expression = {"parts": ["a.b", {"first": ["c.d", "e"]}, {"const": 7}]}
    row = {"a": {"b": "A"}, "c": {"d": ""}, "e": "E"}
    assert field("WorkOrder", "assetKey", expression, row) == key("Asset", "A", "E", "7")
    assert field("WorkOrder", "assetKey", {"parts": ["a.b", "n"]}, {"a": {"b": " "}, "n": 10}) == key(
        "Asset", 10
    )


def test_a_single_key_where_a_list_of_keys_is_wanted() -> None:
    assert field("Part", "siteKeys", "a.b", {"a": {"b": "S"}}) == [key("Site", "S")]
    assert field("Part", "siteKeys", "a.b", {"a": None}) == []


iso_texts = st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,4})?(Z|[+-]\d\d:\d\d)?", fullmatch=True)


@given(iso_texts | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"))
@example("2025-W01-1T00:00:00Z")
@example("2026-01-05T08:00:00.000Z")
@example("2026-01-05T24:00:00Z")
@example("2026-01-05T000000.0Z")
@example("٢026-01-05T08:00:00Z")
def test_a_moment_that_is_sent_as_it_goes_out_is_what_it_would_be_converted_to(text: str) -> None:
    def outcome(from_iso: bool) -> Any:
        try:
            return datetime_of(iso_ms, from_iso=from_iso)(text)
        except (ValueError, OverflowError):
            return "refused"

    assert outcome(True) == outcome(False)
