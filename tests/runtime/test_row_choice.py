"""Rows that are left out, stamped or added, errors after the last page, and numbers in another unit."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from appliance.errors import ConfigurationError, SourceError
from appliance.runtime.mapping.transforms import divided, time_parser
from appliance.runtime.reading.shape import kept
from tests.runtime.opened import all_records, reading, vendor_pages
from tests.transport.servers import Exchange, serving

OFFSET = {"kind": "offset", "size": 2, "until": "empty"}
REQUEST = {"path": "x", "query": {"from": "${page.offset}", "to": "${page.end}"}}


def answering(pages: dict[str, Any]) -> Callable[[Exchange], None]:
    """Pages by their offset; any other is 404."""

    def reply(exchange: Exchange) -> None:
        offset = exchange.path.partition("from=")[2].partition("&")[0]
        found = pages.get(offset)
        exchange.reply(
            404 if found is None else 200,
            json.dumps({"message": "Route unknown"} if found is None else found).encode(),
        )

    return reply


def test_rows_with_other_values_are_left_out_and_paging_still_counts_them() -> None:
    pages = {"0": [{"id": 1, "kind": 1}, {"id": 2, "kind": "2"}], "2": [{"id": 3, "kind": 1}], "3": []}
    read = {"protocol": "http", "request": REQUEST, "paging": OFFSET, "only": {"kind": [1]}}
    with serving(answering(pages)) as server:
        connector = reading(server.url, read, key="id")
        assert [len(page.rows) for page in vendor_pages(connector)] == [1, 1, 0]


def test_values_are_compared_as_text_and_null_is_nothing() -> None:
    rows: list[dict[str, Any]] = [{"a": True}, {"a": "true"}, {"a": None}, {}, {"a": " "}, {"a": {"b": 1}}]
    assert kept(rows, {"a": [True]}, {}) == rows[:2]
    assert kept(rows, {"a": [None]}, {}) == rows[2:5]
    assert kept(rows, {}, {"a": [None, "true"]}) == rows[5:]


def test_members_for_every_row_and_rows_the_source_does_not_list() -> None:
    read = {
        "protocol": "http",
        "request": REQUEST,
        "paging": OFFSET,
        "add": {"scope": "work"},
        "also": [{"id": 9, "scope": "buying"}],
    }
    with serving(answering({"0": [{"id": 1}, {"id": 2}], "2": []})) as server:
        connector = reading(server.url, read, key="id")
        rows = [json.loads(row) for page in vendor_pages(connector) for row in page.rows]
    assert rows == [{"id": 1, "scope": "work"}, {"id": 2, "scope": "work"}, {"id": 9, "scope": "buying"}]


def test_an_error_after_the_first_page_ends_and_on_the_first_page_fails() -> None:
    rules = [{"then": "end_of_pages", "status": [404]}]
    read = {"protocol": "http", "request": REQUEST, "paging": OFFSET}
    with serving(answering({"0": [{"id": 1}, {"id": 2}]})) as server:
        assert len(all_records(reading(server.url, read, key="id", errors=rules), "Vendor")) == 2
        assert "to=2" in server.requests[0][1]
        assert "to=4" in server.requests[1][1]
    with serving(answering({})) as server, pytest.raises(SourceError, match="Route unknown"):
        vendor_pages(reading(server.url, read, key="id", errors=rules))


@pytest.mark.parametrize(
    ("value", "by", "result"),
    [(1999, 100, "19.99"), ("5", 100, "0.05"), (5400, 60, "90"), (100, 60, "1.666667"), (None, 60, "None")],
)
def test_numbers_in_another_unit(value: Any, by: int, result: str) -> None:
    assert str(divided(value, by)) == result


def test_a_divisor_may_come_from_the_form() -> None:
    read = {"protocol": "http", "request": REQUEST, "paging": OFFSET, "add": {"per": "${scale}"}}
    entities = {"Vendor": {"read": read, "key": ["id"], "map": {"name": {"path": "a", "divide": "per"}}}}
    with serving(answering({"0": [{"id": 1, "a": 15500}], "1": []})) as server:
        connector = reading(server.url, read, entities=entities, fields={"scale": "10000"})
        assert [record["name"] for record in all_records(connector, "Vendor").values()] == ["1.55"]


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        ("2026-01-02T08:00:00Z", 1767340800000),
        (1767340800000, 1767340800000),
        ("1767340800000", 1767340800000),
        ("", None),
    ],
)
def test_times_as_text_or_milliseconds(value: Any, milliseconds: int | None) -> None:
    assert time_parser("iso_or_ms")(value) == milliseconds


def test_a_record_without_a_status_refers_to_none() -> None:
    read = {"protocol": "http", "request": {"path": "x"}}
    mapping = {"statusKey": {"status": "work-orders", "path": "state"}}
    entities = {"WorkOrder": {"read": read, "key": ["id"], "map": mapping}}
    with serving(lambda exchange: exchange.reply(200, b'[{"id": 1}, {"id": 2, "state": "open"}]')) as server:
        found = all_records(reading(server.url, read, entities=entities), "WorkOrder").values()
    assert [record["statusKey"] is None for record in found] == [True, False]


@pytest.mark.parametrize("by", [0, -1, 1.5, True])
def test_a_divisor_is_a_whole_number(by: Any) -> None:
    read = {"protocol": "http", "request": REQUEST}
    entities = {"Vendor": {"read": read, "key": ["id"], "map": {"name": {"path": "a", "divide": by}}}}
    with pytest.raises(ConfigurationError, match="divide by"):
        reading("http://plant.example", read, entities=entities).projection("Vendor")
