"""`appliance connection quarantine` and `… drift`: rejected rows, and changes of the source's fields."""

import argparse
from dataclasses import asdict
from typing import Any

from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import InvalidInput
from appliance.runtime.select import decode
from appliance.sync.rejections.second_try import Tried

AUTHOR = "command line"


def register(group: Subparsers) -> None:
    quarantine = group.add_parser(
        "quarantine", help="rows that could not become records: list, retry, dismiss"
    )
    add_common(quarantine)
    quarantine.add_argument("connection", help="id or name")
    quarantine.add_argument("--entity", metavar="ENTITY", help="only of this one, such as PurchaseOrder")
    quarantine.add_argument("--state", choices=("open", "dismissed", "all"), default="open")
    quarantine.add_argument("--limit", type=int, default=50)
    what = quarantine.add_mutually_exclusive_group()
    what.add_argument("--show", type=int, metavar="ROW", help="one row with what the source sent")
    what.add_argument(
        "--retry", type=int, nargs="*", metavar="ROW", help="map these rows again, or without any all of them"
    )
    what.add_argument("--dismiss", type=int, nargs="+", metavar="ROW", help="put rows aside; say --why")
    quarantine.add_argument("--why", help="why rows are dismissed, for those who come later")
    quarantine.set_defaults(command=quarantine_command)

    drift = group.add_parser("drift", help="fields of the source that are new, of another kind, or missing")
    add_common(drift)
    drift.add_argument("connection", help="id or name")
    drift.add_argument("--entity", metavar="ENTITY", help="only of this one")
    drift.add_argument("--all", action="store_true", help="acknowledged findings too")
    drift.add_argument("--limit", type=int, default=100)
    drift.add_argument("--acknowledge", type=int, nargs="+", metavar="FINDING", help="put findings away")
    drift.set_defaults(command=drift_command)


def quarantine_command(arguments: argparse.Namespace) -> int:
    if arguments.dismiss and not (arguments.why or "").strip():
        raise InvalidInput("Say why the rows are dismissed: --why TEXT.")
    with opened(arguments) as appliance:
        connection_id = appliance.connections.named(arguments.connection).id
        if arguments.show is not None:
            row = appliance.rejected_rows.one(connection_id, arguments.show)
            raw = row.pop("raw")
            show(
                arguments,
                {**row, "raw": None if raw is None else decode(raw.encode())},
                [
                    *(f"{name:13} {value}" for name, value in row.items() if value is not None),
                    raw or "(no row)",
                ],
            )
        elif arguments.retry is not None:
            _show_tried(arguments, _retry(arguments, appliance, connection_id))
        elif arguments.dismiss:
            done = appliance.rejected_rows.dismiss(
                connection_id,
                arguments.dismiss,
                by=AUTHOR,
                why=arguments.why,
                now=appliance.clock.now_ms(),
            )
            show(arguments, {"dismissed": done}, [f"Dismissed: {done}"])
        else:
            _show_rows(arguments, appliance, connection_id)
    return 0


def drift_command(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection_id = appliance.connections.named(arguments.connection).id
        if arguments.acknowledge:
            done = appliance.findings.acknowledge(
                connection_id, arguments.acknowledge, by=AUTHOR, now=appliance.clock.now_ms()
            )
            show(arguments, {"acknowledged": done}, [f"Acknowledged: {done}"])
            return 0
        found = appliance.findings.page(
            connection_id, entity=arguments.entity, all_=arguments.all, limit=max(1, arguments.limit)
        )
        found = appliance.mappings.with_fills(connection_id, found)
        head = ("id", "noticed_at", "entity", "kind", "path", "before", "after", "fills")
        rows = [[*(one[name] for name in head[:-1]), ", ".join(one["fills"])] for one in found]
        show(arguments, found, table(rows, head) if rows else ["No field of the source has changed."])
    return 0


def _retry(arguments: argparse.Namespace, appliance: Appliance, connection_id: str) -> Tried:
    if arguments.retry:
        return appliance.second_try.chosen(connection_id, list(dict.fromkeys(arguments.retry)))
    return appliance.second_try.all(connection_id, arguments.entity)


def _show_tried(arguments: argparse.Namespace, tried: Tried) -> None:
    lines = [f"Records now: {tried.accepted}. Still do not fit: {tried.rejected}."]
    if tried.waiting:
        lines.append("There are more; the service goes on with them.")
    show(arguments, asdict(tried), lines)


def _show_rows(arguments: argparse.Namespace, appliance: Appliance, connection_id: str) -> None:
    rows = appliance.rejected_rows.page(
        connection_id, entity=arguments.entity, state=arguments.state, limit=max(1, arguments.limit)
    )
    overview: list[dict[str, Any]] = appliance.rejected_rows.overview(connection_id)
    head = ("id", "entity", "count", "last_at", "stale_since", "reason")
    lines = (
        table([[one[name] or "" for name in head] for one in rows], head) if rows else ["No row is rejected."]
    )
    lines += [
        f"{one['entity']}: {one['not_kept']} more rejections were only counted."
        for one in overview
        if one["not_kept"]
    ]
    show(arguments, {"entities": overview, "rows": rows}, lines)
