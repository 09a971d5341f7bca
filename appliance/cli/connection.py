"""`appliance connection …`: connect, list, test, reauthorize, disconnect."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.connections.lifecycle import Connected
from appliance.errors import ConfigurationError, InvalidInput
from appliance.runtime.probe import Report


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
    _field_options(add)
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
    _field_options(again)
    again.set_defaults(command=reauthorize)


def connect(arguments: argparse.Namespace) -> int:
    fields = _fields(arguments)
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
    fields = _fields(arguments)
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


def _field_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a form field; @FILE reads the value",
    )
    parser.add_argument(
        "--fields-file",
        type=Path,
        metavar="FILE",
        help="YAML or JSON of form fields; keeps secrets off the command line",
    )


def _fields(arguments: argparse.Namespace) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if arguments.fields_file is not None:
        fields.update(_fields_file(arguments.fields_file))
    for pair in arguments.field:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"--field takes NAME=VALUE, not {pair!r}.")
        fields[name] = _read(Path(value[1:])) if value.startswith("@") else value
    return fields


def _fields_file(path: Path) -> dict[str, Any]:
    text = sys.stdin.read() if str(path) == "-" else _read(path)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as failure:
        raise InvalidInput(f"The fields file {path} is not YAML: {failure}") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"The fields file {path} is a mapping of field names to values.")
    return content


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeError) as failure:
        raise ConfigurationError(f"The file {path} cannot be read: {failure}.") from None
