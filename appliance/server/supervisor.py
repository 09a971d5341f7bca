"""The program around its two processes: starts web and engine, watches both, restarts what dies, ends both.

They are two processes because sync work inside the web process would starve it of the interpreter; they share
nothing but the database.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from appliance.clock import Clock

log = logging.getLogger(__name__)

ROLES = ("web", "engine")
STOP_SECONDS = 9.5
LONGEST_PAUSE = 30.0
HEALTHY_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Called first in a child: it gets SIGTERM when its parent ends in whatever way."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit("the supervisor is gone")


def program() -> list[str]:
    """The command that starts this program again."""
    return [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "appliance"]


class Supervisor:
    """`flags` are settings that the children need too. `beside` works in a thread until its event is set."""

    def __init__(
        self, flags: Sequence[str], clock: Clock, beside: Callable[[threading.Event], None] | None = None
    ) -> None:
        self._flags = list(flags)
        self._beside = beside
        self._clock = clock
        self._stop = threading.Event()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._failures = dict.fromkeys(ROLES, 0)

    def serve(self) -> int:
        """Run until SIGTERM or SIGINT; the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        for role in ROLES:
            self._start(role)
        if self._beside is not None:
            threading.Thread(target=self._beside, args=(self._stop,), name="life-signs", daemon=True).start()
        while not self._stop.wait(0.2):
            for role in ROLES:
                self._watch(role)
        return self._end()

    def _start(self, role: str) -> None:
        self._started[role] = self._clock.monotonic()
        self._children[role] = subprocess.Popen(
            [*program(), f"_{role}", "--parent", str(os.getpid()), *self._flags], start_new_session=True
        )

    def _watch(self, role: str) -> None:
        child = self._children[role]
        status = child.poll()
        if status is None:
            return
        lived = self._clock.monotonic() - self._started[role]
        self._failures[role] = 0 if lived > HEALTHY_SECONDS else self._failures[role] + 1
        pause = 0.0 if self._failures[role] <= 1 else min(LONGEST_PAUSE, 2.0 ** (self._failures[role] - 1))
        log.error("the %s process ended with status %s; starting it again in %.0f s", role, status, pause)
        if not self._stop.wait(pause):
            self._start(role)

    def _end(self) -> int:
        for child in self._children.values():
            child.terminate()
        deadline = self._clock.monotonic() + STOP_SECONDS
        clean = True
        for role, child in self._children.items():
            try:
                child.wait(max(0.1, deadline - self._clock.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("the %s process did not end in time and is killed", role)
                child.kill()
                child.wait()
                clean = False
        return 0 if clean else 1
