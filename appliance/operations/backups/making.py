"""One backup, from the running appliance to its place, and read back from there."""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from appliance import __version__
from appliance.clock import iso
from appliance.operations.backups.archive import Content, Manifest, pack
from appliance.operations.backups.errors import BackupBroken, BackupNoRoom
from appliance.operations.backups.stream import Header, Writable, new_archive_key
from appliance.operations.backups.targets import SUFFIX, Target
from appliance.operations.disk import DiskGuard, megabytes
from appliance.settings import Settings, options
from appliance.store.copying import Pinned, check, facts, settle
from appliance.store.database import Database
from appliance.vault.archive_key import wrap
from appliance.vault.errors import MasterKeyMissing
from appliance.vault.keyring import DATABASE_NAME, KEYRING_NAME, Keyring

WORK_FOLDER = "backup-work"
"""Below the data directory: copies that are being made or looked at. What lies in it may be removed at any time."""
LARGEST_NAMED = 4 * 1024 * 1024
"""Bytes of a file that a setting names. A list of authorities is the largest there is."""
_TIME = "%Y%m%dT%H%M%S"

log = logging.getLogger(__name__)


class Made(NamedTuple):
    bytes: int
    sha256: str
    manifest: Manifest


class Making:
    """`installation` stands in names, so that several appliances may share a place."""

    def __init__(
        self, settings: Settings, database: Database, keyring: Keyring, disk: DiskGuard, installation: str
    ) -> None:
        self._settings = settings
        self._database = database
        self._keyring = keyring
        self._disk = disk
        self.installation = installation

    def name_at(self, now: int) -> str:
        """The name of a backup that begins now."""
        moment = datetime.fromtimestamp(now // 1000, UTC).strftime(_TIME)
        return f"appliance-{self.installation}-{moment}.{now % 1000:03}Z{SUFFIX}"

    def time_of(self, name: str) -> int | None:
        """When a backup of this installation began, milliseconds since 1970; None for any other name."""
        start = f"appliance-{self.installation}-"
        if not name.startswith(start) or not name.endswith(f"Z{SUFFIX}"):
            return None
        seconds, _, thousandths = name[len(start) : -len(f"Z{SUFFIX}")].partition(".")
        try:
            moment = datetime.strptime(seconds, _TIME).replace(tzinfo=UTC)
            return round(moment.timestamp()) * 1000 + int(thousandths)
        except ValueError:
            return None

    def make(self, target: Target, name: str, now: int) -> Made:
        """Make a backup and read it back. Raises ApplianceError, and there is no backup of this name then."""
        if not self._keyring.master_is_there():
            raise MasterKeyMissing(
                f"The master key {self._keyring.master_key_id} is no longer where it was. Put it back: without it no "
                "backup can ever be opened, and the appliance does not start."
            )
        self._require_room(target)
        target.clear_away()
        work = fresh_work_folder(self._settings.data_dir)
        try:
            return self._make(target, name, now, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _make(self, target: Target, name: str, now: int, work: Path) -> Made:
        copy, key = work / DATABASE_NAME, new_archive_key()
        # A rotation of keys between the two would leave rows whose key is in neither.
        with self._database.write():
            keyring = self._keyring.content()
            wrapped = wrap(self._keyring, key)
            pinned = Pinned(self._database.path, self._keyring.database_key)
        with pinned:
            pinned.copy_to(copy)
        settle(copy, self._keyring.database_key)
        check(copy, self._keyring.database_key)
        found = facts(copy, self._keyring.database_key)
        header = Header(self.installation, __version__, found.schema, str(iso(now)), wrapped)
        with target.writing(name) as out:
            counted = _Counted(out)
            manifest = pack(counted, header, key, self._contents(copy, keyring), found.counts, found.epoch)
        made = Made(counted.bytes, counted.digest(), manifest)
        _read_back(target, name, made)
        return made

    def _contents(self, copy: Path, keyring: bytes) -> Iterator[Content]:
        yield Content(KEYRING_NAME, keyring)
        yield Content(DATABASE_NAME, copy)
        yield from _below(self._settings.data_dir / "tls", "tls")
        yield Content("config/appliance.toml", _in_force(self._settings).encode())
        yield from _named(self._settings)
        if self._settings.connectors_dir is not None:
            yield from _below(self._settings.connectors_dir, "connectors")

    def _require_room(self, target: Target) -> None:
        sizes = self._database.sizes()
        needed = sizes.file + sizes.log
        space = self._disk.space()
        kept_free, _ = self._disk.limits(space)
        if space.free < needed + kept_free:
            raise BackupNoRoom(
                f"A backup needs {megabytes(needed)} for a while on the disk of the data directory, of which "
                f"{megabytes(space.free)} are free. Make room there."
            )
        free = target.free()
        if free is not None and free < needed:
            raise BackupNoRoom(
                f"A backup has about {megabytes(needed)}; at {target.place} {megabytes(free)} are free. Make room "
                "there, or keep fewer backups."
            )


def fresh_work_folder(data_dir: Path) -> Path:
    """An empty folder for copies; what a process that was killed has left in it is gone."""
    work = data_dir / WORK_FOLDER
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    return work


def _read_back(target: Target, name: str, made: Made) -> None:
    hashed, size = hashlib.sha256(), 0
    for piece in target.read(name):
        hashed.update(piece)
        size += len(piece)
    if (size, hashed.hexdigest()) != (made.bytes, made.sha256):
        target.remove(name)
        raise BackupBroken(
            f"What {target.place} gives back of the backup is not what was written. It was removed there. Check that "
            "disk or server."
        )


def _below(folder: Path, name: str) -> Iterator[Content]:
    """Regular files, links left out."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
            yield Content(f"{name}/{path.relative_to(folder).as_posix()}", path)


def _named(settings: Settings) -> Iterator[Content]:
    """Certificates and keys that lie elsewhere, by the setting that names them. Never the master key."""
    for key, paths in (
        ("tls.certificate", [settings.tls_certificate]),
        ("tls.key", [settings.tls_key]),
        ("ca_files", settings.ca_files),
        ("credits.entitlement_public_key_file", [settings.credits_entitlement_public_key_file]),
    ):
        for number, path in enumerate(path for path in paths if path is not None):
            try:
                content = path.read_bytes() if path.stat().st_size <= LARGEST_NAMED else None
            except OSError:
                content = None
            if content is None:
                log.warning("%s is not in the backup: %s cannot be read, or is too large", key, path)
            else:
                yield Content(f"config/{key}/{number}-{path.name}", content)


def _in_force(settings: Settings) -> str:
    """The settings that are not at their default, as a settings file. Secrets are left out, the master key's first."""
    lines = ["# Settings that were in force when the backup was made. Secrets have to be entered again."]
    section = ""
    for option in options():
        value = getattr(settings, option.attribute)
        if option.key not in settings.origins and value == option.kind.parse(option.default):
            continue
        found, _, name = option.key.rpartition(".")
        if found != section:
            section = found
            lines += ["", f"[{section}]"]
        shown = _toml("" if value is None else value)
        lines.append(f"# {name} = …" if option.secret else f"{name} = {shown}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, int):
        return str(value).lower()
    if isinstance(value, tuple):
        return json.dumps([str(one) for one in value], ensure_ascii=False)
    return json.dumps(str(value), ensure_ascii=False)


class _Counted:
    """Hands on what is written, and knows its size and SHA-256."""

    def __init__(self, out: Writable) -> None:
        self._out = out
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, content: bytes, /) -> int:
        self._out.write(content)
        self._hash.update(content)
        self.bytes += len(content)
        return len(content)

    def digest(self) -> str:
        return self._hash.hexdigest()
