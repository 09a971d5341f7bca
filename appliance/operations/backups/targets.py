"""Where backups are put. At each place a backup is there whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from appliance.errors import SourceError
from appliance.operations.backups.errors import BackupNotFound, BackupTargetMissing, BackupTargetRefused
from appliance.operations.backups.stream import Writable
from appliance.setting_kinds import BackupPlace
from appliance.settings import Settings
from appliance.store.ownership import own_like
from appliance.transport.files import Place
from appliance.transport.files.folder import PARTIAL
from appliance.transport.outbound import Outbound
from appliance.transport.s3 import S3, Bucket
from appliance.transport.s3_signature import S3Credentials
from appliance.vault.files import sync_directory

if TYPE_CHECKING:
    # Its library takes long to load, and most installations need none of it.
    from appliance.transport.files.sftp import SftpFolder

PIECE = 1024 * 1024
SUFFIX = ".backup"


class Found(NamedTuple):
    """A backup as the place lists it; `size` in bytes."""

    name: str
    size: int


class Target(Protocol):
    """Every method raises BackupTargetRefused or SourceError where the place does not do it."""

    place: str
    """As it is set, for people."""

    def list(self) -> list[Found]: ...

    def writing(self, name: str) -> AbstractContextManager[Writable]:
        """Takes the backup; it is there once the block ended without an error, and else nothing of it is."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """Raises BackupNotFound."""
        ...

    def remove(self, name: str) -> None:
        """Nothing where there is none."""
        ...

    def clear_away(self) -> None:
        """Remove what a backup that was killed has left."""
        ...

    def free(self) -> int | None:
        """Bytes that may still be written; None where that is not known."""
        ...

    def close(self) -> None: ...


class FolderTarget:
    """A folder of this machine, or one that is mounted here. It is made when it is missing, not those above it."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder)
        self._folder = folder

    def list(self) -> list[Found]:
        with self._told():
            if not self._folder.exists():
                return []
            return [
                Found(one.name, one.stat().st_size)
                for one in self._folder.iterdir()
                if one.name.endswith(SUFFIX) and not one.name.startswith(PARTIAL) and one.is_file()
            ]

    @contextmanager
    def writing(self, name: str) -> Iterator[Writable]:
        partial = self._folder / f"{PARTIAL}{name}"
        with self._told():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        try:
            with self._told(), os.fdopen(handle, "wb", PIECE) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            with self._told():
                # Made by root, it has to be read by the service and removed by it.
                own_like(partial, self._folder)
                partial.rename(self._folder / name)
                sync_directory(self._folder)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def read(self, name: str) -> Iterator[bytes]:
        path = self._folder / name
        if not path.is_file():
            raise absent(name, self.place)
        with self._told(), path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece

    def remove(self, name: str) -> None:
        with self._told():
            (self._folder / name).unlink(missing_ok=True)

    def clear_away(self) -> None:
        with self._told():
            for leftover in self._folder.glob(f"{PARTIAL}*{SUFFIX}"):
                leftover.unlink(missing_ok=True)

    def free(self) -> int | None:
        with self._told():
            return shutil.disk_usage(self._folder if self._folder.exists() else self._folder.parent).free

    def close(self) -> None:
        pass

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as failure:
            raise BackupTargetRefused(
                f"The folder {self._folder} cannot be used for backups ({failure.strerror}). Check that it is there or "
                "mounted, that the user of the service may write to it, and that it has room."
            ) from None


class SftpTarget:
    """A folder of an SFTP server."""

    def __init__(self, place: str, folder: "SftpFolder") -> None:
        self.place = place
        self._folder = folder

    def list(self) -> list[Found]:
        return [
            Found(one.name, one.size)
            for one in self._folder.list()
            if one.name.endswith(SUFFIX) and not one.name.startswith(PARTIAL)
        ]

    def writing(self, name: str) -> AbstractContextManager[Writable]:
        return self._folder.writing(name)

    def read(self, name: str) -> Iterator[bytes]:
        if self._folder.entry(name) is None:
            raise absent(name, self.place)
        with self._folder.open(name) as file:
            while piece := file.read(PIECE):
                yield piece

    def remove(self, name: str) -> None:
        self._folder.remove(name)

    def clear_away(self) -> None:
        for one in self._folder.list():
            if one.name.startswith(PARTIAL) and one.name.endswith(SUFFIX):
                self._folder.remove(one.name)

    def free(self) -> int | None:
        return None

    def close(self) -> None:
        self._folder.close()


class BucketTarget:
    """A bucket of an object store, or what in it has one beginning."""

    def __init__(self, place: str, store: S3) -> None:
        self.place = place
        self._store = store

    def list(self) -> list[Found]:
        return [Found(one.name, one.size) for one in self._store.list() if one.name.endswith(SUFFIX)]

    def writing(self, name: str) -> AbstractContextManager[Writable]:
        return self._store.writing(name)

    def read(self, name: str) -> Iterator[bytes]:
        try:
            yield from self._store.read(name)
        except FileNotFoundError:
            raise absent(name, self.place) from None

    def remove(self, name: str) -> None:
        self._store.delete(name)

    def clear_away(self) -> None:
        try:
            self._store.abandon_uploads()
        except SourceError:
            # Some stores do not list uploads; there they have a rule of their own for them.
            pass

    def free(self) -> int | None:
        return None

    def close(self) -> None:
        self._store.close()


Targets = Callable[[], Target]
"""Opens the place that is set. Raises BackupTargetMissing, BackupTargetRefused."""


def open_target(settings: Settings, outbound: Outbound) -> Target:
    """The place of the settings; no traffic yet. Raises BackupTargetMissing, BackupTargetRefused."""
    place = settings.backup_target
    if place is None:
        raise BackupTargetMissing(
            "Nothing says where backups go. Set backup.target, to /var/backups/appliance for example, or name a "
            "folder with --to."
        )
    match place.kind:
        case "folder":
            return FolderTarget(Path(place.folder))
        case "sftp":
            return SftpTarget(
                str(place),
                outbound.sftp(
                    Place(
                        "sftp",
                        place.folder,
                        place.host,
                        place.port,
                        place.username,
                        settings.backup_password or "",
                        settings.backup_private_key or "",
                        settings.backup_host_key or "",
                    )
                ),
            )
    return BucketTarget(str(place), outbound.bucket(_bucket(place, settings)))


def absent(name: str, place: str) -> BackupNotFound:
    return BackupNotFound(
        f"There is no backup {name[:100]!r} at {place}. `appliance backup list` names them."
    )


def _bucket(place: BackupPlace, settings: Settings) -> Bucket:
    if not settings.backup_access_key or not settings.backup_secret_key:
        raise BackupTargetRefused("For an object store set backup.access_key and backup.secret_key.")
    name, _, prefix = place.folder.lstrip("/").partition("/")
    host = f"[{place.host}]" if ":" in place.host else place.host
    scheme = "http" if place.kind == "s3+http" else "https"
    port = f":{place.port}" if place.port else ""
    credentials = S3Credentials(
        settings.backup_access_key, settings.backup_secret_key, settings.backup_region
    )
    return Bucket(f"{scheme}://{host}{port}", name, f"{prefix}/" if prefix else "", credentials)
