"""`appliance request`: the log of API requests."""

import argparse
import json

from appliance.cli.shell import Subparsers, add_common, opened, show, table


def register(commands: Subparsers) -> None:
    group = commands.add_parser("request", help="the log of API requests").add_subparsers(required=True)
    listing = group.add_parser("list", help="the newest requests")
    add_common(listing)
    listing.add_argument("--connection", help="only those of this connection, by id or name")
    listing.add_argument("--failed", action="store_true", help="only those that were refused or failed")
    listing.add_argument("--limit", type=int, default=50)
    listing.set_defaults(command=list_requests)
    one = group.add_parser("show", help="one request with its payloads")
    add_common(one)
    one.add_argument("id", help="the X-Request-Id of its answer")
    one.set_defaults(command=show_request)


def list_requests(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection_id = None
        if arguments.connection:
            connection_id = appliance.connections.named(arguments.connection).id
        found = appliance.request_log.recent(
            connection_id=connection_id, failed=arguments.failed, limit=max(1, arguments.limit)
        )
        head = ("at", "status", "method", "path", "milliseconds", "request_id")
        show(arguments, found, table([[row[name] for name in head] for row in found], head))
    return 0


def show_request(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        found = appliance.request_log.find(arguments.id)
        show(arguments, found, json.dumps(found, indent=2, ensure_ascii=False).splitlines())
    return 0
