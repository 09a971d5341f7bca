"""`appliance retention` and `appliance database compact`: what is deleted when, and room on the disk."""

import argparse
from typing import Any

from appliance.cli.serve import service_lock
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.operations.disk import megabytes


def register(commands: Subparsers) -> None:
    retention = commands.add_parser("retention", help="what is deleted when, and what there is")
    add_common(retention)
    retention.add_argument("--run", action="store_true", help="delete now what has outlived its time")
    retention.set_defaults(command=show_retention)

    group = commands.add_parser("database", help="the database file").add_subparsers(required=True)
    compact = group.add_parser(
        "compact", help="write the file anew without what is free; the service is stopped"
    )
    add_common(compact)
    compact.set_defaults(command=compact_database)


def show_retention(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        erased = appliance.retention.run_all() if arguments.run else None
        described = appliance.storage.describe()
        lines = _lines(described)
        if erased is not None:
            described["deleted_now"] = erased
            lines += ["", f"Deleted now: {sum(erased.values()):,} rows."]
        show(arguments, described, lines)
    return 0


def compact_database(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance, service_lock(appliance.settings):
        before = appliance.database.sizes().file
        appliance.database.compact()
        after = appliance.database.sizes().file
        text = f"The database file has {megabytes(after)}, it had {megabytes(before)}."
        show(arguments, {"before": before, "after": after}, [text])
    return 0


def _lines(described: dict[str, Any]) -> list[str]:
    disk, database = described["disk"], described["database"]
    state = f"waiting since {disk['paused_at']}" if disk["paused"] else "not waiting"
    rules = [
        [rule["rule"], _amount(rule), rule["ran_at"] or "not yet", rule["erased"], rule["what"]]
        for rule in described["retention"]
    ]
    contents = [
        [kind["name"], f"{kind['rows']:,}", "" if kind["bytes"] is None else megabytes(kind["bytes"])]
        for kind in described["contents"]
    ]
    return [
        f"Disk: {megabytes(disk['free'])} free of {megabytes(disk['total'])}; synchronization waits below "
        f"{megabytes(disk['pauses_below'])}, {state}",
        f"Database: {megabytes(database['file'])}, of which {megabytes(database['free_inside'])} are free; "
        f"log {megabytes(database['log'])}",
        "",
        *table(contents, ("contents", "rows", "about")),
        "",
        *table(rules, ("rule", "kept for", "last run", "deleted", "what")),
    ]


def _amount(rule: dict[str, Any]) -> str:
    if rule["setting"] is None:
        return "until they expire"
    return "ever" if rule["off"] else f"{rule['amount']} {rule['unit']}"
