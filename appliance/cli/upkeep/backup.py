"""`appliance backup create|list|verify|prune` and `appliance restore`."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.app import outbound_of
from appliance.cli.shell import Subparsers, add_common, opened, settings_of, show, table
from appliance.clock import SystemClock
from appliance.operations.backups.errors import BackupNotFound
from appliance.operations.backups.rehearsal import as_file
from appliance.operations.backups.restore import FROM_BACKUP, Restored, restore
from appliance.operations.backups.targets import FolderTarget, open_target
from appliance.operations.disk import megabytes
from appliance.settings import Settings
from appliance.vault.sources import find_source


def register(commands: Subparsers) -> None:
    group = commands.add_parser("backup", help="make, list, check and thin out backups").add_subparsers(
        required=True
    )
    create = group.add_parser("create", help="make one now, also while the service works")
    add_common(create)
    create.add_argument("--to", type=Path, metavar="FOLDER", help="put it there in place of backup.target")
    create.set_defaults(command=create_backup)
    listed = group.add_parser("list", help="what lies at the place")
    add_common(listed)
    listed.set_defaults(command=list_backups)
    verify = group.add_parser(
        "verify", help="restore one into a folder that is thrown away, and look through it"
    )
    add_common(verify)
    verify.add_argument("name", help="its name at the place, or the path of a file")
    verify.set_defaults(command=verify_backup)
    prune = group.add_parser("prune", help="remove those that need not be kept")
    add_common(prune)
    prune.add_argument("--dry-run", action="store_true", help="only name them")
    prune.set_defaults(command=prune_backups)

    back = commands.add_parser(
        "restore", help="put a backup in the place of the data directory; the service is stopped"
    )
    add_common(back)
    back.add_argument("file", help="the path of a backup, or its name at the place of the settings")
    back.add_argument("--data-dir", type=Path, metavar="NEW", help="restore there in place of data_dir")
    back.add_argument("--dry-run", action="store_true", help="look through everything, change nothing")
    back.set_defaults(command=restore_backup)


def create_backup(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        target = None if arguments.to is None else FolderTarget(arguments.to.absolute())
        made = appliance.backups.create("command line", target)
        lines = [
            f"Made and read back: {made.name} ({megabytes(made.bytes or 0)}) at {made.target}",
            f"SHA-256 {made.sha256}",
            f"It opens with master key {appliance.keyring.master_key_id}, which is not in it: keep that key elsewhere.",
        ]
        show(arguments, made.as_dict(), lines)
    return 0


def list_backups(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        found = appliance.backups.at_target()
        rows = [
            [
                one.name,
                megabytes(one.bytes),
                one.as_dict()["at"] or "of another installation",
                one.as_dict()["verified_at"],
            ]
            for one in found
        ]
        described = appliance.backups.describe()
        lines = table(rows, ("name", "size", "made", "read back")) if rows else ["There is no backup yet."]
        lines += ["", f"At {described['target']}; the next one: {described['next_at'] or 'when you ask'}"]
        show(arguments, {**described, "backups": [one.as_dict() for one in found]}, lines)
    return 0


def verify_backup(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        path = Path(arguments.name)
        target = FolderTarget(path.absolute().parent) if path.is_file() else None
        manifest = appliance.backups.rehearse(path.name if target else arguments.name, target)
        lines = [
            f"{path.name} can be restored: made {manifest.created} by release {manifest.version}, schema "
            f"{manifest.schema}, {len(manifest.files)} files, {manifest.counts.get('record', 0):,} records.",
            "It was opened with the master key, every page and index was looked through, every count is that of the "
            "manifest.",
        ]
        show(
            arguments,
            {
                "name": path.name,
                "created": manifest.created,
                "version": manifest.version,
                "schema": manifest.schema,
                "epoch": manifest.epoch,
                "counts": dict(manifest.counts),
            },
            lines,
        )
    return 0


def prune_backups(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        gone = appliance.backups.prune(dry_run=arguments.dry_run)
        said = "Would be removed" if arguments.dry_run else "Removed"
        lines = [f"{said}: {name}" for name in gone] or ["Nothing is to be removed."]
        show(arguments, {"removed": gone, "dry_run": arguments.dry_run}, lines)
    return 0


def restore_backup(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    data_dir: Path = (arguments.data_dir or settings.data_dir).absolute()
    keys = find_source(
        data_dir,
        environ=os.environ,
        key_file=settings.master_key_file,
        passphrase=settings.master_passphrase,
    )
    with _archive(arguments.file, settings) as (file, name, size):
        done = restore(file, name, size, keys, data_dir, SystemClock(), dry_run=arguments.dry_run)
    show(arguments, done.as_dict(), _lines(done, dry_run=arguments.dry_run))
    return 0


@contextmanager
def _archive(given: str, settings: Settings) -> Iterator[tuple[BinaryIO, str, int]]:
    """The archive to read, its name and its bytes: a file of this machine, or one at the place of the settings."""
    path = Path(given)
    if path.is_file():
        with path.open("rb") as file:
            yield file, path.name, path.stat().st_size
        return
    if "/" in given or settings.backup_target is None:
        raise BackupNotFound(f"There is no file {given}.")
    target = open_target(settings, outbound_of(settings, SystemClock()))
    try:
        size = next((one.size for one in target.list() if one.name == given), 0)
        yield as_file(target.read(given)), given, size
    finally:
        target.close()


def _lines(done: Restored, *, dry_run: bool) -> list[str]:
    manifest = done.manifest
    what = (
        f"The backup of {manifest.created} (release {manifest.version}, schema {manifest.schema}, "
        f"{manifest.counts.get('record', 0):,} records)"
    )
    if dry_run:
        return [
            f"{what} can be restored to {done.data_dir}. Nothing was changed.",
            f"Master key {done.master_key_id} is there and opens it.",
        ]
    lines = [
        f"{what} is now in {done.data_dir}.",
        f"It opens with master key {done.master_key_id}.",
        f"Readers of the change feed begin anew (epoch {done.epoch}). Everybody signs in again.",
        f"Not sent any more: {done.webhooks_ended} webhooks, {done.writes_ended} writes. To be gone on with: "
        f"{done.runs_interrupted} synchronizations.",
    ]
    if done.kept is not None:
        lines.append(f"What was there before is in {done.kept}; delete it when all is well.")
    lines.append(
        f"The settings of then, and the certificates that they name, are in {done.data_dir / FROM_BACKUP / 'config'}."
    )
    if done.connectors is not None:
        lines.append(
            f"Connectors of your own are in {done.connectors}; copy them to the folder of connectors_dir."
        )
    return [*lines, "Start the service again."]
