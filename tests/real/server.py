"""One outside server as a child process on a free loopback port."""

import os
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.clock import SystemClock

START_SECONDS = 60.0


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A started program; `stop` ends it and waits for its end.

    Its output goes to `log`. Raises RuntimeError, with the end of that log, when the program ends or stays
    silent before it takes connections on `port`.
    """

    def __init__(
        self, command: Sequence[str | Path], port: int, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self._log = log
        with log.open("a") as output:
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._await_connections()

    def _await_connections(self) -> None:
        clock, never = SystemClock(), threading.Event()
        end = clock.monotonic() + START_SECONDS
        while clock.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                clock.wait(never, 0.05)
        self.stop()
        raise RuntimeError(f"no server on port {self.port}: {self._log.read_text()[-2000:]}")

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
