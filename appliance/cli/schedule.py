"""`appliance connection schedule`: when a connection synchronizes, shown and changed."""

import argparse
import re
from typing import Any

from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import InvalidInput
from appliance.sync.schedules.rule import DAYS, Rule

AUTHOR = "command line"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NEVER = "never"


def register(group: Subparsers) -> None:
    schedule = group.add_parser("schedule", help="when it synchronizes: shown, changed, paused")
    add_common(schedule)
    schedule.add_argument("connection", help="id or name")
    schedule.add_argument("--entity", metavar="ENTITY", help="change the rule of this entity alone")
    often = schedule.add_mutually_exclusive_group()
    often.add_argument("--every", metavar="TIME", help="such as 15m, 2h or 1d")
    often.add_argument("--cron", metavar="EXPRESSION", help="five fields, such as '30 2 * * *'")
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
        change["every_seconds"] = _seconds(arguments.every)
    if arguments.cron is not None:
        change["cron"] = arguments.cron
    if arguments.time_zone is not None:
        change["time_zone"] = arguments.time_zone
    if arguments.quiet is not None:
        change["quiet"] = [] if arguments.quiet == [NEVER] else [_window(text) for text in arguments.quiet]
    if arguments.jitter is not None:
        change["jitter_seconds"] = arguments.jitter
    if arguments.reconcile is not None:
        change["reconcile"] = _reconcile(arguments.reconcile)
    if arguments.pause is not None:
        change["paused"] = arguments.pause or True
    return change


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,7})([smhd])", text.strip())
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is no length of time. Write it as 90s, 15m, 2h or 1d.")
    return int(found[1]) * UNITS[found[2]]


def _window(text: str) -> dict[str, Any]:
    found = re.fullmatch(r"(?:([a-z,]+) +)?(\d\d:\d\d) *- *(\d\d:\d\d)", text.strip().lower())
    if found is None:
        raise InvalidInput(
            f"{text[:60]!r} are no quiet hours. Write them as 22:00-06:00 or 'mon,fri 12:00-13:00', "
            f"with the days {', '.join(DAYS)}."
        )
    days = {"days": found[1].split(",")} if found[1] else {}
    return {**days, "from": found[2], "to": found[3]}


def _reconcile(text: str) -> Any:
    if text == NEVER:
        return False
    return {"cron": text} if len(text.split()) == 5 else {"every_seconds": _seconds(text)}


def _lines(shown: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["entity"],
            _often(row["in_force"]),
            row["next_due_at"],
            row["next_reconcile_at"],
            row["why_not_now"]["message"],
        ]
        for row in shown["entities"]
    ]
    rules = {"": shown["rule"], **shown["entity_rules"]}
    said = [f"{entity or 'Connection'}: {rule}" for entity, rule in rules.items() if rule]
    return [*table(rows, ("entity", "how often", "next due", "next comparison", "why not now")), *said]


def _often(rule: dict[str, Any]) -> str:
    if "cron" in rule:
        return f"{rule['cron']} {rule['time_zone']}"
    seconds = rule["every_seconds"]
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % UNITS[unit] == 0)
    return f"every {seconds // UNITS[unit]}{unit}"
