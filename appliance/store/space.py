"""Space on the disk of the data directory: how much is left, what a full disk is called, and the reserve.

Deleting needs space first: a transaction is written to the log before it frees anything. The reserve is a file that
only holds space, and is given up for that.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import peewee

from appliance.errors import ConfigurationError
from appliance.store.ownership import own_like

# SQLite's memory shared between processes cannot grow below this, which it reports as a failure of the disk.
_NEARLY_NONE = 1024 * 1024


class DiskFull(ConfigurationError):
    """The disk of the data directory is full; nothing of the change was kept."""

    code = "DISK_FULL"
    retryable = True


class Space(NamedTuple):
    """Bytes that the program may still write, and all that the disk has."""

    free: int
    total: int


def space_of(folder: Path) -> Space:
    """Of the disk that holds the folder. One system call, some microseconds."""
    found = os.statvfs(folder)
    return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


class Reserve:
    """A file of `size` bytes in the data directory; 0: there is none."""

    def __init__(self, data_dir: Path, size: int) -> None:
        self.size = size
        self._folder = data_dir
        self._path = data_dir / "reserve"

    @property
    def held(self) -> int:
        """Bytes that the file holds now."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def make(self) -> bool:
        """Make the file as large as it is to be; False when it is, or when there is no room after all."""
        if self.held == self.size:
            return False
        made = self._path.with_suffix(".new")
        try:
            if self.size:
                handle = os.open(made, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
                try:
                    os.posix_fallocate(handle, 0, self.size)
                finally:
                    os.close(handle)
                own_like(made, made.parent)
                made.replace(self._path)
            else:
                self._path.unlink(missing_ok=True)
        except OSError:
            made.unlink(missing_ok=True)
            return False
        return True

    def give_up(self) -> bool:
        """Free the file's space; False when there is no file."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    @property
    def is_needed(self) -> bool:
        """Whether so little is left that a deletion might not be written."""
        return space_of(self._folder).free < self.size // 2


@contextmanager
def told_as_disk_full(folder: Path) -> Iterator[None]:
    """Raise DiskFull in place of the driver's error for a disk that is full."""
    try:
        yield
    except peewee.OperationalError as failure:
        if not _means_full(failure, folder):
            raise
        raise DiskFull(
            "The disk of the data directory is full, so nothing was changed. "
            "Free space on it, purge a disconnected connection, or shorten the retention; then repeat this.",
        ) from failure


def _means_full(failure: BaseException | None, folder: Path) -> bool:
    # SQLite may have rolled back by itself; then the rollback after it is the error that arrives here.
    while failure is not None:
        text = str(failure)
        if "disk is full" in text:
            return True
        if "disk I/O error" in text and space_of(folder).free < _NEARLY_NONE:
            return True
        failure = failure.__context__
    return False
