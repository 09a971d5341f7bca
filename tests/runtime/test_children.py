"""Lines that a source lists apart from their documents, and entities made of several lists."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from appliance.errors import SourceAnswerInvalid, SourceThrottled
from appliance.runtime.connector import Connector
from appliance.runtime.definition import ErrorRule
from appliance.runtime.errors import raise_for
from tests.runtime.opened import all_records, all_rows, answer, defined
from tests.transport.servers import Exchange, serving

Lists = Callable[[str, dict[str, str]], Any]
LINES = {
    "into": "lines",
    "by": "id",
    "of": "order",
    "rows": "rows",
    "chunk": 2,
    "paging": {"kind": "offset", "size": 2},
    "request": {
        "path": "lines",
        "query": {"of": "${terms}", "from": "${page.offset}", "size": "${page.size}"},
    },
}
DOCUMENTS = [{"id": number} for number in range(1, 6)]
ALL_LINES = [{"order": order, "line": line} for order in (1, 2, 4) for line in range(order)]


@contextmanager
def plant(
    lists: Lists, read: dict[str, Any], *, key: tuple[str, ...] = ("id",), **fields: Any
) -> Iterator[Connector]:
    def reply(exchange: Exchange) -> None:
        parts = urlsplit(exchange.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        exchange.reply(200, json.dumps(lists(parts.path, query)).encode(), Content_Type="application/json")

    entity = {"key": list(key), "map": {"name": "id"}, "read": {"protocol": "http", **read}}
    with serving(reply) as server:
        connector = defined(
            {"http": {"base_url": "${url}"}, "entities": {"Vendor": entity}}, {"url": server.url, **fields}
        )
        try:
            yield connector
        finally:
            connector.close()


def orders(path: str, query: dict[str, str]) -> Any:
    if path == "/orders":
        return DOCUMENTS
    wanted = {int(number) for number in query["of"].split(",")}
    assert len(wanted) <= 2
    found = [line for line in ALL_LINES if line["order"] in wanted]
    start = int(query["from"])
    return {"rows": found[start : start + int(query["size"])]}


def test_lines_go_into_their_documents_some_documents_at_a_time() -> None:
    with plant(orders, {"request": {"path": "orders"}, "children": [LINES]}) as connector:
        rows = [json.loads(row) for row in all_rows(connector, "Vendor")]
    assert [len(row["lines"]) for row in rows] == [1, 2, 0, 4, 0]
    assert all(line["order"] == row["id"] for row in rows for line in row["lines"])


def test_lines_that_do_not_name_their_document_are_asked_for_one_by_one() -> None:
    def lists(path: str, query: dict[str, str]) -> Any:
        return DOCUMENTS if path == "/orders" else [{"line": path}]

    one = {"into": "lines", "by": "id", "chunk": 1, "request": {"path": "orders/${parents.0}/lines"}}
    with plant(lists, {"request": {"path": "orders"}, "children": [one]}) as connector:
        rows = [json.loads(row) for row in all_rows(connector, "Vendor")]
    assert [row["lines"] for row in rows] == [[{"line": f"/orders/{number}/lines"}] for number in range(1, 6)]


@pytest.mark.parametrize(("on", "lines"), [(True, 1), (False, 0), (None, 0)])
def test_a_field_of_the_form_decides_whether_lines_are_read(on: bool | None, lines: int) -> None:
    read = {"request": {"path": "orders"}, "children": [{**LINES, "when": "with_lines"}]}
    with plant(orders, read, with_lines=on) as connector:
        assert len(json.loads(all_rows(connector, "Vendor")[0])["lines"]) == lines


def test_an_answer_without_lines_is_not_taken_for_none() -> None:
    def lists(path: str, query: dict[str, str]) -> Any:
        return DOCUMENTS if path == "/orders" else {"other": []}

    with (
        plant(lists, {"request": {"path": "orders"}, "children": [LINES]}) as connector,
        pytest.raises(SourceAnswerInvalid, match="no rows at 'rows'"),
    ):
        all_rows(connector, "Vendor")


def test_an_entity_of_several_lists_goes_through_all_of_them() -> None:
    def lists(path: str, query: dict[str, str]) -> Any:
        rows = [{"id": f"{path[1:]}{number}"} for number in range(3)]
        start = int(query["from"])
        return rows[start : start + 2]

    read = {
        "each": [{"list": "orders", "scope": "A"}, {"list": "receipts", "scope": "B"}],
        "paging": {"kind": "offset", "size": 2},
        "request": {"path": "${each.list}", "query": {"from": "${page.offset}"}},
    }
    with plant(lists, read, key=("each.scope", "id")) as connector:
        rows = [json.loads(row) for row in all_rows(connector, "Vendor")]
        assert [(row["each"]["scope"], row["id"]) for row in rows] == [
            *(("A", f"orders{number}") for number in range(3)),
            *(("B", f"receipts{number}") for number in range(3)),
        ]
        assert len(all_records(connector, "Vendor")) == 6


def test_a_body_may_tell_how_long_to_wait() -> None:
    rule = ErrorRule(then="throttled", path="error.code", contains="1100", wait="error.wait")
    for told, seconds in (("2500", 2.5), ("soon", None)):
        with pytest.raises(SourceThrottled) as raised:
            raise_for(answer(200, {"error": {"code": 1100, "wait": told}}), [rule])
        assert raised.value.retry_after == seconds
