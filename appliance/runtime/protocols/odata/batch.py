"""`$batch`: many operations in one request, as multipart/mixed of both OData versions.

A part is one operation, or a tuple of them: a change set, which the service carries out wholly or not at all.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.errors import SourceAnswerInvalid
from appliance.transport.http import Response

_BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]+)", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})")


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of a batch; `path` is relative to the service and already encoded."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


Part = Operation | tuple[Operation, ...]


class _Headers(dict[str, str]):
    """Names are kept in lower case and found in any."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


def encode_batch(parts: Sequence[Part]) -> tuple[str, bytes]:
    """Content type and body. Operations of change sets are numbered through as `Content-ID`, from 1."""
    pieces: list[bytes] = []
    number = 0
    for part in parts:
        if isinstance(part, Operation):
            pieces.append(_operation(part, None))
            continue
        inner = []
        for operation in part:
            number += 1
            inner.append(_operation(operation, number))
        boundary, body = _multipart("changeset", inner)
        pieces.append(b"Content-Type: multipart/mixed; boundary=" + boundary.encode() + b"\r\n\r\n" + body)
    boundary, body = _multipart("batch", pieces)
    return f"multipart/mixed; boundary={boundary}", body


def decode_batch(response: Response) -> list[Response]:
    """The answers in order, those of change sets among them; a refused change set gives one answer.

    Raises SourceAnswerInvalid for an answer that is no batch.
    """
    found = _answers(response.header("Content-Type") or "", response.body, response)
    if not found:
        raise SourceAnswerInvalid("The service's answer to $batch holds no answers.")
    return found


def _operation(operation: Operation, content_id: int | None) -> bytes:
    outer = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
    if content_id is not None:
        outer += f"Content-ID: {content_id}\r\n"
    headers = dict(operation.headers)
    if operation.body:
        headers["Content-Length"] = str(len(operation.body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{outer}\r\n{operation.method} {operation.path} HTTP/1.1\r\n{lines}\r\n"
    return head.encode() + operation.body + b"\r\n"


def _multipart(name: str, pieces: Sequence[bytes]) -> tuple[str, bytes]:
    # Named after its content, so that the boundary cannot stand inside by accident.
    boundary = f"{name}_{hashlib.sha256(b''.join(pieces)).hexdigest()[:32]}"
    mark = b"--" + boundary.encode()
    body = b"".join(mark + b"\r\n" + piece + b"\r\n" for piece in pieces)
    return boundary, body + mark + b"--\r\n"


def _answers(content_type: str, body: bytes, outer: Response) -> list[Response]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise SourceAnswerInvalid("The service's answer to $batch is not multipart/mixed.")
    found: list[Response] = []
    # A line break belongs to the boundary that follows it, never to the content.
    pieces = re.split(rb"(?:\r?\n|^)--" + re.escape(boundary[1].encode()), body)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        headers, content = _head(piece.lstrip(b"\r\n"))
        kind = headers.get("content-type", "")
        if kind.lower().startswith("multipart/"):
            found += _answers(kind, content, outer)
        else:
            found.append(_answer(content, outer))
    return found


def _answer(content: bytes, outer: Response) -> Response:
    status = _STATUS.match(content)
    if status is None:
        raise SourceAnswerInvalid("A part of the answer to $batch is no HTTP answer.")
    headers, body = _head(content.split(b"\n", 1)[1] if b"\n" in content else b"")
    length = headers.get("content-length", "")
    content = body[: int(length)] if length.isdigit() else body
    return Response(int(status[1]), _Headers(headers), content, outer.url, outer.seconds)


def _head(piece: bytes) -> tuple[dict[str, str], bytes]:
    """Headers, names in lower case, and what comes after the empty line."""
    lines, _, content = re.sub(rb"^\r?\n", b"\n\n", piece).partition(b"\r\n\r\n")
    if not content and b"\n\n" in lines:
        lines, _, content = lines.partition(b"\n\n")
    headers = {}
    for line in lines.decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return headers, content
