"""Keeps what a source was asked and answered, without secrets, for replay.py to answer from.

A recording is a file of JSON lines: first what it is of (system, time, form fields), then one exchange a line.
It begins before the sign-in and ends after it: requests are kept as they are before credentials are added, and
sign-ins are not kept at all, so that neither tokens nor sessions are in it. Values of secret form fields are
replaced wherever they stand; only headers that protocols read are kept. What stays are the rows themselves, and
what else the source says: whoever passes a recording on should look through it.
"""

import base64
import json
import re
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import IO, Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import msgspec

from appliance.errors import InvalidInput
from appliance.runtime.definition import Definition
from appliance.transport.http import Request, Response
from appliance.transport.messages import QUERY_SAFE

_FORMAT = 1
_HEADERS = ("Content-Type", "Link", "Date", "ETag", "Retry-After", "Content-Range")
# A shorter secret may be part of any word; it is taken out where it stands alone.
_TELLING = 8


class Said(msgspec.Struct, frozen=True):
    """One exchange as it is kept. Bodies are text, or base64 where they are none."""

    method: str
    url: str
    status: int
    headers: dict[str, str]
    sent: str = ""
    answer: str = ""
    base64: bool = False


class Recorded(msgspec.Struct, frozen=True, rename={"version": "recording"}):
    """What a recording is of. `fields` are those of the form; secret ones hold a word in their place."""

    version: int
    system: str
    at: datetime
    fields: dict[str, Any]


class Recorder:
    """Writes a recording; `add` is a source's witness. Threads may share it."""

    def __init__(
        self, stream: IO[bytes], definition: Definition, fields: Mapping[str, Any], at: datetime
    ) -> None:
        self._stream = stream
        self._writing = threading.Lock()
        secret = {f.name for f in definition.form if f.sealed}
        # Certificates are for the way to the source, which a replay does not go.
        kept = {name: value for name, value in fields.items() if not name.startswith("tls_")}
        values = {name: str(fields[name]) for name in secret if fields.get(name)}
        self._spellings = _spellings(values)
        shown = {
            name: _word(name) if name in values else self._text(value) if isinstance(value, str) else value
            for name, value in kept.items()
        }
        self._write(Recorded(_FORMAT, definition.system, at, shown))

    def add(self, request: Request, response: Response) -> None:
        try:
            answer, is_base64 = self._text(response.body.decode("utf-8")), False
        except UnicodeDecodeError:
            # Every byte is a character of Latin-1, so that the rest stays as it is.
            without = self._text(response.body.decode("latin-1")).encode("latin-1")
            answer, is_base64 = base64.b64encode(without).decode(), True
        self._write(
            Said(
                method=request.method,
                url=self._text(request.full_url()),
                status=response.status,
                headers={
                    name: self._text(value)
                    for name in _HEADERS
                    if (value := response.header(name)) is not None
                },
                sent=self._text(sent_text(request)),
                answer=answer,
                base64=is_base64,
            )
        )

    def _text(self, text: str) -> str:
        for pattern, word in self._spellings:
            text = pattern.sub(word, text)
        return text

    def _write(self, line: Said | Recorded) -> None:
        encoded = msgspec.json.encode(line)
        with self._writing:
            self._stream.write(encoded + b"\n")


def read_recording(lines: Iterable[bytes]) -> tuple[Recorded, list[Said]]:
    """Raises InvalidInput for what is no recording."""
    try:
        first, *rest = [line for line in lines if line.strip()]
        recorded = msgspec.json.decode(first, type=Recorded)
        exchanges = [msgspec.json.decode(line, type=Said) for line in rest]
    except (ValueError, msgspec.MsgspecError) as failure:
        raise InvalidInput(f"The file is no recording: {failure}.") from None
    if recorded.version != _FORMAT:
        raise InvalidInput(f"The recording has format {recorded.version}; this program knows {_FORMAT}.")
    return recorded, exchanges


def _word(name: str) -> str:
    """What stands for a secret; letters and underscores only, so that every encoding leaves it as it is."""
    return f"recorded_{name}"


def _spellings(values: Mapping[str, str]) -> list[tuple[re.Pattern[str], str]]:
    """Patterns of each secret as URLs, JSON, XML and base64 write it; the longest first."""
    found: dict[str, str] = {}
    for name, value in values.items():
        written = (
            value,
            quote(value, safe=""),
            quote(value),
            quote(value, safe=QUERY_SAFE),
            quote_plus(value),
            json.dumps(value)[1:-1],
            json.dumps(value)[1:-1].replace("/", "\\/"),
            json.dumps(value, ensure_ascii=False)[1:-1],
            escape(value),
            escape(value, {'"': "&quot;", "'": "&apos;"}),
            base64.b64encode(value.encode()).decode(),
        )
        found.update((spelling, name) for spelling in written)
    longest_first = sorted(found.items(), key=lambda pair: -len(pair[0]))
    return [(_pattern(spelling), _word(name)) for spelling, name in longest_first]


def _pattern(spelling: str) -> re.Pattern[str]:
    text = re.escape(spelling)
    # Without regard to case, in which the hexadecimal digits of URLs differ.
    return re.compile(text if len(spelling) >= _TELLING else rf"(?<!\w){text}(?!\w)", re.IGNORECASE)


def sent_text(request: Request) -> str:
    return "" if request.body is None else request.body.decode("utf-8", "replace")
