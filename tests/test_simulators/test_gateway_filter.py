"""$filter: what it accepts, what it refuses, and that it selects what a plain Python predicate selects."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulators.gateway.odata.errors import GatewayError
from tests.simulators.gateway.odata.filter import MAX_DEPTH, compile_condition, parse, pinned_values
from tests.simulators.gateway.odata.metadata import EntityType, Property

ENTITY = EntityType(
    name="ThingType",
    set_name="Thing",
    key=("Name",),
    properties={
        name: Property(name, kind)
        for name, kind in {
            "Name": "String", "Day": "DateTime", "Stamp": "DateTimeOffset", "Clock": "Time",
            "Price": "Decimal", "Count": "Int32", "Big": "Int64", "Flag": "Boolean", "Mark": "Guid",
        }.items()
    },
    navigations={},
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = Mapping[str, Any]
Spoken = tuple[str, Callable[[Row], bool]]


def _moment(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)


def _clock(seconds: int) -> str:
    return f"time'PT{seconds // 3600:02d}H{seconds // 60 % 60:02d}M{seconds % 60:02d}S'"


GUIDS = [f"0000000{n}-0000-4000-8000-000000000000" for n in range(3)]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Name": st.sampled_from(["", "a", "O'Brien", "b) or (x", "ä and ö", "''", "null", "true"]),
    "Day": st.integers(0, 3).map(lambda n: n * 86_400_000),
    "Stamp": st.integers(0, 3).map(lambda n: n * 1234),
    "Clock": st.integers(0, 3).map(lambda n: n * 3723),
    "Price": st.sampled_from([Decimal("0"), Decimal("-1.50"), Decimal("10.5"), Decimal("1E+2")]),
    "Count": st.integers(-2, 2),
    "Big": st.integers(-2, 2).map(lambda n: n * 2**40),
    "Flag": st.booleans(),
    "Mark": st.sampled_from(GUIDS),
}
LITERAL: dict[str, Callable[[Any], str]] = {
    "Name": lambda value: "'" + value.replace("'", "''") + "'",
    "Day": lambda value: f"datetime'{_moment(value):%Y-%m-%dT%H:%M:%S}'",
    "Stamp": lambda value: f"datetimeoffset'{_moment(value).isoformat().replace('+00:00', 'Z')}'",
    "Clock": _clock,
    "Price": lambda value: f"{value:f}m",
    "Count": str,
    "Big": lambda value: f"{value}L",
    "Flag": lambda value: "true" if value else "false",
    "Mark": lambda value: f"guid'{value}'",
}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a is not None and a > b,
    "ge": lambda a, b: a is not None and a >= b,
    "lt": lambda a, b: a is not None and a < b,
    "le": lambda a, b: a is not None and a <= b,
}
ROWS = st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})


@st.composite
def comparisons(draw: st.DrawFn) -> Spoken:
    name = draw(st.sampled_from(sorted(VALUES)))
    operator = draw(st.sampled_from(sorted(COMPARE)))
    value = draw(VALUES[name])
    return f"{name} {operator} {LITERAL[name](value)}", lambda row: COMPARE[operator](row[name], value)


@st.composite
def null_tests(draw: st.DrawFn) -> Spoken:
    name = draw(st.sampled_from(sorted(VALUES)))
    if draw(st.booleans()):
        return f"{name} eq null", lambda row: row[name] is None
    return f"{name} ne null", lambda row: row[name] is not None


@st.composite
def text_tests(draw: st.DrawFn) -> Spoken:
    part = draw(st.sampled_from(["a", "'", "Br", "", "ö"]))
    text = LITERAL["Name"](part)

    def test(compare: Callable[[str], bool]) -> Callable[[Row], bool]:
        return lambda row: row["Name"] is not None and compare(row["Name"])

    tests: list[Spoken] = [
        (f"substringof({text},Name)", test(lambda name: part in name)),
        (f"startswith(Name,{text})", test(lambda name: name.startswith(part))),
        (f"endswith(Name, {text}) eq false", lambda row: not test(lambda name: name.endswith(part))(row)),
    ]
    return tests[draw(st.integers(0, 2))]


def _combined(inner: st.SearchStrategy[Spoken]) -> st.SearchStrategy[Spoken]:
    def both(left: Spoken, right: Spoken) -> Spoken:
        return f"({left[0]}) and ({right[0]})", lambda row: left[1](row) and right[1](row)

    def either(left: Spoken, right: Spoken) -> Spoken:
        return f"({left[0]}) or  ({right[0]})", lambda row: left[1](row) or right[1](row)

    def negated(one: Spoken) -> Spoken:
        return f"not ({one[0]})", lambda row: not one[1](row)

    return st.builds(both, inner, inner) | st.builds(either, inner, inner) | st.builds(negated, inner)


FILTERS = st.recursive(comparisons() | null_tests() | text_tests(), _combined, max_leaves=6)


def _selects(text: str, row: Row) -> bool:
    predicate = compile_condition(parse(text, ENTITY), lambda prop: lambda _: row[prop.name])
    return predicate(0)


@settings(max_examples=300, deadline=None)
@given(FILTERS, st.lists(ROWS, min_size=1, max_size=5))
def test_a_typed_filter_selects_what_a_plain_predicate_selects(spoken: Spoken, rows: list[Row]) -> None:
    text, expected = spoken
    assert [_selects(text, row) for row in rows] == [expected(row) for row in rows]


@given(FILTERS, ROWS)
@settings(max_examples=200, deadline=None)
def test_no_row_is_lost_by_the_key_look_up(spoken: Spoken, row: Row) -> None:
    pinned = pinned_values(parse(spoken[0], ENTITY), "Name")
    if _selects(spoken[0], row) and pinned is not None:
        assert row["Name"] in pinned


@pytest.mark.parametrize(
    ("text", "row", "selected"),
    [
        ("Count eq 1 or Count eq 2 and Name eq 'b'", {"Count": 1, "Name": "a"}, True),
        ("(Count eq 1 or Count eq 2) and Name eq 'b'", {"Count": 1, "Name": "a"}, False),
        ("Count gt 0 and Count lt 9 and Count ne 5", {"Count": 5}, False),
        ("Count eq 1 or Count eq 2 or Count eq 3", {"Count": 3}, True),
        ("not (Count eq 1) and Name eq 'a'", {"Count": 2, "Name": "a"}, True),
        ("Stamp eq datetimeoffset'1970-01-01T01:00:01+01:00'", {"Stamp": 1000}, True),
        ("Price eq 10", {"Price": Decimal("10.00")}, True),
    ],
)
def test_precedence_and_equal_values(text: str, row: Row, selected: bool) -> None:
    assert _selects(text, row) is selected


@pytest.mark.parametrize(
    "text",
    [
        "Nothing eq 'a'",
        "Day ge 2024-01-31",
        "Day ge '2024-01-31'",
        "Day ge datetime'2024-01-31'",
        "Day ge datetime'2024-13-31T00:00:00'",
        "Day ge datetimeoffset'2024-01-31T00:00:00Z'",
        "Stamp gt datetime'2024-01-31T00:00:00'",
        "Stamp gt datetimeoffset'2024-01-31T00:00:00'",
        "Stamp gt 2024-01-31T08:00:00Z",
        "Clock gt '08:30:00'",
        "Clock gt time'08:30:00'",
        "Price gt 10.5",
        "Price gt '10.5'",
        "Count eq '1'",
        "Count eq 1.5",
        "Big eq 1.5",
        "Flag eq 'X'",
        "Flag eq 1",
        "Mark eq '00000000-0000-4000-8000-000000000000'",
        "Mark eq guid'1'",
        "Name eq a",
        'Name eq "a"',
        "Name eq 1",
        "Name eq 'O'Brien'",
        "Name EQ 'a'",
        "Name = 'a'",
        "Name in ('a','b')",
        "Name gt null",
        "'a' eq Name",
        "Flag",
        "Name eq 'a' and",
        "Name eq 'a' Count eq 1",
        "(Name eq 'a'",
        "Name eq 'a')",
        "not Name eq 'a'",
        "contains(Name,'a')",
        "substringof(Name,'a')",
        "substringof('1',Count)",
        "startswith('a',Name)",
        "tolower(Name) eq 'a'",
        "Name/Other eq 'a'",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(text, ENTITY)
    assert refused.value.status == 400


def test_nesting_is_limited_instead_of_exhausting_the_stack() -> None:
    deep = MAX_DEPTH - 1
    parse("(" * deep + "Count eq 1" + ")" * deep, ENTITY)
    for text in ("(" * 5000 + "Count eq 1" + ")" * 5000, "not " * 5000 + "(Count eq 1)"):
        with pytest.raises(GatewayError, match="nested"):
            parse(text, ENTITY)


def test_a_long_or_list_is_taken_up_to_a_limit() -> None:
    def chain(count: int) -> str:
        return " or ".join(f"Name eq '{n}'" for n in range(count))

    assert _selects(chain(400), {"Name": "399"})
    with pytest.raises(GatewayError, match="more than"):
        parse(chain(600), ENTITY)
