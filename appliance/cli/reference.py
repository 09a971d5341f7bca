"""`appliance reference`: the documentation that is generated from the program itself, as files."""

import argparse
from pathlib import Path

from appliance.cli.shell import Subparsers, add_common
from appliance.errors import ConfigurationError
from appliance.model.entity import load_model


def register(commands: Subparsers) -> None:
    group = commands.add_parser("reference", help="generated documentation, as files").add_subparsers(
        required=True
    )
    for name, make, text in (
        ("errors", _errors, "every error code, as Markdown"),
        ("client", _client, "the types of the Python client's records"),
    ):
        child = group.add_parser(name, help=text)
        add_common(child, json_output=False)
        child.add_argument("--out", type=Path, metavar="FILE", help="write it there; without it, print it")
        child.set_defaults(command=_write, make=make)


def _errors() -> str:
    from appliance.api.error_codes import markdown

    return markdown()


def _client() -> str:
    from appliance.api.openapi.client_records import records

    return records(load_model())


def _write(arguments: argparse.Namespace) -> int:
    write(arguments.out, arguments.make())
    return 0


def write(path: Path | None, text: str) -> None:
    """To the file, or to standard output. Raises ConfigurationError."""
    if path is None:
        print(text, end="")
        return
    try:
        path.write_text(text, "utf-8")
    except OSError as failure:
        raise ConfigurationError(f"The file {path} cannot be written ({failure.strerror}).") from None
