"""Upkeep of the database file: the disk is watched, the log kept short, free space given back.

every 5 s   is the disk low? (one system call, one small query)
every 60 s  log longer than its limit → moved into the file and cut; free pages → cut off in slices
"""

import logging
from collections.abc import Callable

from appliance.clock import Clock
from appliance.operations.disk import DiskGuard, megabytes
from appliance.store.database import LOG_CUT_WAIT_MS, WAL_LIMIT_BYTES, Database

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
UPKEEP_SECONDS = 60.0
# 4 MiB a transaction: some milliseconds.
PAGES_AT_ONCE = 512
# Free pages that stay in the file for what is written next: 16 MiB.
PAGES_KEPT = 2048
# Rebuilding takes as much memory as the file is large.
LARGEST_COMPACTED_AT_START = 256 * 1024 * 1024


class Upkeep:
    """`hurry_retention` is called once when a pause begins, for what it deletes makes room."""

    def __init__(
        self, database: Database, disk: DiskGuard, clock: Clock, *, hurry_retention: Callable[[], None]
    ) -> None:
        self._database = database
        self._disk = disk
        self._clock = clock
        self._hurry_retention = hurry_retention
        self._look_at = 0.0
        self._upkeep_at = 0.0
        self._gives_back: bool | None = None

    def work_off(self) -> int:
        """Do what is due; 1 while free pages are left to give back. The engine calls it."""
        now = self._clock.monotonic()
        if now < self._look_at:
            return 0
        self._look_at = now + LOOK_SECONDS
        if self._disk.watch():
            self._hurry_retention()
        low = self._disk.pause() is not None
        if low or now >= self._upkeep_at:
            self._upkeep_at = now + UPKEEP_SECONDS
            self._shorten_log(0 if low else WAL_LIMIT_BYTES)
            if self._give_back(0 if low else PAGES_KEPT):
                self._look_at = self._upkeep_at = now
                return 1
        return 0

    def _shorten_log(self, limit: int) -> None:
        size = self._database.sizes().log
        if size > limit and not self._database.checkpoint(LOG_CUT_WAIT_MS):
            log.warning(
                "the log of the database has %s and cannot be cut: a reader has held it for long",
                megabytes(size),
            )

    def _give_back(self, keep: int) -> int:
        if self._gives_back is None:
            self._gives_back = self._database.gives_back
        return self._database.give_back(PAGES_AT_ONCE, keep) if self._gives_back else 0


def compact_at_start(database: Database) -> None:
    """Bring a file of an earlier release into the form that gives free space back, before anyone works on it."""
    if database.gives_back:
        return
    size = database.sizes().file
    if size > LARGEST_COMPACTED_AT_START:
        log.warning(
            "the database file never becomes smaller; stop the appliance and run `appliance database compact`, "
            "which takes about %s of memory and of the disk",
            megabytes(size),
        )
        return
    log.info("rebuilding the database file once, %s", megabytes(size))
    database.compact()
