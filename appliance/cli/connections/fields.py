"""Form fields on the command line: `--field` and `--fields-file`."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from appliance.errors import ConfigurationError, InvalidInput


def add_field_options(parser: argparse.ArgumentParser) -> None:
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


def given_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was given, unchecked. Raises InvalidInput, ConfigurationError for a file that cannot be read."""
    fields: dict[str, Any] = {}
    if arguments.fields_file is not None:
        fields.update(_fields_file(arguments.fields_file))
    for pair in arguments.field:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"--field takes NAME=VALUE, not {pair!r}.")
        fields[name] = read_file(Path(value[1:])) if value.startswith("@") else value
    return fields


def _fields_file(path: Path) -> dict[str, Any]:
    text = sys.stdin.read() if str(path) == "-" else read_file(path)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as failure:
        raise InvalidInput(f"The fields file {path} is not YAML: {failure}") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"The fields file {path} is a mapping of field names to values.")
    return content


def read_file(path: Path) -> str:
    """Its text without newlines at the end. Raises ConfigurationError."""
    try:
        return path.read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeError) as failure:
        raise ConfigurationError(f"The file {path} cannot be read: {failure}.") from None
