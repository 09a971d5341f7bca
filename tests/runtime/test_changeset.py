"""Change sets of `$batch`: several requests that the source carries out wholly or not at all."""

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.template import NULL
from appliance.runtime.writing.fields import accepted
from appliance.runtime.writing.writer import Order, OutcomeUnknown, WriteConflict, Writer
from tests.runtime.opened import defined, outbound
from tests.transport.servers import Exchange, Server, serving

UPDATE: dict[str, Any] = {
    "steps": [
        {
            "protocol": "odata_changes",
            "service": "orders",
            "version": 2,
            "changes": [
                {"path": "Orders('${key.0|quote|url}')", "json": {"Title": "${record.title}"}},
                {
                    "each": "record.lineItems",
                    "having": "lineNo",
                    "path": "Lines(Order='${key.0|url}',Line='${item.lineNo|url}')",
                    "json": {"Quantity": "${item.quantity|text}", "Text": "${item.name}"},
                },
                {
                    "each": "record.lineItems",
                    "lacking": "lineNo",
                    "method": "POST",
                    "path": "Orders('${key.0|url}')/to_Lines",
                    "json": {"Quantity": "${item.quantity|text}"},
                },
            ],
        }
    ]
}
LINES = [{"lineNo": "10", "quantity": Decimal("2.50")}, {"quantity": Decimal(3)}, {"lineNo": "20"}]


def connected(server: Server, **step: Any) -> Connector:
    write = {"steps": [{**UPDATE["steps"][0], **step}]}
    read = {"protocol": "odata2", "service": "orders", "set": "Orders"}
    entity = {"read": read, "key": ["Order"], "map": {"title": "Title"}, "write": {"update": write}}
    document = {"http": {"base_url": "${url}"}, "entities": {"PurchaseOrder": entity}}
    return defined(document, {"url": server.url}, way=outbound(read_timeout=1.0))


def update(server: Server, record: dict[str, Any], key: str = "45", **step: Any) -> list[Any]:
    connector = connected(server, **step)
    try:
        return Writer(connector, "PurchaseOrder", "update").send(Order(record=record, key=[key]))
    finally:
        connector.close()


def reply(exchange: Exchange, *answers: tuple[int, str, str]) -> None:
    """An answer of a batch; each of `answers` is a status, a header line and a body."""
    parts = "".join(
        "--b\r\nContent-Type: application/http\r\n\r\n"
        f"HTTP/1.1 {status} X\r\n{header}Content-Type: application/json\r\n\r\n{body}\r\n"
        for status, header, body in answers
    )
    exchange.reply(202, f"{parts}--b--".encode(), Content_Type="multipart/mixed; boundary=b")


def parts_of(body: bytes) -> list[tuple[str, str, str, Any]]:
    found = re.findall(rb"\r\n(GET|PATCH|POST) (\S+) HTTP/1.1\r\n(.*?)\r\n\r\n(.*?)\r\n--", body, re.DOTALL)
    return [
        (method.decode(), path.decode(), headers.decode(), json.loads(content.strip() or b"null"))
        for method, path, headers, content in found
    ]


def test_header_and_lines_go_in_one_change_set_with_only_what_is_given() -> None:
    with serving(lambda it: reply(it, (204, "", ""), (204, "", ""), (201, "", "{}"))) as server:
        assert update(server, {"title": NULL, "lineItems": LINES}, key="O'B/1") == ["O'B/1"]
        ((method, path, _, body),) = server.requests
    assert (method, path) == ("POST", "/orders/$batch")
    assert body.count(b"multipart/mixed; boundary=changeset_") == 1
    assert [(m, p, content) for m, p, _, content in parts_of(body)] == [
        ("PATCH", "Orders('O%27%27B%2F1')", {"Title": None}),
        ("PATCH", "Lines(Order='O%27B%2F1',Line='10')", {"Quantity": "2.50"}),
        ("POST", "Orders('O%27B%2F1')/to_Lines", {"Quantity": "3"}),
    ]


def test_nothing_is_sent_when_nothing_is_given() -> None:
    with serving(lambda it: it.reply(500)) as server:
        assert update(server, {"lineItems": [{"lineNo": "20"}]}) == ["45"]
        assert server.requests == []


def test_a_refusal_of_one_keeps_the_words_of_the_source() -> None:
    said = json.dumps({"error": {"code": "06/1", "message": {"value": "Line 10 is closed"}}})
    with (
        serving(lambda it: reply(it, (400, "", said))) as server,
        pytest.raises(SourceError, match="Line 10 is closed"),
    ):
        update(server, {"lineItems": LINES})


def test_a_change_set_without_an_answer_is_of_unknown_outcome() -> None:
    def nothing(exchange: Exchange) -> None:
        exchange.close_connection = True

    with serving(nothing) as server, pytest.raises(OutcomeUnknown):
        update(server, {"title": "Pump"})


def test_etags_are_read_together_and_sent_with_what_they_belong_to() -> None:
    def answer(exchange: Exchange) -> None:
        if b"GET " in exchange.body:
            reply(exchange, (200, 'ETag: W/"1"\r\n', "{}"), (200, "", "{}"))
        else:
            reply(exchange, (412, "", '{"error": {"message": "changed"}}'))

    with serving(answer) as server:
        with pytest.raises(WriteConflict, match="same moment"):
            update(server, {"title": "Pump", "lineItems": LINES[:2]}, etag=True)
        reads, writes = (body for _, _, _, body in server.requests)
    assert [method for method, *_ in parts_of(reads)] == ["GET", "GET"]
    tags = [re.findall("If-Match: (.*)", headers) for _, _, headers, _ in parts_of(writes)]
    assert [[tag.strip() for tag in found] for found in tags] == [['W/"1"'], ["*"], []]


def test_what_a_change_set_takes_is_read_off_its_templates() -> None:
    with serving(lambda it: it.reply(500)) as server:
        write = connected(server).definition.entities["PurchaseOrder"].write["update"]
    below = frozenset({"lineNo", "quantity", "name"})
    assert accepted(write) == {"title": frozenset(), "lineItems": below}
