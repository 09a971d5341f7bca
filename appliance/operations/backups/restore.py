"""A backup put in the place of a data directory, which stays beside it as it was.

    unpack into a new folder beside ──► look through ──► settle for the new life ──► exchange the two folders

Until the exchange nothing of the old folder is touched.
"""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from appliance.clock import Clock
from appliance.operations.backups.archive import Manifest, unpack
from appliance.operations.backups.errors import BackupNoRoom, RestoreRefused
from appliance.operations.backups.rehearsal import examine
from appliance.operations.disk import megabytes
from appliance.operations.going_back import GoneBack, go_back
from appliance.store.database import Database
from appliance.store.ownership import own_like
from appliance.store.space import space_of
from appliance.sync.engine import EngineLock
from appliance.sync.runs.tables import RunTable
from appliance.vault.archive_key import GivenKey
from appliance.vault.files import create_file, exchange, sync_directory
from appliance.vault.keyring import DATABASE_NAME, Keyring
from appliance.vault.sources import DEFAULT_NAME, DefaultKeyFile, MasterKey, MasterKeySource, key_text

FROM_BACKUP = "from-backup"
"""Below the data directory: what of a backup has its place elsewhere, settings and connectors of one's own."""
_BESIDE = ("config", "connectors")
_UNFINISHED = "unfinished"
"""A file in the folder beside as long as it is not whole."""
_LOCKS = ("service.lock", "engine.lock", "backup.lock")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was, or with a dry run would be, restored. `kept` is where the former data directory is."""

    manifest: Manifest
    master_key_id: str
    data_dir: Path
    kept: Path | None
    epoch: int | None
    webhooks_ended: int
    writes_ended: int
    runs_interrupted: int
    connectors: Path | None

    def as_dict(self) -> dict[str, Any]:
        manifest = self.manifest
        return {
            "created": manifest.created,
            "version": manifest.version,
            "schema": manifest.schema,
            "records": manifest.counts.get("record", 0),
            "master_key_id": self.master_key_id,
            "data_dir": str(self.data_dir),
            "kept": None if self.kept is None else str(self.kept),
            "epoch": self.epoch,
            "webhooks_ended": self.webhooks_ended,
            "writes_ended": self.writes_ended,
            "runs_interrupted": self.runs_interrupted,
            "connectors": None if self.connectors is None else str(self.connectors),
        }


def restore(
    archive: BinaryIO,
    name: str,
    size: int,
    keys: MasterKeySource,
    data_dir: Path,
    clock: Clock,
    *,
    dry_run: bool = False,
) -> Restored:
    """Restore an archive of so many bytes. With `dry_run` everything is looked through, and nothing is changed.

    Raises RestoreRefused while something works on the data directory, MasterKeyRejected when the key that is needed is
    not there, BackupNoRoom, BackupBroken, SchemaMismatch, DatabaseDamaged; the data directory is as it was then.
    """
    with ExitStack() as stack:
        _require_room(data_dir, size)
        if data_dir.exists():
            for lock_name in _LOCKS:
                lock = stack.enter_context(EngineLock(data_dir, lock_name))
                if not lock.acquire():
                    raise RestoreRefused(f"An appliance works on {data_dir}. Stop the service first.")
        now = clock.now_ms()
        made = data_dir.with_name(f".{data_dir.name}.restoring")
        with _folder(made, data_dir, now):
            manifest, master = unpack(archive, keys, made, name)
            examine(made, manifest, master, clock)
            if dry_run:
                return Restored(manifest, master.id, data_dir, None, None, 0, 0, 0, None)
            gone_back, runs = _settle(made, master, clock, now)
            _put_beside(made)
            if isinstance(keys, DefaultKeyFile):
                create_file(made / DEFAULT_NAME, key_text(master.key).encode() + b"\n", 0o400)
            kept = _exchange(made, data_dir, now)
        connectors = data_dir / FROM_BACKUP / "connectors"
        return Restored(
            manifest, master.id, data_dir, kept, *gone_back, runs, connectors if connectors.is_dir() else None
        )


def _settle(folder: Path, master: MasterKey, clock: Clock, now: int) -> tuple[GoneBack, int]:
    """Bring the database to this program's schema, and end what must not go on from where it was.

    What was ended, and how many runs were under way.
    """
    keyring = Keyring.open(folder, GivenKey(master), clock)
    database = Database(folder / DATABASE_NAME, keyring.database_key)
    try:
        with database.write():
            gone_back = go_back(database, "a backup was restored", now)
            runs = RunTable(database).interrupt_orphans()
            for table in ("session", "link_code", "bootstrap"):
                database.run(f"DELETE FROM {table}")
            database.run("DELETE FROM backup WHERE state = 'waiting'")
            database.run(
                "UPDATE backup SET state = 'failed', ended_at = ?, code = 'BACKUP_RESTORED',"
                " message = 'It is the one that was restored, or it never ended.' WHERE state = 'running'",
                (now,),
            )
        database.checkpoint()
        return gone_back, runs
    finally:
        database.close()


def _put_beside(folder: Path) -> None:
    beside = folder / FROM_BACKUP
    beside.mkdir(mode=0o700)
    for name in _BESIDE:
        if (folder / name).is_dir():
            (folder / name).rename(beside / name)


def _exchange(made: Path, data_dir: Path, now: int) -> Path | None:
    """Put `made` in the place of the data directory; where that is now, None when there was none.

    There is a whole data directory at every moment: a service that found none would begin a new one.
    """
    for path in (made, *made.rglob("*")):
        if path.is_dir():
            sync_directory(path)
    (made / _UNFINISHED).unlink()
    if not data_dir.exists():
        made.rename(data_dir)
        sync_directory(data_dir.parent)
        return None
    # Restored by root, and used by the user of the service.
    own_like(made, data_dir)
    kept = _kept_name(data_dir, now)
    try:
        exchange(made, data_dir)
    except OSError as failure:
        (made / _UNFINISHED).touch()
        raise RestoreRefused(
            f"{data_dir} cannot be exchanged ({failure.strerror}). Run this as root; where it is a mount point, "
            "restore with --data-dir to a folder below it and set data_dir to that."
        ) from None
    made.rename(kept)
    sync_directory(data_dir.parent)
    return kept


def _kept_name(data_dir: Path, now: int) -> Path:
    moment = datetime.fromtimestamp(now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    return data_dir.with_name(f"{data_dir.name}.before-restore-{moment}")


def _require_room(data_dir: Path, size: int) -> None:
    parent = data_dir.parent
    if not parent.is_dir():
        raise RestoreRefused(f"There is no folder {parent}. Make it first.")
    free = space_of(parent).free
    if free < size + size // 20:
        raise BackupNoRoom(
            f"Restoring needs {megabytes(size)} beside {data_dir}, where {megabytes(free)} are free. Make room there."
        )


@contextmanager
def _folder(made: Path, data_dir: Path, now: int) -> Iterator[None]:
    """A new folder that is gone at the end, unless it has taken the place of the data directory."""
    try:
        if made.exists() and not (made / _UNFINISHED).exists():
            # A restore was killed right after the exchange: this is the data directory of before.
            made.rename(_kept_name(data_dir, now - 1000))
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        (made / _UNFINISHED).touch()
    except OSError as failure:
        raise RestoreRefused(
            f"Nothing can be made beside {data_dir} ({failure.strerror}). Run this as root."
        ) from None
    try:
        yield
    finally:
        if (made / _UNFINISHED).exists():
            shutil.rmtree(made, ignore_errors=True)
