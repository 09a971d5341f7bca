"""A long period is asked for in slices of time, and none of its rows is lost between two of them."""

# ruff: noqa: DTZ001 - times that hypothesis puts into their zone

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.runtime.connector import Connector
from appliance.runtime.definition import SqlCursor, Window
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import EVERYTHING, Page, Position, Since
from appliance.runtime.protocols.slices import SlicedPages
from appliance.runtime.protocols.sql.changes import lower_bound, upper_bound
from tests.runtime.opened import all_pages, defined
from tests.simulators.odata4 import Orders4
from tests.support.clock import ManualClock
from tests.support.plant_database import PlantDatabase
from tests.transport.servers import Exchange, serving

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
YEAR = Since(NOW - timedelta(days=365))


@dataclass
class Journal:
    """Rows with the time of their change, in pages of two; remembers each slice it was asked for."""

    rows: list[datetime]
    asked: list[tuple[datetime | None, datetime | None, int]] = field(default_factory=list)
    forgets: bool = False
    endless: bool = False

    def first(self) -> Position:
        return {"skip": 0}

    def fetch(self, position: Position, since: Since, *, resuming: bool, sample: bool) -> Page:
        if resuming and self.forgets:
            raise ResumeRefused("forgotten")
        self.asked.append((since.moment, since.until, position["skip"]))
        until = None if self.endless else since.until
        found = [
            moment
            for moment in sorted(self.rows)
            if (since.moment is None or moment >= since.moment) and (until is None or moment < until)
        ]
        skip = position["skip"]
        more = {"skip": skip + 2} if len(found) > skip + 2 else None
        texts = [json.dumps(moment.isoformat()).encode() for moment in found[skip : skip + 2]]
        return Page(texts, more, len(found), endless=self.endless and skip == 0)


def sliced(journal: Journal, days: int = 30, most: int = 120) -> SlicedPages:
    return SlicedPages(journal, Window(days=days, most=most), ManualClock())


def read(pages: SlicedPages, since: Since = YEAR, position: Position | None = None) -> list[Page]:
    position = position or pages.first()
    found: list[Page] = []
    while position is not None:
        found.append(pages.fetch(json.loads(json.dumps(position)), since, resuming=False, sample=False))
        position = found[-1].next
        assert len(found) < 500
    return found


def rows_of(pages: list[Page]) -> list[datetime]:
    return [datetime.fromisoformat(json.loads(row)) for page in pages for row in page.rows]


@given(st.lists(st.integers(0, 400 * 24), max_size=30), st.integers(1, 90), st.integers(1, 400))
def test_every_row_comes_once_and_in_order_whatever_the_slices(
    hours: list[int], days: int, most: int
) -> None:
    assert YEAR.moment is not None
    journal = Journal([YEAR.moment + timedelta(hours=hour) for hour in hours])
    assert rows_of(read(sliced(journal, days, most))) == sorted(journal.rows)
    edges = [asked[:2] for asked in journal.asked if asked[2] == 0]
    assert edges[0][0] == YEAR.moment
    assert edges[-1][1] is None
    assert all(before[1] == after[0] for before, after in itertools.pairwise(edges))


def test_an_empty_year_is_asked_for_in_few_requests() -> None:
    journal = Journal([])
    read(sliced(journal, days=1, most=64))
    lengths = [(until - moment).days for moment, until, _ in journal.asked if moment and until]
    assert lengths == [1, 2, 4, 8, 16, 32, 64, 64, 64, 64]
    assert journal.asked[-1][1] is None


def test_a_slice_after_one_with_rows_has_its_length_again() -> None:
    assert YEAR.moment is not None
    journal = Journal([YEAR.moment + timedelta(days=100)])
    read(sliced(journal, days=30, most=240))
    lengths = [(until - moment).days for moment, until, _ in journal.asked if moment and until]
    assert lengths == [30, 60, 120, 30, 60], "the third holds the row, and the last has no end"


def test_a_killed_pass_goes_on_in_its_slice() -> None:
    assert YEAR.moment is not None
    journal = Journal([YEAR.moment + timedelta(days=day) for day in range(360)])
    pages = sliced(journal)
    begun = read(pages)
    kept = begun[40].next
    assert kept is not None
    journal.asked.clear()
    rest = rows_of(read(sliced(journal), position=kept))
    assert rest == rows_of(begun[41:])
    assert journal.asked[0][0] == datetime.fromisoformat(kept["from"])
    assert journal.asked[0][2] == kept["at"]["skip"]


def test_a_position_that_is_forgotten_costs_its_slice_only() -> None:
    assert YEAR.moment is not None
    journal = Journal([YEAR.moment + timedelta(days=day) for day in range(360)], forgets=True)
    pages = sliced(journal)
    kept = next(page.next for page in read(pages)[20:] if page.next and page.next["at"]["skip"])
    journal.asked.clear()
    pages.fetch(kept, YEAR, resuming=True, sample=False)
    assert journal.asked == [(datetime.fromisoformat(kept["from"]), datetime.fromisoformat(kept["to"]), 0)]


def test_a_short_period_and_a_pass_over_everything_are_not_sliced() -> None:
    journal = Journal([NOW - timedelta(days=400), NOW])
    (page,) = read(sliced(journal), Since(NOW - timedelta(days=2)))
    assert (page.expected, journal.asked) == (1, [(NOW - timedelta(days=2), None, 0)])
    (page,) = read(sliced(journal), EVERYTHING)
    assert (page.expected, len(page.rows)) == (2, 2)


def test_a_source_that_cannot_end_a_slice_is_read_once() -> None:
    journal = Journal([NOW - timedelta(days=day) for day in range(20)], endless=True)
    assert len(rows_of(read(sliced(journal, days=5), Since(NOW - timedelta(days=19))))) == 20
    assert len([asked for asked in journal.asked if asked[2] == 0]) == 1


def test_a_row_that_changes_meanwhile_comes_in_a_later_slice() -> None:
    assert YEAR.moment is not None
    journal = Journal([YEAR.moment + timedelta(days=100)])
    pages = sliced(journal)
    first = pages.fetch(pages.first(), YEAR, resuming=False, sample=False)
    journal.rows = [NOW + timedelta(hours=1)]
    assert rows_of(read(pages, position=first.next)) == journal.rows


# Over HTTP, OData and SQL


def stamped(number: int) -> dict[str, Any]:
    return {"id": number, "changed": (NOW - timedelta(days=30 * number)).isoformat()}


@contextmanager
def plant(read: dict[str, Any]) -> Iterator[tuple[Connector, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    def answer(exchange: Exchange) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(exchange.path).query).items()}
        asked.append(query)
        rows = [
            row
            for row in map(stamped, range(12))
            if row["changed"] >= query.get("from", "").replace("Z", "+00:00")
            and ("to" not in query or row["changed"] < query["to"].replace("Z", "+00:00"))
        ]
        exchange.reply(200, json.dumps(rows).encode(), Content_Type="application/json")

    with serving(answer) as server:
        yield (
            defined(vendor(read), {"url": server.url, "time_zone": "Europe/Berlin"}, clock=ManualClock()),
            asked,
        )


def vendor(read: dict[str, Any], **more: Any) -> dict[str, Any]:
    entity = {"read": {"protocol": "http", **read}, "key": ["id"], "map": {"name": "id"}, **more}
    return {"http": {"base_url": "${url}"}, "entities": {"Vendor": entity}}


SLICED = {
    "request": {"path": "rows", "query": {"from": "${window.from|iso}", "to": "${window.to|iso}"}},
    "window": {"days": 100},
}


def test_a_request_names_both_ends_of_its_slice() -> None:
    with plant(SLICED) as (connector, asked):
        pages = all_pages(connector, "Vendor", YEAR)
        numbers = [json.loads(row)["id"] for page in pages for row in page.rows]
    assert sorted(numbers) == list(range(12))
    assert [query.get("to") for query in asked] == [
        "2025-04-15T08:00:00Z",
        "2025-07-24T08:00:00Z",
        "2025-11-01T08:00:00Z",
        None,
    ]
    assert [query["from"] for query in asked[1:]] == [query["to"] for query in asked[:-1]]


def test_the_ends_are_there_in_the_zone_of_the_site() -> None:
    local = {"from": "${window.from_local|sql}", "to": "${window.to_local|sql}"}
    with plant({**SLICED, "request": {"query": local}}) as (
        connector,
        asked,
    ):
        pages = connector.pages("Vendor")
        pages.fetch(pages.first(), YEAR, resuming=False, sample=False)
    assert asked == [{"from": "2025-01-05 09:00:00", "to": "2025-04-15 10:00:00"}]


@pytest.mark.parametrize(
    ("read", "more", "says"),
    [
        ({**SLICED, "request": {"query": {"from": "${since|iso}"}}}, {}, r"needs \$\{window.to\}"),
        (
            {**SLICED, "choose": "f", "ways": {"old": {"request": {"query": {"from": "${since|iso}"}}}}},
            {},
            "each of its `ways`",
        ),
        (SLICED, {"incremental": "mark"}, "incremental: mark"),
        ({"protocol": "odata4", "set": "X", "window": {"days": 5}}, {}, "needs `changed`"),
        ({"protocol": "sql", "table": "x", "window": {"days": 5}}, {}, "needs a `cursor`"),
        (
            {"protocol": "odata4", "set": "X", "window": {"days": 5}, "changed": ["C"], "delta": True},
            {},
            "not both",
        ),
        (
            {
                "protocol": "alternatives",
                "of": [
                    {"protocol": "odata4", "set": "X", "window": {"days": 5}, "changed": ["C"]},
                    {"protocol": "odata4", "set": "Y"},
                ],
            },
            {},
            "beside `of`",
        ),
    ],
)
def test_a_window_that_would_slice_nothing_is_refused(
    read: dict[str, Any], more: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        defined(vendor(read, **more), {"url": "http://127.0.0.1:9"})


@pytest.mark.parametrize("refused", [{}, {"Changed": 400}])
def test_odata_is_asked_for_both_ends_unless_it_cannot_filter(refused: dict[str, int]) -> None:
    orders = Orders4(orders=0)
    orders.refused = refused
    for number in range(9):
        changed = (NOW - timedelta(days=40 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        orders.put(f"{number:04}", changed=changed)
    document = vendor(
        {
            "protocol": "odata4",
            "service": "odata4/orders",
            "set": "Orders",
            "changed": ["Changed"],
            "window": {"days": 120, "most": 1},
        }
    )
    document["entities"]["Vendor"]["key"] = ["Number"]
    with orders.served() as server:
        pages = all_pages(defined(document, {"url": server.url}, clock=ManualClock()), "Vendor", YEAR)
    numbers = [json.loads(row)["Number"] for page in pages for row in page.rows]
    assert sorted(numbers) == [f"{number:04}" for number in range(9)]
    filters = [asked["$filter"] for asked in orders.asked if "$filter" in asked and "$skiptoken" not in asked]
    if refused:
        assert filters == ["((Changed ge 2025-01-05T08:00:00Z and Changed lt 2025-05-05T08:00:00Z))"]
    else:
        assert len(filters) == 4
        assert filters[1] == "((Changed ge 2025-05-05T08:00:00Z and Changed lt 2025-09-02T08:00:00Z))"
        assert filters[3] == "(Changed ge 2025-12-31T08:00:00Z)"


def test_a_database_is_asked_for_both_ends(postgres_plant: PlantDatabase) -> None:
    rows = [(n, NOW - timedelta(days=30 * n)) for n in range(12)]
    postgres_plant.table("wo", "no int primary key, changed timestamptz", rows)
    read = {
        "protocol": "sql",
        "table": "wo",
        "cursor": {"columns": ["changed"], "kind": "timestamptz"},
        "window": {"days": 100, "most": 100},
    }
    entity = {"read": read, "key": ["no"], "map": {"code": "no"}}
    document = {"sql": {}, "entities": {"WorkOrder": entity}}
    connector = defined(document, postgres_plant.fields, clock=ManualClock())
    pages = all_pages(connector, "WorkOrder", Since(NOW - timedelta(days=270)))
    connector.close()
    assert [[json.loads(row)["no"] for row in page.rows] for page in pages] == [
        [9, 8, 7, 6],
        [5, 4, 3],
        [2, 1, 0],
    ]


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["timestamp", "date", "timestamptz"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
)
def test_a_slice_of_a_database_ends_where_the_next_begins(moment: datetime, kind: Any, zone: str) -> None:
    cursor = SqlCursor(columns=("c",), kind=kind)
    before, after = Since(moment - timedelta(days=9), until=moment), Since(moment)
    end = upper_bound(cursor, before, ZoneInfo(zone))
    assert end == lower_bound(cursor, after, ZoneInfo(zone))
    assert type(end) is (date if kind == "date" else datetime)
    assert upper_bound(cursor, after, ZoneInfo(zone)) is None
