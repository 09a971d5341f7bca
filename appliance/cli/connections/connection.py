"""`appliance connection …`: connect, list, test, health, reauthorize, disconnect; writes, pass-through and more."""

import argparse
from typing import Any

from appliance.audit.redaction import redact
from appliance.cli import issues
from appliance.cli.connections import mapping, push, quarantine, schedule
from appliance.cli.connections.fields import add_field_options, given_fields
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.clock import iso
from appliance.connections.lifecycle import Connected
from appliance.runtime.probe import Report

CALLS_SHOWN = 20


def register(commands: Subparsers) -> None:
    group = commands.add_parser("connection", help="connections to outside systems").add_subparsers(
        required=True
    )
    add = group.add_parser("add", help="connect a system; prints the id and, once, the token")
    add_common(add)
    add.add_argument("--system", required=True)
    add.add_argument("--name", required=True)
    add.add_argument("--hosting", choices=("cloud", "on_premises"), help="where the system is installed")
    add.add_argument("--email")
    add.add_argument("--historical-days", type=int)
    add_field_options(add)
    add.set_defaults(command=connect)

    listing = group.add_parser("list", help="all connections")
    add_common(listing)
    listing.set_defaults(command=list_connections)

    for name, command, text in (
        ("test", test, "probe a connection stage by stage"),
        ("disconnect", disconnect, "end a connection: token dead, credits back, history kept"),
        ("purge", purge, "delete the history of a disconnected connection"),
    ):
        child = group.add_parser(name, help=text)
        add_common(child)
        child.add_argument("connection", help="id or name")
        child.set_defaults(command=command)

    again = group.add_parser(
        "reauthorize", help="new credentials for the same connection; prints a new token"
    )
    add_common(again)
    again.add_argument("connection", help="id or name")
    add_field_options(again)
    again.set_defaults(command=reauthorize)

    mapping.register(group)
    issues.register_health(group)
    push.register(group)
    schedule.register(group)
    quarantine.register(group)

    journal = group.add_parser("writes", help="the journal of writes, the newest first")
    add_common(journal)
    journal.add_argument("connection", help="id or name")
    journal.add_argument("--state", choices=("queued", "running", "done", "failed", "unknown"))
    journal.add_argument("--limit", type=int, default=50)
    journal.set_defaults(command=list_writes)

    handed_on = group.add_parser("passthrough", help="what may be handed on to the source as it is")
    add_common(handed_on)
    handed_on.add_argument("connection", help="id or name")
    change = handed_on.add_mutually_exclusive_group()
    change.add_argument(
        "--allow",
        nargs="+",
        metavar="RULE",
        help="hand on these and nothing else, such as 'GET /orders/**' or SQL",
    )
    change.add_argument("--close", action="store_true", help="hand on nothing")
    handed_on.set_defaults(command=passthrough)


def connect(arguments: argparse.Namespace) -> int:
    fields = given_fields(arguments)
    with opened(arguments) as appliance:
        made = appliance.connections.connect(
            system=arguments.system,
            name=arguments.name,
            hosting=arguments.hosting,
            email=arguments.email,
            historical_days=arguments.historical_days,
            fields=fields,
        )
        _show_connected(arguments, made)
    return 0


def list_connections(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        found = appliance.connections.table.all()
        head = ("id", "name", "system", "hosting", "status", "credits")
        show(
            arguments,
            [connection.as_dict() for connection in found],
            table([[getattr(connection, name) for name in head] for connection in found], head),
        )
    return 0


def test(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        report = appliance.connections.test(connection.id)
        show(arguments, {"passed": report.failure is None, "stages": report.as_dicts()}, _stage_lines(report))
        return 0 if report.failure is None else 1


def reauthorize(arguments: argparse.Namespace) -> int:
    fields = given_fields(arguments)
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        _show_connected(arguments, appliance.connections.reauthorize(connection.id, fields))
    return 0


def disconnect(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        returned = appliance.connections.disconnect(connection.id)
        show(
            arguments,
            {"id": connection.id, "status": "disconnected", "credits_returned": returned},
            [f"{connection.name} is disconnected; {returned} credits returned."],
        )
    return 0


def purge(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        erased = appliance.connections.purge(connection.id)
        show(
            arguments,
            {"id": connection.id, "records_deleted": erased},
            [f"{erased} records of {connection.name} are deleted."],
        )
    return 0


def list_writes(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        found: list[dict[str, Any]] = [
            {
                "id": order.id,
                "state": order.state,
                "entity": order.entity,
                "operation": order.operation,
                "key": order.record_key or order.target,
                "created_at": iso(order.created_at),
                "changed_at": iso(order.changed_at),
                "attempts": order.attempts,
                "idempotency_key": order.idempotency_key,
                "error": redact(order.failure),
            }
            for order in appliance.writes.table.recent(
                connection.id, max(1, arguments.limit), state=arguments.state
            )
        ]
        head = ("created_at", "state", "operation", "key", "id")
        lines = table([[one[name] for name in head] for one in found], head)
        lines += [
            f"{one['id']}: {one['error']['code']}: {one['error']['message']}" for one in found if one["error"]
        ]
        show(arguments, found, lines)
    return 0


def passthrough(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        service = appliance.passthrough
        if arguments.close or arguments.allow:
            service.open_for(connection.id, arguments.allow or [], by="command line")
        rules = service.table.rules(connection.id).texts
        calls = service.table.calls(connection.id, CALLS_SHOWN)
        head = ("at", "method", "what", "status", "error", "caller")
        show(
            arguments,
            {"allow": list(rules), "calls": calls},
            [
                *(rules or [f"{connection.name} hands nothing on."]),
                *(table([[call[name] for name in head] for call in calls], head) if calls else []),
            ],
        )
    return 0


def _show_connected(arguments: argparse.Namespace, made: Connected) -> None:
    show(
        arguments,
        {
            "id": made.connection.id,
            "token": made.token,
            "credits": made.connection.credits,
            "stages": made.report.as_dicts(),
        },
        [
            *_stage_lines(made.report),
            f"Connection {made.connection.id} ({made.connection.credits} credits)",
            f"Token {made.token}",
            "Keep the token now: it is not shown again.",
        ],
    )


def _stage_lines(report: Report) -> list[str]:
    return [f"{stage.state:8} {stage.name}: {stage.message}" for stage in report.stages]
