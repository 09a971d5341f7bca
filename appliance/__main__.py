"""The program: `appliance COMMAND`."""

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence

from appliance import __version__
from appliance.cli.shell import run

COMMANDS = {
    "serve": ("serve", "_web", "_engine"),
    "demo": ("demo",),
    "upkeep.doctor": ("doctor", "check-config"),
    "setup": ("setup", "account", "apikey", "application"),
    "config": ("config",),
    "connections.connection": ("connection",),
    "connector": ("connector",),
    "sync": ("sync", "status"),
    "issues": ("issues",),
    "webhook": ("webhook",),
    "request": ("request",),
    "upkeep.storage": ("database", "retention"),
    "upkeep.backup": ("backup", "restore"),
    "upkeep.maintenance": ("maintenance",),
    "upkeep.upgrade": ("upgrade", "rollback"),
    "upkeep.upgrade_steps": ("_migrate", "_self-test", "_resume"),
    "upkeep.support": ("support-bundle",),
    "admin": ("credits", "entitlement", "key"),
    "reference": ("reference",),
}
"""The commands of each module of `cli`. A command loads its own module alone: every start waits for what is loaded."""


def build_parser(modules: Iterable[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance",
        description="One API before the ERP, EAM and CMMS systems of a plant, inside its network.",
    )
    parser.add_argument("--version", action="version", version=f"appliance {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in modules:
        importlib.import_module(f"appliance.cli.{module}").register(commands)
    return parser


def main(given: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if given is None else list(given)
    arguments = build_parser(_needed(words[0] if words else "")).parse_args(words)
    return run(arguments.command, arguments)


def _needed(first: str) -> Iterable[str]:
    if first == "--version":
        return ()
    named = tuple(module for module, commands in COMMANDS.items() if first in commands)
    return named or COMMANDS


if __name__ == "__main__":
    sys.exit(main())
