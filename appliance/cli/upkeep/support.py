"""`appliance support-bundle`: a file for whoever helps, made on this machine and sent by nobody but you."""

import argparse
import os
import sys
from pathlib import Path

from appliance.cli.shell import Subparsers, add_common, opened, settings_of, show, table
from appliance.cli.upkeep.checkup import checkup
from appliance.errors import ConfigurationError
from appliance.operations.checks import examined
from appliance.operations.secret_search import SecretSearch
from appliance.operations.support import collect, file_name, known_secrets, last_log_lines


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "support-bundle",
        help="versions, settings, findings, log and run history in one file, without secrets",
    )
    add_common(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it; else into this folder")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="the log of the service, where no journal keeps it"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be in it, and write nothing")
    parser.add_argument("--yes", action="store_true", help="write it without asking")
    parser.set_defaults(command=make)


def make(arguments: argparse.Namespace) -> int:
    """Show the files and what was masked in each, ask at a terminal, then write. Raises BundleUnsafe."""
    log_text = last_log_lines() if arguments.log is None else _tail(arguments.log)
    with checkup(settings_of(arguments)) as checks:
        findings = [finding.as_dict(name) for name, finding in examined(checks)]
    with opened(arguments) as appliance:
        secrets = known_secrets(appliance.settings, appliance.keyring, appliance.database, appliance.secrets)
        bundle = collect(
            appliance.settings,
            appliance.database,
            appliance.issues,
            appliance.clock,
            SecretSearch(secrets),
            findings=findings,
            metrics=appliance.metrics.text(),
            log_text=log_text,
        )
        out = arguments.out or Path(file_name(appliance.clock))
    rows = [[member.name, len(member.content), member.masked] for member in bundle.members]
    lines = table(rows, ("file", "bytes", "masked"))
    if not arguments.json:
        print("\n".join(lines))
    written = not arguments.dry_run and (arguments.yes or _agreed(out))
    if written:
        _write(out, bundle.as_zip())
    said = f"Written: {out}. It was not sent to anybody." if written else "Nothing was written."
    files = [dict(zip(("file", "bytes", "masked"), row, strict=True)) for row in rows]
    show(arguments, {"written": str(out) if written else None, "files": files}, [said])
    return 0


def _agreed(out: Path) -> bool:
    """True without a terminal to ask at."""
    if not sys.stdin.isatty():
        return True
    return input(f"Write {out}? [y/N] ").strip().lower() in ("y", "yes")


def _write(out: Path, content: bytes) -> None:
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    except OSError as failure:
        raise ConfigurationError(f"{out} cannot be written ({failure.strerror}).") from None


def _tail(path: Path, most: int = 2_000_000) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most))
            return file.read().decode("utf-8", "replace")
    except OSError as failure:
        raise ConfigurationError(f"{path} cannot be read ({failure.strerror}).") from None
