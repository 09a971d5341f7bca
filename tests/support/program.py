"""The product as a process of its own, to be ended in every way a process can end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.app import Appliance
from appliance.settings import Settings
from tests.real.server import free_port

Read = Callable[[Appliance], object]


class Program:
    """A data directory and the process that works on it. Use it by `with`: nothing is left running.

    `start_engine` runs the engine alone, `start_service` everything. What it prints is added to `log`, and
    `temporary` is its folder for temporary files. `settings` are keys and values as for --set.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data_dir = folder / "data"
        self.log = folder / "program.log"
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.port = free_port()
        pairs = {"data_dir": str(self.data_dir), "listen": f"127.0.0.1:{self.port}", **settings}
        self._flags = [flag for key, value in pairs.items() for flag in ("--set", f"{key}={value}")]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def start_engine(self) -> None:
        self._start("_engine", "--parent", str(os.getpid()))

    def start_service(self) -> None:
        self._start("serve")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; both outputs are added to the log."""
        done = subprocess.run(
            [*_program(), *arguments, *self._flags],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        with self.log.open("a") as log:
            log.write(done.stderr)
        return done

    def kill(self) -> None:
        """SIGKILL the program and every process that it started, at the same moment."""
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            _kill(pid)
        self.process.wait()

    def terminate(self, timeout: float = 20.0) -> tuple[int, float]:
        """SIGTERM; the exit status and the seconds it took."""
        started = time.monotonic()
        self.process.terminate()
        status = self.process.wait(timeout)
        return status, time.monotonic() - started

    def child(self, role: str) -> int | None:
        """The process id of `web` or `engine` of the running service."""
        for pid in descendants(self.process.pid):
            words = _read(Path(f"/proc/{pid}/cmdline")).split("\0")
            if f"_{role}" in words:
                return pid
        return None

    @contextmanager
    def opened(self) -> Iterator[Appliance]:
        """The data directory as another process sees it."""
        appliance = Appliance.open(Settings(data_dir=self.data_dir))
        try:
            yield appliance
        finally:
            appliance.close()

    def _start(self, *arguments: str) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_program(), *arguments, *self._flags], env=self._environment, stdout=log, stderr=log
            )

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "TMPDIR": str(self.temporary)}


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for another process; AssertionError when it takes longer."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def descendants(pid: int) -> list[int]:
    """Children of a process and theirs, at this moment."""
    children = [int(word) for word in _read(Path(f"/proc/{pid}/task/{pid}/children")).split()]
    return [*children, *(below for child in children for below in descendants(child))]


def _program() -> list[str]:
    return [sys.executable, "-m", "appliance"]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
