"""How many requests a minute: per token, per account, and per address for whoever has no valid token.

A sliding window of a minute, counted as two fixed ones: the previous one weighs as much of its count as still lies
inside the last sixty seconds. Counts live in this process. The server runs one worker with threads
(`server/gunicorn.py`), so they are all there are; a second worker would need them in the database.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from appliance.clock import Clock
from appliance.errors import LimitExceeded

WINDOW_SECONDS = 60.0
KEPT = 10_000
"""Callers counted at the same time, about 2 MB; the one longest silent is forgotten first."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a limit after a request. `reset` is in seconds, until all of it is there again."""

    limit: int
    remaining: int
    reset: float


@dataclass(slots=True)
class _Count:
    window: int = 0
    before: int = 0
    now: int = 0

    def move_to(self, window: int) -> None:
        if window != self.window:
            self.before = self.now if window == self.window + 1 else 0
            self.window, self.now = window, 0


class Limit:
    """One limit for many callers. Not locked: `Limits` holds the lock."""

    def __init__(self, per_minute: int, kept: int = KEPT) -> None:
        self.per_minute = per_minute
        self._kept = kept
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def wait(self, caller: str, now: float) -> float:
        """Seconds until one more request of the caller fits; 0.0 when it does now."""
        count, passed = self._at(caller, now)
        room = self.per_minute - 1
        if count.before * (1 - passed) + count.now <= room:
            return 0.0
        if count.now <= room:
            # Only the previous window is in the way: until enough of it has slid out.
            return (1 - (room - count.now) / count.before - passed) * WINDOW_SECONDS
        return (1 - passed + 1 - room / count.now) * WINDOW_SECONDS

    def take(self, caller: str, now: float) -> Allowance:
        """Count a request of the caller."""
        count, passed = self._at(caller, now)
        count.now += 1
        used = count.before * (1 - passed) + count.now
        reset = (2 - passed if count.now else 1 - passed) * WINDOW_SECONDS
        return Allowance(self.per_minute, max(0, int(self.per_minute - used)), reset)

    def _at(self, caller: str, now: float) -> tuple[_Count, float]:
        count = self._counts.setdefault(caller, _Count())
        self._counts.move_to_end(caller)
        if len(self._counts) > self._kept:
            self._counts.popitem(last=False)
        window, passed = divmod(now, WINDOW_SECONDS)
        count.move_to(int(window))
        return count, passed / WINDOW_SECONDS


class Limits:
    """The limits of the API; 0 a minute means none. Safe to share between threads."""

    def __init__(self, clock: Clock, *, per_token: int, per_account: int, per_address: int) -> None:
        self._clock = clock
        self._token = Limit(per_token) if per_token else None
        self._account = Limit(per_account, 16) if per_account else None
        self._address = Limit(per_address) if per_address else None
        self._lock = threading.Lock()

    def take(self, caller: str) -> Allowance | None:
        """Count a request of a known caller; the tighter allowance, None without limits.

        Raises LimitExceeded. A refused request counts nowhere, so one token that is over its own limit takes
        nothing from the account's.
        """
        checked = [(self._token, caller, "token"), (self._account, "account", "account")]
        return self._take([(limit, who, what) for limit, who, what in checked if limit is not None])

    def take_unknown(self, address: str) -> None:
        """Count a request without a valid token. Raises LimitExceeded."""
        if self._address is not None:
            self._take([(self._address, address, "address")])

    def _take(self, checked: list[tuple[Limit, str, str]]) -> Allowance | None:
        now = self._clock.monotonic()
        with self._lock:
            for limit, who, what in checked:
                wait = limit.wait(who, now)
                if wait > 0:
                    raise LimitExceeded(
                        f"More than {limit.per_minute} requests in a minute by this {what}. "
                        f"Wait {wait:.0f} seconds, or ask an administrator for a higher limit.",
                        retry_after=wait,
                        details={"limit": limit.per_minute, "per": what, "window_seconds": 60},
                    )
            taken = [limit.take(who, now) for limit, who, _ in checked]
        return min(taken, key=lambda one: one.remaining, default=None)
