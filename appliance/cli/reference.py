"""`appliance reference`: the documentation that is generated from the program itself, as files."""

import argparse
from pathlib import Path

from appliance.cli.shell import Subparsers, add_common
from appliance.errors import ConfigurationError


def register(commands: Subparsers) -> None:
    group = commands.add_parser("reference", help="generated documentation, as files").add_subparsers(
        required=True
    )
    errors = group.add_parser("errors", help="every error code, as Markdown")
    add_common(errors, json_output=False)
    errors.add_argument("--out", type=Path, metavar="FILE", help="write it there; without it, print it")
    errors.set_defaults(command=write_errors)


def write_errors(arguments: argparse.Namespace) -> int:
    from appliance.api.error_codes import markdown

    write(arguments.out, markdown())
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
