"""A folder of this machine, or one that is mounted here."""

import io
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from appliance.errors import SourceAccessDenied, SourceError
from appliance.transport.files.folder import Entry, Place, safe_name

SETTING = "files.folders"


class LocalFolder:
    """Only below one of `roots`: what else the service may read, such as its own keys, is nobody's to fetch."""

    encrypted = True

    def __init__(self, place: Place, roots: Sequence[Path]) -> None:
        self._path = Path(place.folder)
        self._roots = roots

    def stages(self) -> list[tuple[str, Callable[[], str]]]:
        return [("authenticate", self._look)]

    def list(self) -> list[Entry]:
        folder = self._permitted()
        try:
            with os.scandir(folder) as found:
                files = [one for one in found if one.is_file(follow_symlinks=False)]
                return [_entry(one.name, one.stat(follow_symlinks=False)) for one in files]
        except OSError as failure:
            raise self._refused(failure) from None

    def entry(self, name: str) -> Entry | None:
        try:
            status = (self._permitted() / safe_name(name)).lstat()
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise self._refused(failure) from None
        return _entry(name, status) if stat.S_ISREG(status.st_mode) else None

    def open(self, name: str) -> BinaryIO:
        path = self._permitted() / safe_name(name)
        try:
            # A file that became a link since it was listed is not followed.
            return io.BufferedReader(io.FileIO(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))))
        except OSError as failure:
            raise self._refused(failure) from None

    def move(self, name: str, into: str, as_name: str) -> None:
        folder = self._permitted()
        target = folder / safe_name(into)
        try:
            target.mkdir(exist_ok=True)
            if (target / safe_name(as_name)).exists():
                raise FileExistsError(as_name)
            (folder / safe_name(name)).rename(target / as_name)
        except FileExistsError:
            raise
        except OSError as failure:
            raise self._refused(failure) from None

    def close(self) -> None:
        pass

    def _look(self) -> str:
        return f"The folder can be read; it holds {len(self.list())} files."

    def _permitted(self) -> Path:
        try:
            path = self._path.resolve(strict=True)
        except OSError as failure:
            raise self._refused(failure) from None
        if not any(path.is_relative_to(root.resolve()) for root in self._roots):
            raise SourceAccessDenied(
                f"The folder {self._path} is not one that may be read. Add it to {SETTING} in the settings.",
                details={"setting": SETTING},
            )
        return path

    def _refused(self, failure: OSError) -> SourceError:
        kind = SourceAccessDenied if isinstance(failure, PermissionError) else SourceError
        return kind(
            f"The folder {self._path} cannot be used ({failure.strerror}). Check its path, and that the user of "
            "the appliance's service may read it."
        )


def _entry(name: str, status: os.stat_result) -> Entry:
    return Entry(name, status.st_size, int(status.st_mtime))
