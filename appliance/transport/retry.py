"""When a safe request is sent again, and after how long."""

import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_PASSING = frozenset({429, 502, 503, 504})


def may_pass(status: int, method: str) -> bool:
    """Whether what a status tells may be over at the next attempt.

    500 is believed of a GET only: remote calls, which are POSTs, answer 500 for what is wrong in the call.
    """
    return status in _PASSING or (status == 500 and method == "GET")


def backoff(attempt: int, base: float, ceiling: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1): full jitter under a doubling limit.

    Full jitter, because the connections of one source fail at the same moment and must not return together.
    """
    limit = min(ceiling, base * float(2 ** (attempt - 1)))
    return limit * secrets.randbelow(1_000_001) / 1_000_000


def retry_after(value: str | None, now: datetime) -> float | None:
    """A Retry-After header (seconds or HTTP date) as seconds from `now`, at least 0; None if unreadable."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
