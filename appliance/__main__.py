"""The program: `appliance COMMAND`."""

import argparse
import sys
from collections.abc import Sequence

from appliance import __version__
from appliance.cli import (
    admin,
    backup,
    config,
    connection,
    connector,
    demo,
    doctor,
    issues,
    maintenance,
    reference,
    request,
    serve,
    setup,
    storage,
    support,
    sync,
    upgrade,
    upgrade_steps,
    webhook,
)
from appliance.cli.shell import run

GROUPS = (
    serve,
    demo,
    doctor,
    setup,
    config,
    connection,
    connector,
    sync,
    issues,
    webhook,
    request,
    storage,
    backup,
    maintenance,
    upgrade,
    upgrade_steps,
    support,
    admin,
    reference,
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="appliance",
        description="One API before the ERP, EAM and CMMS systems of a plant, inside its network.",
    )
    parser.add_argument("--version", action="version", version=f"appliance {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in GROUPS:
        group.register(commands)
    return parser


def main(given: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(given)
    return run(arguments.command, arguments)


if __name__ == "__main__":
    sys.exit(main())
