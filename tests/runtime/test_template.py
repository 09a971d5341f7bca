"""Templates in connector definitions."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.runtime.template import compile_template
from appliance.runtime.template_filters import FILTERS
from appliance.runtime.writing.upload import Upload

MOMENT = datetime(2026, 3, 1, 0, 30, 5, 123456, tzinfo=UTC)


def rendered(template: Any, **context: Any) -> Any:
    return compile_template(template, where="plant.request")(context)


@pytest.mark.parametrize("value", [7, 0, True, False, None, [1, 2], {"a": 1}, "text", "", MOMENT])
def test_a_lone_expression_keeps_the_type_of_its_value(value: Any) -> None:
    assert rendered("${x}", x=value) is value


def test_values_are_written_into_text_and_nothing_is_written_for_null() -> None:
    assert rendered("a=${a}, b=${b}, c=${c}.", a=1, b=None, c="x") == "a=1, b=, c=x."


def test_dots_look_into_mappings_lists_and_times() -> None:
    context = {"row": {"lines": [{"no": 10}, {"no": 20}]}, "since": MOMENT}
    assert rendered(["${row.lines.1.no}", "${since.month}", "${since.microsecond}"], **context) == [
        20,
        3,
        123456,
    ]


def test_what_is_not_there_inside_a_value_is_null() -> None:
    assert (
        rendered(["${row.no}", "${row.lines.5}", "${row.no.x}", "${none.x}"], row={"lines": []}, none=None)
        == [None] * 4
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("base64", "user:pässword", "dXNlcjpww6Rzc3dvcmQ="),
        ("date", MOMENT, "2026-03-01"),
        ("day_before", MOMENT, datetime(2026, 2, 28, 0, 30, 5, 123456, tzinfo=UTC)),
        ("content_type", Upload(Path("x"), "x.pdf", "application/pdf", 3), "application/pdf"),
        ("file_base64", Upload(Path(__file__).parents[1] / "writes" / "__init__.py", "x", "y", 0), ""),
        ("integer", "0012", 12),
        ("iso", MOMENT, "2026-03-01T00:30:05Z"),
        ("iso_ms", MOMENT, "2026-03-01T00:30:05.123Z"),
        ("json", {"a": [1, "x"]}, '{"a":[1,"x"]}'),
        (
            "parts",
            datetime(2026, 3, 1, tzinfo=UTC),
            {"year": 2026, "month": 3, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0},
        ),
        ("last_part", "http://inside:9080/api/os/po/_MTAx?lean=1", "_MTAx"),
        ("midnight", MOMENT, datetime(2026, 3, 1, tzinfo=UTC)),
        ("odata2", MOMENT, "/Date(1772325005123)/"),
        ("odata2_offset", MOMENT, "/Date(1772325005123+0000)/"),
        ("padded4", 10, "0010"),
        ("padded5", "10", "00010"),
        ("padded10", "V-7", "V-7"),
        ("padded12", "4000001", "000004000001"),
        ("padded18", "210100094", "000000000210100094"),
        ("quote", "O'Brien", "O''Brien"),
        ("sql", MOMENT, "2026-03-01 00:30:05"),
        ("text", Decimal("12.50"), "12.50"),
        ("time", MOMENT, "00:30:05"),
        ("unix", MOMENT, 1772325005),
        ("unix_ms", MOMENT, 1772325005123),
        ("upper", "high", "HIGH"),
        ("url", "a/b c?d=é&", "a%2Fb%20c%3Fd%3D%C3%A9%26"),
    ],
)
def test_filters(name: str, value: Any, expected: Any) -> None:
    assert rendered(f"${{x|{name}}}", x=value) == expected


def test_every_filter_is_tested_above() -> None:
    (mark,) = [mark for mark in test_filters.pytestmark if mark.name == "parametrize"]
    assert {case[0] for case in mark.args[1]} == set(FILTERS)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_passes_null(name: str) -> None:
    assert rendered(f"${{x|{name}}}", x=None) is None


def test_filters_follow_one_another() -> None:
    assert rendered("${since|day_before|date}", since=MOMENT) == "2026-02-28"


def test_a_choice_leaves_its_element_out_of_lists_and_mappings() -> None:
    template = [
        1,
        {"$if": "x", "then": "${x}"},
        {"a": {"$if": "x", "then": 1}, "b": {"$if": "x", "then": 1, "else": 2}},
    ]
    assert rendered(template, x=None) == [1, {"b": 2}]
    assert rendered(template, x="yes") == [1, "yes", {"a": 1, "b": 1}]


@pytest.mark.parametrize(
    ("value", "chosen"),
    [(None, "no"), ("", "no"), (False, "no"), (0, "yes"), ("0", "yes"), (True, "yes"), ([], "yes")],
)
def test_what_a_choice_takes_for_given_zero_included(value: Any, chosen: str) -> None:
    assert rendered({"$if": "x", "then": "yes", "else": "no"}, x=value) == chosen


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (
            {"path": ["/a", "${x|nosuch}"]},
            r"plant\.request\.path\[1\]: there is no filter 'nosuch'\. Filters: base64,",
        ),
        ("${}", "is not an expression"),
        ("${a b}", "is not an expression"),
        ("${a|}", "is not an expression"),
        ("${__import__('os')}", "is not an expression"),
        ("/items/${id", "is not closed"),
        ("${a}/items/${id", "is not closed"),
        ({"$if": "x"}, "beside `.if` stand then"),
        ({"$if": "x", "then": 1, "otherwise": 2}, "beside `.if` stand then"),
    ],
)
def test_what_is_not_right_is_refused_when_it_is_compiled(template: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        compile_template(template, where="plant.request")


def test_a_name_that_is_not_there_is_named_with_its_place_and_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match=r"plant\.request\.a: there is no 'usr' here\. There are: password, user\."
    ) as told:
        rendered({"a": "${usr}"}, user="u", password="Plant-2025!")
    assert "Plant-2025!" not in told.value.message


def test_a_value_that_a_filter_cannot_take_is_a_fault_of_the_definition() -> None:
    with pytest.raises(ConfigurationError, match="the filter 'iso' does not take a str"):
        rendered("${x|iso}", x="yesterday")


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_an_expression_stays_as_it_is(text: str) -> None:
    assert rendered(text) == text


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text().filter(lambda key: key != "$if"), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON_VALUES)
def test_a_value_is_never_taken_for_a_template_itself(value: Any) -> None:
    assert rendered({"a": ["${x}"]}, x=value) == {"a": [value]}


@given(st.text(), st.text(), st.text())
def test_text_around_an_expression_stays_as_it_is(before: str, value: str, after: str) -> None:
    if "${" not in f"{before}{after}" and not before.endswith("$"):
        assert rendered(before + "${x}" + after, x=value) == before + value + after
