"""Pages of real databases: no row is lost at the border of a page, none is altered on its way."""

# ruff: noqa: DTZ001 - columns without a zone

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.protocols.sql import pages as pages_module
from tests.runtime.opened import EXACT, all_pages, all_rows, defined
from tests.support.plant_database import PlantDatabase

START = datetime(2026, 1, 5, 8, 0)
ENTITY = {"key": ["no"], "map": {"code": "no"}}


@pytest.fixture(params=["postgres_plant", "mariadb_plant"])
def plant(request: pytest.FixtureRequest) -> PlantDatabase:
    found: PlantDatabase = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def reading(plant: PlantDatabase) -> Iterator[Any]:
    """A function of a `read` that gives a connector for it."""
    opened: list[Connector] = []

    def read(**said: Any) -> Connector:
        entity = {**ENTITY, "read": {"protocol": "sql", **said}}
        connector = defined({"sql": {}, "entities": {"WorkOrder": entity}}, plant.fields)
        opened.append(connector)
        return connector

    yield read
    for connector in opened:
        connector.close()


def numbers(rows: list[bytes]) -> list[Any]:
    return [msgspec.json.decode(row)["no"] for row in rows]


def test_every_row_comes_once_in_the_order_of_the_key(plant, reading):
    plant.table("wo", "no int primary key, title varchar(40)", [(n, f"Order {n}") for n in range(1, 26)])
    pages = all_pages(reading(table="wo", size=10), "WorkOrder")
    assert [len(page.rows) for page in pages] == [10, 10, 5]
    assert pages[0].expected == 25
    assert numbers([row for page in pages for row in page.rows]) == list(range(1, 26))


def test_a_page_that_is_just_full_is_followed_by_an_empty_one(plant, reading):
    plant.table("wo", "no int primary key", [(n,) for n in range(10)])
    assert [len(page.rows) for page in all_pages(reading(table="wo", size=5), "WorkOrder")] == [5, 5, 0]


def test_a_key_of_several_columns_splits_a_group_between_pages(plant, reading):
    rows = [(a, b, c) for a, b, c in itertools.product("AB", range(3), (Decimal("1.10"), Decimal("2.20")))]
    plant.table("wo", "no char(4) not null, line int not null, price decimal(9,2) not null", rows)
    found = all_rows(reading(table="wo", keys=["no", "line", "price"], size=5), "WorkOrder")
    taken = [msgspec.json.decode(row, type=dict[str, Any]) for row in found]
    assert [(row["no"].strip(), row["line"], Decimal(str(row["price"]))) for row in taken] == sorted(rows)


def test_values_are_exact(plant, reading):
    kinds = "no int primary key, amount decimal(30,10), day date, moment timestamp(6) null, text text, raw {}"
    binary = "bytea" if plant.dialect == "postgresql" else "varbinary(20)"
    moment = datetime(2026, 1, 5, 8, 0, 0, 123456)
    amount = Decimal("12345678901234567890.0123456789")
    row = (1, amount, date(2026, 1, 5), moment, 'Größe "5\' %s :x"\n', b"\x00\xff")
    plant.table("wo", kinds.format(binary), [row, (2, None, None, None, None, None)])
    first, second = (EXACT.decode(found) for found in all_rows(reading(table="wo"), "WorkOrder"))
    assert first == {
        "no": 1,
        "amount": "12345678901234567890.0123456789",
        "day": "2026-01-05",
        "moment": "2026-01-05T08:00:00.123456",
        "text": 'Größe "5\' %s :x"\n',
        "raw": "AP8=",
    }
    assert set(second.values()) == {2, None}


def test_percent_signs_and_colons_of_a_query_stay_as_they_are(plant, reading):
    plant.table("wo", "no int primary key, title varchar(20)", [(1, "10% a:b"), (2, "x"), (3, "20% :p")])
    query = "SELECT no, title, '50% :x 12:30' AS note FROM wo WHERE title LIKE '%0\\% %'".replace("\\", "")
    rows = [msgspec.json.decode(row) for row in all_rows(reading(query=query, size=1), "WorkOrder")]
    assert [row["no"] for row in rows] == [1, 3]
    assert rows[0]["note"] == "50% :x 12:30"


def test_a_query_with_a_with_part_is_paged(plant, reading):
    plant.table("wo", "no int primary key, title varchar(20)", [(n, "t") for n in range(7)])
    query = "WITH late AS (SELECT no, title FROM wo WHERE no > 2) SELECT no, title FROM late"
    assert numbers(all_rows(reading(query=query, size=3), "WorkOrder")) == [3, 4, 5, 6]


def changed(**more: Any) -> dict[str, Any]:
    return {"table": "wo", "cursor": {"columns": ["changed", "created"], "kind": "timestamp", **more}}


def test_changes_are_asked_for_in_the_zone_of_the_source(plant, reading):
    # 08:00 UTC is 09:00 on the wall of the plant, in whose time the column is.
    rows = [(n, START + timedelta(minutes=30 * n), START) for n in range(5)]
    plant.table("wo", "no int primary key, changed datetime, created datetime".replace(
        "datetime", "timestamp(0)" if plant.dialect == "postgresql" else "datetime"), rows)  # fmt: skip
    since = Since(datetime(2026, 1, 5, 8, 0, tzinfo=UTC))
    assert numbers(all_rows(reading(**changed()), "WorkOrder", since)) == [2, 3, 4]
    assert numbers(all_rows(reading(**changed(zone="UTC")), "WorkOrder", since)) == [0, 1, 2, 3, 4]


def test_a_row_that_was_never_changed_counts_by_its_creation(plant, reading):
    kind = "timestamp(0)" if plant.dialect == "postgresql" else "datetime"
    late = START + timedelta(days=1)
    rows = [(1, None, late), (2, None, None), (3, late, START), (4, None, START)]
    plant.table("wo", f"no int primary key, changed {kind} null, created {kind} null", rows)
    reads = reading(**changed())
    assert numbers(all_rows(reads, "WorkOrder", Since(late.replace(tzinfo=UTC) - timedelta(hours=2)))) == [
        1,
        3,
    ]
    assert numbers(all_rows(reads, "WorkOrder")) == [1, 2, 3, 4], "a full pass loses no row without a time"


def test_many_rows_of_one_moment_are_told_apart_by_their_key(plant, reading):
    kind = "timestamp(6)" if plant.dialect == "postgresql" else "datetime(6)"
    rows = [(n, START) for n in range(25)]
    plant.table("wo", f"no int primary key, changed {kind}", rows)
    read = {"table": "wo", "size": 4, "cursor": {"columns": ["changed"], "kind": "timestamp"}}
    since = Since(START.replace(tzinfo=UTC) - timedelta(hours=3))
    assert numbers(all_rows(reading(**read), "WorkOrder", since)) == list(range(25))


def test_a_number_leaves_a_mark_and_what_is_inserted_meanwhile_is_read(plant, reading):
    plant.table("wo", "no int primary key, version bigint", [(n, 100 + n) for n in range(4)])
    connector = reading(table="wo", size=2, cursor={"columns": ["version"], "kind": "number", "overlap": 1})
    pages = connector.pages("WorkOrder")
    first = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=False)
    # It is numbered behind all that was there, though its key comes first.
    plant.execute("INSERT INTO wo VALUES (-1, 104)")
    second = pages.fetch(first.next, EVERYTHING, resuming=False, sample=False)
    third = pages.fetch(second.next, EVERYTHING, resuming=False, sample=False)
    assert numbers([*first.rows, *second.rows, *third.rows]) == [0, 1, 2, 3, -1]
    assert third.mark == 104
    assert numbers(all_rows(connector, "WorkOrder", Since(mark=103))) == [3, -1]
    (empty,) = all_pages(connector, "WorkOrder", Since(mark=200))
    assert empty.mark is None, "what was reached before stays"


def test_children_come_with_one_query_a_page(plant, reading):
    plant.table("wo", "no char(4) primary key", [("A",), ("B",), ("C",)])
    lines = [("A", 2, "second"), ("A", 1, "first"), ("C", 1, "only"), ("X", 1, "nobody's")]
    plant.table("wo_line", "wono char(4), line int, text varchar(20)", lines)
    children = [{"into": "lines", "table": "wo_line", "by": {"wono": "no"}, "order": ["line"]}]
    rows = [
        msgspec.json.decode(r) for r in all_rows(reading(table="wo", children=children, size=2), "WorkOrder")
    ]
    assert [[line["text"] for line in row["lines"]] for row in rows] == [["first", "second"], [], ["only"]]


def test_children_are_joined_by_several_columns(plant, reading):
    plant.table("wo", "no int, site int, primary key (no, site)", [(n, s) for n in range(3) for s in (1, 2)])
    plant.table("wo_line", "wono int, wosite int, line int", [(1, 2, 7), (2, 1, 8), (2, 1, 9)])
    by = {"wono": "no", "wosite": "site"}
    children = [{"into": "lines", "query": "SELECT * FROM wo_line", "by": by, "order": ["line"]}]
    reads = reading(table="wo", keys=["no", "site"], children=children)
    rows = [msgspec.json.decode(row) for row in all_rows(reads, "WorkOrder")]
    found = {(row["no"], row["site"]): [line["line"] for line in row["lines"]] for row in rows}
    assert {key: value for key, value in found.items() if value} == {(1, 2): [7], (2, 1): [8, 9]}


def test_a_key_without_a_value_is_found_by_the_test_of_the_connection(plant, reading):
    plant.table("wo", "no int, title varchar(20)", [(1, "a"), (None, "b")])
    pages = reading(table="wo").pages("WorkOrder")
    with pytest.raises(SourceAnswerInvalid, match="no value in no"):
        pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)


def test_a_key_that_is_not_unique_does_not_read_for_ever(plant, reading):
    plant.table("wo", "no int, title varchar(20)", [(1, "a")] * 6)
    assert len(all_rows(reading(table="wo", size=3), "WorkOrder")) == 3


def test_a_column_that_is_not_there_is_named(plant, reading):
    plant.table("wo", "no int primary key", [(1,)])
    with pytest.raises(SourceAnswerInvalid, match="names a table or column"):
        all_rows(reading(table="wo", keys=["nr"]), "WorkOrder")


@given(data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_rows_there_all_along_are_read_whatever_is_inserted_and_deleted_meanwhile(plant, reading, data):
    start = data.draw(st.sets(st.integers(0, 60), max_size=25))
    plant.table("wo", "no int primary key", [(n,) for n in sorted(start)])
    pages = reading(table="wo", size=data.draw(st.integers(1, 7)), count=False).pages("WorkOrder")
    present, stable, found = set(start), set(start), []
    position = pages.first()
    while position is not None:
        page = pages.fetch(position, EVERYTHING, resuming=False, sample=False)
        found += numbers(page.rows)
        position = page.next
        gone = data.draw(st.sets(st.sampled_from(sorted(present)), max_size=3)) if present else set()
        come = data.draw(st.sets(st.integers(0, 60), max_size=3)) - present
        for number in gone:
            plant.execute(f"DELETE FROM wo WHERE no = {number}")
        for number in come:
            plant.execute(f"INSERT INTO wo VALUES ({number})")
        present = (present - gone) | come
        stable -= gone
    assert stable <= set(found)
    assert len(found) == len(set(found)) or set(found) - stable
    assert found == sorted(found)


def test_rows_read_again_for_the_overlap_do_not_set_the_mark_back(plant, reading):
    plant.table("wo", "no int primary key, version bigint", [(n, 100 + n) for n in range(5)])
    connector = reading(table="wo", cursor={"columns": ["version"], "kind": "number", "overlap": 10})
    (page,) = all_pages(connector, "WorkOrder", Since(mark=110))
    assert (numbers(page.rows), page.mark) == ([1, 2, 3, 4], 110)


def test_a_page_of_large_rows_ends_early_and_the_next_goes_on_there(plant, reading, monkeypatch):
    monkeypatch.setattr(pages_module, "PAGE_BYTES", 100)
    plant.table("wo", "no int primary key, text text", [(n, "x" * 40) for n in range(7)])
    pages = all_pages(reading(table="wo", size=10), "WorkOrder")
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert numbers([row for page in pages for row in page.rows]) == list(range(7))


def test_rows_without_a_time_are_told_by_the_test_of_the_connection(plant, reading):
    kind = "timestamp(0)" if plant.dialect == "postgresql" else "datetime"
    plant.table("wo", f"no int primary key, changed {kind} null, created {kind} null", [(1, None, None)])
    pages = reading(**changed()).pages("WorkOrder")
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
    assert "no value in changed and created" in page.notices[0]
