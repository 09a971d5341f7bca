"""Counts calls against limits: how many in a span of time, how many at once, and until when none."""

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """At most `calls` in any span of `seconds`."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """Every limit is optional. Times in seconds.

    `interactive_share` of every window and of `concurrency` is kept back for calls a person waits for.
    After `failures_to_open` connection failures in a row (0: never) the host is left alone for
    `open_seconds`, doubling up to `open_seconds_max`. A call that would wait longer than `max_wait` is
    refused instead.
    """

    windows: tuple[Window, ...] = ()
    concurrency: int | None = None
    interactive_share: float = 0.1
    failures_to_open: int = 5
    open_seconds: float = 30.0
    open_seconds_max: float = 900.0
    max_wait: float = 300.0
    interactive_max_wait: float = 15.0

    def background_part(self, limit: int) -> int:
        return max(1, limit - int(limit * self.interactive_share))


class Meter:
    """One set of limits and what was used of them. Not locked: the lock of its budget guards it."""

    def __init__(self, limits: BudgetLimits) -> None:
        self.limits = limits
        self._sent = {window: deque[float](maxlen=window.calls) for window in limits.windows}
        self._active = 0
        self._paused_until = -math.inf
        self._background_paused_until = -math.inf

    def adjust(self, limits: BudgetLimits) -> None:
        """Change the limits from now on; calls already made still count."""
        past = max(self._sent.values(), key=len, default=deque[float]())
        self._sent = {window: deque(past, maxlen=window.calls) for window in limits.windows}
        self.limits = limits

    def pause(self, moment: float, background_only: bool) -> None:
        self._background_paused_until = max(self._background_paused_until, moment)
        if not background_only:
            self._paused_until = max(self._paused_until, moment)

    def ready_at(self, interactive: bool) -> float:
        """The moment from which windows and pauses admit one more call."""
        ready = self._paused_until if interactive else self._background_paused_until
        for window, sent in self._sent.items():
            allowed = window.calls if interactive else self.limits.background_part(window.calls)
            if len(sent) >= allowed:
                ready = max(ready, sent[-allowed] + window.seconds)
        return ready

    def paused(self, interactive: bool, now: float) -> bool:
        """Whether the source asked for the wait."""
        return now < (self._paused_until if interactive else self._background_paused_until)

    def full(self, interactive: bool) -> bool:
        limit = self.limits.concurrency
        if limit is None:
            return False
        return self._active >= (limit if interactive else self.limits.background_part(limit))

    def grant(self, now: float) -> None:
        self._active += 1
        for sent in self._sent.values():
            sent.append(now)

    def finish(self) -> None:
        self._active -= 1
