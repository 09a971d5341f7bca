"""A backup opened and looked through as for a restore, in a folder of its own."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from appliance.clock import Clock
from appliance.operations.backups.archive import Manifest
from appliance.operations.backups.errors import BackupBroken
from appliance.store.copying import check, facts, newest_schema
from appliance.store.migrations import SchemaMismatch
from appliance.vault.archive_key import GivenKey
from appliance.vault.keyring import DATABASE_NAME, KEYRING_NAME, Keyring
from appliance.vault.sources import MasterKey


def examine(folder: Path, manifest: Manifest, master: MasterKey, clock: Clock) -> None:
    """Look through what was unpacked: keyring, every page, every index, schema and counts. Nothing is changed.

    Raises SchemaMismatch, KeyringBroken, DatabaseDamaged, BackupBroken.
    """
    if manifest.schema > newest_schema():
        raise SchemaMismatch(
            f"The backup has schema {manifest.schema} of release {manifest.version}; this program knows "
            f"{newest_schema()}. Restore it with that release.",
            details={"schema": manifest.schema, "supported": newest_schema()},
        )
    for name in (DATABASE_NAME, KEYRING_NAME):
        if name not in manifest.files:
            raise BackupBroken(f"The backup has no {name}.")
    key = Keyring.open(folder, GivenKey(master), clock).database_key
    check(folder / DATABASE_NAME, key, thorough=True)
    found = facts(folder / DATABASE_NAME, key)
    if (found.schema, found.counts, found.epoch) != (manifest.schema, dict(manifest.counts), manifest.epoch):
        raise BackupBroken("The database in the backup does not hold what the manifest says.")


def as_file(pieces: Iterator[bytes]) -> BinaryIO:
    """Pieces, such as those of a download, as a file that is read once."""
    return cast(BinaryIO, _Pieces(pieces))


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
