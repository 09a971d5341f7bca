"""`appliance issues` and `appliance connection health`: what is wrong, what to do, who can do it."""

import argparse
from typing import Any

from appliance.cli.shell import Subparsers, add_common, opened, show
from appliance.connections.condition.issues import STATES
from appliance.errors import InvalidInput

MOST_LISTED = 1000


def register(commands: Subparsers) -> None:
    parser = commands.add_parser("issues", help="what is wrong, what to do, and who can do it")
    add_common(parser)
    parser.add_argument("--connection", help="id or name; else all connections and the appliance itself")
    parser.add_argument("--state", choices=STATES, default="open")
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--dismiss", metavar="ID", help="let this issue rest until it is over or gets worse")
    parser.add_argument("--note", help="why it is dismissed")
    parser.set_defaults(command=list_issues)


def register_health(group: Subparsers) -> None:
    """As a command of `appliance connection`."""
    health = group.add_parser("health", help="four aspects of a connection's health, and its open issues")
    add_common(health)
    health.add_argument("connection", help="id or name")
    health.set_defaults(command=show_health)


def list_issues(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        if arguments.dismiss:
            issue = appliance.issues.dismiss(arguments.dismiss, arguments.note or "", by="command line")
            show(arguments, issue.as_dict(), [f"{issue.id} rests until it is over or gets worse."])
            return 0
        if arguments.note:
            raise InvalidInput("A note goes with --dismiss ID.")
        only = None
        if arguments.connection:
            only = [appliance.connections.named(arguments.connection).id]
        limit = max(1, min(arguments.limit, MOST_LISTED))
        found = [issue.as_dict() for issue in appliance.issues.page(only, arguments.state, limit=limit)]
        lines = [line for issue in found for line in _issue_lines(issue)]
        show(arguments, found, lines or [f"No issue is {arguments.state}."])
    return 0


def show_health(arguments: argparse.Namespace) -> int:
    """Status 1 when an aspect fails."""
    with opened(arguments) as appliance:
        health = appliance.standing.describe(appliance.connections.named(arguments.connection))
        since = health["status_since"]
        lines = [f"{arguments.connection}: {health['status'].replace('_', ' ')} since {since}"]
        for name, one in health["aspects"].items():
            proven = one["proven_at"] or "never"
            wrong = f"  {one['message']}" if one["state"] == "failing" and one["message"] else ""
            lines.append(f"{name:14} {one['state']:8} last proven {proven}{wrong}")
        for issue in health["issues"]:
            lines += _issue_lines(issue)
        show(arguments, health, lines)
        return 1 if any(one["state"] == "failing" for one in health["aspects"].values()) else 0


def _issue_lines(issue: dict[str, Any]) -> list[str]:
    # What is about no source names a key or a webhook by its id, which the message says in words.
    entity = issue["entity"] if issue["aspect"] else None
    about = " ".join(part for part in (issue["connection_name"] or "appliance", entity) if part)
    lines = [
        f"{issue['severity']:8} {issue['code']}, {about}, since {issue['opened_at']} ({issue['id']})",
        f"         {issue['message']}",
        f"         {issue['who'].replace('_', ' ')}: {issue['fix']}",
    ]
    return [*lines, f"         dismissed: {issue['note']}"] if issue["note"] else lines
