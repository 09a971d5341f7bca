"""Room on the disk: synchronization waits before the disk is full, and goes on when there is room again.

A run that waits has lost nothing: its pages so far are written, its checkpoint holds. What is small and asked for by
people, such as writes, sign-ins and purging, goes on.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from appliance.clock import Clock
from appliance.connections.announce import Announce, unheard
from appliance.connections.condition.issues import Condition
from appliance.errors import ConfigurationError
from appliance.store.database import Database
from appliance.store.space import DiskFull, Space, space_of

log = logging.getLogger(__name__)

# Going on as soon as one byte is free again would stop again at once.
RESUME_FACTOR = 1.25
# A gibibyte is a lot on a small disk, and a share alone would leave hundreds of them unused on a large one.
LARGEST_SHARE = 10


class DiskLow(ConfigurationError):
    """Synchronization waits until there is room on the disk; everything else goes on."""

    code = "DISK_LOW"
    retryable = True


class Pause(NamedTuple):
    """Since when synchronization waits, milliseconds, and how many bytes were free then."""

    paused_at: int
    free: int


class DiskGuard:
    """Watches the disk of the data directory. `pause_bytes` counts for at most a tenth of the disk.

    Every process has its own; the engine's keeps what is in the database, where all of them see it.
    """

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        clock: Clock,
        *,
        pause_bytes: int,
        announce: Announce = unheard,
        space: Callable[[Path], Space] = space_of,
    ) -> None:
        self._announce = announce
        self._database = database
        self.data_dir = data_dir
        self._clock = clock
        self._pause_bytes = pause_bytes
        self._space = space
        self._low: bool | None = None
        self._said = False

    def space(self) -> Space:
        """What is free now."""
        return self._space(self.data_dir)

    def limits(self, space: Space) -> tuple[int, int]:
        """Synchronization waits below the first number of free bytes, and goes on above the second."""
        below = min(self._pause_bytes, space.total // LARGEST_SHARE)
        return below, round(below * RESUME_FACTOR)

    def pause(self) -> Pause | None:
        """The pause that the engine has noted, None when there is none. One small query."""
        row = self._database.row("SELECT paused_at, free FROM disk_pause")
        return None if row is None else Pause(**row)

    def waiting(self) -> list[Condition]:
        """The pause that is noted, as an issue is told of it."""
        pause = self.pause()
        if pause is None:
            return []
        return [Condition(f"Synchronization waits for room on the disk; {megabytes(pause.free)} were free.")]

    def is_low(self) -> bool:
        """Whether runs have to wait: asked before each page, so it costs two system calls."""
        if self._low is None:
            self._low = self.pause() is not None
        space = self.space()
        below, above = self.limits(space)
        # What the reserve gave up is for deleting, not for synchronizing.
        reserve = self._database.reserve
        self._low = space.free - (reserve.size - reserve.held) < (above if self._low else below)
        return self._low

    def check(self) -> None:
        """Raises DiskLow when runs have to wait."""
        if self.is_low():
            space = self.space()
            raise DiskLow(
                f"Synchronization waits: {megabytes(space.free)} are free on the disk of the data directory. "
                f"It goes on by itself above {megabytes(self.limits(space)[1])}.",
                details={"free": space.free, "resumes_above": self.limits(space)[1]},
            )

    def watch(self) -> bool:
        """Note a pause or its end, and keep the reserve; True when a pause has just begun. Else nothing is written."""
        low, noted = self.is_low(), self.pause()
        space = self.space()
        begins = low and not self._said
        self._said = low
        if begins:
            log.error(
                "synchronization waits: %s are free on the disk of %s", megabytes(space.free), self.data_dir
            )
        if low and noted is None:
            self._database.make_room()
            # Runs wait also while this cannot be written; it is tried again at the next look.
            with suppress(DiskFull), self._database.write():
                self._database.run(
                    "INSERT INTO disk_pause (id, paused_at, free) VALUES (1, ?, ?)",
                    (self._clock.now_ms(), space.free),
                )
                self._announce("system.error", None, self._described)
        if low:
            return begins
        if noted is not None:
            self._database.run("DELETE FROM disk_pause")
            log.info("synchronization goes on: %s are free", megabytes(space.free))
        self._keep_reserve()
        return False

    def _described(self) -> dict[str, Any]:
        (waiting,) = self.waiting()
        return {"code": DiskLow.code, "message": waiting.message, "free": self.space().free}

    def _keep_reserve(self) -> None:
        reserve = self._database.reserve
        if reserve.held != reserve.size and not self.is_low() and reserve.make():
            log.info("the reserve of %s is there", megabytes(reserve.size))


def megabytes(count: int) -> str:
    """Bytes for people."""
    return f"{count / (1 << 20):,.0f} MiB"
