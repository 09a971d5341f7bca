"""Objects of a JSON document, and of a file with one object a line."""

from collections.abc import Iterator
from typing import IO, Any

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import JsonFormat
from appliance.runtime.protocols.files.broken import FileBroken, Rejected
from appliance.runtime.select import decode, dig, steps

# A document is read whole; larger files come as lines.
DOCUMENT_BYTES = 64 * 1024 * 1024
LINE_BYTES = 16 * 1024 * 1024


def read(file: IO[bytes], form: JsonFormat) -> Iterator[dict[str, Any] | Rejected]:
    """Raises FileBroken for what is no JSON, is cut off, or holds no array at the path."""
    content = file.read(DOCUMENT_BYTES + 1)
    if len(content) > DOCUMENT_BYTES:
        raise FileBroken(
            "it is larger than 64 MiB. Have it written as one object a line, and read as json_lines"
        )
    try:
        document = decode(content.removeprefix(b"\xef\xbb\xbf"))
    except SourceAnswerInvalid as failure:
        raise FileBroken(f"it is no complete JSON ({failure.message})") from None
    rows = dig(document, steps(form.rows)) if form.rows else document
    if not isinstance(rows, list):
        raise FileBroken(f"it holds no array at {form.rows or 'its top'!r}")
    for number, row in enumerate(rows, start=1):
        yield row if isinstance(row, dict) else Rejected(f"Item {number} is no object.")


def read_lines(file: IO[bytes]) -> Iterator[dict[str, Any] | Rejected]:
    number = 0
    while line := file.readline(LINE_BYTES):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            row = decode(line)
        except SourceAnswerInvalid:
            yield Rejected(f"Line {number} is no JSON.")
            continue
        yield row if isinstance(row, dict) else Rejected(f"Line {number} is no object.")
