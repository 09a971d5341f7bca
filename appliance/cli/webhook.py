"""`appliance webhook`: endpoints, their secrets, test events, the log of deliveries, replay."""

import argparse
from datetime import UTC, datetime
from typing import Any

from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.clock import to_ms
from appliance.errors import InvalidInput
from appliance.webhooks.endpoints import LONGEST_ROTATION_HOURS, Made, Owner
from appliance.webhooks.history import MOST_LISTED, REPLAYABLE, STATES
from appliance.webhooks.queue import UNDELIVERED


def register(commands: Subparsers) -> None:
    group = commands.add_parser("webhook", help="where events are sent").add_subparsers(required=True)

    listing = group.add_parser("list", help="endpoints and how they stand")
    add_common(listing)
    listing.set_defaults(command=list_endpoints)

    create = group.add_parser("create", help="a new endpoint; its secret is shown once")
    add_common(create)
    create.add_argument("url", help="https address of the receiver; http only to this machine")
    create.add_argument(
        "--event",
        action="append",
        required=True,
        metavar="EVENT",
        help="such as work-orders.updated, 'assets.*', '*.deleted' or '*'; may be repeated",
    )
    create.add_argument("--name", default="", help="for people")
    owner = create.add_mutually_exclusive_group()
    owner.add_argument("--connection", help="only events of this connection, by id or name")
    owner.add_argument("--application", help="only events of connections that this application made")
    create.set_defaults(command=create_endpoint)

    rotate = _about_one(group, "rotate", "a new secret, shown once; the one before signs as well for a while")
    rotate.add_argument("--hours", type=int, default=24, help=f"for how long, 0 to {LONGEST_ROTATION_HOURS}")
    rotate.set_defaults(command=rotate_secret)

    test = _about_one(group, "test", "send a test event now; status 1 when it was not taken")
    test.add_argument("--event", default="work-orders.updated", help="which event to send a sample of")
    test.set_defaults(command=send_test)

    deliveries = _about_one(group, "deliveries", "what was sent, newest first")
    deliveries.add_argument("event_id", nargs="?", help="one delivery with its attempts")
    deliveries.add_argument("--state", choices=STATES)
    deliveries.add_argument("--event", help="only events of this name")
    deliveries.add_argument("--limit", type=int, default=50, help=f"at most {MOST_LISTED}")
    deliveries.set_defaults(command=list_deliveries)

    replay = _about_one(group, "replay", "send again, with the same ids")
    replay.add_argument("event_id", nargs="?", help="one event; left out: all that the options choose")
    replay.add_argument("--state", choices=REPLAYABLE, default=UNDELIVERED)
    replay.add_argument("--event", help="only events of this name")
    replay.add_argument("--since", help="only events from this date or time on")
    replay.add_argument("--until", help="only events before this date or time")
    replay.set_defaults(command=replay_deliveries)

    delete = _about_one(group, "delete", "delete an endpoint with its log")
    delete.set_defaults(command=delete_endpoint)


def _about_one(group: Subparsers, verb: str, about: str) -> argparse.ArgumentParser:
    parser = group.add_parser(verb, help=about)
    add_common(parser)
    parser.add_argument("webhook", help="id of the endpoint")
    return parser


def list_endpoints(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        now = appliance.clock.now_ms()
        found = [endpoint.as_dict(now) for endpoint in appliance.webhooks.table.all()]
    rows = [
        [
            one["id"],
            one["state"],
            one["connection_id"] or one["application_id"],
            " ".join(one["events"]),
            one["url"],
        ]
        for one in found
    ]
    show(arguments, found, table(rows, ("id", "state", "only of", "events", "url")))
    return 0


def create_endpoint(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection_id = application_id = None
        if arguments.connection is not None:
            connection_id = appliance.connections.get_open(
                appliance.connections.named(arguments.connection).id
            ).id
        if arguments.application is not None:
            application_id = appliance.applications.get(arguments.application).id
        made = appliance.webhooks.create(
            {"url": arguments.url, "events": arguments.event, "name": arguments.name},
            Owner(connection_id, application_id),
            may_be_here=True,
        )
        _show_made(arguments, made, appliance.clock.now_ms())
    return 0


def rotate_secret(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        made = appliance.webhooks.rotate(arguments.webhook, arguments.hours)
        _show_made(arguments, made, appliance.clock.now_ms())
    return 0


def send_test(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        found = appliance.webhooks.test(arguments.webhook, arguments.event)
    show(arguments, found, [found["body"], *_attempts(found)])
    return 0 if found["state"] == "delivered" else 1


def list_deliveries(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        endpoint = appliance.webhooks.get(arguments.webhook)
        history = appliance.webhooks.history
        if arguments.event_id is not None:
            found = history.find(endpoint.id, arguments.event_id)
            show(arguments, found, [f"{found['event']}: {found['state']}", found["body"], *_attempts(found)])
            return 0
        limit = max(1, min(arguments.limit, MOST_LISTED))
        rows = history.page(endpoint.id, limit, state=arguments.state, event=arguments.event)
    head = ("created_at", "id", "event", "state", "attempts", "status", "error")
    show(arguments, rows, table([[row[name] for name in head] for row in rows], head))
    return 0


def replay_deliveries(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        endpoint = appliance.webhooks.get(arguments.webhook)
        if arguments.event_id is not None:
            appliance.webhooks.history.replay(endpoint.id, arguments.event_id)
            number = 1
        else:
            number = appliance.webhooks.history.replay_all(
                endpoint.id,
                state=arguments.state,
                event=arguments.event and appliance.webhooks.events.check_name(arguments.event),
                since=_time(arguments.since, "--since"),
                until=_time(arguments.until, "--until"),
            )
    show(arguments, {"replayed": number}, [f"{number} wait to be sent again; the service sends them."])
    return 0


def delete_endpoint(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        appliance.webhooks.delete(arguments.webhook)
    show(arguments, {"id": arguments.webhook, "deleted": True}, [f"{arguments.webhook} is deleted."])
    return 0


def _show_made(arguments: argparse.Namespace, made: Made, now: int) -> None:
    lines = [f"Webhook {made.endpoint.id} to {made.endpoint.url}", f"Secret, shown this once: {made.secret}"]
    show(arguments, {**made.endpoint.as_dict(now), "secret": made.secret}, lines)


def _attempts(found: dict[str, Any]) -> list[str]:
    return [
        f"{one['at']}  {one['status'] or '–'}  {one['milliseconds']} ms  {one['error'] or 'taken'}"
        for one in found["log"]
    ]


def _time(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{name} is a date or a time such as 2026-01-31 or 2026-01-31T08:00:00Z."
        ) from None
    return to_ms(found if found.tzinfo else found.replace(tzinfo=UTC))
