"""What all commands share: settings from flags, opening the appliance, printing, and errors as exit status 1."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.errors import ApplianceError, ConfigurationError
from appliance.settings import Settings, load_settings

Command = Callable[[argparse.Namespace], int]
if TYPE_CHECKING:
    from appliance.app import Appliance

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = Any


def add_common(parser: argparse.ArgumentParser, *, json_output: bool = True) -> None:
    """The options of every command."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings file in place of the default one"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting, such as --set listen=0.0.0.0:8443",
    )
    if json_output:
        parser.add_argument("--json", action="store_true", help="print JSON for programs")


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Raises ConfigurationError."""
    flags: dict[str, str] = {}
    for pair in arguments.set:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigurationError(f"--set takes KEY=VALUE, not {pair!r}.")
        flags[key] = value
    return load_settings(flags, os.environ, arguments.config)


def setting_flags(arguments: argparse.Namespace) -> list[str]:
    """The same settings as flags for another process of this program."""
    flags = [flag for pair in arguments.set for flag in ("--set", pair)]
    return flags if arguments.config is None else ["--config", str(arguments.config), *flags]


@contextmanager
def opened(arguments: argparse.Namespace) -> "Iterator[Appliance]":
    # All of the product; a command that needs none of it is not to wait for it.
    from appliance.app import Appliance

    appliance = Appliance.open(settings_of(arguments))
    try:
        yield appliance
    finally:
        appliance.close()


def show(arguments: argparse.Namespace, data: Any, lines: Sequence[str]) -> None:
    """Print `data` as JSON when asked for, `lines` otherwise."""
    if arguments.json:
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return
    for line in lines:
        print(line)


def table(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> list[str]:
    """Lines of a plain text table."""
    texts = [list(head), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    ]


def run(command: Command, arguments: argparse.Namespace) -> int:
    """Run a command; an expected error is printed with its code, nothing else of it."""
    try:
        return command(arguments)
    except ApplianceError as failure:
        if getattr(arguments, "json", False):
            error = {
                "code": failure.code,
                "type": failure.type,
                "message": failure.message,
                "details": failure.details,
            }
            print(json.dumps({"error": error}, indent=2, ensure_ascii=False))
        print(f"{failure.code}: {failure.message}", file=sys.stderr)
        for stage in failure.details.get("stages", []):
            print(f"  {stage['state']:8} {stage['name']}: {stage['message']}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
