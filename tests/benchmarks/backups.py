"""How long a backup of a store takes, what it does to who writes meanwhile, and how long a rehearsal takes.

    python -m tests.benchmarks.backups [megabytes]

The backup goes to a folder of the same disk; a thread commits a small change every five milliseconds.
"""

import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from appliance.app import Appliance
from appliance.setting_kinds import BackupPlace
from tests.support.appliance import Appliances

ROW_BYTES = 8000
REST_SECONDS = 0.005


def fill(appliance: Appliance, megabytes: int) -> None:
    database = appliance.database
    database.run("CREATE TABLE tick (n INTEGER)")
    database.run("CREATE TABLE bulk (n INTEGER PRIMARY KEY, x BLOB)")
    rows, step = megabytes * 1_000_000 // ROW_BYTES, 5000
    for start in range(0, rows, step):
        database.run_many(
            f"INSERT INTO bulk VALUES (?, randomblob({ROW_BYTES}))",
            [(number,) for number in range(start, min(start + step, rows))],
        )
    database.checkpoint()


class Writer:
    """Commits small changes; `milliseconds` is how long each took."""

    def __init__(self, appliance: Appliance) -> None:
        self.milliseconds: list[float] = []
        self._database = appliance.database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        while not self._stop.wait(REST_SECONDS):
            began = time.perf_counter()
            self._database.run("INSERT INTO tick VALUES (1)")
            self.milliseconds.append((time.perf_counter() - began) * 1000)
        self._database.release_thread()

    def end(self) -> str:
        self._stop.set()
        self._thread.join()
        found = sorted(self.milliseconds)
        return (
            f"{len(found)} commits, median {statistics.median(found):.1f} ms, "
            f"99 % {found[int(len(found) * 0.99)]:.1f} ms, longest {found[-1]:.0f} ms"
        )


def main(megabytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Appliances(Path(folder)) as appliances:
        place = BackupPlace("folder", str(Path(folder) / "backups"))
        appliance = appliances.open(backup_target=place, disk_pause_bytes=1)
        fill(appliance, megabytes)
        writer = Writer(appliance)
        time.sleep(5)
        print(f"alone:           {writer.end()}")
        writer = Writer(appliance)
        began, used = time.perf_counter(), time.process_time()
        made = appliance.backups.create("benchmark")
        seconds, cpu = time.perf_counter() - began, time.process_time() - used
        print(f"during a backup: {writer.end()}")
        size = (made.bytes or 0) / 1e6
        print(
            f"backup:    {size:,.0f} MB in {seconds:.1f} s, {size / seconds:.0f} MB/s, {cpu:.1f} s of processor"
        )
        began = time.perf_counter()
        appliance.backups.rehearse(made.name or "")
        print(f"rehearsal: {time.perf_counter() - began:.1f} s")
        print(f"largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
