"""The sign of life of the engine: the time of its lock file, which costs no write to the database.

It works on a full disk, too, and what is left after a stop tells what time it was when the engine last lived.
"""

import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from appliance.clock import Clock

LOCK_NAME = "engine.lock"
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0


class EngineState(NamedTuple):
    """`held`: a process has the lock. `seen_at`: its last sign of life, milliseconds, None when there never was one."""

    held: bool
    seen_at: int | None

    def is_alive(self, now: int) -> bool:
        """A sign of life from the future counts: the clock was set back a moment ago."""
        return self.held and self.seen_at is not None and now - self.seen_at < STALE_SECONDS * 1000


class Heartbeat:
    """Given by the engine, which holds the lock of the data directory."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._path = data_dir / LOCK_NAME
        self._clock = clock
        self._next = clock.monotonic()

    def beat(self) -> None:
        """Called at every tick; sets the time of the file every BEAT_SECONDS."""
        steady = self._clock.monotonic()
        if steady < self._next:
            return
        self._next = steady + BEAT_SECONDS
        now = self._clock.now_ms() * 1_000_000
        self._path.touch(0o600)
        os.utime(self._path, ns=(now, now))


def engine_state(data_dir: Path) -> EngineState:
    """Two system calls and a lock that is given back at once; the database is not asked."""
    path = data_dir / LOCK_NAME
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return EngineState(False, None)
    try:
        seen_at = os.fstat(handle).st_mtime_ns // 1_000_000
        try:
            # Shared, so that two that look at once do not see each other.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return EngineState(True, seen_at)
        return EngineState(False, seen_at)
    finally:
        os.close(handle)
