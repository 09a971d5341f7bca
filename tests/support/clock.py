"""A clock that stands still until a test moves it; implements `appliance.clock.Clock`."""

import threading
import time
from datetime import UTC, datetime, timedelta

_TICK = 0.002  # real seconds between two looks at the event


class ManualClock:
    """Starts at `start` and at 1000.0 monotonic seconds. Thread-safe.

    `advance(seconds)` moves it, `jump(seconds)` only what the wall clock shows. With `auto=True` every `wait` moves
    it by itself, as far as it was asked to wait, and returns at once: for code in one thread that waits. Otherwise
    a `wait` blocks until the event is set or another thread has advanced far enough. `waits` lists what was asked
    for, in seconds.
    """

    def __init__(
        self, start: datetime = datetime(2026, 1, 5, 8, 0, tzinfo=UTC), *, auto: bool = False
    ) -> None:
        self.auto = auto
        self.waits: list[float] = []
        self._start = start
        self._elapsed = 0.0
        self._sleeping = 0
        self._changed = threading.Condition()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def now_ms(self) -> int:
        return round(self.now().timestamp() * 1000)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    def advance(self, seconds: float) -> None:
        with self._changed:
            self._elapsed += seconds
            self._changed.notify_all()

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back, while no time passes."""
        with self._changed:
            self._start += timedelta(seconds=seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        with self._changed:
            self.waits.append(seconds)
            until = self._elapsed + seconds
            if self.auto:
                if not event.is_set():
                    self._elapsed = until
                return event.is_set()
            self._sleeping += 1
            self._changed.notify_all()
        try:
            # An event cannot announce itself to this condition, so look at it in real time.
            while not event.wait(_TICK):
                if self._elapsed >= until:
                    return event.is_set()
            return True
        finally:
            with self._changed:
                self._sleeping -= 1

    def wait_for_sleepers(self, count: int, timeout: float = 5.0) -> None:
        """Block until `count` threads are inside `wait`, so that a test can advance knowing who sleeps."""
        end = time.monotonic() + timeout
        with self._changed:
            while self._sleeping < count:
                if not self._changed.wait(end - time.monotonic()) and time.monotonic() >= end:
                    raise AssertionError(f"{self._sleeping} threads wait, not {count}")
