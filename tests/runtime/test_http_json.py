"""Reading JSON over HTTP from a real server on loopback."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.errors import SourceAnswerInvalid, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.errors import ResumeRefused
from appliance.runtime.protocols import EVERYTHING, Since
from tests.runtime.opened import all_pages, all_records, all_rows, defined
from tests.transport.servers import Exchange, Server, serving

Answer = Callable[[str, dict[str, str], Any], Any]


@contextmanager
def plant(answer: Answer, read: dict[str, Any], **entity: Any) -> Iterator[tuple[Connector, Server]]:
    """A connector with one entity, and its server: `answer(path, query, body)` gives JSON, perhaps after a status."""

    def reply(exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        given = answer(parts.path, query, json.loads(exchange.body or b"null"))
        status, content = given if isinstance(given, tuple) else (200, given)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        exchange.reply(status, body, Content_Type="application/json")

    document = {
        "http": {"base_url": "${url}"},
        "errors": [{"then": "end", "status": [416]}],
        "entities": {
            "Vendor": {"key": ["id"], "map": {"name": "name"}, **entity, "read": {"protocol": "http", **read}}
        },
    }
    with serving(reply) as server:
        connector = defined(document, {"url": server.url + "/api"})
        try:
            yield connector, server
        finally:
            connector.close()


def items(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"V{number}"} for number in numbers]


def ids(connector: Connector) -> list[int]:
    return [json.loads(row)["id"] for row in all_rows(connector, "Vendor")]


def test_pages_by_offset_with_a_count() -> None:
    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        start = int(query.get("from", 0))
        return {"data": {"rows": items(*range(7))[start : start + int(query["size"])]}, "total": 7}

    read = {
        "request": {"path": "vendors", "query": {"from": "${page.offset}", "size": "${page.size}"}},
        "rows": "data.rows",
        "count": "total",
        "paging": {"kind": "offset", "size": 3},
    }
    with plant(answer, read) as (connector, server):
        pages = all_pages(connector, "Vendor")
        assert [len(page.rows) for page in pages] == [3, 3, 1]
        assert {page.expected for page in pages} == {7}
        assert [urlsplit(path).query for _, path, *_ in server.requests] == [
            "from=0&size=3",
            "from=3&size=3",
            "from=6&size=3",
        ]


def test_next_links_are_followed_on_the_configured_host_with_the_login() -> None:
    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        page = int(query.get("page", 1))
        link = f"http://internal.local:8000/api/vendors?page={page + 1}" if page < 3 else None
        return {"rows": items(page), "next": link}

    read = {
        "request": {"path": "vendors", "query": {"q": "x"}},
        "rows": "rows",
        "paging": {"kind": "link", "next": "next"},
    }
    with plant(answer, read) as (connector, server):
        assert ids(connector) == [1, 2, 3]
        assert [path for _, path, *_ in server.requests][1:] == ["/api/vendors?page=2", "/api/vendors?page=3"]


def test_the_count_can_be_a_request_of_its_own_and_is_made_once() -> None:
    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        if path.endswith("count"):
            return {"n": 3}
        return items(*range(1, 4))[int(query["from"]) : int(query["from"]) + 2]

    read = {
        "request": {"path": "vendors", "query": {"from": "${page.offset}"}},
        "count_request": {"path": "count"},
        "count": "n",
        "paging": {"kind": "offset", "size": 2},
    }
    with plant(answer, read) as (connector, server):
        assert [page.expected for page in all_pages(connector, "Vendor")] == [3, None]
        assert sum("count" in path for _, path, *_ in server.requests) == 1


def test_since_is_asked_for_only_when_there_is_one() -> None:
    read = {
        "request": {"method": "POST", "path": "q", "json": {"f": {"$if": "since", "then": "${changed}"}}},
        "vars": {"changed": {"after": "${since|iso}"}},
        "rows": "rows",
    }
    asked: list[Any] = []

    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        asked.append(body)
        return {"rows": []}

    with plant(answer, read) as (connector, _):
        all_pages(connector, "Vendor")
        all_pages(connector, "Vendor", Since(datetime(2026, 1, 5, tzinfo=UTC)))
    assert asked == [{}, {"f": {"after": "2026-01-05T00:00:00Z"}}]


def test_the_highest_mark_is_what_a_pass_leaves() -> None:
    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        start = int(query["from"])
        return [{"id": n, "v": v} for n, v in enumerate((5, 9.0, 2, 7))][start : start + 2]

    read = {
        "request": {"path": "x", "query": {"from": "${page.offset}", "after": "${mark}"}},
        "mark": "v",
        "paging": {"kind": "offset", "size": 2},
    }
    with plant(answer, read, incremental="mark") as (connector, server):
        assert [page.mark for page in all_pages(connector, "Vendor")] == [9, 9, 9]
        json.dumps([page.mark for page in all_pages(connector, "Vendor", Since(mark=10))])
        assert "after=10" in server.requests[-1][1]


def test_children_pairs_and_details_take_their_shape() -> None:
    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        if path.startswith("/api/vendor/"):
            return {
                "record": {
                    "name": f"Detail {path[-1]}",
                    "attributes": [{"n": "color", "v": 1.50}, {"n": "", "v": 2}, 5],
                }
            }
        return [{"id": 1}, {"id": 2}]

    read = {
        "request": {"path": "vendors"},
        "detail": {"request": {"path": "vendor/${row.id}"}, "record": "record"},
        "pivot": {"list": "attributes", "name": "n", "value": "v", "into": "x"},
    }
    with plant(answer, read, map={"name": "name", "customFields": "x"}) as (connector, _):
        records = list(all_records(connector, "Vendor").values())
    assert [record["name"] for record in records] == ["Detail 1", "Detail 2"]
    assert records[0]["customFields"] == {"color": "1.5"}


def test_children_become_rows_with_their_parent() -> None:
    rows = [
        {"id": 1, "lines": [{"no": 1}, {"no": 2}, "x"], "name": "a"},
        {"id": 2, "lines": None},
        {"id": 3, "lines": {"no": 1}},
    ]
    read = {"request": {"path": "x"}, "explode": "lines"}
    with plant(lambda *_: rows, read, key=["parent.id", "no"], map={"name": "parent.name", "code": "no"}) as (
        connector,
        _,
    ):
        records = list(all_records(connector, "Vendor").values())
    assert [(record["name"], record["code"]) for record in records] == [("a", "1"), ("a", "2")]


def test_one_page_is_enough_for_a_sample() -> None:
    read = {
        "request": {"path": "x", "query": {"size": "${page.size}"}},
        "paging": {"kind": "keyset", "by": "id", "size": 2},
    }
    with plant(lambda *_: items(1, 2), read) as (connector, server):
        pages = connector.pages("Vendor")
        assert pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True).next is None
        assert "size=1" in server.requests[0][1]


def test_the_end_may_be_an_error() -> None:
    def answer(path: str, query: dict[str, str], body: Any) -> Any:
        return items(1, 2) if query["from"] == "0" else (416, {"message": "no more"})

    read = {
        "request": {"path": "x", "query": {"from": "${page.offset}"}},
        "paging": {"kind": "offset", "size": 2},
    }
    with plant(answer, read) as (connector, _):
        assert ids(connector) == [1, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"<html><title>Logon</title></html>", "a web page where data was expected"),
        ({"other": []}, r"holds no rows at 'rows'\. Its version may differ"),
        (b'{"rows":[{"id":1},', "may have been cut off"),
        (b"", "answered nothing"),
    ],
)
def test_an_answer_without_rows_says_why(content: Any, says: str) -> None:
    with (
        plant(lambda *_: content, {"request": {"path": "x"}, "rows": "rows"}) as (connector, _),
        pytest.raises(SourceAnswerInvalid, match=says),
    ):
        all_pages(connector, "Vendor")


@pytest.mark.parametrize(
    "read",
    [
        {"paging": {"kind": "keyset", "by": "id", "size": 1}},
        {"mark": "id"},
        {"explode": "lines"},
        {"pivot": {"list": "l", "name": "n", "value": "v"}},
    ],
)
def test_rows_that_are_no_records_end_the_pass_with_a_reason(read: dict[str, Any]) -> None:
    with (
        plant(lambda *_: [1, "x"], {"request": {"path": "x"}, **read}) as (connector, _),
        pytest.raises(SourceAnswerInvalid, match="are not records"),
    ):
        all_pages(connector, "Vendor")


def test_a_kept_position_that_the_source_has_forgotten() -> None:
    read = {"request": {"path": "x"}, "paging": {"kind": "cursor", "next": "n"}, "rows": "rows"}
    with plant(lambda *_: (410, {"message": "gone"}), read) as (connector, _):
        pages = connector.pages("Vendor")
        with pytest.raises(ResumeRefused):
            pages.fetch({"cursor": "old"}, EVERYTHING, resuming=True, sample=False)
        with pytest.raises(SourceError, match="gone"):
            pages.fetch({"cursor": "old"}, EVERYTHING, resuming=False, sample=False)
