"""`appliance upgrade` and `appliance rollback`: to another release and back, with everything that is kept."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from appliance import __version__
from appliance.app import Appliance
from appliance.cli.serve import certificate_paths
from appliance.cli.shell import Subparsers, add_common, opened, setting_flags, settings_of, show
from appliance.clock import Clock, SystemClock, iso
from appliance.errors import ConfigurationError
from appliance.operations.backups.errors import BackupTargetMissing
from appliance.operations.backups.targets import FolderTarget
from appliance.operations.upgrades import undo
from appliance.operations.upgrades.data_files import DataFiles
from appliance.operations.upgrades.errors import UpgradeRefused
from appliance.operations.upgrades.installation import Installation
from appliance.operations.upgrades.journal import OVER, Entry, Journal
from appliance.operations.upgrades.loss import Loss, since
from appliance.operations.upgrades.preflight import Needs, available_memory, check_room
from appliance.operations.upgrades.programs import InstalledPrograms
from appliance.operations.upgrades.release import opened_release
from appliance.operations.upgrades.service import Service, is_ready
from appliance.operations.upgrades.undo import READY_SECONDS, Means
from appliance.operations.upgrades.upgrade import WATCH_SECONDS, Present, Upgrade
from appliance.settings import Settings
from appliance.sync.engine import EngineLock
from appliance.transport.loopback import OwnAddress
from appliance.vault.keyring import DATABASE_NAME

PREFIX = Path("/opt/appliance")
UNITS = Path("/etc/systemd/system")
UNIT = "appliance.service"
RELEASE_KEY = "release.pem"


def register(commands: Subparsers) -> None:
    upgrade = commands.add_parser(
        "upgrade", help="go to a newer release; what fails is taken back by itself", description=__doc__
    )
    _add_common(upgrade)
    what = upgrade.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "bundle", nargs="?", type=Path, help="the .run file of the release, or its unpacked folder"
    )
    what.add_argument(
        "--recover", action="store_true", help="put right what an upgrade left that was broken off"
    )
    what.add_argument("--status", action="store_true", help="tell of the last upgrade")
    upgrade.add_argument("--check", action="store_true", help="only tell whether it could be gone to")
    upgrade.add_argument(
        "--release-key",
        type=Path,
        metavar="FILE",
        help=f"public key of the maker; by default {RELEASE_KEY} beside the program in use",
    )
    upgrade.add_argument(
        "--backups", type=Path, metavar="FOLDER", help="where the backup goes, in place of backup.target"
    )
    upgrade.add_argument(
        "--watch-seconds",
        type=float,
        default=WATCH_SECONDS,
        metavar="N",
        help=f"how long the new release has to stay ready before it is kept ({WATCH_SECONDS:g})",
    )
    upgrade.set_defaults(command=run_upgrade)

    rollback = commands.add_parser(
        "rollback", help="back to the release before the last upgrade, with its data"
    )
    _add_common(rollback)
    rollback.add_argument("--yes", action="store_true", help="do not ask")
    rollback.set_defaults(command=run_rollback)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_common(parser)
    parser.add_argument(
        "--prefix",
        type=Path,
        default=PREFIX,
        metavar="FOLDER",
        help=f"where releases are installed ({PREFIX})",
    )
    parser.add_argument(
        "--ready-seconds",
        type=float,
        default=READY_SECONDS,
        metavar="N",
        help=f"how long the service may take until it is ready ({READY_SECONDS:g})",
    )
    service = parser.add_mutually_exclusive_group()
    service.add_argument("--unit", default=UNIT, help=f"the systemd unit of the service ({UNIT})")
    service.add_argument(
        "--service-command",
        metavar="COMMAND",
        help="without systemd: a command that stops and starts the service, called with `stop` or `start`",
    )


def run_upgrade(arguments: argparse.Namespace) -> int:
    if arguments.status:
        return _show_status(arguments)
    if arguments.recover:
        return _recover(arguments)
    _check_data(settings_of(arguments))
    with opened(arguments) as appliance:
        means = _means(arguments, appliance.settings, appliance.clock)
        means.installation.check_may_change()
        upgrade = Upgrade(means, _present(arguments, appliance), arguments.watch_seconds)
        key = arguments.release_key or arguments.prefix / "current" / RELEASE_KEY
        with opened_release(arguments.bundle, _read_key(key), arguments.prefix) as release:
            upgrade.check(release)
            sizes = appliance.database.sizes()
            # The copy that is tried makes a reserve of its own.
            needs = Needs(
                sizes.file + sizes.log, release.program_bytes + appliance.settings.disk_reserve_bytes
            )
            check_room(appliance.settings.data_dir, arguments.prefix, needs, available_memory())
            if arguments.check:
                text = f"{__version__} can be upgraded to {release.version}."
                show(arguments, {"from": __version__, "to": str(release.version), "possible": True}, [text])
                return 0
            entry = upgrade.run(release)
    _show_entry(arguments, entry)
    return 0


def run_rollback(arguments: argparse.Namespace) -> int:
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
    _show_entry(arguments, undo.roll_back(means))
    return 0


def _recover(arguments: argparse.Namespace) -> int:
    settings = settings_of(arguments)
    known = Journal(settings.data_dir).read()
    if known is None or known.step in OVER:
        # Run before every start, by root: nothing may be made that the service could not open.
        show(arguments, {"recovered": False}, [])
        return 0
    # Not opened: a database that belongs to the other release must not be migrated by this one.
    means = _means(arguments, settings, SystemClock())
    entry = undo.recover(replace(means, manages_service=means.is_served()))
    if entry is None:
        show(arguments, {"recovered": False}, [])
    else:
        _show_entry(arguments, entry)
    return 0


def _check_data(settings: Settings) -> None:
    """Opening a folder without data would make new ones."""
    if not (settings.data_dir / DATABASE_NAME).exists():
        raise UpgradeRefused(
            f"There are no data of an appliance in {settings.data_dir}. Name the folder that the service works on, "
            "such as --set data_dir=/var/lib/appliance."
        )


def _show_status(arguments: argparse.Namespace) -> int:
    entry = Journal(settings_of(arguments).data_dir).read()
    if entry is None:
        show(arguments, {"upgrade": None}, ["There was no upgrade."])
    else:
        _show_entry(arguments, entry)
    return 0


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


def _show_entry(arguments: argparse.Namespace, entry: Entry) -> None:
    shown = {
        "from": entry.from_version,
        "to": entry.to_version,
        "state": entry.step,
        "began_at": iso(entry.began_at),
        "changed_at": iso(entry.changed_at),
        "backup": entry.backup or None,
        "why": entry.why or None,
    }
    match entry.step:
        case "done":
            lines = [f"Upgraded from {entry.from_version} to {entry.to_version} at {iso(entry.changed_at)}."]
        case "undone":
            lines = [f"{entry.from_version} is in use again, not {entry.to_version}. {entry.why}"]
        case step:
            lines = [f"The upgrade from {entry.from_version} to {entry.to_version} is in the step {step}."]
    if entry.backup:
        lines.append(f"The backup made before: {entry.backup}")
    show(arguments, shown, lines)
