"""`appliance config`: the setup as a file, for a repository and for a second appliance.

Exit status of `diff`: 0 the same, 2 there are differences, 1 something in the file is wrong. Of `apply`: 0 all done,
1 an object failed.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, opened, settings_of, show, table
from appliance.errors import ConfigurationError
from appliance.operations.as_code.applying import Applying, Outcome
from appliance.operations.as_code.document import read, write
from appliance.operations.as_code.exporting import Exporting
from appliance.vault.files import replace_file

DIFFERENT = 2


def register(commands: Subparsers) -> None:
    config = commands.add_parser(
        "config", help="settings, and the setup as a file: show, export, diff, apply"
    )
    group = config.add_subparsers(required=True, metavar="COMMAND")
    export = group.add_parser(
        "export", help="connections with all that is set for them, and webhooks, as YAML"
    )
    add_common(export, json_output=False)
    export.add_argument("--out", type=Path, metavar="FILE", help="else to the terminal")
    export.set_defaults(command=export_setup)

    diff = group.add_parser("diff", help="what a file would change; status 2 when it would")
    add_common(diff)
    diff.add_argument("file", type=Path, help="a file, - for standard input")
    diff.set_defaults(command=diff_setup)

    apply = group.add_parser("apply", help="make the appliance what a file says")
    add_common(apply)
    apply.add_argument("file", type=Path, help="a file, - for standard input")
    apply.add_argument("--dry-run", action="store_true", help="rehearse, and change nothing")
    apply.set_defaults(command=apply_setup)

    settings = group.add_parser(
        "show", help="the settings in force, secrets masked, and where each comes from"
    )
    add_common(settings)
    settings.add_argument("--effective", action="store_true", help="the values in force (the default)")
    settings.set_defaults(command=show_settings)


def export_setup(arguments: argparse.Namespace) -> int:
    """Secrets are not in it."""
    with opened(arguments) as appliance:
        text = write(exporting_of(appliance).setup())
    if arguments.out is None:
        print(text, end="")
        return 0
    try:
        replace_file(arguments.out, text.encode(), 0o644)
    except OSError as failure:
        raise ConfigurationError(f"{arguments.out} cannot be written ({failure.strerror}).") from None
    return 0


def diff_setup(arguments: argparse.Namespace) -> int:
    setup = read(_text(arguments.file))
    with opened(arguments) as appliance:
        found = applying_of(appliance).differences(setup)
    lines = [line for outcome in found for line in _lines(outcome)]
    show(
        arguments, [_told(outcome) for outcome in found], lines or ["Nothing is named, and nothing is there."]
    )
    if any(outcome.state == "failed" for outcome in found):
        return 1
    return DIFFERENT if any(outcome.state in ("created", "changed") for outcome in found) else 0


def apply_setup(arguments: argparse.Namespace) -> int:
    setup = read(_text(arguments.file))
    done = []
    with opened(arguments) as appliance:
        for outcome in applying_of(appliance).apply(setup, dry_run=arguments.dry_run):
            done.append(outcome)
            if not arguments.json:
                print("\n".join(_lines(outcome)), flush=True)
    show(
        arguments, [_told(outcome) for outcome in done], ["Nothing was changed."] if arguments.dry_run else []
    )
    return 1 if any(outcome.state == "failed" for outcome in done) else 0


def show_settings(arguments: argparse.Namespace) -> int:
    shown = list(settings_of(arguments).effective())
    lines = table([[one.key, one.value, one.origin] for one in shown], ("key", "value", "origin"))
    show(arguments, [one._asdict() for one in shown], lines)
    return 0


def exporting_of(appliance: Appliance) -> Exporting:
    return Exporting(
        appliance.connections,
        appliance.catalog,
        appliance.schedules,
        appliance.mappings,
        appliance.custom_tables,
        appliance.passthrough,
        appliance.webhooks,
        appliance.applications,
        appliance.secrets,
    )


def applying_of(appliance: Appliance) -> Applying:
    return Applying(appliance.database, exporting_of(appliance), appliance.clock, os.environ)


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as failure:
        raise ConfigurationError(f"{file} cannot be read ({failure}).") from None


def _lines(outcome: Outcome) -> list[str]:
    words = {"extra": "is not in the file and stays"}
    lines = [f"{outcome.kind} {outcome.name}: {words.get(outcome.state, outcome.state)}"]
    for one in outcome.differences:
        lines.append(f"  {one.path}: {_short(one.before)} → {_short(one.after)}")
    if outcome.error is not None:
        lines.append(f"  {outcome.error.code}: {outcome.error.message}")
    if outcome.token is not None:
        lines.append(f"  token, shown once: {outcome.token}")
    if outcome.secret is not None:
        lines.append(f"  secret, shown once: {outcome.secret}")
    return lines


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _told(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "kind": outcome.kind,
        "name": outcome.name,
        "state": outcome.state,
        "differences": [{"path": d.path, "before": d.before, "after": d.after} for d in outcome.differences],
        "error": None if error is None else {"code": error.code, "message": error.message},
        "token": outcome.token,
        "secret": outcome.secret,
    }
