"""A small disk that can be filled to the last byte: a file system in memory, mounted for a test."""

import errno
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.real.cache import Unavailable


class SmallDisk:
    """A disk of `mebibytes` at `folder`. Raises Unavailable where mounting is not allowed."""

    def __init__(self, folder: Path, mebibytes: int) -> None:
        self.folder = folder
        self._filler = folder / "filler"
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0700", "tmpfs", str(folder)],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Unavailable(f"A file system cannot be mounted here: {done.stderr.strip()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Lazily: a process of the test that is just ending may still have a file open.
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    @property
    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all space but `leave` bytes; what was taken before stays taken."""
        with self._filler.open("ab", buffering=0) as file:
            # In steps, since others take space at the same time.
            while (free := self.free) > leave:
                try:
                    file.write(bytes(min(free - leave, 1 << 20)))
                except OSError as failure:
                    if failure.errno != errno.ENOSPC:
                        raise
                    return

    def empty(self) -> None:
        """Give it all back."""
        self._filler.unlink(missing_ok=True)
