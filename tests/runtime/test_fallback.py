"""A source that refuses to filter by change is asked in another way, and in the end for everything."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Page, Since
from tests.runtime.opened import all_pages, defined
from tests.support.clock import ManualClock
from tests.transport.servers import Exchange, serving

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SINCE = Since(NOW - timedelta(days=3, hours=1))
QUERY = {"from": "${page.offset}", "size": "${page.size}"}
READ: dict[str, Any] = {
    "request": {"path": "r", "query": {**QUERY, "since": "${since|iso}", "until": "${window.to|iso}"}},
    "paging": {"kind": "offset", "size": 4, "overlap": 1},
}
SORTED = {"request": {"path": "r", "query": {**QUERY, "sort": "-changed"}}, "newest_first": {"by": "changed"}}
Asked = list[dict[str, str]]


@contextmanager
def plant(refuses: dict[str, tuple[int, Any]], **read: Any) -> Iterator[tuple[Connector, Asked]]:
    """Twenty rows, one changed each day back; `refuses` are parameters with the answer they get."""
    asked: Asked = []
    changed = {n: NOW - timedelta(days=n) for n in range(20)}

    def answer(exchange: Exchange) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(exchange.path).query).items()}
        asked.append(query)
        refused = next((refuses[name] for name in query if name in refuses), None)
        if refused is not None:
            exchange.reply(refused[0], json.dumps(refused[1]).encode(), Content_Type="application/json")
            return
        numbers = [
            n for n in changed if n >= 0 and changed[n] >= moment(query.get("since"), NOW - timedelta(999))
        ]
        numbers = [n for n in numbers if changed[n] < moment(query.get("until"), NOW + timedelta(1))]
        start = int(query["from"])
        ordered = sorted(numbers, reverse="sort" not in query)[start : start + int(query["size"])]
        content = [{"id": n, "changed": changed[n].isoformat()} for n in ordered]
        exchange.reply(200, json.dumps(content).encode(), Content_Type="application/json")

    entity = {
        "read": {"protocol": "http", **READ, "fallback": [SORTED], **read},
        "key": ["id"],
        "map": {"name": "id"},
    }
    document = {
        "http": {"base_url": "${url}"},
        "errors": [{"then": "cannot_filter", "path": "error", "contains": "unknown field"}],
        "entities": {"Vendor": entity},
    }
    with serving(answer) as server:
        yield defined(document, {"url": server.url}, clock=ManualClock()), asked


def moment(text: str | None, otherwise: datetime) -> datetime:
    return otherwise if text is None else datetime.fromisoformat(text)


def ids(pages: list[Page]) -> list[int]:
    return sorted({json.loads(row)["id"] for page in pages for row in page.rows})


def told(pages: list[Page]) -> list[str]:
    return [notice for page in pages for notice in page.notices]


REFUSALS = [
    (400, {"message": "no such filter"}),
    (422, {}),
    (501, {}),
    (200, {"error": "unknown field since"}),
]


def test_a_source_that_filters_is_asked_once_and_without_a_word() -> None:
    with plant({}) as (connector, asked):
        pages = all_pages(connector, "Vendor", SINCE)
    assert (ids(pages), told(pages)) == ([0, 1, 2, 3], [])
    assert all("since" in query for query in asked)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_filter_is_followed_by_the_next_way_for_the_whole_pass(refusal: tuple[int, Any]) -> None:
    with plant({"since": refusal}, newest_first=None) as (connector, asked):
        pages = all_pages(connector, "Vendor", SINCE)
    assert set(ids(pages)) >= {0, 1, 2, 3}
    assert len(ids(pages)) < 10, "it stops behind what is older"
    assert [("since" in query, "sort" in query) for query in asked[:3]] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    (notice,) = told(pages)
    assert notice.startswith("The source refuses to filter by change; it is asked in way 1 of 1 instead. ")


@pytest.mark.parametrize("fallback", [[SORTED], []])
def test_where_all_are_refused_everything_is_read(fallback: list[Any]) -> None:
    refusal = (400, {"message": "no such filter"})
    with plant({"since": refusal, "sort": refusal}, fallback=fallback) as (connector, asked):
        pages = all_pages(connector, "Vendor", SINCE)
    assert ids(pages) == list(range(20))
    (notice,) = told(pages)
    assert "every pass reads all rows" in notice
    assert "no such filter" in notice
    assert sum("since" in query or "sort" in query for query in asked) == 1 + len(fallback)


def test_the_way_is_kept_for_the_run_and_in_the_position() -> None:
    with plant({"since": (400, {})}) as (connector, asked):
        pages = connector.pages("Vendor")
        first = pages.fetch(pages.first(), SINCE, resuming=False, sample=False)
        pages.fetch(pages.first(), SINCE, resuming=False, sample=False)
        assert sum("since" in query for query in asked) == 1
        assert first.next is not None
        later = connector.pages("Vendor").fetch(first.next, SINCE, resuming=True, sample=False)
        assert sum("since" in query for query in asked) == 1
        assert later.rows


def test_a_pass_over_everything_needs_no_filter() -> None:
    with plant({"since": (400, {})}) as (connector, asked):
        pages = all_pages(connector, "Vendor", EVERYTHING)
    assert (ids(pages), told(pages)) == (list(range(20)), [])
    assert not any("sort" in query for query in asked)


def test_a_probe_tries_the_filter_and_tells() -> None:
    with plant({"since": (400, {})}) as (connector, asked):
        pages = connector.pages("Vendor")
        page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
    assert (len(page.rows), page.next, len(page.notices)) == (1, None, 1)
    assert asked[0]["since"] == "1990-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("status", "kind"), [(403, SourceAccessDenied), (404, SourceError), (500, SourceError)]
)
def test_another_failure_is_no_refusal_of_the_filter(status: int, kind: type[SourceError]) -> None:
    with plant({"since": (status, {})}) as (connector, _), pytest.raises(kind):
        all_pages(connector, "Vendor", SINCE)


def test_without_a_fallback_the_refusal_fails_the_pass() -> None:
    refusal = (400, {"message": "no such filter"})
    with (
        plant({"since": refusal}, fallback=None) as (connector, _),
        pytest.raises(SourceError, match="no such filter"),
    ):
        all_pages(connector, "Vendor", SINCE)


def test_in_slices_the_way_that_has_no_end_reads_to_it_once() -> None:
    with plant({"since": (400, {})}, window={"days": 2, "most": 2}) as (connector, asked):
        pages = all_pages(connector, "Vendor", SINCE)
    assert set(ids(pages)) >= {0, 1, 2, 3}
    assert sum(query["from"] == "0" and "sort" in query for query in asked) == 1


def test_each_list_of_several_has_its_own_way() -> None:
    each = [{"n": 1}, {"n": 2}]
    with plant({"since": (400, {})}, each=each) as (connector, asked):
        pages = all_pages(connector, "Vendor", SINCE)
    assert len(told(pages)) == 2
    assert sum("since" in query for query in asked) == 2


def test_a_single_record_is_asked_for_as_without_a_fallback() -> None:
    one = {"request": {"path": "r", "query": {"from": "0", "size": "1"}}}
    with plant({"since": (400, {})}, one=one) as (connector, _):
        found = connector.one("Vendor", ["19"])
    assert found is not None
    assert json.loads(found)["id"] == 19
