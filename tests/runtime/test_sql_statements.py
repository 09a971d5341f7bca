"""Statements in the words of each dialect, and the values that go into them."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.runtime.definition import SqlCursor
from appliance.runtime.protocols import Since
from appliance.runtime.protocols.sql.changes import earliest_local, lower_bound
from appliance.runtime.protocols.sql.statement import (
    Parameters,
    Relation,
    after,
    among,
    coalesced,
    count,
    select,
)
from appliance.runtime.protocols.sql.values import pack, row_text, unpack, version_bytes, version_number
from appliance.transport.sql.drivers import DRIVERS
from appliance.transport.sql.guard import check

# ruff: noqa: DTZ001 - local times of columns without a zone


def relation(dialect, prefix="", body="SELECT a, b FROM t"):
    return Relation(dialect, prefix, body, lambda name: f"<{name}>")


def test_what_comes_after_a_row_is_asked_for_column_by_column():
    parameters = Parameters()
    assert after(["a", "b", "c"], [1, 2, 3], parameters) == (
        "a >= :p__0 AND (a > :p__0 OR (a = :p__0 AND b >= :p__1 AND (b > :p__1 OR (b = :p__1 AND c > :p__2))))"
    )
    assert parameters.values == [1, 2, 3]


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1), st.tuples(*[st.integers(0, 2)] * 3))
def test_the_condition_means_the_order_of_whole_rows(rows, last):
    parameters = Parameters()
    condition = after(["a", "b", "c"], last, parameters)
    python = condition.replace(" AND ", " and ").replace(" OR ", " or ").replace(" = ", " == ")
    for number, value in enumerate(parameters.values):
        python = python.replace(f":p__{number}", str(value))
    for a, b, c in rows:
        assert eval(python, {"a": a, "b": b, "c": c}) == ((a, b, c) > last)  # noqa: S307 - our own text


@pytest.mark.parametrize(
    ("dialect", "statement"),
    [
        ("postgresql", "SELECT q.* FROM (SELECT a, b FROM t) q WHERE (q.<a> > 1) ORDER BY q.<a> LIMIT 5"),
        ("mysql", "SELECT q.* FROM (SELECT a, b FROM t) q WHERE (q.<a> > 1) ORDER BY q.<a> LIMIT 5"),
        ("sqlserver", "SELECT TOP 5 q.* FROM (SELECT a, b FROM t) q WHERE (q.<a> > 1) ORDER BY q.<a>"),
        (
            "oracle",
            "SELECT * FROM (SELECT q.* FROM (SELECT a, b FROM t) q WHERE (q.<a> > 1) ORDER BY q.<a>) "
            "WHERE ROWNUM <= 5",
        ),
    ],
)
def test_a_page_is_limited_in_every_dialect(dialect, statement):
    assert select(relation(dialect), ["q.<a> > 1"], ["q.<a>"], 5) == statement


@pytest.mark.parametrize("dialect", DRIVERS)
def test_every_statement_passes_the_check_of_its_dialect(dialect):
    quote = {"mysql": "`{}`", "sqlserver": "[{}]"}.get(dialect, '"{}"')
    whole = Relation(dialect, "WITH c AS (SELECT a, b FROM t) ", "SELECT a, b FROM c", quote.format)
    parameters = Parameters()
    changed = coalesced(whole, ["a", "b"])
    conditions = [f"{changed} >= {parameters.place(1)}", after([changed, "q.b"], [1, 2], parameters)]
    for statement in (
        select(whole, conditions, [changed, "q.b"], 10),
        count(whole, conditions),
        select(whole, [among(["q.a", "q.b"], [(1, 2), (3, 4)], parameters)], ["q.a"]),
        select(whole, [among(["q.a"], [(1,), (3,)], parameters)], ["q.a"]),
    ):
        check(statement, dialect)
    if dialect == "sqlserver":
        check(select(whole, ["q.v < MIN_ACTIVE_ROWVERSION()"], ["q.v"], 10), dialect)


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "America/St_Johns",
)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(), timedelta(days=2)),
    st.sampled_from(ZONES),
)
def test_no_change_is_lost_when_clocks_are_set_back(since, later, zone):
    """Whatever the wall shows at the time of a change, it is not before the bound."""
    on_the_wall = (since + later).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert on_the_wall >= earliest_local(since, ZoneInfo(zone))


def test_the_hour_that_comes_twice_is_read_again():
    zone = ZoneInfo("Europe/Berlin")
    before = datetime(2026, 10, 25, 0, 50, tzinfo=UTC)  # 02:50 for the first time
    assert earliest_local(before, zone) == datetime(2026, 10, 25, 1, 50)
    assert earliest_local(before + timedelta(hours=2), zone) == datetime(2026, 10, 25, 3, 50)


@pytest.mark.parametrize(
    ("kind", "since", "bound"),
    [
        ("timestamp", Since(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)), datetime(2026, 7, 2, 0, 30)),
        ("date", Since(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)), date(2026, 7, 2)),
        (
            "timestamptz",
            Since(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)),
            datetime(2026, 7, 1, 22, 30, tzinfo=UTC),
        ),
        ("number", Since(mark=100), 90),
        ("number", Since(datetime(2026, 7, 1, tzinfo=UTC)), None),
        ("rowversion", Since(mark=2001), (1991).to_bytes(8, "big")),
        ("timestamp", Since(mark=7), None),
    ],
)
def test_the_lower_bound_has_the_type_of_its_column(kind, since, bound):
    cursor = SqlCursor(columns=("c",), kind=kind, overlap=10)
    assert lower_bound(cursor, since, ZoneInfo("Europe/Berlin")) == bound


value = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.text(max_size=20),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.datetimes(),
    st.datetimes(timezones=st.sampled_from([UTC])),
    st.dates(),
    st.times(),
    st.uuids(),
    st.binary(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(value)
def test_a_position_gives_its_values_back_with_their_types(given_value):
    back = unpack(msgspec.json.decode(msgspec.json.encode(pack(given_value))))
    assert (type(back), back) == (type(given_value), given_value)


def test_values_that_have_no_order_are_no_keys():
    with pytest.raises(TypeError):
        pack(None)
    with pytest.raises(TypeError):
        pack({"a": 1})


def test_values_of_a_row_are_written_exactly():
    row = {
        "decimal": Decimal("1.10"),
        "nan": Decimal("NaN"),
        "time": time(8, 30),
        "hours": timedelta(hours=25, minutes=1, seconds=2),
        "zero": "0000-00-00 00:00:00",
        "uuid": UUID(int=1),
        "padded": "W1   ",
        "lines": [{"padded": "L1  ", "price": Decimal("2.50")}],
        "array": ["a ", 1],
    }
    assert row_text(row, trim=True) == (
        b'{"decimal":1.10,"nan":null,"time":"08:30:00","hours":"25:01:02","zero":null,'
        b'"uuid":"00000000-0000-0000-0000-000000000001","padded":"W1",'
        b'"lines":[{"padded":"L1","price":2.50}],"array":["a ",1]}'
    )
    assert b'"W1   "' in row_text(row)


def test_a_row_version_is_the_number_it_is():
    assert version_number(b"\0\0\0\0\0\0\x07\xd1") == 2001
    assert version_bytes(2001) == b"\0\0\0\0\0\0\x07\xd1"
