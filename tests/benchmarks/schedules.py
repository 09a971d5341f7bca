"""Many connections on a schedule of minutes: how late runs begin, and what the service takes for it.

    python -m tests.benchmarks.schedules [CONNECTIONS] [INTERVAL_SECONDS] [SECONDS]

The service runs as it ships, on the real clock. The sources are a process that answers every page at once with the
same rows over HTTP, on 50 ports, which are as many hosts to the ceilings. First nothing is due (all connections are
paused), then everything is due at once, then the schedule goes its way for SECONDS. A shorter interval than that of 15
minutes stands for more connections: 500 at 90 seconds are as many runs as 5,000 at 15 minutes.

The lag is the time from when an entity is due to when its run is claimed.
"""

import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from appliance.app import Appliance
from tests.support.appliance import Appliances
from tests.support.plant import CONNECTORS
from tests.support.program import Program, wait_until

HOSTS = 50
ROWS = [{"id": f"{n:04}", "name": f"row {n}", "changed": "2026-01-05T08:00:00.000+00:00"} for n in range(3)]
TICKS = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """CPU seconds so far, memory in MiB and open files of a process."""

    cpu: float
    memory: float
    files: int


def main() -> None:
    connections, interval, seconds = (
        int(argument) for argument in (*sys.argv[1:], *("500", "900", "300")[len(sys.argv) - 1 :])
    )
    context = multiprocessing.get_context("spawn")
    told, given = context.Pipe(duplex=False)
    source = context.Process(target=serve_sources, args=(given,), daemon=True)
    source.start()
    ports = told.recv()
    print(f"{connections} connections every {interval} s; load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = {"sync.shortest_seconds": "10", "connectors_dir": str(CONNECTORS)}
        with Appliances(Path(folder)) as appliances:
            appliance = appliances.open(connectors_dir=CONNECTORS, sync_shortest_seconds=10)
            began = monotonic()
            ids = [connect(appliance, ports[n % HOSTS], n) for n in range(connections)]
            print(f"connected in {monotonic() - began:.0f} s")
            for connection_id in ids:
                appliance.schedules.change(
                    connection_id, {"every_seconds": interval, "paused": True}, {}, by="benchmark"
                )
            with Program(Path(folder), **settings) as program:
                program.start_service()
                wait_until(lambda: program.child("web") and program.child("engine"))
                began = monotonic()
                wait_until(lambda: waiting(appliance) == 0, 600)
                took = monotonic() - began
                print(f"{connections} first runs in {took:.0f} s, {connections / took:.1f} a second")
                measure(program, "nothing is due", 20)
                for connection_id in ids:
                    appliance.schedules.resume(connection_id, by="benchmark")
                sleep(min(30, interval))
                since = appliance.clock.now_ms()
                measure(program, "on schedule", seconds)
                show_lags(appliance, since, interval)
                files = sorted(
                    path.stat().st_size / 1e6 for path in (Path(folder) / "data").glob("appliance.db*")
                )
                print("database and log: " + ", ".join(f"{size:.1f} MB" for size in files))
    source.kill()


def connect(appliance: Appliance, port: int, number: int) -> str:
    made = appliance.connections.connect(
        system="depot",
        name=f"Depot {number}",
        fields={"url": f"http://127.0.0.1:{port}", "password": "open"},
    )
    return made.connection.id


def waiting(appliance: Appliance) -> int:
    sleep(0.2)
    return int(
        appliance.database.value(
            "SELECT count(*) FROM run WHERE state IN ('queued', 'running', 'interrupted')"
        )
    )


def measure(program: Program, name: str, seconds: float) -> None:
    """Print what the two processes take, in shares of a core, while `seconds` pass."""
    processes = {role: program.child(role) or 0 for role in ("web", "engine")}
    before = {role: used(pid) for role, pid in processes.items()}
    began = monotonic()
    sleep(seconds)
    took = monotonic() - began
    after = {role: used(pid) for role, pid in processes.items()}
    for role, now in after.items():
        share = 100 * (now.cpu - before[role].cpu) / took
        print(f"{name}, {role}: {share:.2f} % of a core, {now.memory:.0f} MiB, {now.files} files", flush=True)


def used(pid: int) -> Used:
    """Of a process with its children."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{pid}/status").read_text()
    memory = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    own = Used(
        (int(parts[11]) + int(parts[12])) / TICKS, memory, len(list(Path(f"/proc/{pid}/fd").iterdir()))
    )
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return Used(*(sum(column) for column in zip(own, *(used(int(child)) for child in below), strict=True)))


def show_lags(appliance: Appliance, since: int, interval: int) -> None:
    runs = appliance.database.rows(
        "SELECT connection_id, created_at, started_at, finished_at FROM run"
        " WHERE trigger = 'schedule' AND mode = 'incremental' AND created_at >= ? AND started_at IS NOT NULL",
        (since,),
    )
    tables = appliance.planner.due_times.timetables({run["connection_id"] for run in runs})
    lags, lengths = [], []
    for run in runs:
        connection_id = run["connection_id"]
        due = tables.next_due(connection_id, "", run["created_at"] - interval * 1000)
        assert due is not None and due <= run["created_at"]
        lags.append(run["started_at"] - due)
        lengths.append((run["finished_at"] or run["started_at"]) - run["started_at"])
    show("lag", lags)
    show("run", lengths)


def show(name: str, milliseconds: Iterable[int]) -> None:
    found = sorted(milliseconds)
    if not found:
        print(f"{name}: none")
        return
    p50, p99 = (found[min(len(found) - 1, int(len(found) * share))] for share in (0.5, 0.99))
    print(f"{name} of {len(found)}: median {p50} ms, p99 {p99} ms, longest {found[-1]} ms", flush=True)


def serve_sources(given: Pipe) -> None:
    rows = json.dumps({"rows": ROWS, "session": "s", "id": 1}).encode()
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(rows) + rows
    )

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        servers = [await asyncio.start_server(one, "127.0.0.1", 0) for _ in range(HOSTS)]
        given.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
