"""How many calls a source may get, shared by everyone who talks to it."""

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.errors import SourceAnswerInvalid, SourceThrottled, SourceUnreachable
from appliance.transport.errors import CircuitOpen, RequestStopped

# How late a stop is noticed while waiting for another call to end; waits for time notice it at once.
_STOP_NOTICE_SECONDS = 0.5


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


@dataclass(slots=True)
class Slot:
    """One permitted call; `waited` seconds before it was granted."""

    waited: float


class Budget:
    """The budget of one host, thread-safe. A waiter sleeps until time or the end of another call lets it on.

    Windows slide: no span of their length ever holds more calls than allowed, counted where they are sent.
    """

    def __init__(self, host: str, limits: BudgetLimits, clock: Clock) -> None:
        self.host = host
        self._clock = clock
        self._lock = threading.Lock()
        self._limits = limits
        self._sent = {window: deque[float](maxlen=window.calls) for window in limits.windows}
        self._active = 0
        self._turns: list[threading.Event] = []
        self._paused_until = -math.inf
        self._circuit = Circuit(host, limits)

    def adjust(self, limits: BudgetLimits) -> None:
        """Change the limits from now on; calls already made still count."""
        with self._lock:
            if limits == self._limits:
                return
            past = max(self._sent.values(), key=len, default=deque[float]())
            self._sent = {window: deque(past, maxlen=window.calls) for window in limits.windows}
            self._limits = limits
            self._circuit.limits = limits
            self._wake()

    def pause_until(self, moment: float) -> None:
        """No call, interactive or not, before `moment` (monotonic seconds): the source asked for it."""
        with self._lock:
            self._paused_until = max(self._paused_until, moment)

    @contextmanager
    def slot(self, interactive: bool = False, stop: threading.Event | None = None) -> Iterator[Slot]:
        """Wait for permission, hold it during the call, and learn from how the call ended.

        Raises SourceThrottled when the wait would be too long (`retry_after` tells how long), CircuitOpen
        while the host is left alone, RequestStopped when `stop` is set.
        """
        waited, probe = self._enter(interactive, stop)
        answered: bool | None = None
        try:
            yield Slot(waited)
            answered = True
        except SourceUnreachable as error:
            answered = False if error.retryable else None
            raise
        except SourceAnswerInvalid:
            answered = True
            raise
        finally:
            with self._lock:
                self._active -= 1
                self._circuit.record(answered, probe, self._clock.monotonic())
                self._wake()

    def _enter(self, interactive: bool, stop: threading.Event | None) -> tuple[float, bool]:
        """Seconds waited, and whether this call probes an open circuit."""
        began = self._clock.monotonic()
        patience = self._limits.interactive_max_wait if interactive else self._limits.max_wait
        idle = stop or threading.Event()
        turn = threading.Event()
        while True:
            if stop is not None and stop.is_set():
                raise RequestStopped(f"The call to {self.host} was stopped while it waited for its turn.")
            with self._lock:
                now = self._clock.monotonic()
                self._circuit.admit(interactive, now)
                ready = self._ready_at(interactive)
                full = self._full(interactive)
                if ready <= now and not full:
                    return now - began, self._grant(now)
                turn.clear()
                if turn not in self._turns:
                    self._turns.append(turn)
            left = began + patience - now
            if left <= 0 or ready - now > left:
                raise self._throttled(max(0.0, ready - now), full)
            if ready > now:
                self._clock.wait(idle, ready - now)
            else:
                self._clock.wait(turn, min(left, _STOP_NOTICE_SECONDS) if stop is not None else left)

    def _ready_at(self, interactive: bool) -> float:
        """The moment from which windows and pauses admit one more call."""
        ready = self._paused_until
        for window, sent in self._sent.items():
            allowed = window.calls if interactive else self._limits.background_part(window.calls)
            if len(sent) >= allowed:
                ready = max(ready, sent[-allowed] + window.seconds)
        return ready

    def _full(self, interactive: bool) -> bool:
        limit = self._limits.concurrency
        if limit is None:
            return False
        return self._active >= (limit if interactive else self._limits.background_part(limit))

    def _grant(self, now: float) -> bool:
        self._active += 1
        for sent in self._sent.values():
            sent.append(now)
        return self._circuit.started()

    def _wake(self) -> None:
        for turn in self._turns:
            turn.set()
        self._turns.clear()

    def _throttled(self, seconds: float, full: bool) -> SourceThrottled:
        why = "all its parallel calls are in use" if full and not seconds else "its call limit is used up"
        when = f"in {math.ceil(seconds)} s" if seconds else "later"
        return SourceThrottled(
            f"No call to {self.host} now: {why}. Try again {when}, or raise the connection's call limits.",
            retry_after=seconds or None,
            details={"host": self.host},
        )


class Circuit:
    """Leaves a host alone that does not answer. Not locked: its budget's lock guards it."""

    def __init__(self, host: str, limits: BudgetLimits) -> None:
        self.limits = limits
        self._host = host
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._probing = False

    def admit(self, interactive: bool, now: float) -> None:
        """Raise CircuitOpen unless the host may be tried; after the open time, one call at a time may."""
        if self._open_until is None or interactive:
            return
        if now < self._open_until or self._probing:
            raise CircuitOpen(self._host, self._failures, max(1.0, self._open_until - now))

    def started(self) -> bool:
        """A call was admitted; True when it is the probe of an open circuit."""
        if self._open_until is None or self._probing:
            return False
        self._probing = True
        return True

    def record(self, answered: bool | None, probe: bool, now: float) -> None:
        """How a call ended: True answered, False no connection, None says nothing about the host."""
        if probe:
            self._probing = False
        if answered is None:
            return
        if answered:
            self._failures, self._openings, self._open_until = 0, 0, None
            return
        self._failures += 1
        if self.limits.failures_to_open == 0 or self._failures < self.limits.failures_to_open:
            return
        # Calls that were under way when it opened fail one by one and must not lengthen the pause.
        if self._open_until is None or now >= self._open_until:
            pause = min(self.limits.open_seconds_max, self.limits.open_seconds * 2.0**self._openings)
            self._openings += 1
            self._open_until = now + pause


class Budgets:
    """Hands out one budget per source host, so that all connections to a system count together."""

    def __init__(self, clock: Clock, default: BudgetLimits | None = None) -> None:
        self._clock = clock
        self._default = default or BudgetLimits()
        self._budgets: dict[str, Budget] = {}
        self._lock = threading.Lock()

    def for_host(self, host: str, limits: BudgetLimits | None = None) -> Budget:
        """The budget of `host` (any case). `limits`, when given, become those of the host for everybody."""
        name = host.lower().rstrip(".")
        with self._lock:
            budget = self._budgets.get(name)
            if budget is None:
                budget = Budget(name, limits or self._default, self._clock)
                self._budgets[name] = budget
                return budget
        if limits is not None:
            budget.adjust(limits)
        return budget
