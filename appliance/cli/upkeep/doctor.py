"""`appliance doctor` and `appliance check-config`: what is wrong with this installation, and how to mend it.

Exit status 0: all is well, or there are warnings only. 1: something has to be mended.
"""

import argparse
from collections.abc import Callable, Sequence

from appliance.cli.shell import Subparsers, add_common, settings_of, show
from appliance.cli.upkeep.checkup import checkup, configuration
from appliance.clock import SystemClock
from appliance.errors import ApplianceError
from appliance.operations.checks import LEVELS, Finding, examined, worst

_SIGNS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def register(commands: Subparsers) -> None:
    doctor = commands.add_parser("doctor", help="what is wrong with this installation, and how to mend it")
    add_common(doctor)
    doctor.add_argument("--fix", action="store_true", help="mend what can be mended while the service works")
    doctor.set_defaults(command=examine)

    check = commands.add_parser("check-config", help="check the settings and what they name, without a start")
    add_common(check)
    check.set_defaults(command=check_config)


def examine(arguments: argparse.Namespace) -> int:
    """Every check, whatever the others say."""
    found: list[tuple[str, Finding]] = []
    with checkup(settings_of(arguments)) as checks:
        for name, finding in examined(checks):
            if arguments.fix and finding.level != "ok" and finding.mend is not None:
                finding = _mended(finding, finding.mend)
            found.append((name, finding))
    return _told(arguments, found)


def _mended(finding: Finding, mend: Callable[[], object]) -> Finding:
    """What it is afterwards; one that cannot be mended is no end of the others."""
    try:
        mend()
    except (ApplianceError, OSError) as failure:
        return Finding("fail", f"{finding.what} It could not be mended: {failure}", finding.fix)
    return Finding("ok", f"Mended: {finding.what}")


def check_config(arguments: argparse.Namespace) -> int:
    """Nothing is made, opened or asked. Raises SettingsInvalid for what no start would accept."""
    settings = settings_of(arguments)
    return _told(arguments, list(examined(configuration(settings, SystemClock()))))


def _told(arguments: argparse.Namespace, found: Sequence[tuple[str, Finding]]) -> int:
    level = worst([finding for _, finding in found])
    lines = []
    for name, finding in found:
        lines.append(f"{_SIGNS[finding.level]} {name}: {finding.what}")
        if finding.fix:
            lines.append(f"     → {finding.fix}")
    counts = {one: sum(finding.level == one for _, finding in found) for one in LEVELS}
    lines.append(", ".join(f"{count} {one}" for one, count in counts.items()))
    body = {"level": level, "findings": [finding.as_dict(name) for name, finding in found]}
    show(arguments, body, lines)
    return 1 if level == "fail" else 0
