"""Values of a source to values of the unified model."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.runtime.mapping import transforms
from appliance.runtime.mapping.compiler import MappingCompiler
from appliance.runtime.mapping.transforms import date_of, datetime_of, time_parser
from appliance.runtime.select import decode, encode
from tests.runtime.opened import MODEL, PART

LINE = MODEL.entities["LineItem"]


def moment(name: str, value: Any, zone: str | None = None) -> Any:
    return datetime_of(time_parser(name, zone))(value)


def day(name: str, value: Any, zone: str | None = None) -> Any:
    return date_of(time_parser(name, zone))(value)


# Numbers


DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


def mapped(field: str, row: str) -> str:
    """The text of a field's value in the record made of a row, both as JSON text."""
    compiler = MappingCompiler(MODEL, PART, times="iso", zone=None, where="plant.LineItem")
    convert = compiler.entity(LINE, ["id"], {field: "x"})
    record = encode(convert(decode(row.encode())))
    return bytes(msgspec.json.decode(record, type=dict[str, msgspec.Raw])[field]).decode()


@given(DIGITS)
def test_a_json_number_keeps_its_digits_from_the_source_to_the_record(digits: str) -> None:
    # lineTotalValue goes out as a JSON number, quantity as JSON text.
    as_number, as_text = (
        mapped("lineTotalValue", f'{{"x":{digits}}}'),
        mapped("quantity", f'{{"x":{digits}}}'),
    )
    assert Decimal(as_number).as_tuple() == Decimal(digits if digits != "-0" else "0").as_tuple()
    assert Decimal(as_text.strip('"')) == Decimal(digits)
    if "e" not in digits.lower() and digits != "-0":
        assert as_number in (digits, str(Decimal(digits)))
        assert as_text == f'"{digits}"'


@given(DIGITS)
def test_a_number_in_a_text_keeps_its_digits(digits: str) -> None:
    assert Decimal(mapped("lineTotalValue", f'{{"x":" {digits} "}}')).as_tuple() == Decimal(digits).as_tuple()


def test_numbers_no_float_could_hold() -> None:
    assert mapped("quantity", '{"x":0.1000}') == '"0.1000"'
    assert (
        mapped("lineTotalValue", '{"x":12345678901234567890.123456789}') == "12345678901234567890.123456789"
    )
    assert (
        mapped("lineTotalValue", '{"x":123456789012345678901234567890}') == "123456789012345678901234567890"
    )
    assert mapped("quantity", '{"x":1.50E+3}') == '"1500"' == mapped("quantity", '{"x":"1500"}')
    assert mapped("quantity", '{"x":39.0}') == '"39.0"'


@pytest.mark.parametrize(
    "value", ["1,5", "1.000,00", "1_000", "12 kg", "NaN", "Infinity", "-inf", "0x10", True, [1], {"a": 1}]
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    for convert in (transforms.number, transforms.decimal):
        with pytest.raises(ValueError, match=r"not a number|is expected"):
            convert(value)


@pytest.mark.parametrize("value", ["1e999999999", "-1E-999999999", "0e-999999999", Decimal("9E+1001")])
def test_a_number_of_a_few_characters_does_not_become_gigabytes(value: Any) -> None:
    for convert in (transforms.number, transforms.decimal, transforms.integer):
        with pytest.raises(ValueError, match="too large or too small"):
            convert(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_a_number_that_is_not_finite_is_refused_since_json_has_none(value: Any) -> None:
    with pytest.raises(ValueError, match="not finite"):
        transforms.number(value)


def test_a_float_of_a_binary_format_is_the_shortest_text_that_means_it() -> None:
    assert transforms.decimal(0.1) == "0.1"
    assert transforms.decimal(1e-7) == "0.0000001"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        ("7", 7),
        (" 7.0 ", 7),
        (Decimal("1E+2"), 100),
        ("-3", -3),
        ("", None),
        ("  ", None),
        (10**30, 10**30),
    ],
)
def test_whole_numbers(value: Any, expected: int | None) -> None:
    assert transforms.integer(value) == expected


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(ValueError, match=r"1\.5 is not a whole number"):
        transforms.integer("1.5")


# Text and truth


@given(st.text())
def test_text_stays_as_it_is_and_blank_text_is_null(value: str) -> None:
    assert transforms.text(value) == (value if value.strip() else None)


@given(st.text(alphabet=" \t\n\r\u00a0\u2003"))
def test_blank_is_null_for_every_kind_but_a_truth_value(blank: str) -> None:
    assert transforms.text(blank) is None
    assert transforms.number(blank) is None
    assert transforms.decimal(blank) is None
    assert transforms.integer(blank) is None
    for name in transforms.FORMATS:
        if name != "parts":
            assert moment(name, blank) is None


@pytest.mark.parametrize(
    ("value", "expected"), [(5, "5"), (True, "true"), (False, "false"), (Decimal("1.50"), "1.50"), (0, "0")]
)
def test_numbers_and_truth_values_as_text(value: Any, expected: str) -> None:
    assert transforms.text(value) == expected


@pytest.mark.parametrize(("value", "kind"), [([], "a list"), ({}, "a mapping")])
def test_lists_and_mappings_are_no_text(value: Any, kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind} where text is expected"):
        transforms.text(value)


@pytest.mark.parametrize("value", [True, 1, 5, "true", "TRUE", "1", "X", "y", "Yes", " t "])
def test_true(value: Any) -> None:
    assert transforms.boolean(value) is True


@pytest.mark.parametrize("value", [False, 0, "false", "0", "", " ", "N", "no"])
def test_false_of_which_blank_is_one_as_abap_writes_it(value: Any) -> None:
    assert transforms.boolean(value) is False


def test_neither_true_nor_false() -> None:
    assert transforms.boolean(None) is None
    for value in ("perhaps", "2", [1], {"a": 1}):
        with pytest.raises(ValueError, match="neither true nor false"):
            transforms.boolean(value)


# Times


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("odata2", "/Date(1741046400000)/", "2025-03-04T00:00:00Z"),
        ("odata2", "/Date(1741046400000+0060)/", "2025-03-04T00:00:00Z"),
        ("odata2", "/Date(1741046400000-0300)/", "2025-03-04T00:00:00Z"),
        ("odata2", "/Date(1740985200123+0000)/", "2025-03-03T07:00:00.123Z"),
        ("odata2", "/Date(-1)/", "1969-12-31T23:59:59.999Z"),
        ("odata2", "/Date(253402214400000)/", None),
        ("odata2", "2025-03-04T07:00:00Z", "2025-03-04T07:00:00Z"),
        ("iso", "2025-03-04T07:00:00Z", "2025-03-04T07:00:00Z"),
        ("iso", "2025-03-04T07:00:00+02:00", "2025-03-04T05:00:00Z"),
        ("iso", "2025-03-04T07:00:00.5-0530", "2025-03-04T12:30:00.500Z"),
        ("iso", "2025-03-04T07:00:00.1234567Z", "2025-03-04T07:00:00.123Z"),
        ("iso", "2025-03-04 07:00:00", "2025-03-04T07:00:00Z"),
        ("iso", "2025-03-04", "2025-03-04T00:00:00Z"),
        ("parts", {"year": 2025, "month": 5, "day": 18}, "2025-05-18T00:00:00Z"),
        (
            "parts",
            {"year": 2025, "month": 5, "day": 18, "hour": 7, "minute": 1, "second": 2, "microsecond": 345678},
            "2025-05-18T07:01:02.346Z",
        ),
        ("compact", "20250304", "2025-03-04T00:00:00Z"),
        ("compact", 20250304, "2025-03-04T00:00:00Z"),
        ("compact", "202503040701", "2025-03-04T07:01:00Z"),
        ("compact", "20250304070102", "2025-03-04T07:01:02Z"),
        ("compact", "00000000", None),
        ("unix", 1741046400, "2025-03-04T00:00:00Z"),
        ("unix", Decimal("1741046400.250"), "2025-03-04T00:00:00.250Z"),
        ("unix", "1741046400", "2025-03-04T00:00:00Z"),
        ("unix_ms", 1741046400001, "2025-03-04T00:00:00.001Z"),
    ],
)
def test_formats(name: str, value: Any, expected: str | None) -> None:
    assert moment(name, value) == expected
    assert day(name, value) == (expected and expected[:10])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("odata2", "/Date(abc)/"),
        ("odata2", "/Date(-99999999999999999999999)/"),
        ("odata2", 5),
        ("iso", "04.03.2025"),
        ("iso", 20250304),
        ("parts", {"year": 2025}),
        ("parts", "2025-03-04"),
        ("parts", {"year": 2025, "month": 13, "day": 1}),
        ("compact", "2025015"),
        ("compact", "20251301"),
        ("compact", "2025-3-4"),
        ("unix", 10**18),
        ("unix", "soon"),
        ("unix_ms", 10**30),
        ("unix_ms", -(10**18)),
    ],
)
def test_what_is_no_time_rejects_the_row_and_nothing_more(name: str, value: Any) -> None:
    for convert in (moment, day, time_parser_value):
        with pytest.raises((ValueError, TypeError, ArithmeticError)) as refusal:
            convert(name, value)
        assert not isinstance(refusal.value, OSError)


def time_parser_value(name: str, value: Any) -> int | None:
    return time_parser(name)(value)


MOMENTS = st.integers(-2_208_988_800_000, 7_258_118_400_000).map(
    lambda milliseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_the_offset_behind_odata_milliseconds_never_shifts(at: datetime, offset: int) -> None:
    milliseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    written = f"/Date({milliseconds}{offset:+05d})/"
    assert (
        moment("odata2", written)
        == moment("odata2", f"/Date({milliseconds})/")
        == moment("unix_ms", milliseconds)
    )
    assert datetime.fromisoformat(str(moment("odata2", written))) == at


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_an_iso_time_means_the_same_moment_whatever_its_offset(at: datetime, offset: int) -> None:
    local = at.astimezone(timezone(timedelta(minutes=offset)))
    assert datetime.fromisoformat(str(moment("iso", local.isoformat()))) == at


@given(MOMENTS)
def test_parts_compact_and_unix_mean_the_same_moment(at: datetime) -> None:
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    expected = moment("iso", at.isoformat())
    assert moment("parts", {name: getattr(at, name) for name in names}) == expected
    assert moment("unix", Decimal(int(at.timestamp() * 1000)) / 1000) in (
        expected,
        moment("unix_ms", int(at.timestamp() * 1000)),
    )
    assert moment("compact", at.strftime("%Y%m%d%H%M%S")) == moment(
        "iso", at.replace(microsecond=0).isoformat()
    )


@given(st.dates(), st.sampled_from(["Europe/Vienna", "America/Los_Angeles", "Pacific/Kiritimati", None]))
def test_a_business_date_is_never_shifted_by_a_zone(date: Any, zone: str | None) -> None:
    assert moment("iso", date.isoformat(), zone) == f"{date.isoformat()}T00:00:00Z"
    assert day("iso", date.isoformat(), zone) == date.isoformat()


def test_a_time_without_a_zone_is_in_the_zone_of_the_source() -> None:
    assert moment("iso", "2025-01-10T12:00:00", "Europe/Vienna") == "2025-01-10T11:00:00Z"
    assert moment("iso", "2025-07-10 12:00:00", "Europe/Vienna") == "2025-07-10T10:00:00Z"
    assert moment("iso", "2025-07-10T12:00:00Z", "Europe/Vienna") == "2025-07-10T12:00:00Z"


@pytest.mark.parametrize("zone", ["Europe/Vienn", "../../etc/passwd", "", "/etc/localtime", "Europe"])
def test_an_unknown_zone_is_not_an_unknown_format(zone: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone"):
        time_parser("iso", zone)


def test_all_output_is_utc_with_a_z() -> None:
    shape = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
    assert all(shape.fullmatch(str(moment("unix_ms", value))) for value in (0, 1, 999, 1000, -1, 10**13))
