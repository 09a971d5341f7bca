"""Pages of records, also while records come, change and go between two pages."""

import json
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.store.database import Database
from appliance.store.records import ListedPage, Records, Stream
from tests.support.records import bury, new_record

Between = list[tuple[str, int, int]]
relaxed = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# What happens between two pages: a record is written or deleted; number, then when it changed.
event = st.tuples(st.sampled_from(["write", "delete"]), st.integers(0, 29), st.integers(0, 9))
between_pages = st.lists(st.lists(event, max_size=4), max_size=12)


def keys(page: ListedPage) -> list[str]:
    return [json.loads(payload)["key"] for payload in page.payloads]


class Shelf:
    """A stream of twenty records and what happens to it while it is read."""

    def __init__(self, database: Database, records: Records) -> None:
        number = database.value("SELECT count(*) FROM stream")
        self._database = database
        self._records = records
        self._version = 0
        self.stream: Stream = records.stream(f"con_{number}", "Vendor")
        records.write(self.stream, [new_record(f"k{n:02}", modified_at=1000 + n % 7) for n in range(20)])
        self.touched: set[str] = set()

    def let(self, events: Between) -> None:
        for what, number, modified in events:
            key = f"k{number:02}"
            self.touched.add(key)
            if what == "delete":
                bury(self._database, self.stream, key)
            else:
                self._version += 1
                # Later than anything listed: a source does not date changes back.
                moment = 2000 + self._version * 10 + modified
                self._records.write(self.stream, [new_record(key, self._version, modified_at=moment)])


def read(
    shelf: Shelf, happenings: list[Between], page_after: Callable[[tuple[int, int]], ListedPage]
) -> list[tuple[tuple[int, int], str]]:
    """Every record that was listed with the place of its page, while something happens between the pages."""
    found: list[tuple[tuple[int, int], str]] = []
    waiting = list(happenings)
    place = (0, 0)
    while True:
        page = page_after(place)
        if page.last is None:
            assert not page.more
            return found
        assert page.last > place, "the list goes on"
        place = page.last
        found += [(place, key) for key in keys(page)]
        if not page.more:
            return found
        if waiting:
            shelf.let(waiting.pop(0))


@relaxed
@given(happenings=between_pages, limit=st.integers(1, 7))
def test_a_list_skips_and_repeats_nothing_while_records_come_and_go(
    database: Database, records: Records, happenings: list[Between], limit: int
) -> None:
    shelf = Shelf(database, records)
    listed = [
        key for _, key in read(shelf, happenings, lambda place: records.by_id(shelf.stream, place[1], limit))
    ]
    assert len(listed) == len(set(listed)), "none twice"
    untouched = {f"k{n:02}" for n in range(20)} - shelf.touched
    assert untouched <= set(listed), "none left out"


@relaxed
@given(happenings=between_pages, limit=st.integers(1, 7), since=st.integers(998, 1008))
def test_a_list_of_changes_leaves_out_nothing_that_was_there_or_changed_meanwhile(
    database: Database, records: Records, happenings: list[Between], limit: int, since: int
) -> None:
    shelf = Shelf(database, records)
    listed = read(shelf, happenings, lambda place: records.by_modified(shelf.stream, since, place, limit))
    names = [key for _, key in listed]
    untouched = {f"k{n:02}" for n in range(20) if 1000 + n % 7 >= since} - shelf.touched
    assert untouched <= set(names)
    assert all(names.count(key) == 1 for key in untouched)


def test_the_time_since_when_is_included(records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record(f"k{at}", modified_at=at) for at in (1000, 1001, 1002)])
    assert keys(records.by_modified(stream, 1001, (0, 0), 10)) == ["k1001", "k1002"]
    assert records.count(stream, since=1001) == 2


def test_records_changed_in_the_same_millisecond_are_paged_apart(records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record(f"k{n}", modified_at=1000) for n in range(5)])
    first = records.by_modified(stream, 1000, (0, 0), 3)
    assert (keys(first), first.more) == (["k0", "k1", "k2"], True)
    assert first.last is not None
    second = records.by_modified(stream, 1000, first.last, 3)
    assert (keys(second), second.more) == (["k3", "k4"], False)


def test_a_full_last_page_does_not_promise_another(records: Records) -> None:
    stream = records.stream("con_1", "Vendor")
    records.write(stream, [new_record(f"k{n}") for n in range(4)])
    assert not records.by_id(stream, 0, 4).more
    assert records.by_id(stream, 0, 3).more
    assert records.by_id(stream, 10**9, 3) == ([], None, False)


@relaxed
@given(offset=st.integers(0, 25), limit=st.integers(1, 25), since=st.none() | st.integers(998, 1008))
def test_an_offset_gives_the_same_records_as_counting_through_the_list(
    database: Database, records: Records, offset: int, limit: int, since: int | None
) -> None:
    shelf = Shelf(database, records)
    for number in (3, 11):
        bury(database, shelf.stream, f"k{number:02}")
    everything = (
        records.by_id(shelf.stream, 0, 100)
        if since is None
        else records.by_modified(shelf.stream, since, (0, 0), 100)
    )
    page = records.by_offset(shelf.stream, since, offset, limit)
    assert keys(page) == keys(everything)[offset : offset + limit]
    assert page.more == (len(everything.payloads) > offset + limit)
    if page.last is not None:
        following = (
            records.by_id(shelf.stream, page.last[1], 100)
            if since is None
            else records.by_modified(shelf.stream, since, page.last, 100)
        )
        assert keys(following) == keys(everything)[offset + limit :], "a cursor goes on where an offset ended"
