"""The inside of an archive: a tar of the files, and at its end the manifest that says what they are.

appliance.db  keyring.json  tls/…  config/appliance.toml  config/<setting>/…  connectors/…  manifest.json
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from appliance.operations.backups.errors import BackupBroken
from appliance.operations.backups.stream import Header, Opening, Sealing, Writable, read_header
from appliance.vault.archive_key import unwrap
from appliance.vault.sources import MasterKey, MasterKeySource

MANIFEST = "manifest.json"
PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """A file to put in: its name inside, and where it lies or what it is."""

    name: str
    source: Path | bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """`files`: name to bytes and SHA-256; `counts`: rows by table; `epoch` that of the change feed."""

    version: str
    schema: int
    created: str
    installation: str
    epoch: int
    counts: Mapping[str, int]
    files: Mapping[str, Mapping[str, Any]]


def pack(
    out: Writable,
    header: Header,
    key: bytes,
    contents: Iterable[Content],
    counts: Mapping[str, int],
    epoch: int,
) -> Manifest:
    """Write an archive. Memory holds some pieces, whatever the size of the files."""
    sealing = Sealing(out, header, key)
    files: dict[str, dict[str, Any]] = {}
    # Not as a stream: that one copies its buffer for every piece.
    with tarfile.TarFile(fileobj=cast(BinaryIO, sealing), mode="w", copybufsize=PIECE) as tar:
        for content in contents:
            files[content.name] = _add(tar, content)
        manifest = Manifest(
            header.version, header.schema, header.created, header.installation, epoch, dict(counts), files
        )
        _add(tar, Content(MANIFEST, json.dumps(asdict(manifest), indent=1).encode()))
    sealing.finish()
    return manifest


def unpack(
    source: BinaryIO, keys: MasterKeySource | Callable[[Header], MasterKeySource], folder: Path, what: str
) -> tuple[Manifest, MasterKey]:
    """Open an archive into an empty folder, and check every file against the manifest.

    `what` is its name, for messages. Raises BackupBroken, MasterKeyRejected, SealBroken; the folder's content is worth
    nothing then.
    """
    header, header_bytes = read_header(source)
    key, master = unwrap(header.key, keys(header) if callable(keys) else keys, what)
    opening = Opening(source, header_bytes, header.chunk, key)
    found: dict[str, dict[str, Any]] = {}
    written: bytes | None = None
    try:
        with tarfile.open(fileobj=cast(BinaryIO, opening), mode="r|", bufsize=PIECE) as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isreg() else None
                if file is None or written is not None:
                    raise BackupBroken(f"The backup holds {member.name!r}, which does not belong in it.")
                if member.name == MANIFEST:
                    written = file.read()
                else:
                    found[member.name] = _extract(file, folder, member.name)
        # What follows the tar is part of the stream, and its end has to be seen.
        while opening.read(PIECE):
            pass
    except tarfile.TarError as failure:
        raise BackupBroken(f"The backup cannot be unpacked: {failure}.") from None
    manifest = _manifest(written)
    if manifest.files != found:
        wrong = sorted(
            name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name)
        )
        raise BackupBroken(f"Files of the backup are not those of its manifest: {', '.join(wrong[:5])}.")
    return manifest, master


def _add(tar: tarfile.TarFile, content: Content) -> dict[str, Any]:
    member = tarfile.TarInfo(content.name)
    member.mode = 0o600
    if isinstance(content.source, bytes):
        member.size = len(content.source)
        hashed = _Hashed(io.BytesIO(content.source))
        tar.addfile(member, cast(BinaryIO, hashed))
    else:
        with content.source.open("rb") as file:
            member.size = file.seek(0, io.SEEK_END)
            file.seek(0)
            hashed = _Hashed(file)
            tar.addfile(member, cast(BinaryIO, hashed))
    return {"bytes": member.size, "sha256": hashed.digest()}


def _extract(file: Any, folder: Path, name: str) -> dict[str, Any]:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BackupBroken(f"The backup holds {name!r}, which does not belong in it.")
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.touch(0o600)
    hashed, size = hashlib.sha256(), 0
    with target.open("wb") as out:
        while piece := file.read(PIECE):
            hashed.update(piece)
            out.write(piece)
            size += len(piece)
        out.flush()
        # What takes the place of a data directory has to outlast a power failure right after.
        os.fsync(out.fileno())
    return {"bytes": size, "sha256": hashed.hexdigest()}


def _manifest(written: bytes | None) -> Manifest:
    try:
        return Manifest(**json.loads(written or b""))
    except (ValueError, TypeError):
        raise BackupBroken("The backup has no manifest that can be read.") from None


class _Hashed:
    """A file that is read once, and its SHA-256."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        piece = self._file.read(count)
        self._hash.update(piece)
        return piece

    def digest(self) -> str:
        return self._hash.hexdigest()
