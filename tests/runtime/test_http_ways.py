"""Reads over HTTP that a form field turns, that carry what a sign-in told, and whose children come page by page."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import SourceCredentialsRejected
from appliance.runtime.protocols import Since
from tests.runtime.opened import defined, probed, reading, vendor_pages
from tests.transport.servers import Exchange, serving

SINCE = Since(datetime(2026, 6, 1, tzinfo=UTC))
ROWS: dict[str, Any] = {
    "path": "rows",
    "query": {"kind": "${kind}", "of": "${of|json}", "size": "${page.size}", "who": "${learned.uid}"},
}


def answering(parents: int, uid: Any = 7) -> Any:
    def answer(exchange: Exchange) -> None:
        if exchange.path.startswith("/login"):
            content: Any = {"uid": uid}
        elif "kind=child" in exchange.path:
            content = [{"id": n, "of": [n % 3, "label"]} for n in range(5)]
        else:
            content = [{"id": n} for n in range(parents)]
        old = exchange.path.startswith("/rows")
        body = {"result": content} if old else content
        exchange.reply(200, json.dumps(body).encode(), Content_Type="application/json")

    return answer


def document(url: str, **more: Any) -> dict[str, Any]:
    read = {
        "protocol": "http",
        "rows": "result",
        "vars": {"kind": "parent", "of": None},
        "request": ROWS,
        "choose": "release",
        "ways": {"new": {"rows": "", "request": {**ROWS, "path": "v2/rows"}, "vars": {"of": "all"}}},
        **more,
    }
    learn = {"uid": {"when": {"release": ["old"]}, "path": "uid", "request": {"path": "login"}}}
    return {
        "http": {"base_url": "${url}", "learn": learn},
        "entities": {"Vendor": {"read": read, "key": ["id"], "map": {"name": "id"}}},
    }


def asked(server: Any) -> list[str]:
    return [path for _, path, _, _ in server.requests]


def test_a_form_field_chooses_the_way_and_what_it_does_not_say_stays() -> None:
    with serving(answering(2)) as server:
        for release in ("old", "new", "new"):
            connector = defined(document(server.url), {"url": server.url, "release": release})
            (page,) = vendor_pages(connector)
            assert len(page.rows) == 2
    assert asked(server)[1:3] == [
        "/rows?kind=parent&size=0&who=7",
        "/v2/rows?kind=parent&of=%22all%22&size=0",
    ]


def test_a_value_of_the_sign_in_is_asked_for_once() -> None:
    with serving(answering(1)) as server:
        connector = defined(document(server.url), {"url": server.url, "release": "old"})
        vendor_pages(connector)
        vendor_pages(connector)
    assert [path.split("?")[0] for path in asked(server)] == ["/login", "/rows", "/rows"]


@pytest.mark.parametrize("uid", [False, None, ""])
def test_a_sign_in_that_answers_nothing_means_wrong_credentials(uid: Any) -> None:
    with serving(answering(1, uid)) as server:
        probe = {"request": {"path": "rows"}, "choose": "release", "ways": {"new": {"path": "v2/rows"}}}
        written = {**document(server.url), "probe": probe}
        report = probed(defined(written, {"url": server.url, "release": "old"}))
        assert isinstance(report.failure, SourceCredentialsRejected)
        assert probed(defined(written, {"url": server.url, "release": "new"}), read=False).failure is None
    assert asked(server) == ["/login", "/v2/rows"]


@pytest.mark.parametrize(("parents", "requests"), [(4, 2), (0, 1)])
def test_children_come_by_the_requests_of_the_read_for_all_rows_of_a_page(
    parents: int, requests: int
) -> None:
    children = {"of": "of.0", "by": "id", "into": "lines", "vars": {"kind": "child", "of": "${parents}"}}
    with serving(answering(parents)) as server:
        read = {**document(server.url, children=[children])["entities"]["Vendor"]["read"], "ways": {}}
        query = {name: value for name, value in ROWS["query"].items() if name != "who"}
        read["request"] = {"path": "rows", "query": {**query, "since": "${since|iso}"}}
        (page,) = vendor_pages(reading(server.url, read, key="id"), SINCE)
    assert len(asked(server)) == requests
    rows = [json.loads(row) for row in page.rows]
    assert [[line["id"] for line in row["lines"]] for row in rows] == [[0, 3], [1, 4], [2], []][:parents]
    assert "since=2026" in asked(server)[0]
    if parents:
        assert asked(server)[1] == "/rows?kind=child&of=%5B0,1,2,3%5D&size=0"
