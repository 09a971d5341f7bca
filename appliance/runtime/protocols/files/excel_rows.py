"""Sheets of .xlsx workbooks, row by row."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from appliance.runtime.definition import ExcelFormat
from appliance.runtime.protocols.files.broken import FileBroken, Rejected
from appliance.runtime.protocols.files.columns import named

# A workbook is a ZIP: a small one can be made that unpacks to more than any memory.
UNPACKED_BYTES = 1024 * 1024 * 1024
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"})


def read(file: IO[bytes], form: ExcelFormat) -> Iterator[dict[str, Any] | Rejected]:
    """Values of formulas are those that were stored. Raises FileBroken for what is no workbook."""
    try:
        _refuse_bomb(file)
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, EOFError) as failure:
        raise FileBroken(f"it is no Excel workbook of the format .xlsx ({failure})") from None
    try:
        yield from _rows(workbook, form)
    except (zipfile.BadZipFile, SyntaxError, KeyError, ValueError, OSError, EOFError) as failure:
        raise FileBroken(f"its sheet is damaged ({failure})") from None
    finally:
        workbook.close()


def _rows(workbook: Any, form: ExcelFormat) -> Iterator[dict[str, Any] | Rejected]:
    if form.sheet and form.sheet not in workbook.sheetnames:
        raise FileBroken(f"it has no sheet {form.sheet!r}. Sheets: {', '.join(workbook.sheetnames)}")
    sheet = workbook[form.sheet] if form.sheet else workbook.worksheets[0]
    # Some programs write a wrong size of the sheet, which would hide rows.
    sheet.reset_dimensions()
    lines = sheet.iter_rows(min_row=form.skip + 1, values_only=True)
    head = next(lines, ())
    width = max((number for number, name in enumerate(head, start=1) if name is not None), default=0)
    names = named(head[:width])
    if not names:
        return
    for number, line in enumerate(lines, start=form.skip + 2):
        if all(value is None for value in line):
            continue
        if any(value is not None for value in line[width:]):
            yield Rejected(f"Row {number} has values beyond the {width} columns that are named.")
            continue
        values = [*line[:width], *[None] * (width - len(line))]
        yield {name: plain(value) for name, value in zip(names, values, strict=True)}


def plain(value: Any) -> Any:
    """A cell as JSON: dates ISO, a date at midnight without its time, numbers with the digits that are shown."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else Decimal(repr(value))
    if isinstance(value, datetime):
        midnight = not (value.hour or value.minute or value.second or value.microsecond)
        return value.date().isoformat() if midnight else value.isoformat(timespec="milliseconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return None if isinstance(value, str) and value in _ERRORS else value


def _refuse_bomb(file: IO[bytes]) -> None:
    with zipfile.ZipFile(file) as packed:
        if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES:
            raise FileBroken("it unpacks to more than 1 GiB")
    file.seek(0)
