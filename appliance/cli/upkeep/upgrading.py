"""What `appliance upgrade` and `appliance rollback` do."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from appliance import __version__
from appliance.app import Appliance
from appliance.cli.serve import certificate_paths
from appliance.cli.shell import opened, setting_flags, settings_of, show
from appliance.cli.upkeep.upgrade import RELEASE_KEY
from appliance.clock import Clock, SystemClock, iso
from appliance.errors import ConfigurationError
from appliance.operations.backups.errors import BackupTargetMissing
from appliance.operations.backups.targets import FolderTarget
from appliance.operations.upgrades import undo
from appliance.operations.upgrades.data_files import DataFiles
from appliance.operations.upgrades.errors import UpgradeRefused
from appliance.operations.upgrades.installation import Installation
from appliance.operations.upgrades.journal import Entry, Journal
from appliance.operations.upgrades.loss import Loss, since
from appliance.operations.upgrades.preflight import Needs, available_memory, check_room
from appliance.operations.upgrades.programs import InstalledPrograms
from appliance.operations.upgrades.release import Release, opened_release
from appliance.operations.upgrades.service import Service, is_ready
from appliance.operations.upgrades.undo import Means
from appliance.operations.upgrades.upgrade import Present, Upgrade
from appliance.settings import Settings
from appliance.sync.engine import EngineLock
from appliance.transport.loopback import OwnAddress
from appliance.vault.keyring import DATABASE_NAME

UNITS = Path("/etc/systemd/system")


def upgrade(arguments: argparse.Namespace) -> Entry:
    """Raises ApplianceError."""
    with _prepared(arguments) as (prepared, release):
        return prepared.run(release)


def check(arguments: argparse.Namespace) -> None:
    """Tell that it could be gone to. Raises ApplianceError where it could not."""
    with _prepared(arguments) as (_, release):
        text = f"{__version__} can be upgraded to {release.version}."
        show(arguments, {"from": __version__, "to": str(release.version), "possible": True}, [text])


@contextmanager
def _prepared(arguments: argparse.Namespace) -> Iterator[tuple[Upgrade, Release]]:
    """An upgrade that is possible here, and the proven release to go to."""
    _check_data(settings_of(arguments))
    with opened(arguments) as appliance:
        means = _means(arguments, appliance.settings, appliance.clock)
        means.installation.check_may_change()
        prepared = Upgrade(means, _present(arguments, appliance), arguments.watch_seconds)
        key = arguments.release_key or arguments.prefix / "current" / RELEASE_KEY
        with opened_release(arguments.bundle, _read_key(key), arguments.prefix) as release:
            prepared.check(release)
            sizes = appliance.database.sizes()
            # The copy that is tried makes a reserve of its own.
            needs = Needs(
                sizes.file + sizes.log, release.program_bytes + appliance.settings.disk_reserve_bytes
            )
            check_room(appliance.settings.data_dir, arguments.prefix, needs, available_memory())
            yield prepared, release


def roll_back(arguments: argparse.Namespace) -> Entry:
    """Tell what is lost, ask unless told not to, and go back. Raises ApplianceError."""
    _check_data(settings_of(arguments))
    with opened(arguments) as appliance:
        means = _means(arguments, appliance.settings, appliance.clock)
        means.installation.check_may_change()
        entry = undo.last_done(means)
        lost = since(appliance.database, entry.changed_at)
    if not arguments.yes:
        for line in _loss_lines(entry, lost):
            print(line, file=sys.stderr)
        print(f"Type {entry.from_version} to go back: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != entry.from_version:
            raise ConfigurationError("Nothing was changed.")
    return undo.roll_back(means)


def recover(arguments: argparse.Namespace) -> Entry | None:
    """Put right what was broken off; None where nothing is. Raises ApplianceError.

    The data are not opened: a database that belongs to the other release must not be migrated by this one.
    """
    means = _means(arguments, settings_of(arguments), SystemClock())
    return undo.recover(replace(means, manages_service=means.is_served()))


def _check_data(settings: Settings) -> None:
    """Opening a folder without data would make new ones."""
    if not (settings.data_dir / DATABASE_NAME).exists():
        raise UpgradeRefused(
            f"There are no data of an appliance in {settings.data_dir}. Name the folder that the service works on, "
            "such as --set data_dir=/var/lib/appliance."
        )


def _means(arguments: argparse.Namespace, settings: Settings, clock: Clock) -> Means:
    unit = None if arguments.service_command else UNITS / arguments.unit
    installation = Installation(arguments.prefix, unit)
    return Means(
        journal=Journal(settings.data_dir),
        installation=installation,
        data=DataFiles(settings.data_dir, clock),
        programs=InstalledPrograms(installation, setting_flags(arguments)),
        service=Service.of_command(arguments.service_command)
        if arguments.service_command
        else Service.of_systemd(arguments.unit),
        ready=lambda: is_ready(own_address(settings)),
        is_served=lambda: _is_served(settings.data_dir),
        manages_service=True,
        clock=clock,
        # What is done comes beside what came of it, which programs read.
        say=lambda text: print(text, file=sys.stderr, flush=True),
        ready_seconds=arguments.ready_seconds,
    )


def _present(arguments: argparse.Namespace, appliance: Appliance) -> Present:
    if arguments.backups is None and appliance.settings.backup_target is None:
        raise BackupTargetMissing(
            "Nothing says where the backup goes that is made before. Set backup.target, to /var/backups/appliance for "
            "example, or name a folder with --backups."
        )
    target = None if arguments.backups is None else FolderTarget(arguments.backups.absolute())
    return Present(
        version=__version__,
        database=appliance.database,
        key=appliance.keyring.database_key,
        maintenance=appliance.maintenance,
        is_working=appliance.planner.runs.any_running,
        back_up=lambda: _back_up(appliance, target),
    )


def _back_up(appliance: Appliance, target: FolderTarget | None) -> str:
    made = appliance.backups.create("upgrade", target)
    return f"{made.name} at {made.target}"


def own_address(settings: Settings) -> OwnAddress:
    """Where the appliance of these settings is asked from this machine."""
    pair = certificate_paths(settings)
    return OwnAddress.of(settings.listen.host, settings.listen.port, None if pair is None else pair[0])


def _is_served(data_dir: Path) -> bool:
    lock = EngineLock(data_dir, "service.lock")
    if not lock.acquire():
        return True
    lock.release()
    return False


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as failure:
        raise ConfigurationError(
            f"The public key of releases cannot be read: {path}: {failure.strerror}. Give it with --release-key FILE."
        ) from failure


def _loss_lines(entry: Entry, lost: Loss) -> list[str]:
    return [
        f"This goes back from {entry.to_version} to {entry.from_version}, with the data of {iso(entry.began_at)}.",
        f"What has come since {iso(entry.changed_at)} is taken out of use:",
        f"  {lost.changes:,} changes of records in {lost.runs:,} runs; sources that still have them give them again",
        f"  {lost.connections:,} connections made, {lost.writes:,} writes remembered, "
        f"{lost.requests:,} requests in the log",
        "Readers of the change feed begin anew. The present data are kept in upgrade/undone of the data directory.",
    ]
