"""The engine: one ticker that plans and claims, and a pool of threads that run.

Exactly one engine works on a data directory, whatever starts it: it holds a lock file. One thread claims at a time,
so that no two look at the same ceilings: the ticker, or a worker that has become free.
"""

import fcntl
import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import schedule

from appliance.clock import Clock
from appliance.log_context import about
from appliance.store.database import Database
from appliance.store.ownership import own_like
from appliance.store.space import DiskFull
from appliance.sync.planner import Planner
from appliance.sync.runs.runner import Runner
from appliance.sync.runs.tables import Claim

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5
STOP_SECONDS = 8.0
# Never through a link: root takes locks in a folder that belongs to the service.
_OPENING = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW


class EngineLock:
    """The right to be the engine of a data directory; given back by the system when the process ends.

    Another `name` stands for another right, such as that of being its service.
    """

    NAME = "engine.lock"

    def __init__(self, data_dir: Path, name: str = NAME) -> None:
        self._path = data_dir / name
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """True when this process is the engine now."""
        handle = os.fdopen(os.open(self._path, _OPENING, 0o600), "a")
        own_like(self._path, self._path.parent)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        self._file = handle
        return True

    def beat(self) -> None:
        """A sign of life that other processes see: the time on the file."""
        if self._file is not None:
            os.utime(self._file.fileno())

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Engine:
    """`make_runner` is called once, with a function that tells whether the engine is stopping.

    `beside` is other work that waits in the database, such as writes; each has a thread of its own and tells how much
    it has done. No run is handed out while `must_wait`, such as for room on the disk; it is asked often.
    `at_tick` comes before anything else of a tick, such as a look at the clocks.
    """

    def __init__(
        self,
        database: Database,
        planner: Planner,
        make_runner: Callable[[Callable[[], bool]], Runner],
        clock: Clock,
        *,
        owner: str,
        workers: int,
        lease_seconds: int,
        beside: Sequence[Callable[[], int]] = (),
        must_wait: Callable[[], bool] = lambda: False,
        at_tick: Callable[[], object] = lambda: None,
    ) -> None:
        self._at_tick = at_tick
        self._must_wait = must_wait
        self._database = database
        self._beside = beside
        self._planner = planner
        self._clock = clock
        self._owner = owner
        self._lease_ms = lease_seconds * 1000
        self._stop = threading.Event()
        self._runner = make_runner(self._stop.is_set)
        self._handed: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._in_hand: set[str] = set()
        self._claiming = threading.Lock()
        self._free = threading.Semaphore(workers)
        self._threads = [
            threading.Thread(target=self._work, name=f"sync-{number}", daemon=True)
            for number in range(workers)
        ]

    def serve(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set, then let every worker finish its page. Takes at most STOP_SECONDS after that.

        `beat` is called at each tick.
        """
        interrupted = self._planner.runs.interrupt_orphans()
        self._runner.clear_away()
        if interrupted:
            log.info("%d interrupted runs go on from their checkpoints", interrupted)
        self._threads += [
            threading.Thread(target=self._work_beside, args=(work,), name="beside", daemon=True)
            for work in self._beside
        ]
        for thread in self._threads:
            thread.start()
        self._plan(self._at_tick)
        self._plan(self._planner.catch_up)
        ticker = schedule.Scheduler()
        ticker.every(1).seconds.do(self._plan, self._planner.queue_due)
        ticker.every(max(1, self._lease_ms // 4000)).seconds.do(self._renew)
        self._plan(self._planner.queue_due)
        beat()
        while not self._clock.wait(stop, TICK_SECONDS):
            beat()
            try:
                self._at_tick()
                ticker.run_pending()
                self.hand_out()
            except DiskFull as failure:
                # Said once by whoever watches the disk; here the next tick tries again.
                log.debug("%s", failure.message)
        self._finish()

    def drain(self) -> None:
        """Do everything that waits now in the calling thread, and return: for a command without a service."""
        self._planner.runs.interrupt_orphans()
        while (claim := self._claim()) is not None:
            self._runner.run(claim)

    def hand_out(self) -> None:
        """Give waiting runs to free workers."""
        while self._free.acquire(blocking=False):
            claim = None
            try:
                with self._claiming:
                    claim = None if self._stop.is_set() else self._claim()
            finally:
                if claim is None:
                    self._free.release()
            if claim is None:
                return
            self._in_hand.add(claim.run_id)
            self._handed.put(claim)

    def _plan(self, plan: Callable[[], object]) -> None:
        # A job that raises would starve the others of the ticker; a failed tick is tried again by the next.
        try:
            plan()
        except DiskFull as failure:
            log.debug("%s", failure.message)
        except Exception:
            log.exception("planning failed")

    def _renew(self) -> None:
        if self._in_hand:
            self._planner.runs.renew_all(self._owner, self._clock.now_ms() + self._lease_ms)

    def _claim(self) -> Claim | None:
        now = self._clock.now_ms()
        if self._must_wait():
            return None
        claims = self._planner.claims
        if claims.has_expired(now):
            # After a pause of the whole machine our own runs look abandoned.
            self._renew()
            claims.take_back(now)
        return claims.claim(self._owner, now + self._lease_ms, now)

    def _work(self) -> None:
        while (claim := self._handed.get()) is not None:
            try:
                with about("run_id", claim.run_id):
                    self._run(claim)
            finally:
                self._in_hand.discard(claim.run_id)
                self._free.release()
            # What waits does not wait for the next tick.
            try:
                self.hand_out()
            except Exception:
                log.exception("claiming the next run failed")
        self._database.release_thread()

    def _run(self, claim: Claim) -> None:
        try:
            self._runner.run(claim)
        except Exception:
            log.exception("run %s failed unexpectedly", claim.run_id)
            self._runner.abandon(claim)

    def _work_beside(self, work: Callable[[], int]) -> None:
        while not self._stop.is_set():
            try:
                done = work()
            except DiskFull as failure:
                log.debug("%s", failure.message)
                done = 0
            except Exception:
                log.exception("work beside the synchronization failed")
                done = 0
            if not done:
                self._clock.wait(self._stop, TICK_SECONDS)
        self._database.release_thread()

    def _finish(self) -> None:
        self._stop.set()
        for _ in self._threads:
            self._handed.put(None)
        deadline = self._clock.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        # A thread that still waits for its source writes nothing more: it has lost the run.
        self._planner.runs.interrupt_orphans()
