"""Peak memory of the engine for a large source against a small one, and prints what more it took.

    python -m tests.benchmarks.sync_memory [ROWS] [FEW_ROWS]

The engine is started as it ships, on an encrypted data directory, once for each figure; a source in another process
gives pages of 1,000 rows of 300 bytes. Measured are the first pass, and a full pass that compares what it met with what
is stored and deletes the rows that are gone (every 50th). Peaks are those the kernel notes of the process (VmHWM).
"""

import multiprocessing
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from appliance.app import Appliance
from appliance.settings import Settings
from appliance.sync.runs.tables import ACTIVE
from tests.support.plant import CONNECTORS
from tests.support.program import Program, wait_until

PAGE = 1000
GONE_EVERY = 50
MOST_MORE_MIB = 64
LONGEST_SECONDS = 3600
ENTITIES = """
Vendor:
  incremental: compare
  map: {code: id, name: name}
  read:
    request: {path: vendors, query: {after: "${page.after}"}}
    paging: {kind: keyset, by: id, size: 1000}
"""
# 300 bytes with the comma.
ROW = (
    b'{"id":%d,"name":"Supplier %09d","city":"Rotterdam","street":"Waalhaven Oostzijde 85","phone":"+31 10 555 0100",'
    b'"mail":"orders-%09d@supplier.example","terms":"30 days net, 2 percent within 10 days","currency":"EUR",'
    b'"blocked":false,"group":"spare parts","note":"Delivers on Mondays and Thursdays only."}'
)


class Canned(BaseHTTPRequestHandler):
    """Pages of the rows after a number. When it was told so, every 50th row is gone."""

    protocol_version = "HTTP/1.1"
    server: "CannedSource"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/lose":
            self.server.lost = True
        after = int(parse_qs(parts.query).get("after", ["0"])[0])
        there = (n for n in range(after + 1, self.server.rows + 1) if not self.server.lost or n % GONE_EVERY)
        rows = [ROW % (number, number, number) for number in islice(there, PAGE)]
        body = b'{"rows":[%s]}' % b",".join(rows)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        return


class CannedSource(ThreadingHTTPServer):
    daemon_threads = True
    lost = False
    rows = 0


def serve(rows: int, told: Connection) -> None:
    source = CannedSource(("127.0.0.1", 0), Canned)
    source.rows = rows
    told.send(source.server_address[1])
    source.serve_forever()


class Measured(NamedTuple):
    """Peak of the engine's memory in MiB, rows a second."""

    peak: float
    rate: float


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    few = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    small, large = measure(few), measure(many)
    print(f"{'':34}{few:>12,} rows{many:>12,} rows")
    for name, one, other in zip(("first pass", "full pass that compares"), small, large, strict=True):
        more = other.peak - one.peak
        verdict = "good" if more <= MOST_MORE_MIB else f"more than {MOST_MORE_MIB} MiB"
        print(
            f"{name:30}{one.peak:12.0f} MiB {other.peak:12.0f} MiB  {more:+.0f} MiB, {other.peak / one.peak:.2f} x: "
            f"{verdict}; {one.rate:.0f} and {other.rate:.0f} rows/s"
        )


def measure(rows: int) -> list[Measured]:
    """The first pass of a source of so many rows, and a full one after it."""
    ours, theirs = multiprocessing.Pipe()
    source = multiprocessing.get_context("spawn").Process(target=serve, args=(rows, theirs), daemon=True)
    source.start()
    port = ours.recv()
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Program(Path(folder), connectors_dir=str(CONNECTORS)) as program,
        ):
            with opened(program) as appliance:
                made = appliance.connections.connect(
                    system="living",
                    name="Canned",
                    fields={"url": f"http://127.0.0.1:{port}", "entities": ENTITIES},
                )
            connection_id = made.connection.id
            first = run(program, connection_id, rows)
            urllib.request.urlopen(f"http://127.0.0.1:{port}/lose").read()
            with opened(program) as appliance:
                appliance.planner.request_run(connection_id, mode="full")
            second = run(program, connection_id, rows - rows // GONE_EVERY)
    finally:
        source.kill()
    return [first, second]


def run(program: Program, connection_id: str, expected: int) -> Measured:
    """Let an engine of its own do what waits."""
    started = perf_counter()
    program.start_engine()
    with opened(program) as appliance:
        state = appliance.planner.runs.recent
        wait_until(lambda: state(connection_id, 1)[0]["state"] not in ACTIVE, LONGEST_SECONDS)
        seconds = perf_counter() - started
        peak = peak_mib(program.process.pid)
        newest = state(connection_id, 1)[0]
        assert newest["state"] == "completed", appliance.planner.describe_run(newest["id"])
        assert appliance.records.counts(connection_id) == {"Vendor": expected}
    program.terminate()
    return Measured(peak, expected / seconds)


@contextmanager
def opened(program: Program) -> Iterator[Appliance]:
    appliance = Appliance.open(Settings(data_dir=program.data_dir, connectors_dir=CONNECTORS))
    try:
        yield appliance
    finally:
        appliance.close()


def peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


if __name__ == "__main__":
    main()
