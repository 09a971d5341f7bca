"""`appliance connection mapping`: how rows become records, changed for one connection."""

import argparse
import sys
from pathlib import Path
from typing import Any

from appliance.app import Appliance
from appliance.cli.connections.fields import read_file
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.errors import InvalidInput
from appliance.mappings.expressions import as_text, read_text
from appliance.mappings.tables import Version

AUTHOR = "command line"
LONGEST_CELL = 100


def register(group: Subparsers) -> None:
    mapping = group.add_parser("mapping", help="how rows become records: shown, changed, taken back")
    add_common(mapping)
    mapping.add_argument("connection", help="id or name")
    mapping.add_argument("entity", nargs="?", metavar="ENTITY", help="such as PurchaseOrder; left out: all")
    change = mapping.add_mutually_exclusive_group()
    change.add_argument(
        "--file",
        type=Path,
        metavar="FILE",
        help="YAML or JSON with `map`, `custom` and `note`: everything that differs from the connector's mapping",
    )
    change.add_argument(
        "--rollback", type=int, metavar="N", help="version N again; 0 is the connector's own mapping"
    )
    mapping.set_defaults(command=mapping_command)


def mapping_command(arguments: argparse.Namespace) -> int:
    changes = arguments.file is not None or arguments.rollback is not None
    if changes and arguments.entity is None:
        raise InvalidInput("Say which ENTITY is to be changed.")
    with opened(arguments) as appliance:
        connection_id = appliance.connections.named(arguments.connection).id
        if arguments.entity is None:
            _show_overview(arguments, appliance, connection_id)
        elif arguments.file is not None:
            change = _change(arguments.file)
            note = str(change.pop("note", None) or "")
            version = appliance.mappings.change(
                connection_id, arguments.entity, change, note=note, author=AUTHOR
            )
            _show_changed(arguments, appliance, connection_id, version)
        elif arguments.rollback is not None:
            version = appliance.mappings.roll_back(
                connection_id, arguments.entity, arguments.rollback, author=AUTHOR
            )
            _show_changed(arguments, appliance, connection_id, version)
        else:
            shown = appliance.mappings.show(connection_id, arguments.entity)
            show(arguments, shown, _lines(shown))
    return 0


def _show_overview(arguments: argparse.Namespace, appliance: Appliance, connection_id: str) -> None:
    found = appliance.mappings.overview(connection_id)
    rows = [
        [one["entity"], "changed" if one["changed"] else "", "being applied" if one["remapping"] else ""]
        for one in found
    ]
    show(arguments, found, table(rows, ("entity", "mapping", "records")))


def _show_changed(
    arguments: argparse.Namespace, appliance: Appliance, connection_id: str, version: Version
) -> None:
    remapping = appliance.mappings.progress(connection_id, arguments.entity)
    lines = [f"Version {version.number} of the mapping of {arguments.entity} is in force."]
    if remapping is None:
        lines.append("The records that are here are mapped by it.")
    else:
        lines.append(f"{remapping['mapped']} records are mapped anew; the service does the others.")
        if remapping["first_rejection"]:
            lines.append(f"{remapping['rejected']} do not fit, such as: {remapping['first_rejection']}")
    without_row = version.without_row if remapping is None else remapping["without_row"]
    if without_row:
        lines.append(f"{without_row} stay as they are: the source's rows beside them are no longer kept.")
    show(arguments, {**version.as_dict(), "remapping": remapping}, lines)


def _change(path: Path) -> dict[str, Any]:
    change = read_text(sys.stdin.read() if str(path) == "-" else read_file(path))
    if not isinstance(change, dict):
        raise InvalidInput(f"The file {path} has the members `map`, `custom` and `note`.")
    return change


def _lines(shown: dict[str, Any]) -> list[str]:
    changed = shown["changed"]
    fields = [
        *(("", name, expression) for name, expression in shown["map"].items() if expression is not None),
        *(("*", name, "(taken out)") for name, expression in changed["map"].items() if expression is None),
    ]
    mapped = [
        ["*" if name in changed["map"] else mark, name, _in_one_line(expression)]
        for mark, name, expression in fields
    ]
    mapped += [
        ["*", f"customFields.{name}", "(taken out)" if expression is None else _in_one_line(expression)]
        for name, expression in changed["custom"].items()
    ]
    sources = [
        [field["path"], ", ".join(field["kinds"]), _cut("; ".join(map(str, field["samples"])))]
        for field in shown["source_fields"]
    ]
    versions = [
        [one["version"], "in force" if one["in_force"] else "", one["created_at"], one["author"], one["note"]]
        for one in shown["versions"]
    ]
    return [
        *table(mapped, ("", "field", "comes from")),
        *([""] if sources else []),
        *(table(sources, ("source field", "kinds", "samples")) if sources else []),
        *([""] if versions else []),
        *(table(versions, ("version", "state", "made", "by", "note")) if versions else []),
    ]


def _in_one_line(expression: Any) -> str:
    return _cut(as_text(expression))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CELL else line[:LONGEST_CELL] + " …"
