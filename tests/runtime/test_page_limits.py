"""Sources that give fewer rows than they are asked for, and rows that go while they are read."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SourceAccessDenied, SourceError
from appliance.runtime.definition import KeysetPaging, NumberPaging, OffsetPaging
from appliance.runtime.reading.paging import Answered, first_position, next_position
from tests.runtime.opened import reading, vendor_pages
from tests.transport.servers import Exchange, Server, serving

Counted = OffsetPaging | NumberPaging | KeysetPaging
LIMITS = st.sampled_from([20, 25, 50, 99, 100, 200, 499, 500])
KINDS: list[Callable[[int], Counted]] = [
    lambda size: OffsetPaging(size=size),
    lambda size: NumberPaging(size=size),
    lambda size: KeysetPaging(size=size, by="id"),
]


def passed(
    paging: Counted, rows: int, limit: int, *, count: bool = False, exact: bool = False
) -> tuple[list[int], int]:
    """The ids that are read of a source with a limit to its pages, and how many requests that takes."""
    length = min(paging.size, limit)
    position: dict[str, Any] | None = first_position(paging)
    read: list[int] = []
    requests = 0
    while position is not None:
        start = position.get("offset", (position.get("number", 1) - 1) * length)
        if "after" in position:
            start = 0 if position["after"] is None else position["after"] + 1
        page = range(rows)[start : start + length]
        read += page
        requests += 1
        texts = [b'{"id":%d}' % number for number in page]
        answered = Answered(texts, count=rows if count else None, exact=exact)
        position = json.loads(json.dumps(next_position(paging, position, answered)))
    return read, requests


@given(st.sampled_from(KINDS), st.integers(0, 2100), st.sampled_from([100, 500, 1000]), LIMITS)
def test_a_limit_of_the_source_below_what_is_asked_loses_no_row(
    kind: Callable[[int], Counted], rows: int, size: int, limit: int
) -> None:
    read, requests = passed(kind(size), rows, limit)
    assert read == list(range(rows))
    assert requests <= rows // min(size, limit) + 2


@given(st.sampled_from(KINDS[:2]), st.integers(0, 400), st.integers(1, 60))
def test_any_limit_is_no_matter_where_the_source_counts(
    kind: Callable[[int], Counted], rows: int, limit: int
) -> None:
    read, requests = passed(kind(100), rows, limit, count=True)
    assert read == list(range(rows))
    assert requests <= max(1, -(-rows // limit)), "not one request more than there are pages"


@pytest.mark.parametrize("until", ["short", "count"])
def test_pages_counted_by_number_are_as_long_as_the_source_makes_them(until: Any) -> None:
    assert passed(NumberPaging(size=500, until=until), 300, 100, count=True) == (list(range(300)), 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("rows", "requests"), [(0, 1), (7, 1), (19, 1), (37, 1), (1003, 3), (1020, 3), (25, 2), (20, 2)]
)
def test_few_passes_need_a_request_more(kind: Callable[[int], Counted], rows: int, requests: int) -> None:
    assert passed(kind(500), rows, 500)[1] == requests


def test_a_protocol_that_gives_what_it_is_asked_for_needs_none() -> None:
    assert passed(OffsetPaging(size=500), 100, 500, exact=True)[1] == 1
    assert passed(OffsetPaging(size=500, exact=True), 100, 500)[1] == 1


def server_of(rows: int, behind: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    def answer(exchange: Exchange) -> None:
        offset = int(exchange.path.partition("from=")[2])
        if offset >= rows:
            behind(exchange)
        else:
            content = [{"id": number} for number in range(rows)[offset:]]
            exchange.reply(200, json.dumps(content).encode(), Content_Type="application/json")

    return answer


READ = {
    "protocol": "http",
    "request": {"path": "rows", "query": {"from": "${page.offset}"}},
    "paging": {"kind": "offset", "size": 500},
    "also": [{"id": "more"}],
}


@pytest.mark.parametrize("status", [400, 404, 416])
def test_a_source_that_refuses_a_page_behind_the_last_one_has_ended(status: int) -> None:
    with serving(server_of(100, lambda exchange: exchange.reply(status, b"{}"))) as server:
        pages = vendor_pages(reading(server.url, READ, key="id"))
    assert [len(page.rows) for page in pages] == [100, 1], "what the source does not list comes last"


def test_a_source_that_gives_its_last_page_again_has_ended() -> None:
    def again(exchange: Exchange) -> None:
        content = [{"id": number} for number in range(100)]
        exchange.reply(200, json.dumps(content).encode(), Content_Type="application/json")

    with serving(server_of(100, again)) as server:
        rows = {row for page in vendor_pages(reading(server.url, READ, key="id")) for row in page.rows}
    assert len(rows) == 101


def test_any_other_failure_behind_a_page_is_one() -> None:
    with (
        serving(server_of(100, lambda exchange: exchange.reply(500, b"{}"))) as server,
        pytest.raises(SourceError),
    ):
        vendor_pages(reading(server.url, READ, key="id"))
    with (
        serving(server_of(500, lambda exchange: exchange.reply(404, b"{}"))) as server,
        pytest.raises(SourceError),
    ):
        vendor_pages(reading(server.url, READ, key="id"))


# Details


def plant(details: dict[int, int]) -> Callable[[Exchange], None]:
    """Lists the records of `details`, whose own addresses answer with the statuses."""

    def answer(exchange: Exchange) -> None:
        if exchange.path == "/list":
            content: Any = [{"id": number} for number in details]
            exchange.reply(200, json.dumps(content).encode(), Content_Type="application/json")
            return
        number = int(exchange.path.rpartition("/")[2])
        body = {"name": f"V{number}"} if details[number] == 200 else {"message": f"no record {number}"}
        exchange.reply(details[number], json.dumps(body).encode(), Content_Type="application/json")

    return answer


def read_details(server: Server) -> Any:
    read = {"protocol": "http", "request": {"path": "list"}, "detail": {"request": {"path": "one/${row.id}"}}}
    (page,) = vendor_pages(reading(server.url, read, key="id"))
    return page


@pytest.mark.parametrize("status", [404, 410])
def test_a_row_that_was_deleted_before_its_detail_is_left_out_and_told(status: int) -> None:
    with serving(plant({1: 200, 2: status, 3: 200})) as server:
        page = read_details(server)
    assert [json.loads(row) for row in page.rows] == [{"id": 1, "name": "V1"}, {"id": 3, "name": "V3"}]
    (reason,) = page.rejected
    assert "A listed row is gone" in reason
    assert "no record 2" in reason


def test_a_single_row_may_be_gone() -> None:
    with serving(plant({1: 404})) as server:
        page = read_details(server)
    assert (page.rows, len(page.rejected)) == ([], 1)


def test_details_that_are_never_found_are_asked_for_wrongly() -> None:
    with serving(plant({1: 404, 2: 404})) as server, pytest.raises(SourceError, match="no record 1"):
        read_details(server)


@pytest.mark.parametrize(("status", "kind"), [(403, SourceAccessDenied), (500, SourceError)])
def test_a_detail_that_fails_otherwise_fails_the_page(status: int, kind: type[SourceError]) -> None:
    with serving(plant({1: 200, 2: status})) as server, pytest.raises(kind):
        read_details(server)
