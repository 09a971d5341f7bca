"""`appliance sync run` and `appliance status`."""

import argparse
import sys
import threading
from typing import Any

from appliance import __version__
from appliance.app import Appliance
from appliance.cli.shell import Subparsers, add_common, opened, show, table
from appliance.clock import iso
from appliance.engine_room import engine_of
from appliance.sync.engine import EngineLock
from appliance.sync.runs.tables import ACTIVE

POLL_SECONDS = 0.2


def register(commands: Subparsers) -> None:
    group = commands.add_parser("sync", help="synchronization").add_subparsers(required=True)
    run = group.add_parser("run", help="synchronize a connection now")
    add_common(run)
    run.add_argument("connection", help="id or name")
    run.add_argument("--entity", action="append", metavar="ENTITY", help="only this entity; may be repeated")
    run.add_argument("--mode", choices=("incremental", "full", "reconcile"), default="incremental")
    run.add_argument(
        "--wait", action="store_true", help="return when it has ended; status 1 when not all went well"
    )
    run.set_defaults(command=run_now)

    for name, command, what, text in (
        ("cancel", cancel, "run", "end a run; what it has written stays"),
        ("undo", undo, "run", "bring back what a run deleted"),
        ("deletions", deletions, "connection", "deletions that wait for a word, and what was said"),
        ("history", history, "connection", "how far back transactions are read"),
    ):
        child = group.add_parser(name, help=text)
        add_common(child)
        child.add_argument(what, help="id" if what == "run" else "id or name")
        child.set_defaults(command=command)
        if name == "deletions":
            word = child.add_mutually_exclusive_group()
            word.add_argument("--approve", metavar="HOLD", help="delete what is still missing")
            word.add_argument("--dismiss", metavar="HOLD", help="keep the records")
        if name == "history":
            child.add_argument("--days", type=int, required=True, help="a longer period is fetched now")

    status = commands.add_parser("status", help="service, credits, connections and their synchronization")
    add_common(status)
    status.set_defaults(command=show_status)


def run_now(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        run_id = appliance.planner.request_run(connection.id, entities=arguments.entity, mode=arguments.mode)
        if not arguments.wait:
            show(arguments, appliance.planner.describe_run(run_id), [f"Queued as {run_id}."])
            return 0
        run = _wait(appliance, run_id)
        show(arguments, run, _run_lines(run))
        return 0 if run["state"] == "completed" else 1


def cancel(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        run = appliance.planner.describe_run(arguments.run)
        ended = appliance.planner.cancel_run(run["id"], run["connection_id"])
        said = "is cancelled" if ended else f"was over already: {run['state']}"
        show(arguments, {"id": run["id"], "cancelled": ended}, [f"Run {run['id']} {said}."])
    return 0


def undo(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        run = appliance.planner.describe_run(arguments.run)
        restored = appliance.removals.undo(run["connection_id"], run["id"])
        show(arguments, {"id": run["id"], "restored": restored}, [f"{restored} records are back."])
    return 0


def deletions(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        if arguments.approve:
            run_id = appliance.removals.approve(connection.id, arguments.approve, by="command line")
            show(arguments, {"run_id": run_id}, [f"Compared once more and deleted by {run_id}."])
            return 0
        if arguments.dismiss:
            appliance.removals.dismiss(connection.id, arguments.dismiss, by="command line")
            show(arguments, {"id": arguments.dismiss, "state": "dismissed"}, ["The records stay."])
            return 0
        held = appliance.removals.held(connection.id)
        head = ("id", "entity", "missing", "known", "state", "opened_at", "decided_by")
        show(arguments, held, table([[one[name] for name in head] for one in held], head))
    return 0


def history(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        connection = appliance.connections.named(arguments.connection)
        run_id = appliance.history.change(connection, arguments.days)
        fetched = f"what is missing is fetched by {run_id}" if run_id else "nothing is missing"
        show(
            arguments,
            {"historical_days": arguments.days, "run_id": run_id},
            [f"Transactions of {arguments.days} days are read; {fetched}."],
        )
    return 0


def show_status(arguments: argparse.Namespace) -> int:
    with opened(arguments) as appliance:
        state = describe(appliance)
        show(arguments, state, _status_lines(state))
    return 0


def describe(appliance: Appliance) -> dict[str, Any]:
    """The state of everything, as plain data."""
    lock = EngineLock(appliance.settings.data_dir)
    running = not lock.acquire()
    lock.release()
    balance = appliance.ledger.balance()
    connections = []
    for connection in appliance.connections.table.all():
        if not connection.is_open:
            continue
        schedules = appliance.planner.schedules.of_connection(connection.id)
        connections.append(
            {
                **connection.as_dict(),
                "records": appliance.records.counts(connection.id),
                "errors": {row["entity"]: row["last_error"] for row in schedules if row["last_error"]},
                "notices": appliance.planner.runs.notices(connection.id),
            }
        )
    pause = appliance.disk.pause()
    period = appliance.maintenance.period()
    return {
        "version": __version__,
        "running": running,
        "data_dir": str(appliance.settings.data_dir),
        "credits": {"granted": balance.granted, "used": balance.used, "available": balance.available},
        "waits_for_disk": pause is not None or appliance.disk.is_low(),
        "paused_for_disk_since": None if pause is None else iso(pause.paused_at),
        "maintenance_since": None if period is None else iso(period.since),
        "connections": connections,
        "runs": appliance.planner.runs.recent(None, 10),
        "broken_connectors": [{"folder": b.folder, "reason": b.reason} for b in appliance.catalog.broken()],
    }


def _wait(appliance: Appliance, run_id: str) -> dict[str, Any]:
    """Wait for a run to end. Without a running service this command does the work itself."""
    never = threading.Event()
    said = ""
    while True:
        run = appliance.planner.describe_run(run_id)
        if run["state"] not in ACTIVE:
            return run
        lock = EngineLock(appliance.settings.data_dir)
        if lock.acquire():
            with lock:
                _check_that_it_may_run(appliance)
                engine_of(appliance).drain()
            continue
        if run["state"] != "running":
            _check_that_it_may_run(appliance)
        progress = " ".join(
            f"{e['entity']} {e['fetched']}" for e in run["entities"] if e["state"] == "running"
        )
        if progress and progress != said and sys.stderr.isatty():
            print(f"\r{progress}   ", end="", file=sys.stderr, flush=True)
            said = progress
        appliance.clock.wait(never, POLL_SECONDS)


def _check_that_it_may_run(appliance: Appliance) -> None:
    """Raises DiskLow or InMaintenance: nobody is left to wait for hours without a word. The run stays queued."""
    appliance.disk.check()
    appliance.maintenance.check()


def _run_lines(run: dict[str, Any]) -> list[str]:
    head = (
        "entity",
        "state",
        "fetched",
        "inserted",
        "updated",
        "unchanged",
        "deleted",
        "rejected",
        "rows_per_second",
    )
    lines = table([[entity[name] for name in head] for entity in run["entities"]], head)
    errors = [f"{e['entity']}: {e['error_message']}" for e in run["entities"] if e["error_message"]]
    notices = [f"{e['entity']}: {message}" for e in run["entities"] for message in e["notices"]]
    return [f"Run {run['id']}, {run['mode']}: {run['state']}", *lines, *errors, *notices]


def _status_lines(state: dict[str, Any]) -> list[str]:
    used = state["credits"]
    lines = [
        f"Appliance {state['version']}, service {'running' if state['running'] else 'not running'}",
        f"Credits: {used['available']} available of {used['granted']}",
    ]
    if state["waits_for_disk"]:
        # A disk that is full to its last byte takes no note of it.
        since = f" since {state['paused_for_disk_since']}" if state["paused_for_disk_since"] else ""
        lines.append(f"Synchronization waits for room on the disk{since}; see `appliance retention`.")
    if state["maintenance_since"]:
        lines.append(
            f"In maintenance since {state['maintenance_since']}; see `appliance maintenance status`."
        )
    lines += [f"Connector left out: {b['folder']}: {b['reason']}" for b in state["broken_connectors"]]
    for connection in state["connections"]:
        records = sum(connection["records"].values())
        lines.append(
            f"{connection['name']} ({connection['system']}): {connection['status']}, {records} records"
        )
        lines += [f"  {entity}: {message}" for entity, message in connection["errors"].items()]
        lines += [f"  {notice['entity']}: {notice['message']}" for notice in connection["notices"]]
    return lines
