"""Pages by condition, order and deletion, while records come, change and go between them."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.clock import SystemClock
from appliance.store.database import Database, QueryTooLong
from appliance.store.lists import Lists, Rows
from appliance.store.records import Records, Stream
from appliance.store.selection import Condition, Order, Place, Selection, Step
from tests.support.clock import ManualClock
from tests.support.records import new_record

VALUE = Place((Step("value"),), "any")
relaxed = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
event = st.tuples(st.sampled_from(["write", "delete"]), st.integers(0, 29), st.integers(0, 5))
selections = st.builds(
    Selection,
    conditions=st.sampled_from([(), (Condition(VALUE, "gteq", ("2",)),), (Condition(VALUE, "exists"),)]),
    order=st.sampled_from([(), (Order(VALUE),), (Order(VALUE, True),)]),
    since=st.sampled_from([None, 1002]),
    deleted=st.sampled_from(["exclude", "include", "only"]),
)


def keys(rows: Any) -> list[str]:
    return [json.loads(row.payload)["key"] for row in rows]


def shelf(database: Database, records: Records) -> Stream:
    number = database.value("SELECT count(*) FROM stream")
    stream = records.stream(f"con_{number}", "Vendor")
    records.write(
        stream,
        [new_record(f"k{n:02}", None if n % 5 == 0 else n % 4, modified_at=1000 + n % 7) for n in range(20)],
    )
    records.mark_deleted(stream, ["k03", "k10", "k11"], 1500)
    return stream


@relaxed
@given(
    selection=selections,
    happenings=st.lists(st.lists(event, max_size=3), max_size=8),
    limit=st.integers(1, 7),
)
def test_what_nobody_touches_is_listed_exactly_once(
    database: Database, records: Records, selection: Selection, happenings: list[Any], limit: int
) -> None:
    lists = Lists(database, records, SystemClock())
    stream = shelf(database, records)
    everything = keys(lists.page(Rows(stream), selection, 100).rows)
    assert len(everything) == lists.count(Rows(stream), selection)
    touched: set[str] = set()
    seen: list[str] = []
    place: list[Any] | None = None
    while True:
        page = lists.page(Rows(stream), selection, limit, after=place)
        seen += keys(page.rows)
        if not page.more:
            break
        place = page.last
        for what, number, value in happenings.pop(0) if happenings else []:
            key = f"k{number:02}"
            touched.add(key)
            if what == "delete":
                records.mark_deleted(stream, [key], 2000)
            else:
                records.write(stream, [new_record(key, value, modified_at=2000)])
    untouched = [key for key in everything if key not in touched]
    assert [key for key in seen if key not in touched] == untouched


@relaxed
@given(selection=selections, offset=st.integers(0, 25), limit=st.integers(1, 10))
def test_a_page_by_number_is_a_part_of_the_whole_and_a_cursor_goes_on_after_it(
    database: Database, records: Records, selection: Selection, offset: int, limit: int
) -> None:
    lists = Lists(database, records, SystemClock())
    stream = shelf(database, records)
    everything = keys(lists.page(Rows(stream), selection, 100).rows)
    page = lists.page(Rows(stream), selection, limit, offset=offset)
    assert keys(page.rows) == everything[offset : offset + limit]
    assert page.more == (len(everything) > offset + limit)
    if page.last is not None:
        following = lists.page(Rows(stream), selection, 100, after=page.last)
        assert keys(following.rows) == everything[offset + limit :]


def test_deleted_records_come_by_choice_with_the_time(database: Database, records: Records) -> None:
    lists, stream = Lists(database, records, SystemClock()), shelf(database, records)
    found = lists.page(Rows(stream), Selection(deleted="only"), 10).rows
    assert keys(found) == ["k03", "k10", "k11"]
    assert {row.deleted_at for row in found} == {1500}
    assert len(lists.page(Rows(stream), Selection(deleted="include"), 100).rows) == 20


def test_source_rows_are_selected_as_they_came(database: Database, records: Records) -> None:
    lists, stream = Lists(database, records, SystemClock()), records.stream("con_1", "Vendor")
    # Enough rows for a dictionary to be learned.
    records.write(stream, [new_record(f"k{n}", n, unmapped=f"u{n % 3}") for n in range(80)])
    unmapped = Condition(Place((Step("unmapped"),), "any"), "eq", ("u1",))
    found = lists.page(
        Rows(stream, of="source"), Selection(conditions=(unmapped,), order=(Order(VALUE, True),)), 2
    )
    assert [json.loads(row.payload)["id"] for row in found.rows] == ["k79", "k76"]
    assert lists.count(Rows(stream, of="source"), Selection(conditions=(unmapped,))) == 27
    assert lists.columns(stream) == ["id", "value", "unmapped"]


def test_a_record_belongs_to_where_it_leads_now(database: Database) -> None:
    records = Records(database, {"Vendor": ("value",)})
    lists, stream = Lists(database, records, SystemClock()), records.stream("con_1", "Vendor")

    def below(target: str) -> list[str]:
        return keys(lists.page(Rows(stream), Selection(linked_to=target), 10).rows)

    records.write(stream, [new_record("a", "one"), new_record("b", "one"), new_record("c", None)])
    records.write(stream, [new_record("b", "two")])
    assert (below("one"), below("two"), below("three")) == (["a"], ["b"], [])
    records.mark_deleted(stream, ["a"], 5)
    assert below("one") == []
    records.erase("con_1")
    assert database.value("SELECT count(*) FROM record_link") == 0


class TestAStatementIsBoundedInTime:
    @pytest.fixture
    def slow(self, database: Database, records: Records) -> tuple[Lists, Stream, ManualClock]:
        """A clock that jumps whenever it is looked at: any statement long enough to be looked at takes too long."""

        class Jumping(ManualClock):
            def monotonic(self) -> float:
                self.advance(60)
                return super().monotonic()

        stream = records.stream("con_1", "Vendor")
        records.write(stream, [new_record(f"k{n}", n) for n in range(3000)])
        clock = Jumping()
        return Lists(database, records, clock), stream, clock

    NOTHING = Selection(conditions=(Condition(VALUE, "eq", ("none",)),))

    def test_a_page_is_refused_with_advice(self, slow: tuple[Lists, Stream, ManualClock]) -> None:
        lists, stream, _ = slow
        with pytest.raises(QueryTooLong, match="Narrow the list"):
            lists.page(Rows(stream), self.NOTHING, 10)
        assert len(lists.page(Rows(stream), Selection(), 10).rows) == 10, "the connection goes on"

    def test_a_count_is_left_out(self, slow: tuple[Lists, Stream, ManualClock]) -> None:
        lists, stream, _ = slow
        assert lists.count(Rows(stream), self.NOTHING) is None
        assert lists.count(Rows(stream), Selection(), live=3000) == 3000
