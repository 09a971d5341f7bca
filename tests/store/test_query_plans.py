"""Every query on records goes through an index, whatever the number of records."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from appliance.clock import Clock, SystemClock
from appliance.store.database import Database
from appliance.store.lists import Lists, Rows
from appliance.store.records import Records, Stream
from appliance.store.selection import Condition, Place, Selection, Step
from tests.support.records import new_record


class Listening:
    """A database that notes every statement; everything else is the real one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.said: dict[str, Sequence[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        self.said[sql] = parameters
        return self._database.rows(sql, parameters)

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        self.said[sql] = parameters
        return self._database.row(sql, parameters)

    def tuples(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        self.said[sql] = parameters
        return self._database.tuples(sql, parameters)

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        self.said[sql] = parameters
        return self._database.value(sql, parameters)

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        self.said[sql] = parameters
        return self._database.run(sql, parameters)

    def run_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> int:
        kept = list(parameters)
        if kept:
            self.said[sql] = kept[0]
        return self._database.run_many(sql, kept)

    @contextmanager
    def within(self, seconds: float, clock: Clock) -> Iterator[None]:
        with self._database.within(seconds, clock):
            yield

    @contextmanager
    def write(self) -> Iterator[None]:
        with self._database.write():
            yield


def said_by_everything(database: Database) -> dict[str, Sequence[Any]]:
    """Call every method of Records and return the statements that ran, with parameters."""
    listening = Listening(database)
    records = Records(listening, {"Vendor": ("value",)})  # type: ignore[arg-type]
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record(f"k{n}", n) for n in range(60)])
    records.write(stream, [new_record("k1", "new"), new_record("k2", 2, unmapped=1)])
    records.held(stream, ["k1"])
    records.by_id(stream, 5, 10)
    records.by_modified(stream, 1000, (1000, 5), 10)
    records.by_offset(stream, None, 5, 10)
    records.by_offset(stream, 1000, 5, 10)
    records.count(stream)
    records.count(stream, since=1000)
    records.counts("con_1")
    records.payload(stream, "k1")
    records.payloads("con_1", "Vendor", ["k1"])
    records.row(stream, "k1", deleted="include", with_raw=True)
    records.state("con_1", "Vendor")
    records.raw(stream, "k1")
    records.raws(stream, ["k1"])
    records.with_value(stream, "value", "3")
    records.rows_after(stream, 5, 10)
    records.newest(stream, 10)
    page_everything(Lists(listening, records, SystemClock()), stream)  # type: ignore[arg-type]
    records.mark_deleted(stream, ["k2"], 1_000, "run_1")
    records.undelete(stream, "run_1", 1_000, 10)
    records.erase("con_1")
    return listening.said


def page_everything(lists: Lists, stream: Stream) -> None:
    """Pages that indexes alone find, and pages by condition, which read documents until they are full."""
    found = (Condition(Place((Step("value"),), "any"), "eq", ("3",)),)
    selections = [
        Selection(since=1000, until=2000),
        Selection(deleted="only"),
        Selection(deleted="include", since=1000),
        Selection(linked_to="3"),
        Selection(conditions=found),
        Selection(conditions=found, since=1000, deleted="include"),
    ]
    for rows in (Rows(stream), Rows(stream, of="source"), Rows(stream, member="value")):
        for selection in selections[: 4 if rows.member else None]:
            after = [0] * (len(rows.member or "") > 0) + [0] + [0] * (selection.since is not None)
            lists.page(rows, selection, 10, after=after, with_raw=True)
            lists.page(rows, selection, 10, offset=5)
            lists.count(rows, selection)
    lists.names(stream, "value")
    lists.columns(stream)
    lists.tables("con_1")


@pytest.fixture(params=["never analyzed", "analyzed"])
def filled(database: Database, request: pytest.FixtureRequest) -> Database:
    if request.param != "never analyzed":
        stream = Records(database).stream("con_0", "Vendor")
        Records(database).write(stream, [new_record(f"k{n}", n) for n in range(5000)])
        database.run("ANALYZE")
    return database


def test_every_method_of_records_is_covered_here() -> None:
    public = {name for name in vars(Records) if not name.startswith("_")}
    called = set(said_by_everything.__code__.co_names)
    assert public - called == {"find_stream", "erase_stream"}, "called by `stream` and `erase`"


def test_no_query_walks_through_all_records(filled: Database) -> None:
    said = said_by_everything(filled)
    assert len(said) > 15
    for sql, parameters in said.items():
        plan = [row["detail"] for row in filled.rows(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        walked = [step for step in plan if step.startswith(("SCAN record", "SCAN r "))]
        assert not walked, f"{sql}\n{plan}"
        assert not [step for step in plan if "AUTOMATIC" in step], f"{sql}\n{plan}"


def test_lists_are_read_in_their_order_without_sorting(filled: Database) -> None:
    said = said_by_everything(filled)
    lists = [sql for sql in said if "ORDER BY" in sql and "id IN (" not in sql and "FROM record" in sql]
    # The two halves of what is there and what is deleted are each read in order, and merged as they are short.
    lists = [sql for sql in lists if "UNION ALL" not in sql]
    assert len(lists) >= 3
    for sql in lists:
        plan = [row["detail"] for row in filled.rows(f"EXPLAIN QUERY PLAN {sql}", said[sql])]
        # Items of one record are put in order among themselves.
        whole = [step for step in plan if step == "USE TEMP B-TREE FOR ORDER BY"]
        assert not whole, f"{sql}\n{plan}"


def test_records_are_looked_up_by_their_key(filled: Database) -> None:
    said = said_by_everything(filled)
    lookups = [sql for sql in said if "AND key" in sql and "FROM record" in sql]
    assert len(lookups) == 8, "hashes, write, its links twice, payload, row, raw, raws"
    for sql in lookups:
        plan = [row["detail"] for row in filled.rows(f"EXPLAIN QUERY PLAN {sql}", said[sql])]
        assert any("record_key (stream_id=? AND key=?)" in step for step in plan), f"{sql}\n{plan}"
