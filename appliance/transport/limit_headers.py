"""What a source says about its own call limit in the headers of every answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from appliance.transport.retry import retry_after

ResetKind = Literal["seconds", "epoch", "epoch_ms"]


@dataclass(frozen=True, slots=True)
class LimitHeaders:
    """Names of headers: calls left in the present span, when it ends, and (or empty) calls in a whole span.

    `reset_kind` says how the end is given: seconds from now, seconds or milliseconds since 1970. An HTTP date
    is understood in any case.
    """

    remaining: str
    reset: str
    reset_kind: ResetKind = "seconds"
    limit: str = ""


@dataclass(frozen=True, slots=True)
class UsedUp:
    """`seconds` until calls are permitted again; `background_only`: some are left for a person."""

    seconds: float
    background_only: bool


def used_up(names: LimitHeaders, headers: Mapping[str, str], now: datetime, reserve: float) -> UsedUp | None:
    """None while calls are left, or when the headers are missing or unreadable.

    `reserve` is the share of a whole span that background calls leave; it needs the `limit` header.
    """
    remaining = _number(headers.get(names.remaining))
    if remaining is None:
        return None
    whole = _number(headers.get(names.limit)) if names.limit else None
    kept = 0.0 if whole is None else whole * reserve
    if remaining > kept:
        return None
    seconds = _seconds(headers.get(names.reset), names.reset_kind, now)
    return None if seconds is None else UsedUp(seconds, background_only=remaining >= 1)


def _seconds(value: str | None, kind: ResetKind, now: datetime) -> float | None:
    number = _number(value)
    if number is None:
        return retry_after(value, now)
    if kind == "seconds":
        return max(0.0, number)
    moment = number / 1000 if kind == "epoch_ms" else number
    return max(0.0, moment - now.timestamp())


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and -1e15 < number < 1e15 else None
