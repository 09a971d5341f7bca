"""`appliance upgrade` and `appliance rollback`: to another release and back, with everything that is kept.

The service asks for a recovery before each start, so what that needs not is loaded only when it is needed.
"""

import argparse
from pathlib import Path

from appliance.cli.shell import Subparsers, add_common, settings_of, show
from appliance.clock import iso
from appliance.operations.upgrades.journal import OVER, Entry, Journal
from appliance.operations.upgrades.patience import READY_SECONDS, WATCH_SECONDS

PREFIX = Path("/opt/appliance")
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
    if arguments.status or arguments.recover:
        entry = Journal(settings_of(arguments).data_dir).read()
        if arguments.status:
            _show(arguments, entry)
            return 0
        if entry is None or entry.step in OVER:
            # Run before every start, by root: nothing may be made that the service could not open.
            show(arguments, {"recovered": False}, [])
            return 0
    from appliance.cli.upkeep import upgrading

    if arguments.recover:
        entry = upgrading.recover(arguments)
    elif arguments.check:
        upgrading.check(arguments)
        return 0
    else:
        entry = upgrading.upgrade(arguments)
    _show(arguments, entry)
    return 0


def run_rollback(arguments: argparse.Namespace) -> int:
    from appliance.cli.upkeep import upgrading

    _show(arguments, upgrading.roll_back(arguments))
    return 0


def _show(arguments: argparse.Namespace, entry: Entry | None) -> None:
    if entry is None:
        show(arguments, {"upgrade": None}, ["There was no upgrade."])
        return
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
