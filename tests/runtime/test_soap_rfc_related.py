"""SAP tables read along with another one, and tables that tell of its changes."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import ConfigurationError
from appliance.runtime.protocols import EVERYTHING, Since
from tests.runtime.opened import reading, vendor_pages
from tests.simulators.soap_rfc import SapNode, Table

HEADS = (("EBELN", 10, "C"), ("WAERS", 5, "C"), ("AEDAT", 8, "D"))
LINES = (
    ("EBELN", 10, "C"), ("EBELP", 5, "N"), ("NETPR", 13, "P"), ("PEINH", 5, "P"), ("WERKS", 4, "C"),
    ("LGORT", 4, "C"), ("AEDAT", 8, "D"), ("LTX1", 300, "C"), ("LTX2", 300, "C"),
)  # fmt: skip
RELATED = {
    "table": "EKPO", "key": ["EBELN", "EBELP"], "fields": ["PEINH", "WERKS", "LGORT"], "by": {"EBELN": "EBELN"},
    "into": "lines", "many": True, "amounts": {"NETPR": "^.WAERS"},
    "shown": {"LINE": "EBELP"},
}  # fmt: skip
TOUCHING = {"table": "EKPO", "key": ["EBELN", "EBELP"], "changed": ["AEDAT"], "by": {"EBELN": "EBELN"}}
SINCE = Since(datetime(2026, 6, 2, tzinfo=UTC))


def line(order: int, item: int) -> dict[str, str]:
    text = {"LTX1": f"a{item}", "LTX2": f"b{item}", "AEDAT": "20260101"}
    place = {"WERKS": "1000", "LGORT": "0001" if item == 10 else ""}
    return {
        "EBELN": f"{order:010}",
        "EBELP": f"{item:05}",
        "NETPR": "12.50 ",
        "PEINH": "100 ",
        **place,
        **text,
    }


class Sap(SapNode):
    url = ""

    def rows(self, since: Since = EVERYTHING, **read: Any) -> list[dict[str, Any]]:
        base = {"table": "EKKO", "key": ["EBELN"], "fields": ["WAERS"], "size": 30, "changed": ["AEDAT"]}
        connector = reading(
            self.url,
            {"protocol": "rfc_read_table", "related": [RELATED], **base, **read},
            key="EBELN",
            http={"base_url": "${url}", "query": {"sap-client": "100"}},
            auth={"scheme": "basic", "username": "SYNC", "password": "Welcome1"},
        )
        return [json.loads(row) for page in vendor_pages(connector, since) for row in page.rows]


@pytest.fixture
def sap() -> Iterator[Sap]:
    orders = [
        {"EBELN": f"{n:010}", "WAERS": "JPY" if n == 2 else "EUR", "AEDAT": "20260101"} for n in range(1, 71)
    ]
    lines = [line(n, item) for n in range(1, 70) for item in (10, 20)]
    currencies = Table((("CURRKEY", 5, "C"), ("CURRDEC", 3, "I")), [{"CURRKEY": "JPY", "CURRDEC": "0"}])
    sap = Sap(EKKO=Table(HEADS, orders), EKPO=Table(LINES, lines), TCURX=currencies)
    with sap.served() as server:
        sap.url = server.url
        yield sap


def test_each_row_has_its_own_lines(sap: Sap) -> None:
    rows = sap.rows()
    assert [[found["EBELP"] for found in row["lines"]] for row in rows] == [["00010", "00020"]] * 69 + [[]]
    assert all(found["EBELN"] == row["EBELN"] for row in rows for found in row["lines"])
    # One call for each page of 30 rows, and the columns once.
    assert [p["QUERY_TABLE"] for _, p in sap.calls].count("EKPO") == 4


def test_what_is_made_of_columns(sap: Sap) -> None:
    euro, yen = (row["lines"][0] for row in sap.rows()[:2])
    assert (euro["NETPR"], yen["NETPR"]) == ("12.50", "1250")
    assert (euro["LINE"], euro["EBELP"]) == ("10", "00010")


def test_a_single_related_row_is_the_last_of_its_key_or_nothing(sap: Sap) -> None:
    rows = sap.rows(related=[{**RELATED, "many": False}])
    assert (rows[0]["lines"]["EBELP"], rows[69]["lines"]) == ("00020", None)


def test_wide_related_rows_are_read_in_portions(sap: Sap) -> None:
    row = sap.rows(related=[{**RELATED, "fields": ["LTX1", "LTX2", "PEINH", "WERKS", "LGORT"]}])[3]
    assert [(found["LTX1"], found["LTX2"]) for found in row["lines"]] == [("a10", "b10"), ("a20", "b20")]


def test_joining_by_a_column_that_is_not_read_is_told(sap: Sap) -> None:
    with pytest.raises(ConfigurationError, match="joined by AEDAT, which is not read"):
        sap.rows(related=[{**RELATED, "by": {"AEDAT": "AEDAT"}}])


def test_lines_that_changed_bring_their_rows_over_many_pages(sap: Sap) -> None:
    for found in sap.tables["EKPO"].rows[:80:2]:
        found["AEDAT"] = "20260601"
    assert sap.rows(SINCE) == []
    rows = sap.rows(SINCE, touching=[TOUCHING], where="WAERS = 'EUR'")
    assert [row["EBELN"] for row in rows] == [f"{n:010}" for n in range(1, 41) if n != 2]
    assert all(len(row["lines"]) == 2 for row in rows)


def test_without_columns_of_change_only_touching_tables_are_asked(sap: Sap) -> None:
    sap.tables["EKPO"].rows[0]["AEDAT"] = "20260601"
    assert [row["EBELN"] for row in sap.rows(SINCE, touching=[TOUCHING], changed=[])] == ["0000000001"]
