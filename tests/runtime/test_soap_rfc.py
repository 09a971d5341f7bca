"""SAP function modules and tables over the SOAP-RFC node, against a strict simulator."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError, SourceAccessDenied, SourceAnswerInvalid, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Since
from appliance.runtime.protocols.sap_rfc import columns, where
from appliance.runtime.protocols.sap_rfc.envelope import encode_call
from tests.runtime.opened import reading, vendor_pages
from tests.simulators.soap_rfc import SapNode, Table

ORDERS = (
    ("MANDT", 3, "C"), ("EBELN", 10, "C"), ("EBELP", 5, "N"), ("AEDAT", 8, "D"), ("ERZET", 6, "T"),
    ("LIFNR", 10, "C"), ("NETWR", 15, "P"), ("WAERS", 5, "C"), ("TXZ01", 40, "C"),
    ("LTX1", 250, "C"), ("LTX2", 250, "C"), ("READG", 22, "F"),
)  # fmt: skip
READ = {"table": "EKPO", "key": ["EBELN", "EBELP"], "fields": ["AEDAT", "LIFNR", "TXZ01"], "size": 3}


def order(number: int, item: int, **more: str) -> dict[str, str]:
    row = {name: "" for name, _, _ in ORDERS} | {"EBELN": f"45{number:08}", "EBELP": f"{item:05}"}
    return (
        row
        | {"AEDAT": "20260105", "ERZET": "083000", "LIFNR": "0000000123", "NETWR": "10.00-", "WAERS": "EUR"}
        | more
    )


class Sap(SapNode):
    url = ""

    def open(self, protocol: str = "rfc_read_table", **read: Any) -> Connector:
        more = {} if protocol == "soap_rfc" else READ
        return reading(
            self.url,
            {"protocol": protocol, **more, **read},
            key="EBELN",
            http={"base_url": "${url}", "query": {"sap-client": "${client}"}},
            auth={"scheme": "basic", "username": "SYNC", "password": "Welcome1"},
            fields={"client": "100", "plant": "O'1"},
        )

    def rows(self, since: Since = EVERYTHING, **read: Any) -> list[dict[str, Any]]:
        return [json.loads(row) for page in vendor_pages(self.open(**read), since) for row in page.rows]


@pytest.fixture
def sap() -> Iterator[Sap]:
    items = [order(n, i, LTX1=f"a|{n}", LTX2=f"b{i}") for n in range(1, 5) for i in (10, 20)]
    currencies = Table((("CURRKEY", 5, "C"), ("CURRDEC", 3, "I")), [{"CURRKEY": "JPY", "CURRDEC": "0"}])
    sap = Sap(EKPO=Table(ORDERS, items), TCURX=currencies)
    with sap.served() as server:
        sap.url = server.url
        yield sap


def keys(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["EBELN"], row["EBELP"]) for row in rows]


@pytest.mark.parametrize("paging", ["key", "skip"])
def test_every_row_of_a_composite_key_is_read_once(sap, paging):
    rows = sap.rows(paging=paging)
    assert keys(rows) == keys(sap.tables["EKPO"].rows)
    assert [int(p["ROWCOUNT"]) for f, p in sap.calls if "ROWCOUNT" in p] == [3] * 4


@pytest.mark.parametrize("paging", ["key", "skip"])
def test_wide_rows_are_read_in_portions_and_joined_by_their_key(sap, paging):
    rows = sap.rows(paging=paging, fields=["LTX1", "TXZ01", "LTX2"])
    assert [(row["LTX1"], row["LTX2"]) for row in rows] == [
        (r["LTX1"], r["LTX2"]) for r in sap.tables["EKPO"].rows
    ]
    assert max(len(p["FIELDS"]) for _, p in sap.calls if p.get("FIELDS")) == 4


def test_portions_in_another_order_are_joined_all_the_same(sap):
    def flip(function: str, parameters: dict[str, Any]) -> None:
        sap.unsorted = any(f["FIELDNAME"] == "LTX2" for f in parameters.get("FIELDS") or [])

    sap.before = flip
    rows = sap.rows(paging="skip", fields=["LTX1", "LTX2"], size=3)
    assert sorted(keys(rows)) == keys(sap.tables["EKPO"].rows)
    assert all(row["LTX2"] == f"b{int(row['EBELP'])}" for row in rows)


def test_a_row_that_goes_between_its_portions_is_left_out(sap):
    def remove(function: str, parameters: dict[str, Any]) -> None:
        if any(f["FIELDNAME"] == "LTX2" for f in parameters.get("FIELDS") or []):
            sap.tables["EKPO"].rows = [r for r in sap.tables["EKPO"].rows if r["EBELN"] != "4500000001"]

    sap.before = remove
    assert "4500000001" not in {row["EBELN"] for row in sap.rows(fields=["LTX1", "LTX2"])}


def test_rows_out_of_order_end_a_pass_by_key_instead_of_losing_some(sap):
    sap.unsorted = True
    with pytest.raises(SourceAnswerInvalid, match="in no order"):
        sap.rows()
    sap.knows_get_sorted = True
    assert len(sap.rows(sorted=True)) == 8


def test_values_are_read_by_their_types(sap):
    row = sap.rows(fields=["AEDAT", "ERZET", "LIFNR", "NETWR", "WAERS"], unpadded=["LIFNR"])[0]
    assert (row["AEDAT"], row["ERZET"], row["NETWR"], row["LIFNR"]) == (
        "2026-01-05",
        "08:30:00",
        "-10.00",
        "123",
    )


def test_amounts_are_shifted_by_the_decimals_of_their_currency(sap):
    sap.tables["EKPO"].rows[0] |= {"WAERS": "JPY", "NETWR": "10.00"}
    rows = sap.rows(fields=["TXZ01"], amounts={"NETWR": "WAERS"})
    assert [rows[0]["NETWR"], rows[1]["NETWR"]] == ["1000", "-10.00"]
    assert [p["QUERY_TABLE"] for _, p in sap.calls].count("TCURX") == 1


def test_changes_are_asked_for_by_day_from_the_day_before(sap):
    sap.tables["EKPO"].rows[4]["AEDAT"] = "20260304"
    since = Since(datetime(2026, 3, 5, 1, tzinfo=UTC))
    assert keys(sap.rows(since, changed=["AEDAT"])) == [("4500000003", "00010")]


def test_a_long_condition_is_broken_at_blanks_and_never_inside_a_text(sap):
    long = " OR ".join(f"TXZ01 = 'a text with blanks, number {n}'" for n in range(9))
    sap.tables["EKPO"].rows[2]["TXZ01"] = "a text with blanks, number 7"
    assert keys(sap.rows(where=long)) == [("4500000002", "00010")]
    lines = [row["TEXT"] for row in sap.calls[-1][1]["OPTIONS"]]
    assert max(map(len, lines)) <= 71


def test_a_form_field_in_the_condition_stays_inside_its_quotes(sap):
    sap.tables["EKPO"].rows[2]["TXZ01"] = "O'1"
    assert len(sap.rows(where="TXZ01 = '${plant|quote}'")) == 1


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ({"fields": ["NOSUCH"]}, "no column 'NOSUCH'"),
        ({"fields": ["READG"]}, "floating point"),
        ({"fields": ["LTX1"], "width": 200}, "too wide"),
        ({"where": "TXZ01 = 'open"}, "not closed"),
        ({"where": f"TXZ01 = '{'x' * 80}'"}, "too long"),
    ],
)
def test_what_the_module_could_not_do_is_said_before_it_is_asked(sap, read, words):
    with pytest.raises(ConfigurationError, match=words):
        sap.rows(**read)


def test_abap_exceptions_are_told_with_what_to_do(sap):
    with pytest.raises(SourceError, match=r"no such table.*TABLE_NOT_AVAILABLE"):
        sap.rows(table="NOSUCH")
    sap.forbidden = {"EKPO"}
    with pytest.raises(SourceAccessDenied, match="S_TABU_NAM"):
        sap.rows()
    with pytest.raises(SourceError, match="SICF"):
        sap.rows(path="sap/bc/soap/off")


def test_a_replacement_with_a_slash_in_its_name_is_called(sap):
    assert len(sap.rows(function="/PLANT/READ_TABLE")) == 8


def test_a_sample_is_one_row(sap):
    pages = sap.open(fields=["LTX1", "LTX2"]).pages("Vendor")
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
    assert (len(page.rows), page.next) == (1, None)


BAPI = {"function": "BAPI_EQUI_GETLIST", "tables": ["EQUIPMENT_LIST", "RETURN"], "rows": "EQUIPMENT_LIST"}


def test_a_bapi_gives_the_rows_of_a_table(sap):
    parameters = {"WERKS": "1000", "RANGE": [{"SIGN": "I", "LOW": "<&>"}], "SELECT": {"A": "1"}}
    rows = sap.rows(protocol="soap_rfc", **BAPI, parameters=parameters)
    assert rows == [{"EQUIPMENT": "10000001", "DESCRIPT": "Pump & motor"}]
    assert sap.calls[-1][1] == {"EQUIPMENT_LIST": "", "RETURN": "", **parameters}


def test_an_error_in_the_return_table_is_an_error(sap):
    with pytest.raises(SourceError, match=r"Plant 9999 does not exist \(IL 001\)"):
        sap.rows(protocol="soap_rfc", **BAPI, parameters={"WERKS": "9999"})


def test_a_table_that_was_not_sent_does_not_come_back_and_is_named(sap):
    with pytest.raises(SourceAnswerInvalid, match="name it in `tables`"):
        sap.rows(protocol="soap_rfc", **{**BAPI, "tables": []})


def test_a_row_whose_positions_are_bytes_is_split_at_the_delimiter():
    two = [columns.Column("A", 0, 4, "C"), columns.Column("B", 5, 3, "C")]
    assert columns.cells("ab|c|xyz", two, "|") == {"A": "ab|c", "B": "xyz"}
    assert columns.cells("ä|xyz", two, "|") == {"A": "ä", "B": "xyz"}
    with pytest.raises(SourceAnswerInvalid, match="line up"):
        columns.cells("a|b|c", two, "|")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("00000000", "D", None), ("99991231", "D", None), ("", "D", None), ("20260131", "D", "2026-01-31"),
        ("000000", "T", "00:00:00"), ("", "T", None), ("  1234.500 ", "P", "1234.500"), ("3-", "I", "-3"),
        ("0010", "N", "0010"), ("", "C", ""),
    ],
)  # fmt: skip
def test_cells_become_values(text, kind, value):
    assert columns.value(text, kind) == value


@given(
    st.lists(
        st.one_of(st.from_regex(r"[A-Z]{1,12}", fullmatch=True), st.text("a' b", max_size=20)), min_size=1
    )
)
def test_lines_laid_end_to_end_say_the_same(pieces):
    said = [p if p.isupper() else where.literal(p) for p in pieces]
    lines = where.lines(" ".join(said))
    assert all(0 < len(line) <= 71 for line in lines)
    whole = re.compile(r"'(?:[^']|'')*'|[A-Z]+")
    assert whole.findall("".join(line.ljust(72) for line in lines)) == said


def test_a_value_of_another_kind_is_refused():
    with pytest.raises(ConfigurationError, match="cannot be float"):
        encode_call("F", {"A": 1.5})
