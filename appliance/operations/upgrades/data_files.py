"""The data directory during an upgrade: copies to rehearse with, the exchange of the database, and the way back.

    upgrade/rehearsal/  what the new release is tried on
    upgrade/next/       the copy that takes the place of the database
    upgrade/before/     the database and keyring of the release before, until the next upgrade
    upgrade/undone/     what a rollback took out of use, until the next one

The database in use is never migrated: it is renamed, and a migrated copy renamed into its place.
"""

import shutil
import threading
from pathlib import Path

from appliance.clock import Clock
from appliance.operations.upgrades.errors import UpgradeFailed
from appliance.store.copying import Pinned
from appliance.store.database import Database
from appliance.store.ownership import own_like
from appliance.vault.files import copy_file, move_file, sync_file
from appliance.vault.keyring import DATABASE_NAME, KEYRING_NAME
from appliance.vault.sources import DEFAULT_NAME

LOG_SECONDS = 15.0
_LOGS = (f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm")


class DataFiles:
    """`key` is that of the database, 32 bytes."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self.data_dir = data_dir
        self._clock = clock
        folder = data_dir / "upgrade"
        self.rehearsal = folder / "rehearsal"
        self.next = folder / "next"
        self._before = folder / "before"
        self._undone = folder / "undone"

    @property
    def has_before(self) -> bool:
        """Whether the data of the release before are kept."""
        return (self._before / DATABASE_NAME).exists()

    def copy_to(self, folder: Path, key: bytes) -> None:
        """A data directory of its own in `folder`, made anew: database, keys and certificate, as they are now."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        with Pinned(self.data_dir / DATABASE_NAME, key) as pinned:
            pinned.copy_to(folder / DATABASE_NAME)
        for name in (KEYRING_NAME, DEFAULT_NAME):
            if (self.data_dir / name).exists():
                copy_file(self.data_dir / name, folder / name)
        if (self.data_dir / "tls").is_dir():
            shutil.copytree(self.data_dir / "tls", folder / "tls", symlinks=True)

    def make_next(self, database: Database, key: bytes) -> None:
        """Copy for the exchange, and keep the keyring beside; what the upgrade before this one kept is given up."""
        shutil.rmtree(self._before, ignore_errors=True)
        self._before.mkdir(mode=0o700)
        with database.write():
            self.copy_to(self.next, key)
            copy_file(self.data_dir / KEYRING_NAME, self._before / KEYRING_NAME)

    def swap(self) -> None:
        """Put the database aside and the migrated copy in its place. Nobody may have it open.

        Raises UpgradeFailed when a program still works on it.
        """
        self._wait_for_no_log()
        fresh = self.next / DATABASE_NAME
        if not fresh.exists() or any((self.next / log).exists() for log in _LOGS[:1]):
            raise UpgradeFailed("The migrated copy of the database is not closed as it has to be.")
        sync_file(fresh)
        own_like(self.next, self.data_dir)
        # First of all, since it is by the database put aside that the way back is known.
        move_file(self.data_dir / DATABASE_NAME, self._before / DATABASE_NAME)
        move_file(self.next / KEYRING_NAME, self.data_dir / KEYRING_NAME)
        move_file(fresh, self.data_dir / DATABASE_NAME)
        own_like(self._before, self.data_dir)

    def put_back(self, *, keep: bool) -> None:
        """The database and keyring of before, where they were put aside; may be broken off and done again.

        `keep` the database that was in use since, as upgrade/undone/.
        """
        if not self.has_before:
            return
        used = self.data_dir / DATABASE_NAME
        if used.exists():
            self._take_out(used, keep=keep)
        # It was copied, and not moved, so that it is here however often this is done.
        copy_file(self._before / KEYRING_NAME, self.data_dir / KEYRING_NAME)
        move_file(self._before / DATABASE_NAME, used)

    def clear(self) -> None:
        """Remove the copies."""
        shutil.rmtree(self.rehearsal, ignore_errors=True)
        shutil.rmtree(self.next, ignore_errors=True)

    def _take_out(self, used: Path, *, keep: bool) -> None:
        if keep:
            shutil.rmtree(self._undone, ignore_errors=True)
            self._undone.mkdir(mode=0o700)
            copy_file(self.data_dir / KEYRING_NAME, self._undone / KEYRING_NAME)
            for log in _LOGS:
                if (self.data_dir / log).exists():
                    move_file(self.data_dir / log, self._undone / log)
            move_file(used, self._undone / DATABASE_NAME)
            own_like(self._undone, self.data_dir)
            return
        # The logs first: without their database they would be taken for those of the one that comes back.
        for log in _LOGS:
            (self.data_dir / log).unlink(missing_ok=True)
        used.unlink()

    def _wait_for_no_log(self) -> None:
        """The log goes with the last program that closes the database."""
        never, end = threading.Event(), self._clock.monotonic() + LOG_SECONDS
        while (self.data_dir / _LOGS[0]).exists():
            if self._clock.monotonic() > end:
                raise UpgradeFailed(
                    "Another program works on the database, such as an `appliance` command in another window. End it."
                )
            self._clock.wait(never, 0.2)
