"""Rows of a file, one after the other, whatever its format."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from appliance.runtime.definition import (
    CsvFormat,
    ExcelFormat,
    FileFormat,
    Group,
    JsonFormat,
    JsonLinesFormat,
    XmlFormat,
)
from appliance.runtime.protocols.files import csv_rows, json_rows, xml_rows
from appliance.runtime.protocols.files.broken import Rejected

Row = dict[str, Any]


def rows_of(file: IO[bytes], form: FileFormat, fields: Mapping[str, Any]) -> Iterator[Row | Rejected]:
    """The rows, read while they are gone through. Raises FileBroken where the file cannot be read on."""
    match form:
        case CsvFormat():
            return csv_rows.read(file, form, fields)
        case ExcelFormat():
            from appliance.runtime.protocols.files import excel_rows

            return excel_rows.read(file, form)
        case XmlFormat():
            return xml_rows.read(file, form)
        case JsonFormat():
            return json_rows.read(file, form)
        case JsonLinesFormat():
            return json_rows.read_lines(file)


class _Grouped(NamedTuple):
    values: tuple[Any, ...]
    row: Row


def grouped(rows: Iterator[Row | Rejected], group: Group) -> Iterator[Row | Rejected]:
    """Rows that follow one another with the same values as one: its first, and all of them in a list."""
    current: _Grouped | None = None
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        values = tuple(row.get(column) for column in group.by)
        if current is not None and current.values == values:
            current.row[group.into].append(row)
            continue
        if current is not None:
            yield current.row
        current = _Grouped(values, {**row, group.into: [row]})
    if current is not None:
        yield current.row
