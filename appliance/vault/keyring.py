"""The key-encryption keys (KEKs) and the database key, sealed by the master key in keyring.json.

A running process keeps the opened keys in memory. Another process may rotate them meanwhile: an id that is
not known here makes the file be read again.
"""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from appliance.clock import Clock, new_id
from appliance.vault import keyring_file
from appliance.vault.envelope import KEY_BYTES, seal, unseal
from appliance.vault.errors import KeyringBroken, KeyringMissing, KeyUnknown, MasterKeyRejected, SealBroken
from appliance.vault.keyring_file import KeyringFile, SealedKey
from appliance.vault.sources import Derivation, MasterKey, MasterKeySource

KEYRING_NAME = "keyring.json"
DATABASE_NAME = "appliance.db"
DATABASE_KEY_CONTEXT = ("keyring", "database key")


@dataclass(frozen=True, slots=True)
class KekStatus:
    id: str
    created_at: int
    active: bool


@dataclass(frozen=True, slots=True)
class KeyringStatus:
    """What may be shown of a keyring: ids and times (milliseconds since 1970), no keys."""

    master_key_id: str
    master_key_origin: str
    keks: tuple[KekStatus, ...]


class Keyring:
    """Opened keys. Safe to share between threads. Make one with `Keyring.open`.

    Methods that change the file are called inside `Database.write()`, the one lock that all processes share.
    """

    def __init__(
        self, path: Path, source: MasterKeySource, clock: Clock, master: MasterKey, file: KeyringFile
    ) -> None:
        self._path = path
        self._source = source
        self.clock = clock
        self._lock = threading.RLock()
        # A KEK stays known here after the file has lost it: a read that began before may still need it.
        self._keks: dict[str, bytes] = {}
        self._adopt(master, file)

    @classmethod
    def open(cls, data_dir: Path, source: MasterKeySource, clock: Clock) -> Self:
        """The keyring of a data directory; a fresh directory gets a new one.

        Raises MasterKeyRejected when no key of `source` opens the keyring, KeyringMissing when there is a
        database but no keyring, KeyringBroken, KeyFileRefused, MasterKeyMissing. When it raises, no file was
        made or changed.
        """
        path = data_dir / KEYRING_NAME
        file = keyring_file.read(path)
        if file is None:
            file = cls._create(data_dir, source, clock)
        master, file = _find_master(path, file, source)
        keyring = cls(path, source, clock, master, file)
        source.settle(master.id)
        return keyring

    @staticmethod
    def _create(data_dir: Path, source: MasterKeySource, clock: Clock) -> KeyringFile:
        path = data_dir / KEYRING_NAME
        if (data_dir / DATABASE_NAME).exists():
            raise KeyringMissing(
                f"{data_dir} holds {DATABASE_NAME} but no {KEYRING_NAME}, without which it cannot be read. "
                f"Restore {KEYRING_NAME} from the backup that has this database.",
                details={"path": str(path)},
            )
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        master = source.first()
        kek = _sealed_kek(master, new_id("kek"), clock.now_ms(), os.urandom(KEY_BYTES))
        database_key = seal(master.key, master.id, os.urandom(KEY_BYTES), DATABASE_KEY_CONTEXT)
        keyring_file.create(path, KeyringFile(master.id, master.derivation, kek.id, (kek,), database_key))
        # Read back: when two processes start at once, the file of the first counts.
        return _require(path)

    @property
    def database_key(self) -> bytes:
        """The 32-byte key of the database file."""
        return self._database_key

    @property
    def master_key_id(self) -> str:
        return self._master.id

    @property
    def active(self) -> str:
        """The id of the KEK that wraps new data keys, as far as this process knows; see `refresh`."""
        return self._file.active

    @property
    def kek_ids(self) -> tuple[str, ...]:
        """The ids of the KEKs in the file, oldest first, as far as this process knows; see `refresh`."""
        return tuple(key.id for key in self._file.keys)

    def kek(self, key_id: str) -> bytes:
        """The KEK with this id. Raises KeyUnknown when the file, read again, does not have it either."""
        found = self._keks.get(key_id)
        if found is None:
            self.refresh()
            found = self._keks.get(key_id)
        if found is None:
            raise KeyUnknown(key_id)
        return found

    def refresh(self) -> None:
        """Read the file again. Inside `Database.write()`, no other process changes it meanwhile."""
        with self._lock:
            file = _require(self._path)
            master = self._master
            if file.master_key_id != master.id:
                master, file = _find_master(self._path, file, self._source)
            self._adopt(master, file)

    def add_kek(self) -> str:
        """Add a new KEK and make it the active one; its id. Inside `Database.write()`, after `refresh`."""
        kek = _sealed_kek(self._master, new_id("kek"), self.clock.now_ms(), os.urandom(KEY_BYTES))
        self._store(self._master, replace(self._file, active=kek.id, keys=(*self._file.keys, kek)))
        return kek.id

    def retire_others(self) -> None:
        """Leave only the active KEK in the file. Inside `Database.write()`, when no row uses another one."""
        keys = tuple(key for key in self._file.keys if key.id == self._file.active)
        if keys != self._file.keys:
            self._store(self._master, replace(self._file, keys=keys))

    def change_master(self, new_source: MasterKeySource) -> bool:
        """Seal everything under another master key; False when it is that key already.

        Inside `Database.write()`, after `refresh`. The order makes one of the two keys open the keyring
        whenever the process is killed: (1) the new key is durable beside the old one, (2) keyring.json is
        replaced in one rename, (3) the new key takes the place of the old one. After (1) the old key opens;
        after (2) the new one does, which the default source finds beside the old one: the next `open` then
        does (3).
        """
        with self._lock:
            # Finish an interrupted (3) first, or (1) would overwrite the only copy of the key in use.
            new_source.settle(self._master.id)
            new = new_source.next()
            if new.id == self._master.id:
                return False
            keys = tuple(
                _sealed_kek(new, key.id, key.created_at, self._keks[key.id]) for key in self._file.keys
            )
            database_key = seal(new.key, new.id, self._database_key, DATABASE_KEY_CONTEXT)
            self._store(new, KeyringFile(new.id, new.derivation, self._file.active, keys, database_key))
            self._source = new_source
            new_source.settle(new.id)
            return True

    def seal_by_master(
        self, plaintext: bytes, context: tuple[str, ...]
    ) -> tuple[str, Derivation | None, bytes]:
        """Id and derivation of the master key, and `plaintext` sealed by it: for what leaves the machine."""
        with self._lock:
            master = self._master
            return master.id, self._file.derivation, seal(master.key, master.id, plaintext, context)

    def master_is_there(self) -> bool:
        """Whether the master key is still where it was found, which a running process would not notice."""
        found = self._source.candidates(self._file.derivation)
        return any(candidate.id == self._master.id for candidate in found)

    def content(self) -> bytes:
        """The file as it is now. Inside `Database.write()` it goes with what the database holds."""
        self.refresh()
        return self._path.read_bytes()

    def status(self) -> KeyringStatus:
        return KeyringStatus(
            self._master.id,
            self._master.origin,
            tuple(KekStatus(key.id, key.created_at, key.id == self._file.active) for key in self._file.keys),
        )

    def _store(self, master: MasterKey, file: KeyringFile) -> None:
        with self._lock:
            keyring_file.replace(self._path, file)
            self._adopt(master, file)

    def _adopt(self, master: MasterKey, file: KeyringFile) -> None:
        try:
            for key in file.keys:
                if key.id not in self._keks:
                    self._keks[key.id] = unseal(master.key, key.sealed, _kek_context(key.id))
            self._database_key = unseal(master.key, file.database_key, DATABASE_KEY_CONTEXT)
        except SealBroken as failure:
            raise KeyringBroken(
                f"{self._path} is damaged: {failure.message}", details={"path": str(self._path)}
            ) from failure
        self._master = master
        self._file = file


def _find_master(path: Path, file: KeyringFile, source: MasterKeySource) -> tuple[MasterKey, KeyringFile]:
    """The key that opens the keyring, with the content that it opens. Raises MasterKeyRejected."""
    while True:
        found = source.candidates(file.derivation)
        for candidate in found:
            if candidate.id == file.master_key_id:
                return candidate, file
        # Another process may have changed the master key between the two reads.
        latest = _require(path)
        if latest.master_key_id == file.master_key_id:
            break
        file = latest
    needed = file.master_key_id
    if found:
        given = ", ".join(candidate.id for candidate in found)
        reason = f"{source.place} gave {given}"
    else:
        given = None
        reason = f"none was found; looked in {source.place}"
    raise MasterKeyRejected(
        f"{path} needs master key {needed}, but {reason}. Put back the key {needed}, or restore "
        "the keyring and the database that belong to the key you have. Nothing was changed.",
        details={"needed": needed, "given": given, "place": source.place},
    )


def _require(path: Path) -> KeyringFile:
    file = keyring_file.read(path)
    if file is None:
        raise KeyringMissing(
            f"{path} is gone. Restore it from the newest backup.", details={"path": str(path)}
        )
    return file


def _sealed_kek(master: MasterKey, kek_id: str, created_at: int, key: bytes) -> SealedKey:
    return SealedKey(kek_id, created_at, seal(master.key, master.id, key, _kek_context(kek_id)))


def _kek_context(kek_id: str) -> tuple[str, ...]:
    return ("keyring", "key-encryption key", kek_id)
