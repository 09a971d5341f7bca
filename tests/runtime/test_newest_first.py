"""Pages by offset of rows that move, and lists that begin with what changed last."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.definition import NewestFirst, OffsetPaging
from appliance.runtime.protocols import EVERYTHING, Page, Since
from appliance.runtime.reading.newest_first import Newest
from appliance.runtime.reading.overlap import fresh
from appliance.runtime.reading.paging import Answered, first_position, next_position
from tests.runtime.opened import all_pages, defined
from tests.transport.servers import Exchange, serving

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def texts(numbers: list[int]) -> list[bytes]:
    return [b'{"id":%d}' % number for number in numbers]


@settings(max_examples=200)
@given(st.randoms(use_true_random=False), st.integers(4, 9), st.integers(1, 3), st.integers(0, 45))
def test_no_row_that_stays_is_lost_while_others_come_and_go_before_it(
    chance: Random, size: int, overlap: int, rows: int
) -> None:
    """Rows in the order of their key; between the first pages many go and some come, anywhere."""
    there = set(chance.sample(range(61), rows))
    stays = set(chance.sample(sorted(there), rows // 2))
    paging = OffsetPaging(size=size, overlap=overlap)
    position: dict[str, Any] | None = first_position(paging)
    read: set[bytes] = set()
    turns = 0
    while position is not None:
        page = texts(sorted(there)[position["offset"] : position["offset"] + paging.size])
        read.update(fresh(position, page))
        position = json.loads(json.dumps(next_position(paging, position, Answered(page))))
        turns += 1
        assert turns < 200
        if turns < 4:
            there = stays | set(chance.sample(sorted(there), len(there) // 2)) | {chance.randrange(61)}
    assert read >= set(texts(sorted(stays)))


def test_without_an_overlap_a_row_that_moves_up_is_lost() -> None:
    """What the overlap is for."""

    def read(overlap: int) -> set[bytes]:
        there = list(range(20))
        paging = OffsetPaging(size=5, overlap=overlap)
        position: dict[str, Any] | None = first_position(paging)
        found: set[bytes] = set()
        while position is not None:
            page = texts(there[position["offset"] : position["offset"] + 5])
            found.update(page)
            there = [number for number in there if number != 1]
            position = next_position(paging, position, Answered(page))
        return found

    assert b'{"id":5}' not in read(0)
    assert read(2) == set(texts(list(range(20))))


def test_pages_whose_order_changes_each_time_are_told() -> None:
    paging = OffsetPaging(size=3, overlap=1)
    position: dict[str, Any] | None = first_position(paging)
    with pytest.raises(SourceAnswerInvalid, match="another order each time"):
        for turn in range(100):
            assert position is not None
            position = next_position(
                paging, position, Answered(texts([3 * turn, 3 * turn + 1, 3 * turn + 2]))
            )


@dataclass
class Listing:
    """Rows by id with the time of their change, listed newest first; `between` is called after each page."""

    rows: dict[int, datetime]
    asked: list[int] = field(default_factory=list)
    between: Any = lambda: None
    orders: bool = True

    def __call__(self, exchange: Exchange) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(exchange.path).query).items()}
        start, size = int(query["from"]), int(query["size"])
        self.asked.append(start)
        listed = sorted(self.rows.items(), key=lambda row: (row[1], row[0]) if self.orders else (row[0],))
        listed = listed[::-1] if self.orders else listed
        content = [{"id": n, "changed": at.isoformat()} for n, at in listed[start : start + size]]
        exchange.reply(200, json.dumps(content).encode(), Content_Type="application/json")
        self.between()

    def read(self, since: Since, *, size: int = 5, overlap: int = 2, **more: Any) -> list[Page]:
        read = {
            "protocol": "http",
            "request": {"path": "r", "query": {"from": "${page.offset}", "size": "${page.size}"}},
            "paging": {"kind": "offset", "size": size, "overlap": overlap},
            "newest_first": {"by": "changed"},
            **more,
        }
        entity = {"read": read, "key": ["id"], "map": {"name": "id"}}
        document = {"http": {"base_url": "${url}"}, "entities": {"Vendor": entity}}
        with serving(self) as server:
            return all_pages(defined(document, {"url": server.url}), "Vendor", since)


def ids(pages: list[Page]) -> list[int]:
    return [json.loads(row)["id"] for page in pages for row in page.rows]


def hourly(count: int) -> dict[int, datetime]:
    return {n: NOW - timedelta(hours=n) for n in range(count)}


def test_a_pass_ends_behind_what_is_older_than_asked_for() -> None:
    listing = Listing(hourly(40))
    pages = listing.read(Since(NOW - timedelta(hours=6)))
    assert set(ids(pages)) >= set(range(7)), "the moment itself is included"
    assert listing.asked == [0, 3], "two pages of five, two rows of the first one again"
    assert ids(pages) == list(range(8)), "what comes again just as it was is given once"
    listing.asked.clear()
    assert sorted(ids(listing.read(EVERYTHING))) == list(range(40))


def test_a_source_that_orders_otherwise_is_read_to_its_end() -> None:
    listing = Listing({n: NOW - timedelta(hours=40 - n) for n in range(40)}, orders=False)
    pages = listing.read(Since(NOW - timedelta(hours=1)))
    assert sorted(ids(pages)) == list(range(40))
    assert [page.notices for page in pages if page.notices] == [
        ("The source does not list what changed last first: every pass reads all rows.",)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["new", "change", "delete"]), st.integers(0, 29)), min_size=0, max_size=6
    )
)
def test_rows_that_change_come_or_go_while_it_pages_hide_no_other(moves: list[tuple[str, int]]) -> None:
    """What has not been touched and changed late enough is read; what is touched has a time of after the start."""
    listing = Listing(hourly(30))
    touched: set[int] = set()
    pending = list(moves)

    def move() -> None:
        for kind, number in pending[:2]:
            touched.add(number)
            if kind == "delete":
                listing.rows.pop(number, None)
            else:
                name = number + 100 * len(touched) if kind == "new" else number
                listing.rows[name] = NOW + timedelta(minutes=len(touched))
        del pending[:2]

    listing.between = move
    found = set(ids(listing.read(Since(NOW - timedelta(hours=20)), size=6, overlap=3)))
    assert found >= set(range(21)) - touched


def newest(times: str = "iso", zone: str | None = None) -> Newest:
    return Newest(NewestFirst(by="t", times=times), zone, where="x")


@pytest.mark.parametrize(
    ("times", "value", "zone", "behind"),
    [
        ("iso", '"2026-01-05T08:00:00Z"', None, False),
        ("iso", '"2026-01-05T07:59:59Z"', None, False),
        ("iso", '"2026-01-05T07:59:58Z"', None, True),
        ("iso", '"2026-01-05"', None, False),
        ("iso", '"2026-01-04"', None, False),
        ("iso", '"2026-01-02"', None, True),
        ("compact", '"20260104"', None, False),
        ("compact", '"20260102"', None, True),
        ("unix", "1767600000", None, False),
        ("unix", "1767599000.5", None, True),
        ("iso", '"2026-01-05 08:59:00"', "Europe/Berlin", False),
        ("iso", '"2026-01-05 05:59:00"', "Europe/Berlin", True),
        ("iso", "null", None, False),
    ],
)
def test_a_time_is_behind_only_when_it_surely_is(
    times: str, value: str, zone: str | None, behind: bool
) -> None:
    assert newest(times, zone).is_behind(f'{{"t":{value}}}'.encode(), NOW) is behind


def test_the_hour_that_comes_twice_is_not_behind() -> None:
    since = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    row = b'{"t":"2026-10-25 02:30:00"}'  # perhaps the second time, which is 01:30 UTC
    assert not newest(zone="Europe/Berlin").is_behind(row, since)


def test_what_is_no_time_is_named() -> None:
    with pytest.raises(SourceAnswerInvalid, match="at 't' is no time"):
        newest().falls([b'{"t":"soon"}'])
    with pytest.raises(ConfigurationError, match="newest_first"):
        newest("sundial")


@pytest.mark.parametrize("overlap", [5, 6])
def test_an_overlap_is_smaller_than_a_page(overlap: int) -> None:
    with pytest.raises(ConfigurationError, match="smaller than their `size`"):
        Listing({}).read(EVERYTHING, size=5, overlap=overlap)
