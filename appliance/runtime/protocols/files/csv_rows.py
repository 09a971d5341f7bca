"""Delimited text as spreadsheets and plant systems write it. Every value is text, as it stands there."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from appliance.errors import ConfigurationError
from appliance.runtime.definition import CsvFormat
from appliance.runtime.protocols.files.broken import FileBroken, Rejected
from appliance.runtime.protocols.files.columns import named

DELIMITERS = (";", ",", "\t", "|")
SNIFFED_BYTES, SNIFFED_LINES = 65_536, 20
# Marks between groups of three digits.
_GROUPING = {".": re.compile(r"[,'’\s]"), ",": re.compile(r"[.'’\s]")}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?-?|[+-]?\.\d+")
_UNDECODED = re.compile(r"[\udc80-\udcff]")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read(file: IO[bytes], form: CsvFormat, fields: Mapping[str, Any]) -> Iterator[dict[str, Any] | Rejected]:
    """Raises FileBroken for a file without the line of names, ConfigurationError for an unknown encoding."""
    encoding = _encoding(file, form.encoding or str(fields.get("encoding") or ""))
    # Bytes that are no text in this encoding spoil their own row only.
    text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
    try:
        yield from _rows(text, form, fields, encoding)
    except UnicodeError as failure:
        raise FileBroken(f"it is not {encoding} text ({failure})") from None
    finally:
        text.detach()


def _rows(
    text: io.TextIOWrapper, form: CsvFormat, fields: Mapping[str, Any], encoding: str
) -> Iterator[dict[str, Any] | Rejected]:
    for _ in range(form.skip):
        text.readline()
    start = text.tell()
    delimiter = form.delimiter or str(fields.get("delimiter") or "") or _sniffed(text)
    text.seek(start)
    decimal = form.decimal or str(fields.get("decimal") or "") or "."
    lines = csv.reader(text, delimiter="\t" if delimiter == "\\t" else delimiter, strict=True)
    try:
        names = list(form.columns) or named(next(lines, []))
    except csv.Error as failure:
        raise FileBroken(f"its line of column names cannot be read ({failure})") from None
    if not names:
        return
    numbers = [name for name in form.numbers if name in names]
    width = len(names)
    while True:
        try:
            values = next(lines)
        except StopIteration:
            return
        except csv.Error as failure:
            yield Rejected(f"Line {lines.line_num + form.skip}: {failure}.")
            continue
        if not any(values):
            continue
        if len(values) != width:
            if len(values) < width or any(values[width:]):
                yield Rejected(
                    f"Line {lines.line_num + form.skip} has {len(values)} values, there are {width} columns."
                )
                continue
            values = values[:width]
        row = dict(zip(names, values, strict=True))
        if not _is_text(values):
            yield Rejected(f"Line {lines.line_num + form.skip} holds bytes that are no {encoding} text.")
            continue
        for name in numbers:
            row[name] = plain_number(row[name], decimal)
        yield row


def plain_number(written: str, decimal: str) -> str:
    """A number with marks of a country as plain digits and a point; anything else as it is written."""
    bare = _GROUPING.get(decimal, _GROUPING["."]).sub("", written.strip()).replace(decimal, ".")
    if not _NUMBER.fullmatch(bare):
        return written
    # Some systems write the sign behind.
    return f"-{bare[:-1]}" if bare.endswith("-") else bare


def _is_text(values: list[str]) -> bool:
    """Whether no byte of the values was left undecoded."""
    return all(value.isascii() or not _UNDECODED.search(value) for value in values)


def _encoding(file: IO[bytes], wanted: str) -> str:
    start = file.read(4)
    file.seek(0)
    if wanted:
        try:
            name = codecs.lookup(wanted).name
        except LookupError:
            raise ConfigurationError(
                f"There is no encoding {wanted[:40]!r}. Use utf-8, cp1252 or utf-16."
            ) from None
        return "utf-8-sig" if name == "utf-8" else name
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    return "utf-8" if _is_utf8(file) else "cp1252"


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(1 << 20):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _sniffed(text: io.TextIOWrapper) -> str:
    """The delimiter that cuts the first lines into the most columns, as many in each; a comma when none does."""
    sample = text.read(SNIFFED_BYTES)
    best, most = ",", 1
    for delimiter in DELIMITERS:
        try:
            lines = [line for line in csv.reader(io.StringIO(sample), delimiter=delimiter) if any(line)]
        except csv.Error:
            continue
        # The last line may be cut off.
        widths = [len(line) for line in lines[:SNIFFED_LINES][: max(1, len(lines) - 1)]]
        if widths and min(widths) == max(widths) and widths[0] > most:
            best, most = delimiter, widths[0]
    if most == 1:
        # Some line is broken: then the names decide.
        first = sample.partition("\n")[0]
        best = max(DELIMITERS, key=first.count) if any(mark in first for mark in DELIMITERS) else ","
    return best
