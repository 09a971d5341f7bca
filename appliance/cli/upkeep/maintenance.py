"""`appliance maintenance`: begin it, end it, tell whether it goes on."""

import argparse
import getpass
import os

from appliance.cli.shell import Subparsers, add_common, opened, show
from appliance.clock import iso
from appliance.operations.upgrades.maintenance import Period


def register(commands: Subparsers) -> None:
    group = commands.add_parser(
        "maintenance", help="the API answers 503 and synchronization waits, until it is ended"
    ).add_subparsers(required=True, metavar="COMMAND")
    begin = group.add_parser("on", help="begin maintenance; runs end at their page and go on afterwards")
    add_common(begin)
    begin.add_argument("--why", default="", metavar="TEXT", help="told to everyone who calls meanwhile")
    begin.set_defaults(command=switch_on)
    end = group.add_parser("off", help="end maintenance")
    add_common(end)
    end.set_defaults(command=switch_off)
    status = group.add_parser("status", help="tell whether it goes on; exit status 0 either way")
    add_common(status)
    status.set_defaults(command=show_status)


def switch_on(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        begun = appliance.maintenance.begin(f"{_user()} (command line)", arguments.why)
        _show(arguments, appliance.maintenance.period(), "" if begun else "It was on before. ")
    return 0


def _user() -> str:
    """Who runs the command; by number where the system has no name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def switch_off(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        ended = appliance.maintenance.end()
        _show(arguments, None, "" if ended else "It was not on. ")
    return 0


def show_status(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        _show(arguments, appliance.maintenance.period(), "")
    return 0


def _show(arguments: argparse.Namespace, period: Period | None, before: str) -> None:
    if period is None:
        show(arguments, {"maintenance": False}, [f"{before}The appliance works."])
        return
    since = iso(period.since)
    show(
        arguments,
        {"maintenance": True, "since": since, "who": period.who, "why": period.why},
        [f"{before}Maintenance since {since}, begun by {period.who}: {period.why}."],
    )
