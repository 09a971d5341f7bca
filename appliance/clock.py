"""Time and randomness, from one place, so that tests of retry, backoff, expiry and schedule need no sleep."""

import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the program gets time from. Times are aware UTC datetimes or whole milliseconds since 1970."""

    def now(self) -> datetime: ...

    def now_ms(self) -> int: ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point, never set back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; True when it was set."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        # Goes on while the machine sleeps, so that a sleep is no jump of the wall clock.
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


def iso(ms: int | None) -> str | None:
    """Milliseconds since 1970 as ISO-8601 UTC with `Z`, or None."""
    if ms is None:
        return None
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if ms % 1000 else "seconds").replace("+00:00", "Z")


def to_ms(moment: datetime) -> int:
    """An aware datetime as whole milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def new_id(prefix: str) -> str:
    """A new opaque identifier such as `con_5f0c…`: 64 random bits, enough for names that are not secrets."""
    return f"{prefix}_{secrets.token_hex(8)}"


def new_secret(prefix: str) -> str:
    """A new secret of 256 random bits with a prefix by which scanners can find it."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"
