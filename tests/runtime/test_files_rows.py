"""Rows of files as plant systems and spreadsheets write them."""

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import openpyxl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import ConfigurationError
from appliance.runtime.definition import CsvFormat, ExcelFormat, Group, JsonFormat, JsonLinesFormat, XmlFormat
from appliance.runtime.protocols.files.broken import FileBroken, Rejected
from appliance.runtime.protocols.files.csv_rows import plain_number
from appliance.runtime.protocols.files.rows import grouped, rows_of

# ruff: noqa: DTZ001 - cells have no zone


def read(content: bytes, form: Any, **fields: Any) -> list[Any]:
    return list(rows_of(io.BytesIO(content), form, fields))


TEXT = 'Nr;Bezeichnung;Menge\r\n007;Größe 5"; 1.234,50\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_the_encoding_is_found_out(encoding):
    assert read(TEXT.encode(encoding), CsvFormat()) == [
        {"Nr": "007", "Bezeichnung": 'Größe 5"', "Menge": " 1.234,50"}
    ]


def test_an_encoding_can_be_said_by_the_form_or_the_definition():
    content = TEXT.encode("cp850")
    assert read(content, CsvFormat(), encoding="cp850")[0]["Bezeichnung"] == 'Größe 5"'
    assert read(content, CsvFormat(encoding="cp850"), encoding="utf-8")[0]["Bezeichnung"] == 'Größe 5"'
    with pytest.raises(ConfigurationError, match="no encoding 'klingon'"):
        read(content, CsvFormat(encoding="klingon"))


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
def test_the_delimiter_is_found_out(delimiter):
    lines = [["No", "Name, with comma", "Note"], ["1", "a; b", "c|d"], ["2", "x", "y"]]
    content = "\n".join(delimiter.join(f'"{value}"' for value in line) for line in lines)
    assert read(content.encode(), CsvFormat())[0] == {"No": "1", "Name, with comma": "a; b", "Note": "c|d"}


def test_a_file_with_a_single_column_has_one():
    assert read(b"No\n1\n2\n", CsvFormat()) == [{"No": "1"}, {"No": "2"}]


def test_a_broken_row_is_rejected_and_the_others_are_read():
    content = b'No;Name\n1;a\n2;b;c\n3\n4;"x"y\n5;\xe9\n6;"two\nlines"\n7;g\n'
    rows = read(content, CsvFormat(encoding="utf-8", delimiter=";"))
    assert [row for row in rows if not isinstance(row, Rejected)] == [
        {"No": "1", "Name": "a"},
        {"No": "6", "Name": "two\nlines"},
        {"No": "7", "Name": "g"},
    ]
    reasons = [row.reason for row in rows if isinstance(row, Rejected)]
    assert reasons[0] == "Line 3 has 3 values, there are 2 columns."
    assert len(reasons) == 4 and "no utf-8" in reasons[3]


def test_lines_before_the_names_are_skipped_and_names_can_be_said():
    assert read(b"Report\n\nNo;Name\n1;a\n", CsvFormat(skip=2)) == [{"No": "1", "Name": "a"}]
    assert read(b"1;a\n", CsvFormat(columns=("no", "name"), delimiter=";")) == [{"no": "1", "name": "a"}]


def test_names_that_are_missing_or_twice_are_made_different():
    assert read(b"No;;No\n1;2;3\n", CsvFormat()) == [{"No": "1", "column2": "2", "No_3": "3"}]


@pytest.mark.parametrize(
    ("written", "decimal", "plain"),
    [
        ("1.234,50", ",", "1234.50"),
        ("1 234,5", ",", "1234.5"),
        ("1'234.50", ".", "1234.50"),
        ("1,234.50", ".", "1234.50"),
        (" 12,5- ", ",", "-12.5"),
        ("-0,001", ",", "-0.001"),
        ("", ",", ""),
        ("n/a", ",", "n/a"),
        ("1,2,3", ",", "1,2,3"),
    ],
)
def test_marks_of_numbers_are_made_plain(written, decimal, plain):
    assert plain_number(written, decimal) == plain


def test_only_columns_that_are_numbers_are_touched():
    form = CsvFormat(numbers=("Menge",), decimal=",")
    assert read(b"Nr;Menge\n1.234;1.234,50\n", form) == [{"Nr": "1.234", "Menge": "1234.50"}]


cell = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@given(
    rows=st.lists(st.tuples(cell, cell, st.text("abc", min_size=1, max_size=3)), max_size=12),
    delimiter=st.sampled_from([";", ",", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@example(rows=[('"', ";\n", "a"), ("", "", "b")], delimiter=";", encoding="utf-8")
def test_what_a_spreadsheet_writes_comes_back(rows, delimiter, encoding):
    import csv

    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *rows])
    form = CsvFormat(encoding=encoding, delimiter=delimiter)
    found = read(text.getvalue().encode(encoding), form)
    assert [tuple(row.values()) for row in found] == rows


def workbook(*lines: list[Any], sheet: str = "Orders") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = sheet
    for line in lines:
        book.active.append(line)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_cells_of_a_workbook_keep_what_they_are():
    content = workbook(
        ["No", "Qty", "Price", "Due", "At", "Open", "Note"],
        ["00071", 5, 12.10, date(2026, 1, 31), datetime(2026, 1, 31, 8, 30), True, None],
        [],
        ["00072", 0.1, 1e21, None, None, False, "#N/A"],
    )
    first, second = read(content, ExcelFormat())
    assert first == {
        "No": "00071",
        "Qty": 5,
        "Price": Decimal("12.1"),
        "Due": "2026-01-31",
        "At": "2026-01-31T08:30:00.000",
        "Open": True,
        "Note": None,
    }
    assert (second["Qty"], second["Note"]) == (Decimal("0.1"), None)


def test_a_sheet_is_chosen_and_rows_before_the_names_are_skipped():
    content = workbook(["Report"], ["No", "Name"], ["1", "a", "beyond"], ["2", "b"])
    rows = read(content, ExcelFormat(sheet="Orders", skip=1))
    assert rows == [
        Rejected("Row 3 has values beyond the 2 columns that are named."),
        {"No": "2", "Name": "b"},
    ]
    with pytest.raises(FileBroken, match="no sheet 'Parts'"):
        read(content, ExcelFormat(sheet="Parts"))


@pytest.mark.parametrize("cut", [0, 10, 400, -30])
def test_half_a_workbook_is_broken(cut):
    with pytest.raises(FileBroken):
        read(workbook(["No"], ["1"])[:cut], ExcelFormat())


XML = b"""<?xml version="1.0"?><o:Export xmlns:o="urn:o"><o:Head>x</o:Head><o:Orders>
<o:Order id="7"><No>A1</No><Line><Qty>1</Qty></Line><Line><Qty>2</Qty></Line><Empty/></o:Order>
<o:Order id="8"><No>A2</No><Line><Qty>3</Qty></Line></o:Order></o:Orders></o:Export>"""


def test_elements_become_rows():
    form = XmlFormat(rows="Export/Orders/Order", lists=("Line",))
    assert read(XML, form) == [
        {"@id": "7", "No": "A1", "Line": [{"Qty": "1"}, {"Qty": "2"}], "Empty": None},
        {"@id": "8", "No": "A2", "Line": [{"Qty": "3"}]},
    ]


def test_xml_that_is_cut_off_or_hostile_is_broken():
    form = XmlFormat(rows="Export/Orders/Order")
    with pytest.raises(FileBroken, match="no complete XML"):
        read(XML[:-40], form)
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><Export><Orders><Order>&a;</Order></Orders></Export>'
    with pytest.raises(FileBroken, match="declares"):
        read(bomb, form)


def test_objects_of_json():
    content = msgspec.json.encode({"data": [{"no": 1}, 2]})
    assert read(content, JsonFormat(rows="data")) == [{"no": 1}, Rejected("Item 2 is no object.")]
    with pytest.raises(FileBroken, match="no array at 'items'"):
        read(content, JsonFormat(rows="items"))
    with pytest.raises(FileBroken, match="no complete JSON"):
        read(content[:-3], JsonFormat(rows="data"))


def test_lines_of_json_are_exact_and_a_broken_one_is_rejected():
    content = b'\xef\xbb\xbf{"price": 1.10}\n\n{"price": \n[1]\n{"price": 2}'
    assert read(content, JsonLinesFormat()) == [
        {"price": Decimal("1.10")},
        Rejected("Line 3 is no JSON."),
        Rejected("Line 4 is no object."),
        {"price": 2},
    ]


def test_rows_of_one_order_become_one_row():
    rows = iter([{"no": "1", "line": "1"}, {"no": "1", "line": "2"}, Rejected("x"), {"no": "2", "line": "1"}])
    assert list(grouped(rows, Group(by=("no",), into="lines"))) == [
        Rejected("x"),
        {"no": "1", "line": "1", "lines": [{"no": "1", "line": "1"}, {"no": "1", "line": "2"}]},
        {"no": "2", "line": "1", "lines": [{"no": "2", "line": "1"}]},
    ]
