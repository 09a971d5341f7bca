"""`appliance connection push`: the address at which the source of a connection tells of changes."""

import argparse
import sys
from pathlib import Path
from typing import Any

from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import InvalidInput
from appliance.settings import Settings

SHOWN = 10


def register(group: Subparsers) -> None:
    push = group.add_parser("push", help="the address at which the source tells of changes")
    add_common(push)
    push.add_argument("connection", help="id or name")
    change = push.add_mutually_exclusive_group()
    change.add_argument(
        "--rotate",
        "--on",
        action="store_true",
        help="make an address and show it, once; a former one is void",
    )
    change.add_argument("--off", action="store_true", help="take no more deliveries")
    change.add_argument(
        "--signing-keys",
        metavar="FILE",
        help="keys the source made, one a line, in place of those kept here; - reads them from standard input",
    )
    push.set_defaults(command=push_of_connection)


def push_of_connection(arguments: argparse.Namespace) -> int:
    keys = None if arguments.signing_keys is None else _lines(arguments.signing_keys)
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        made: dict[str, Any] = {}
        if arguments.rotate:
            address = appliance.pushes.open_address(connection.id)
            url = f"{_base_url(appliance.settings)}/hooks/{address.secret}"
            made = {"url": url, "signing_key": address.signing_key}
        elif arguments.off:
            appliance.pushes.close(connection.id)
        elif keys is not None:
            appliance.pushes.set_signing_keys(connection.id, keys)
        state = appliance.pushes.show(connection.id)
        show(arguments, {**made, **state}, [*_made_lines(made), *_state_lines(connection.name, state)])
    return 0


def _lines(file: str) -> list[str]:
    """Raises InvalidInput for a file that cannot be read. Keys are not given as arguments: others could see those."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise InvalidInput(f"The file {file} cannot be read: {failure}.") from None
    return [line for line in text.splitlines() if line.strip()]


def _base_url(settings: Settings) -> str:
    """How the source reaches this machine, as far as the settings say."""
    return (settings.public_url or f"https://{settings.listen.host}:{settings.listen.port}").rstrip("/")


def _made_lines(made: dict[str, Any]) -> list[str]:
    if not made:
        return []
    key = [f"Signing key {made['signing_key']}"] if made["signing_key"] else []
    return [f"Address {made['url']}", *key, "Keep them now: they are not shown again.", ""]


def _state_lines(name: str, state: dict[str, Any]) -> list[str]:
    if not state["supported"]:
        return [f"The connector of {name} takes no deliveries of its system."]
    if not state["enabled"]:
        return [f"{name} takes no deliveries. `--rotate` makes an address.", state["note"]]
    head = ("received_at", "entity", "key", "change", "state", "outcome")
    events = [[one[column] for column in head] for one in state["recent"][:SHOWN]]
    return [
        f"{name} takes deliveries at …/hooks/{state['address_hint']}, "
        f"{state['deliveries']} so far, {state['waiting']} records wait to be read.",
        *([f"Deliveries were refused, last {state['refused_at']}."] if state["refused_at"] else []),
        *(table(events, head) if events else []),
    ]
