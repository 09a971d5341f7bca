"""`appliance connection schedule`: when a connection synchronizes, shown and changed."""

import argparse
from typing import Any

from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import InvalidInput
from appliance.sync.schedules.rule import Rule
from appliance.sync.schedules.text import NEVER, pattern_text, read_pattern, read_reconcile, read_window

AUTHOR = "command line"


def register(group: Subparsers) -> None:
    schedule = group.add_parser("schedule", help="when it synchronizes: shown, changed, paused")
    add_common(schedule)
    schedule.add_argument("connection", help="id or name")
    schedule.add_argument("--entity", metavar="ENTITY", help="change the rule of this entity alone")
    schedule.add_argument(
        "--every", metavar="TIME", help="such as 15m, 2h or 1d, or by cron, such as '30 2 * * *'"
    )
    schedule.add_argument("--time-zone", metavar="NAME", help="such as Europe/Berlin; UTC without one")
    schedule.add_argument(
        "--quiet",
        action="append",
        metavar="HOURS",
        help=f"such as 22:00-06:00 or 'mon,fri 12:00-13:00'; may be repeated; {NEVER}: no quiet hours",
    )
    schedule.add_argument("--jitter", type=int, metavar="SECONDS", help="how far due times are spread")
    schedule.add_argument(
        "--reconcile", metavar="TIME", help=f"compare all keys such as 1d apart, or by cron; {NEVER}"
    )
    pause = schedule.add_mutually_exclusive_group()
    pause.add_argument(
        "--pause",
        nargs="?",
        const="",
        metavar="UNTIL",
        help="until it is resumed, or until 2026-01-05T08:00Z",
    )
    pause.add_argument("--resume", action="store_true", help="end a pause")
    schedule.add_argument("--clear", action="store_true", help="begin from a rule that says nothing")
    schedule.set_defaults(command=schedule_command)


def schedule_command(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection_id = appliance.connections.named(arguments.connection).id
        change = _change(arguments)
        if change or arguments.clear or arguments.resume:
            _apply(appliance, connection_id, arguments, change)
        elif arguments.entity:
            raise InvalidInput("Say what is to be changed of the entity, such as --every 15m.")
        shown = appliance.schedules.describe(connection_id)
        show(arguments, shown, _lines(shown))
    return 0


def _apply(
    appliance: Appliance, connection_id: str, arguments: argparse.Namespace, change: dict[str, Any]
) -> None:
    schedules, entity = appliance.schedules, arguments.entity or ""
    held = Rule() if arguments.clear else schedules.rule(connection_id, entity)
    document = {**held.as_dict(), **change}
    if "cron" in change:
        document.pop("every_seconds", None)
    if "every_seconds" in change:
        document.pop("cron", None)
    if arguments.resume:
        document.pop("paused", None)
    schedules.set_rule(connection_id, entity, schedules.read(connection_id, document), by=AUTHOR)


def _change(arguments: argparse.Namespace) -> dict[str, Any]:
    """The members of a rule that were given."""
    change: dict[str, Any] = {}
    if arguments.every is not None:
        change |= read_pattern(arguments.every, "--every")
    if arguments.time_zone is not None:
        change["time_zone"] = arguments.time_zone
    if arguments.quiet is not None:
        windows = [] if arguments.quiet == [NEVER] else arguments.quiet
        change["quiet"] = [read_window(text, "--quiet") for text in windows]
    if arguments.jitter is not None:
        change["jitter_seconds"] = arguments.jitter
    if arguments.reconcile is not None:
        change["reconcile"] = read_reconcile(arguments.reconcile, "--reconcile")
    if arguments.pause is not None:
        change["paused"] = arguments.pause or True
    return change


def _lines(shown: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["entity"],
            pattern_text(row["in_force"]),
            row["in_force"]["time_zone"],
            row["next_due_at"],
            row["next_reconcile_at"],
            row["why_not_now"]["message"],
        ]
        for row in shown["entities"]
    ]
    rules = {"": shown["rule"], **shown["entity_rules"]}
    said = [f"{entity or 'Connection'}: {rule}" for entity, rule in rules.items() if rule]
    return [
        *table(rows, ("entity", "how often", "zone", "next due", "next comparison", "why not now")),
        *said,
    ]
