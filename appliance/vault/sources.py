"""Where the 32-byte master key comes from.

In order: systemd credential, setting `master_key_file`, setting `master_passphrase`, and else `master.key` in
the data directory. The first that is configured is the only one asked: a key that silently comes from
somewhere else would hide a mistake until the day of a restore.
"""

import base64
import binascii
import hashlib
import hmac
import os
import stat
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from appliance.vault.envelope import KEY_BYTES
from appliance.vault.errors import KeyFileRefused, MasterKeyMissing
from appliance.vault.files import create_file, move_file, replace_file

CREDENTIAL_NAME = "appliance-master-key"
DEFAULT_NAME = "master.key"
PREFIX = "appliance-master-key-1:"
PASSPHRASE_LENGTH = 16
# PBKDF2 rather than scrypt: it is the one of the two that is approved where FIPS 140 is required.
# 600,000 is OWASP's figure for HMAC-SHA256; it costs a fraction of a second at start.
PBKDF2_ITERATIONS = 600_000


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a passphrase becomes a key. Not secret; kept in keyring.json."""

    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class MasterKey:
    """`id` is a fingerprint by which a key is named without being shown; `origin` says where it was found."""

    id: str
    origin: str
    key: bytes = field(repr=False)
    derivation: Derivation | None = None


class MasterKeySource(Protocol):
    @property
    def place(self) -> str:
        """Where this source looks, for messages."""
        ...

    def candidates(self, derivation: Derivation | None) -> list[MasterKey]:
        """The keys found, changing nothing; none when there is none. `derivation` is that of the keyring.

        Raises KeyFileRefused for a file that others may read or that holds no key.
        """
        ...

    def first(self) -> MasterKey:
        """The key for a fresh data directory. Raises MasterKeyMissing."""
        ...

    def next(self) -> MasterKey:
        """The key to change to, durable when this returns, beside the one in use. Raises MasterKeyMissing."""
        ...

    def settle(self, key_id: str) -> None:
        """The keyring is sealed by `key_id` for good: finish a change that `next` began with that key."""
        ...


class KeyFile:
    """A key that the operator keeps: a file by path, or a systemd credential."""

    def __init__(self, path: Path, origin: str, *, private_directory: bool = False) -> None:
        self._path = path
        self._origin = origin
        # systemd gives access by an ACL, whose mask shows as group bits; the directory is private.
        self._check_mode = not private_directory

    @property
    def place(self) -> str:
        return f"{self._path} ({self._origin})"

    def candidates(self, derivation: Derivation | None) -> list[MasterKey]:
        found = read_key_file(self._path, check_mode=self._check_mode)
        return [] if found is None else [found]

    def first(self) -> MasterKey:
        found = read_key_file(self._path, check_mode=self._check_mode)
        if found is None:
            raise MasterKeyMissing(
                f"No master key at {self.place}. Place the key there, or make one: "
                f"(umask 377; openssl rand -hex 32 > {self._path})",
                details={"place": str(self._path)},
            )
        return found

    def next(self) -> MasterKey:
        return self.first()

    def settle(self, key_id: str) -> None:
        """Nothing: the operator owns the file."""


class DefaultKeyFile:
    """`master.key` in the data directory, made at first start. A change is prepared as `master.key.next`."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / DEFAULT_NAME
        self._next = data_dir / f"{DEFAULT_NAME}.next"

    @property
    def place(self) -> str:
        return f"{self._path} (default)"

    def candidates(self, derivation: Derivation | None) -> list[MasterKey]:
        # The waiting one first: it may be moved into place between the two reads, and so is not missed.
        found = (read_key_file(self._next), read_key_file(self._path))
        return [key for key in found if key is not None]

    def first(self) -> MasterKey:
        create_file(self._path, _file_content(os.urandom(KEY_BYTES)), 0o400)
        # Read back: another process may have been first, or the operator may have placed a key.
        return self._require(self._path)

    def next(self) -> MasterKey:
        replace_file(self._next, _file_content(os.urandom(KEY_BYTES)), 0o400)
        return self._require(self._next)

    def settle(self, key_id: str) -> None:
        waiting = read_key_file(self._next)
        if waiting is None or waiting.id != key_id:
            return
        try:
            move_file(self._next, self._path)
        except FileNotFoundError:
            # Another process that opened the keyring meanwhile has done it.
            pass

    def _require(self, path: Path) -> MasterKey:
        found = read_key_file(path)
        if found is None:
            raise MasterKeyMissing(f"{path} vanished while it was made.")
        return found


class Passphrase:
    """A key derived from words that the operator remembers or keeps."""

    def __init__(self, text: str, origin: str) -> None:
        self._text = text
        self._origin = origin

    @property
    def place(self) -> str:
        return self._origin

    def candidates(self, derivation: Derivation | None) -> list[MasterKey]:
        return [] if derivation is None else [self._derive(derivation)]

    def first(self) -> MasterKey:
        if len(self._text) < PASSPHRASE_LENGTH:
            raise MasterKeyMissing(
                f"The master passphrase is too short to protect the keyring: "
                f"use {PASSPHRASE_LENGTH} characters or more."
            )
        return self._derive(Derivation(os.urandom(16), PBKDF2_ITERATIONS))

    def next(self) -> MasterKey:
        return self.first()

    def settle(self, key_id: str) -> None:
        """Nothing: the operator owns the passphrase."""

    def _derive(self, derivation: Derivation) -> MasterKey:
        # NFC, so that the same words typed on another system are the same bytes.
        text = unicodedata.normalize("NFC", self._text).encode()
        key = hashlib.pbkdf2_hmac("sha256", text, derivation.salt, derivation.iterations, KEY_BYTES)
        return MasterKey(key_id(key), self._origin, key, derivation)


def find_source(
    data_dir: Path,
    *,
    environ: Mapping[str, str],
    key_file: Path | None = None,
    passphrase: str | None = None,
) -> MasterKeySource:
    """The source that is configured; see the order at the top. Reads no key yet."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory:
        # A unit may have credentials for other things only.
        credential = Path(directory) / CREDENTIAL_NAME
        if credential.exists():
            return KeyFile(credential, "systemd credential", private_directory=True)
    if key_file is not None:
        return KeyFile(key_file, "setting master_key_file")
    if passphrase:
        return Passphrase(passphrase, "setting master_passphrase")
    return DefaultKeyFile(data_dir)


def key_id(key: bytes) -> str:
    """The fingerprint of a master key, such as `mk_7d0c…`: 64 bits of an HMAC, no help in finding the key."""
    return "mk_" + hmac.new(key, b"appliance master key id", hashlib.sha256).hexdigest()[:16]


def key_text(key: bytes) -> str:
    """A master key in the form that a key file has."""
    return PREFIX + base64.b64encode(key).decode()


def read_key_file(path: Path, *, check_mode: bool = True) -> MasterKey | None:
    """The key in a file of 64 hexadecimal digits or `appliance-master-key-1:<base64>`; None without a file.

    Raises KeyFileRefused when others than the owner may use the file, or when it holds anything else.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(4096)
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise KeyFileRefused(
            f"The master key file {path} cannot be read: {failure.strerror}.", details={"path": str(path)}
        ) from failure
    if check_mode and os.name == "posix" and mode & 0o077:
        raise KeyFileRefused(
            f"The master key file {path} has mode {mode:04o}: others than its owner may use it. "
            f"Run: chmod 0400 {path}",
            details={"path": str(path), "mode": f"{mode:04o}"},
        )
    key = _parse(content)
    if key is None:
        raise KeyFileRefused(
            f"The master key file {path} holds no key: expected 64 hexadecimal characters, "
            f"or {PREFIX} and 32 bytes in base64. Restore it from where you keep the key.",
            details={"path": str(path)},
        )
    return MasterKey(key_id(key), str(path), key)


def _parse(content: bytes) -> bytes | None:
    try:
        text = content.decode("ascii").strip()
        if text.startswith(PREFIX):
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        else:
            key = binascii.unhexlify(text)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _file_content(key: bytes) -> bytes:
    return key_text(key).encode() + b"\n"
