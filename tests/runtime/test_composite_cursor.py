"""Keysets of several values: rows that share a time neither skip nor come twice."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.connector import Connector
from appliance.runtime.definition import KeysetPaging
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.reading.paging import Answered, first_position, next_position
from tests.runtime.opened import all_pages, defined
from tests.transport.servers import Exchange, serving

BY = KeysetPaging(size=3, by=("changed", "id"))
Row = tuple[int, int]


def after_rows(rows: list[Row], after: list[Any] | None, size: int) -> list[bytes]:
    """What a source answers that is asked for `changed > after.0 or (changed = after.0 and id > after.1)`."""
    found = [row for row in sorted(rows) if after is None or row > tuple(after)]
    return [json.dumps({"changed": changed, "id": number}).encode() for changed, number in found[:size]]


@given(st.data())
def test_rows_of_one_time_come_once_each_while_others_come_and_go(data: st.DataObject) -> None:
    stays = data.draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=25))
    moves = data.draw(st.sets(st.tuples(st.integers(0, 3), st.integers(31, 40)), max_size=10))
    there = set(moves)
    position: dict[str, Any] | None = first_position(BY)
    read: list[Row] = []
    while position is not None:
        there ^= data.draw(st.sets(st.sampled_from(sorted(moves)), max_size=3)) if moves else set()
        page = after_rows([*stays, *there], position["after"], BY.size)
        read += [(row["changed"], row["id"]) for row in map(json.loads, page)]
        position = json.loads(json.dumps(next_position(BY, position, Answered(page))))
    assert stays <= set(read)
    assert len(read) == len(set(read))


def test_a_time_alone_would_skip_rows() -> None:
    """What the key is for: the same source, asked by time only, loses the rest of a moment."""
    by_time = KeysetPaging(size=3, by="changed")
    rows = [(1, n) for n in range(5)]
    first = next_position(by_time, first_position(by_time), Answered(after_rows(rows, None, 3)))
    assert first is not None
    assert after_rows(rows, [first["after"], 999], 3) == []


def test_a_last_row_without_a_part_is_named() -> None:
    with pytest.raises(SourceAnswerInvalid, match="nothing at 'id'"):
        next_position(
            KeysetPaging(size=1, by=("changed", "id")), {"after": None}, Answered([b'{"changed":1}'])
        )


REQUEST = {
    "path": "rows",
    "query": {
        "size": "${page.size}",
        "filter": {
            "$if": "page.after",
            "then": "t gt ${page.after.0} or (t eq ${page.after.0} and n gt ${page.after.1})",
        },
        "body": "${page.after|json}",
    },
}


@contextmanager
def plant(rows: list[Row], **read: Any) -> Iterator[tuple[Connector, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    def answer(exchange: Exchange) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(exchange.path).query).items()}
        asked.append(query)
        texts = after_rows(rows, json.loads(query.get("body", "null")), int(query["size"]))
        exchange.reply(200, b"[" + b",".join(texts) + b"]", Content_Type="application/json")

    document = {
        "http": {"base_url": "${url}"},
        "entities": {
            "Vendor": {
                "read": {
                    "protocol": "http",
                    "request": REQUEST,
                    "paging": {"kind": "keyset", "by": ["changed", "id"], "size": 2},
                    **read,
                },
                "incremental": "mark",
                "key": ["id"],
                "map": {"name": "id"},
            }
        },
    }
    with serving(answer) as server:
        yield defined(document, {"url": server.url}), asked


def test_the_request_names_each_part_of_the_last_row() -> None:
    with plant([(7, 1), (7, 2), (7, 3)]) as (connector, asked):
        pages = all_pages(connector, "Vendor")
    assert [len(page.rows) for page in pages] == [2, 1]
    assert [page.mark for page in pages] == [None, None], "a mark is left where the read says so only"
    assert asked == [
        {"size": "2"},
        {"size": "2", "filter": "t gt 7 or (t eq 7 and n gt 2)", "body": "[7,2]"},
    ]


def test_the_next_pass_begins_behind_the_last_row_of_the_one_before() -> None:
    rows = [(7, 1), (7, 2), (7, 3)]
    with plant(rows, mark=["changed", "id"]) as (connector, asked):
        mark = all_pages(connector, "Vendor")[-1].mark
        assert mark == [7, 3]
        (empty,) = all_pages(connector, "Vendor", Since(mark=mark))
        assert (empty.rows, empty.mark) == ([], mark)
        rows += [(7, 4), (8, 0)]
        (new,) = all_pages(connector, "Vendor", Since(mark=mark))[:1]
        assert [json.loads(row)["id"] for row in new.rows] == [4, 0]
        assert new.mark == [8, 0]
        asked.clear()
        all_pages(connector, "Vendor", EVERYTHING)
        assert "filter" not in asked[0], "a full pass begins at the beginning"


@pytest.mark.parametrize(
    ("read", "says"),
    [
        ({"mark": ["changed"]}, "those of `by`"),
        ({"mark": ["changed", "id"], "paging": {"kind": "offset"}}, "those of `by`"),
        ({"paging": {"kind": "keyset", "by": []}}, "`by` names"),
    ],
)
def test_a_mark_of_several_paths_needs_their_keyset(read: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says), plant([], **read):
        pass


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=5))
def test_passes_that_go_on_by_the_mark_read_every_row_once(batches: list[list[int]]) -> None:
    """Each batch is committed after the pass before, with times that do not go back."""
    rows: list[Row] = []
    paging = KeysetPaging(size=2, by=("changed", "id"))
    mark: Any = None
    read: list[Row] = []
    moment = 0
    for batch in batches:
        for later in batch:
            moment += later
            rows.append((moment, len(rows)))
        position: dict[str, Any] | None = {"after": mark}
        while position is not None:
            page = after_rows(rows, position["after"], 2)
            read += [(row["changed"], row["id"]) for row in map(json.loads, page)]
            if page:
                mark = [json.loads(page[-1])["changed"], json.loads(page[-1])["id"]]
            position = next_position(paging, position, Answered(page))
    assert read == sorted(rows)
