"""Reads that ask for less: only keys, only what is not finished. The suite finds those that are wrong."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from appliance.runtime.checking.narrowed import check_gone, check_only_keys, check_open
from appliance.runtime.checking.passes import read_pass
from appliance.runtime.checking.report import Check
from appliance.runtime.connector import Connector
from appliance.runtime.definition import HttpRead, OData4Read, TableRead, TellingTable
from appliance.runtime.definition.http import RequestTemplate
from appliance.runtime.definition.reading import Children, Detail, Way
from appliance.runtime.protocols import EVERYTHING
from appliance.runtime.reading.narrowed import only_keys, only_open
from appliance.runtime.reading.ways import chosen
from tests.runtime.opened import reading
from tests.transport.servers import Exchange, serving

ROWS = [
    {"Number": 1, "state": "open", "deleted": False},
    {"Number": 2, "state": "done", "deleted": False},
    {"Number": 3, "state": "done", "deleted": True},
]


@contextmanager
def plant(**ways: Any) -> Iterator[Connector]:
    """A list that takes `state`, and `without`, the number of a row to leave out."""

    def answer(exchange: Exchange) -> None:
        asked = dict(parse_qsl(urlsplit(exchange.path).query))
        if asked.get("state") == "unknown":
            exchange.reply(400, b'{"error": "no such state"}')
            return
        rows = [
            row
            for row in ROWS
            if asked.get("state", row["state"]) == row["state"] and str(row["Number"]) != asked.get("without")
        ]
        exchange.reply(200, json.dumps(rows).encode(), Content_Type="application/json")

    request = {"path": "orders", "query": {"state": "${state}", "without": "${without}"}}
    read = {"protocol": "http", "request": request, "vars": {"state": None, "without": None}, **ways}
    with serving(answer) as server:
        connector = reading(server.url, read)
        yield connector
        connector.close()


def checked(connector: Connector) -> Mapping[str, Check]:
    seen = read_pass(connector, "Vendor", EVERYTHING, 100)
    projection = connector.projection("Vendor")
    checks = (
        check_only_keys(connector, "Vendor", seen, projection, 100),
        check_open(connector, "Vendor", projection, 100),
        check_gone(connector, "Vendor", seen),
    )
    return {check.name: check for check in checks if check is not None}


def test_reads_that_fit_pass() -> None:
    with plant(keys={}, open={"vars": {"state": "open"}}) as connector:
        checks = checked(connector)
        assert {name: check.state for name, check in checks.items()} == {
            "only keys": "passed",
            "open": "passed",
        }
        assert "1 row" in checks["open"].message


def test_nothing_is_checked_that_is_not_declared() -> None:
    with plant() as connector:
        assert checked(connector) == {}


def test_a_key_that_is_left_out_is_found() -> None:
    with plant(keys={"vars": {"without": "2"}}) as connector:
        check = checked(connector)["only keys"]
    assert check.state == "failed"
    assert len(check.details["missing"]) == 1


def test_a_request_that_is_refused_is_found() -> None:
    with plant(open={"vars": {"state": "unknown"}}) as connector:
        check = checked(connector)["open"]
    assert (check.state, "no such state" in check.message) == ("failed", True)


def test_an_odata_set_is_asked_for_its_key_and_what_tells_that_a_row_is_gone() -> None:
    read = OData4Read(set="Orders", select=("Number", "Text"), expand=("Lines",))
    narrowed = only_keys(read, ("Number",), ("Deleted",))
    assert isinstance(narrowed, OData4Read)
    assert (narrowed.select, narrowed.expand) == (("Number", "Deleted"), ())
    assert only_keys(read, ("Number",), ("Lines.0.Deleted",)) is None


def test_a_table_is_read_without_what_belongs_to_its_rows() -> None:
    read = TableRead(table="AUFK", key=("AUFNR",), fields=("KTEXT", "LOEKZ"), shown={"NUMBER": "AUFNR"})
    narrowed = only_keys(read, ("AUFNR",), ("LOEKZ",))
    assert isinstance(narrowed, TableRead)
    assert (narrowed.fields, narrowed.shown) == (("LOEKZ",), {})


def test_open_orders_of_a_table_are_those_their_open_lines_tell_of() -> None:
    lines = TellingTable(table="EKPO", key=("EBELN", "EBELP"), by={"EBELN": "EBELN"}, where="ELIKZ = ' '")
    read = TableRead(table="EKKO", key=("EBELN",), fields=("LOEKZ",), changed=("AEDAT",), open_by=lines)
    narrowed = only_open(read)
    assert isinstance(narrowed, TableRead)
    assert [table.table for table in narrowed.touching] == ["EKPO"]


@pytest.mark.parametrize("release", ["old", "new"])
def test_whichever_way_a_form_chooses_only_keys_are_asked_for(release: str) -> None:
    lines = Children(into="lines", by="id", vars={"model": "line"})
    read = HttpRead(
        request=RequestTemplate(path="orders"),
        vars={"fields": ["id", "text"]},
        keys=Way(vars={"fields": ["id"]}),
        detail=Detail(request=RequestTemplate(path="orders/${row.id}")),
        children=(lines,),
        choose="release",
        ways={"new": Way(children=(lines,), vars={"fields": ["id", "title"]})},
    )
    narrowed = only_keys(read, ("id",))
    assert isinstance(narrowed, HttpRead)
    in_use = chosen(narrowed, {"release": release})
    assert (in_use.vars["fields"], in_use.children, in_use.detail) == (["id"], (), None)
