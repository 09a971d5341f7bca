"""Which backups stay: the newest of each of the last days, weeks and months (grandfather, father, son)."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple


class Keep(NamedTuple):
    """How many days, weeks and months with a backup keep one; `zone` says when a day begins."""

    daily: int
    weekly: int
    monthly: int
    zone: tzinfo = UTC


def kept(backups: Mapping[str, int], keep: Keep) -> set[str]:
    """The names that stay, of names to times in milliseconds since 1970. The newest always does.

    Days without a backup do not count, so that a machine that was off for long loses nothing by it.
    """
    newest_first = sorted(backups, key=lambda name: (backups[name], name), reverse=True)
    stay = set(newest_first[:1])
    for number, pattern in ((keep.daily, "%Y-%m-%d"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m")):
        seen: set[str] = set()
        for name in newest_first:
            period = datetime.fromtimestamp(backups[name] / 1000, keep.zone).strftime(pattern)
            if period not in seen and len(seen) < number:
                seen.add(period)
                stay.add(name)
    return stay
