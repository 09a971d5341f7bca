"""A release as it comes: a folder, or a `.run` file with one inside. Nothing of it is run before it is proven genuine.

    VERSION  SHA256SUMS  SHA256SUMS.sig  program/appliance …

The signature is ECDSA with SHA-256 over SHA256SUMS (`openssl dgst -sha256 -sign`), by the key whose public half
the installed release brought along.
"""

import hashlib
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from appliance.operations.upgrades.errors import ReleaseRefused
from appliance.operations.upgrades.versions import Version

PROGRAM = "program"
EXECUTABLE = "appliance"
LONGEST_STUB = 1024 * 1024
_CHUNK = 1024 * 1024
_GZIP = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class Release:
    """A proven release: `sums` are the SHA-256 of its files by their path inside `folder`."""

    folder: Path
    version: Version
    sums: dict[str, str]

    @property
    def program_bytes(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / PROGRAM).rglob("*") if file.is_file())

    def copy_program(self, target: Path) -> None:
        """Copy the program to `target`, which does not exist, and compare what arrived there.

        Raises ReleaseRefused when a file is damaged, missing or not of the release.
        """
        shutil.copytree(self.folder / PROGRAM, target, symlinks=True)
        self._check_program(target)

    def _check_program(self, copied: Path) -> None:
        expected = {
            path.removeprefix(f"{PROGRAM}/"): digest
            for path, digest in self.sums.items()
            if path.startswith(f"{PROGRAM}/")
        }
        if EXECUTABLE not in expected:
            raise ReleaseRefused("The release has no program; load the bundle again.")
        root = copied.resolve()
        for file in sorted(copied.rglob("*")):
            linked = file.is_symlink()
            if linked and not file.resolve().is_relative_to(root):
                raise ReleaseRefused(f"{file.name} in the release leads out of it. Do not use this bundle.")
            if not file.is_file():
                continue
            path = file.relative_to(copied).as_posix()
            # What a link leads to is compared where it is; lists are made with and without links.
            digest = expected.pop(path, None)
            if digest != _digest(file) and not (linked and digest is None):
                raise ReleaseRefused(
                    f"{PROGRAM}/{path} is not as it was signed. Load the bundle again and compare its checksum."
                )
        if expected:
            raise ReleaseRefused(
                f"{PROGRAM}/{min(expected)} is missing in the release. Load the bundle again."
            )


@contextmanager
def opened_release(bundle: Path, public_key_pem: bytes, scratch: Path) -> Iterator[Release]:
    """The release in a folder or a `.run` file, proven; what had to be unpacked lies below `scratch` meanwhile.

    Raises ReleaseRefused. The files of the program are compared when they are copied, not before.
    """
    if bundle.is_dir():
        yield _proven(bundle, public_key_pem)
        return
    if not bundle.is_file():
        raise ReleaseRefused(f"There is no bundle at {bundle}.")
    unpacked = Path(mkdtemp(prefix=".bundle-", dir=scratch))
    try:
        _unpack(bundle, unpacked)
        yield _proven(_top(unpacked), public_key_pem)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _proven(folder: Path, public_key_pem: bytes) -> Release:
    try:
        listed = (folder / "SHA256SUMS").read_bytes()
        signature = (folder / "SHA256SUMS.sig").read_bytes()
        version = (folder / "VERSION").read_bytes()
    except OSError as failure:
        raise ReleaseRefused(f"{folder} is no bundle of a release: {failure.strerror}.") from failure
    key = load_pem_public_key(public_key_pem)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ReleaseRefused(
            "The release key is of another kind; give the file that came with the installation."
        )
    try:
        key.verify(signature, listed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ReleaseRefused(
            "The bundle is not signed by the maker of the installed release. Do not use it; load it again from where "
            "you get releases."
        ) from None
    sums = _read_sums(listed)
    if sums.get("VERSION") != hashlib.sha256(version).hexdigest():
        raise ReleaseRefused("The file VERSION of the bundle is not as it was signed. Load the bundle again.")
    return Release(folder, Version.read(version.decode("ascii", "replace")), sums)


def _read_sums(listed: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in listed.decode("utf-8").splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](?:\./)?(.+)", line)
        if match is None:
            raise ReleaseRefused(f"SHA256SUMS has a line that is not one: {line[:60]!r}.")
        found[match[2]] = match[1]
    return found


def _unpack(bundle: Path, target: Path) -> None:
    """The archive inside a `.run` file. The script before it, which is not proven yet, is not run."""
    with bundle.open("rb") as file:
        begin = file.read(LONGEST_STUB).find(_GZIP)
        if begin < 0:
            raise ReleaseRefused(f"{bundle.name} holds no release.")
        file.seek(begin)
        try:
            with tarfile.open(fileobj=file, mode="r|gz") as archive:
                for entry in archive:
                    _unpack_one(archive, entry, target)
        except (tarfile.TarError, EOFError, OSError) as failure:
            raise ReleaseRefused(f"{bundle.name} cannot be unpacked: {failure}. Load it again.") from failure


def _unpack_one(archive: tarfile.TarFile, entry: tarfile.TarInfo, target: Path) -> None:
    """A file or folder below `target`. Raises TarError for anything else: links and devices have no place in a release.

    `extractall` has a filter for it only from Python 3.11.4 on.
    """
    place = Path(entry.name)
    if place.is_absolute() or ".." in place.parts:
        raise tarfile.TarError(f"{entry.name!r} lies outside of it")
    if entry.isdir():
        (target / place).mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise tarfile.TarError(f"{entry.name!r} is no file")
    with content, (target / place).open("xb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
    (target / place).chmod(0o755 if entry.mode & 0o111 else 0o644)


def _top(folder: Path) -> Path:
    """The folder with the release: this one, or the only one in it."""
    if (folder / "VERSION").exists():
        return folder
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
