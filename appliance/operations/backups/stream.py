"""The outside of an archive: a header anyone can read, and a stream that only the master key opens.

    magic (16) | length of header (4) | header, JSON | chunk | chunk | … | last chunk

A chunk is `chunk` bytes of content and a tag (16), the last one has as many as are left, also none. Its nonce is its
number (11) and whether it is the last (1), so chunks can neither change places nor be left out, and an end that was cut
off is missed. The header is authenticated with each. AES-256-GCM; the key is that of this archive alone, which is
what makes counted nonces safe.
"""

import base64
import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.operations.backups.errors import BackupBroken
from appliance.vault.archive_key import WrappedKey
from appliance.vault.envelope import TAG_BYTES
from appliance.vault.sources import Derivation

MAGIC = b"appliance backup"
FORMAT = 1
CHUNK_BYTES = 256 * 1024
LARGEST_CHUNK = 1024 * 1024
LARGEST_HEADER = 64 * 1024


class Writable(Protocol):
    def write(self, content: bytes, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an archive without a key. `created` is ISO-8601 UTC."""

    installation: str
    version: str
    schema: int
    created: str
    key: WrappedKey
    chunk: int = CHUNK_BYTES

    def to_bytes(self) -> bytes:
        wrapped, derivation = self.key, self.key.derivation
        content = {
            "format": FORMAT,
            **{name: value for name, value in asdict(self).items() if name != "key"},
            "key": {
                "master_key_id": wrapped.master_key_id,
                "derivation": derivation
                and {"salt": base64.b64encode(derivation.salt).decode(), "iterations": derivation.iterations},
                "sealed": base64.b64encode(wrapped.sealed).decode(),
            },
        }
        written = json.dumps(content).encode()
        return MAGIC + len(written).to_bytes(4, "big") + written


class Sealing(io.RawIOBase):
    """Takes what is written, and writes it encrypted to `out` a chunk at a time. `finish` writes the last chunk."""

    def __init__(self, out: Writable, header: Header, key: bytes) -> None:
        self._out = out
        self._cipher = AESGCM(key)
        self._size = header.chunk
        self._number = 0
        self._pending = bytearray()
        self._taken = 0
        written = header.to_bytes()
        self._bound = hashlib.sha256(written).digest()
        out.write(written)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        """How much was taken."""
        return self._taken

    def write(self, content: Any) -> int:
        self._pending += content
        self._taken += len(content)
        # One that is full may be the last, which only the next byte tells.
        while len(self._pending) > self._size:
            self._seal(bytes(self._pending[: self._size]), last=False)
            del self._pending[: self._size]
        return len(content)

    def finish(self) -> None:
        self._seal(bytes(self._pending), last=True)
        self._pending.clear()

    def _seal(self, content: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last), content, self._bound))
        self._number += 1


class Opening(io.RawIOBase):
    """The content of an archive whose header was read from `source`, in order. Nothing unverified is given out.

    Only a reader that has come to the end knows that nothing was cut off. Raises BackupBroken.
    """

    def __init__(self, source: BinaryIO, header_bytes: bytes, chunk: int, key: bytes) -> None:
        self._source = source
        self._cipher = AESGCM(key)
        self._bound = hashlib.sha256(header_bytes).digest()
        self._size = chunk + TAG_BYTES
        self._number = 0
        self._ahead = _exactly(source, self._size)
        self._content = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._content and not self._ended:
            self._next()
        count = min(len(buffer), len(self._content))
        buffer[:count] = self._content[:count]
        self._content = self._content[count:]
        return count

    def _next(self) -> None:
        sealed, self._ahead = self._ahead, _exactly(self._source, self._size)
        last = not self._ahead
        try:
            content = self._cipher.decrypt(_nonce(self._number, last), sealed, self._bound)
        except (InvalidTag, ValueError):
            raise BackupBroken(
                f"The backup was changed or cut: its piece {self._number + 1} does not open. Take another one.",
                details={"piece": self._number + 1},
            ) from None
        self._number += 1
        self._content, self._ended = memoryview(content), last


def read_header(source: BinaryIO) -> tuple[Header, bytes]:
    """The header, unverified until a chunk opens, and its bytes. Raises BackupBroken."""
    start = _exactly(source, len(MAGIC) + 4)
    length = int.from_bytes(start[len(MAGIC) :], "big")
    if start[: len(MAGIC)] != MAGIC or not 0 < length <= LARGEST_HEADER:
        raise BackupBroken("This file is no backup of the appliance.")
    written = _exactly(source, length)
    try:
        return _header(json.loads(written)), start + written
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BackupBroken("The header of the backup is damaged or of a newer release.") from None


def new_archive_key() -> bytes:
    return os.urandom(32)


def _header(content: Any) -> Header:
    key = content["key"]
    derivation = key["derivation"]
    header = Header(
        installation=str(content["installation"]),
        version=str(content["version"]),
        schema=int(content["schema"]),
        created=str(content["created"]),
        key=WrappedKey(
            str(key["master_key_id"]),
            derivation
            and Derivation(
                base64.b64decode(derivation["salt"], validate=True), int(derivation["iterations"])
            ),
            base64.b64decode(key["sealed"], validate=True),
        ),
        chunk=int(content["chunk"]),
    )
    # A damaged number must neither fill the memory nor keep the processor busy for hours.
    if content["format"] != FORMAT or not 1 <= header.chunk <= LARGEST_CHUNK:
        raise ValueError("unknown format")
    if header.key.derivation is not None and not 1 <= header.key.derivation.iterations <= 100_000_000:
        raise ValueError("iterations out of range")
    return header


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))


def _exactly(source: BinaryIO, count: int) -> bytes:
    """So many bytes, fewer only at the end of the source."""
    parts: list[bytes] = []
    while count and (part := source.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
