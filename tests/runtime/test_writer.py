"""Writes over real HTTP: what is sent, what is taken from the answer, and what a failure means."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from appliance.errors import ConfigurationError, SourceError, SourceUnreachable
from appliance.runtime.connector import Connector
from appliance.runtime.definition import Write
from appliance.runtime.template import NULL
from appliance.runtime.writing.fields import accepted, statuses
from appliance.runtime.writing.writer import (
    Order,
    OutcomeUnknown,
    PartlyWritten,
    RecordGone,
    WriteConflict,
    Writer,
)
from tests.runtime.opened import defined, outbound
from tests.transport.servers import Exchange, Server, serving

CREATE: dict[str, Any] = {
    "required": ["title"],
    "id": ["id"],
    "reference": 12,
    "vars": {"priority": {"$values": {"high": 3}, "of": "record.severity"}},
    "steps": [
        {
            "protocol": "http",
            "request": {
                "method": "POST",
                "path": "orders",
                "json": {
                    "title": "${record.title}",
                    "priority": "${priority}",
                    "note": "${record.notes}",
                    "external": "${reference}",
                    "lines": {"$each": "record.lineItems", "do": {"part": "${item.materialKey}"}},
                },
            },
            "take": {"id": "order.id"},
        }
    ],
}


def connected(server: Server, write: dict[str, Any], **more: Any) -> Connector:
    read = {
        "protocol": "http",
        "request": {"path": "orders"},
        "one": {"request": {"path": "orders/${key.0}"}, "record": ""},
    }
    entity = {
        "read": {**read, **more.pop("read", {})},
        "key": ["id"],
        "map": {"title": "title"},
        "write": write,
    }
    document = {"http": {"base_url": "${url}"}, "entities": {"WorkOrder": entity}, **more}
    return defined(document, {"url": server.url, "release": "14"}, way=outbound(read_timeout=1.0))


def answering(*answers: tuple[int, Any] | Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    left = iter(answers)

    def answer(exchange: Exchange) -> None:
        following = next(left)
        if callable(following):
            following(exchange)
        else:
            exchange.reply(following[0], json.dumps(following[1]).encode(), Content_Type="application/json")

    return answer


def bodies(server: Server) -> list[Any]:
    return [(method, path, json.loads(body) if body else None) for method, path, _, body in server.requests]


def test_a_new_record_is_sent_once_and_its_key_taken_from_the_answer() -> None:
    with serving(answering((201, {"order": {"id": 17}}))) as server:
        record = {"title": "Pump", "severity": "high", "notes": NULL, "lineItems": [{"materialKey": 5}, {}]}
        key = Writer(connected(server, {"create": CREATE}), "WorkOrder", "create").send(
            Order(record=record, reference="0123456789abcdef")
        )
    assert key == [17]
    sent = {"title": "Pump", "priority": 3, "note": None, "external": "0123456789ab", "lines": [{"part": 5}]}
    assert bodies(server) == [("POST", "/orders", sent)]


def test_the_key_may_stand_in_the_location() -> None:
    create = {**CREATE, "steps": [{**CREATE["steps"][0], "take": {"id": "$location"}}]}

    def created(exchange: Exchange) -> None:
        exchange.reply(201, b"", Location="/orders/WO%2F7/")

    with serving(created) as server:
        assert Writer(connected(server, {"create": create}), "WorkOrder", "create").send(Order()) == ["WO/7"]


def test_a_record_is_read_back_by_its_key() -> None:
    with serving(
        answering((200, {"id": 17, "title": "Pump"}), (404, {"message": "no such order"}))
    ) as server:
        connector = connected(server, {})
        assert json.loads(connector.one("WorkOrder", [17]) or b"") == {"id": 17, "title": "Pump"}
        assert connector.one("WorkOrder", [18]) is None


def test_steps_are_chosen_by_status_by_form_and_by_what_is_given() -> None:
    step = {"protocol": "http", "request": {"method": "POST", "path": "orders/${key.0}/close"}}
    write = {
        "steps": [
            {**step, "when": {"status": ["closed"]}},
            {**step, "request": {"method": "POST", "path": "no"}, "when": {"release": ["19"]}},
            {**step, "request": {"method": "POST", "path": "remark"}, "given": ["notes"]},
        ]
    }
    with serving(answering((200, {}), (200, {}))) as server:
        writer = Writer(connected(server, {"status": write}), "WorkOrder", "status")
        assert writer.send(Order(key=[9], status="closed", record={"notes": "done"})) == [9]
        with pytest.raises(ConfigurationError, match="no step applies"):
            writer.send(Order(key=[9], status="open"))
    assert [path for _, path, _ in bodies(server)] == ["/orders/9/close", "/remark"]


def no_answer(exchange: Exchange) -> None:
    exchange.close_connection = True


@pytest.mark.parametrize("answer", [no_answer, (502, {}), (504, {})])
def test_a_source_that_does_not_answer_leaves_the_outcome_unknown(answer: Any) -> None:
    with serving(answering(answer)) as server:
        writer = Writer(connected(server, {"create": CREATE}), "WorkOrder", "create")
        with pytest.raises(OutcomeUnknown, match="may have been made"):
            writer.send(Order())
        assert len(server.requests) == 1


def test_what_was_never_sent_is_not_unknown() -> None:
    with serving(answering()) as server:
        connector = connected(server, {"create": CREATE})
    with pytest.raises(SourceUnreachable) as failure:
        Writer(connector, "WorkOrder", "create").send(Order())
    assert not isinstance(failure.value, OutcomeUnknown)


def test_an_earlier_try_is_looked_for_before_it_is_repeated() -> None:
    find = {
        "request": {"path": "orders", "query": {"external": "${reference}"}},
        "rows": "orders",
        "id": ["id"],
    }
    with serving(
        answering((200, {"orders": [{"id": 17}]}), (200, {"orders": []}), (201, {"order": {"id": 18}}))
    ) as server:
        writer = Writer(connected(server, {"create": {**CREATE, "find": find}}), "WorkOrder", "create")
        assert writer.send(Order(reference="abc", retried=True)) == [17]
        assert writer.send(Order(reference="abd", retried=True)) == [18]
    assert [path for _, path, _ in bodies(server)] == [
        "/orders?external=abc",
        "/orders?external=abd",
        "/orders",
    ]


def test_a_later_step_that_fails_tells_what_was_done() -> None:
    steps = [
        *CREATE["steps"],
        {"protocol": "http", "request": {"method": "POST", "path": "orders/${taken.id}/release"}},
    ]
    with serving(answering((201, {"order": {"id": 17}}), (422, {"message": "no budget"}))) as server:
        writer = Writer(connected(server, {"create": {**CREATE, "steps": steps}}), "WorkOrder", "create")
        with pytest.raises(PartlyWritten, match="no budget") as failure:
            writer.send(Order())
    assert failure.value.details["source_key"] == [17] and failure.value.details["steps_done"] == 1


def test_a_step_is_done_for_each_item_of_a_list() -> None:
    line = {
        "protocol": "http",
        "each": "record.lineItems",
        "request": {
            "method": "POST",
            "path": "orders/${taken.id}/lines",
            "json": {"part": "${item.materialKey}", "no": "${number}", "title": "${record.title}"},
        },
    }
    write = {**CREATE, "steps": [*CREATE["steps"], line]}
    with serving(answering((201, {"order": {"id": 17}}), (201, {}), (201, {}))) as server:
        connector = connected(server, {"create": write})
        record = {"title": "Pump", "lineItems": [{"materialKey": 5}, {"materialKey": 6}]}
        assert Writer(connector, "WorkOrder", "create").send(Order(record=record)) == [17]
        fields = accepted(connector.definition.entities["WorkOrder"].write["create"])
    assert [body for _, path, body in bodies(server)[1:]] == [
        {"part": 5, "no": 1, "title": "Pump"},
        {"part": 6, "no": 2, "title": "Pump"},
    ]
    assert fields["lineItems"] == {"materialKey"} and "title" in fields


UNDONE: dict[str, Any] = {
    **CREATE,
    "steps": [
        *CREATE["steps"],
        {"protocol": "http", "request": {"method": "POST", "path": "orders/${taken.id}/lines"}},
    ],
    "undo": {"protocol": "http", "request": {"method": "DELETE", "path": "orders/${taken.id}"}},
}
MADE, REFUSED = (201, {"order": {"id": 17}}), (422, {"message": "no budget"})


def test_what_a_refused_step_leaves_behind_is_taken_back() -> None:
    with serving(answering(MADE, REFUSED, (204, {}))) as server:
        writer = Writer(connected(server, {"create": UNDONE}), "WorkOrder", "create")
        with pytest.raises(SourceError, match="no budget") as failure:
            writer.send(Order())
        assert not isinstance(failure.value, PartlyWritten)
    assert bodies(server)[-1][:2] == ("DELETE", "/orders/17")


@pytest.mark.parametrize(
    ("answers", "requests"),
    [([MADE, REFUSED, (403, {})], 3), ([MADE, (504, {})], 2)],
    ids=["kept", "unknown"],
)
def test_what_cannot_be_taken_back_is_told(answers: list[Any], requests: int) -> None:
    with serving(answering(*answers)) as server:
        writer = Writer(connected(server, {"create": UNDONE}), "WorkOrder", "create")
        with pytest.raises(PartlyWritten):
            writer.send(Order())
        assert len(server.requests) == requests


def test_an_etag_guards_against_lost_updates() -> None:
    update = {
        "steps": [
            {"protocol": "http", "etag": True, "request": {"method": "PATCH", "path": "orders/${key.0}"}}
        ]
    }

    def tagged(exchange: Exchange) -> None:
        exchange.reply(200, b"{}", ETag='"7"')

    with serving(answering(tagged, (200, {}), tagged, (412, {}), tagged, (409, {}))) as server:
        writer = Writer(connected(server, {"update": update}), "WorkOrder", "update")
        assert writer.send(Order(key=[1])) == [1]
        for _ in ("412", "409"):
            with pytest.raises(WriteConflict, match="same moment"):
                writer.send(Order(key=[1]))
    assert server.requests[1][2]["If-Match"] == '"7"'


def test_a_refusal_keeps_the_words_of_the_source() -> None:
    with serving(answering((400, {"message": "Vendor 77 is blocked"}))) as server:
        writer = Writer(connected(server, {"create": CREATE}), "WorkOrder", "create")
        with pytest.raises(SourceError, match="Vendor 77 is blocked"):
            writer.send(Order())


def test_what_a_write_takes_is_read_off_its_templates() -> None:
    with serving(answering()) as server:
        write: Write = connected(server, {"create": CREATE}).definition.entities["WorkOrder"].write["create"]
    assert accepted(write) == {
        "title": frozenset(),
        "severity": frozenset(),
        "notes": frozenset(),
        "lineItems": frozenset({"materialKey"}),
    }
    assert statuses(write) == ()


def test_an_operation_that_is_not_declared_is_not_offered() -> None:
    with serving(answering()) as server, pytest.raises(ConfigurationError, match="no update of WorkOrder"):
        Writer(connected(server, {"create": CREATE}), "WorkOrder", "update")


LOOK_THEN_CHANGE: dict[str, Any] = {
    "steps": [
        {
            "protocol": "http",
            "look": True,
            "request": {"path": "orders", "query": {"number": "${key.0}"}},
            "take": {"href": "orders.0.href"},
        },
        {
            "protocol": "http",
            "request": {"method": "PATCH", "path": "orders/${taken.href|last_part}", "json": {"a": 1}},
        },
    ]
}


def test_a_look_comes_first_and_counts_for_nothing_when_the_change_fails() -> None:
    found = (200, {"orders": [{"href": "http://inside:9080/orders/_17?x=1"}]})
    with serving(answering(found, (200, {}), found, (400, {"message": "closed"}))) as server:
        writer = Writer(connected(server, {"update": LOOK_THEN_CHANGE}), "WorkOrder", "update")
        assert writer.send(Order(key=["17"])) == ["17"]
        with pytest.raises(SourceError, match="closed") as failure:
            writer.send(Order(key=["17"]))
    assert not isinstance(failure.value, PartlyWritten)
    assert [path for _, path, _ in bodies(server)[:2]] == ["/orders?number=17", "/orders/_17"]


def test_a_record_that_is_gone_is_not_changed() -> None:
    with serving(answering((200, {"orders": []}))) as server:
        writer = Writer(connected(server, {"update": LOOK_THEN_CHANGE}), "WorkOrder", "update")
        with pytest.raises(RecordGone):
            writer.send(Order(key=["17"]))
        assert len(server.requests) == 1


def test_what_a_look_does_not_find_may_have_a_name() -> None:
    look, change = LOOK_THEN_CHANGE["steps"]
    steps = [{**look, "missing": "order ${key.0}"}, change]
    with serving(answering((200, {"orders": []}))) as server:
        writer = Writer(connected(server, {"update": {"steps": steps}}), "WorkOrder", "update")
        with pytest.raises(SourceError, match="Nothing was written: the source has no order 17"):
            writer.send(Order(key=["17"]))


def test_a_look_without_an_answer_leaves_nothing_unknown() -> None:
    with serving(answering(no_answer)) as server:
        writer = Writer(connected(server, {"update": LOOK_THEN_CHANGE}), "WorkOrder", "update")
        with pytest.raises(SourceUnreachable) as failure:
            writer.send(Order(key=["17"]))
    assert not isinstance(failure.value, OutcomeUnknown)


def test_each_item_keeps_what_was_found_for_it() -> None:
    look = {
        "protocol": "http",
        "look": True,
        "each": "record.lineItems",
        "request": {"path": "parts", "query": {"no": "${item.materialKey}"}},
        "take": {"part": "0.id"},
    }
    send = {
        "protocol": "http",
        "each": "record.lineItems",
        "request": {"method": "POST", "path": "lines", "json": {"part": "${own.part}", "no": "${number}"}},
    }
    record = {"lineItems": [{"materialKey": "A"}, {"materialKey": "B"}]}
    with serving(answering((200, [{"id": 7}]), (200, [{"id": 8}]), (201, {}), (201, {}))) as server:
        writer = Writer(connected(server, {"create": {"steps": [look, send]}}), "WorkOrder", "create")
        writer.send(Order(record=record))
        assert [body for _, _, body in bodies(server)[2:]] == [{"part": 7, "no": 1}, {"part": 8, "no": 2}]


def test_the_first_find_whose_condition_holds_is_asked() -> None:
    finds = [
        {"when": {"release": ["19"]}, "request": {"path": "new"}, "id": ["id"]},
        {"when": {"release": ["14"]}, "request": {"path": "old"}, "id": ["id"]},
    ]
    with serving(answering((200, [{"id": 5}]))) as server:
        writer = Writer(connected(server, {"create": {**CREATE, "find": finds}}), "WorkOrder", "create")
        assert writer.find(Order()) == [5]
        assert [path for _, path, _ in bodies(server)] == ["/old"]
