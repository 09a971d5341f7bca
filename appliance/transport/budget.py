"""How many calls a source may get: of one connection, and of all connections to its host together."""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from appliance.clock import Clock
from appliance.errors import SourceAnswerInvalid, SourceThrottled, SourceUnreachable
from appliance.transport.circuit import Circuit
from appliance.transport.errors import RequestStopped
from appliance.transport.meter import BudgetLimits, Meter, Window

__all__ = ["Budget", "BudgetLimits", "Budgets", "Slot", "Window"]

# How late a stop is noticed while waiting for another call to end; waits for time notice it at once.
_STOP_NOTICE_SECONDS = 0.5


@dataclass(slots=True)
class Slot:
    """One permitted call; `waited` seconds before it was granted."""

    waited: float


class Budget:
    """A budget, thread-safe. A waiter sleeps until time or the end of another call lets it on.

    Windows slide: no span of their length ever holds more calls than allowed, counted where they are sent.
    With `within`, a call counts in that budget as well and needs the permission of both at one moment; the
    circuit breaker is that of the outer one.
    """

    def __init__(
        self, host: str, limits: BudgetLimits, clock: Clock, *, within: "Budget | None" = None
    ) -> None:
        self.host = host
        self._clock = clock
        self._limits = limits
        self._outer = within
        self._meter = Meter(limits)
        self._meters: tuple[Meter, ...] = (self._meter,) if within is None else (self._meter, *within._meters)
        self._lock: threading.Lock = threading.Lock() if within is None else within._lock
        self._turns: list[threading.Event] = [] if within is None else within._turns
        self._circuit: Circuit = Circuit(host, limits) if within is None else within._circuit

    @property
    def reserve(self) -> float:
        """The share of calls that background work leaves for people."""
        return self._limits.interactive_share

    def adjust(self, limits: BudgetLimits) -> None:
        """Change the limits from now on; calls already made still count."""
        with self._lock:
            if limits == self._limits:
                return
            self._limits = limits
            self._meter.adjust(limits)
            if self._outer is None:
                self._circuit.limits = limits
            self._wake()

    def pause_until(self, moment: float, *, background_only: bool = False, everyone: bool = False) -> None:
        """No call before `moment` (monotonic seconds): the source asked for it.

        `background_only`: calls a person waits for go on. `everyone`: the outer budget pauses too.
        """
        with self._lock:
            for meter in self._meters if everyone else (self._meter,):
                meter.pause(moment, background_only)

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
                for meter in self._meters:
                    meter.finish()
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
                ready = max(meter.ready_at(interactive) for meter in self._meters)
                full = any(meter.full(interactive) for meter in self._meters)
                paused = any(meter.paused(interactive, now) for meter in self._meters)
                if ready <= now and not full:
                    return now - began, self._grant(now)
                turn.clear()
                if turn not in self._turns:
                    self._turns.append(turn)
            left = began + patience - now
            if left <= 0 or ready - now > left:
                raise self._throttled(max(0.0, ready - now), full=full, paused=paused)
            if ready > now:
                self._clock.wait(idle, ready - now)
            else:
                self._clock.wait(turn, min(left, _STOP_NOTICE_SECONDS) if stop is not None else left)

    def _grant(self, now: float) -> bool:
        for meter in self._meters:
            meter.grant(now)
        return self._circuit.started()

    def _wake(self) -> None:
        for turn in self._turns:
            turn.set()
        self._turns.clear()

    def _throttled(self, seconds: float, *, full: bool, paused: bool) -> SourceThrottled:
        when = f"in {math.ceil(seconds)} s" if seconds else "later"
        if paused:
            why, advice = "it asked to be left alone", f"Try again {when}"
        else:
            used_up = (
                "all its parallel calls are in use" if full and not seconds else "its call limit is used up"
            )
            why, advice = used_up, f"Try again {when}, or raise the connection's call limits"
        return SourceThrottled(
            f"No call to {self.host} now: {why}. {advice}.",
            retry_after=seconds or None,
            details={"host": self.host},
        )


class Budgets:
    """The budgets of this process: one for each host, and inside it one for each connection."""

    def __init__(self, clock: Clock, default: BudgetLimits | None = None) -> None:
        self._clock = clock
        self._default = default or BudgetLimits()
        self._hosts: dict[str, Budget] = {}
        self._claims: dict[str, dict[str, BudgetLimits]] = {}
        self._connections: dict[tuple[str, str], Budget] = {}
        self._lock = threading.Lock()

    def for_host(self, host: str) -> Budget:
        """The budget of `host` (any case), shared by everyone who talks to it."""
        with self._lock:
            return self._host(_plain(host))

    def for_connection(
        self, host: str, connection: str, limits: BudgetLimits, host_limits: BudgetLimits | None = None
    ) -> Budget:
        """The budget of a connection to `host`; `limits` replace those it had.

        `host_limits` is what this connection knows of the host's own limits. Where connections differ, the
        host gets the strictest of each kind, so that none overrides another.
        """
        name = _plain(host)
        with self._lock:
            outer = self._host(name)
            if host_limits is not None:
                claims = self._claims.setdefault(name, {})
                claims[connection] = host_limits
                outer.adjust(_strictest(self._default, list(claims.values())))
            budget = self._connections.get((name, connection))
            if budget is None:
                budget = Budget(name, limits, self._clock, within=outer)
                self._connections[name, connection] = budget
        budget.adjust(limits)
        return budget

    def _host(self, name: str) -> Budget:
        if name not in self._hosts:
            self._hosts[name] = Budget(name, self._default, self._clock)
        return self._hosts[name]


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _strictest(default: BudgetLimits, claims: list[BudgetLimits]) -> BudgetLimits:
    concurrency = [claim.concurrency for claim in claims if claim.concurrency is not None]
    return replace(
        default,
        windows=tuple(dict.fromkeys(window for claim in claims for window in claim.windows)),
        concurrency=min(concurrency, default=None),
        interactive_share=max(claim.interactive_share for claim in claims),
    )
