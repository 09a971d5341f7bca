"""From a timetable to the next due time, as pure functions: what is due does not move with a restart.

Times are milliseconds since 1970, UTC. `of` is the text whose hash spreads due times, so that streams with the same
rule do not come at the same moment; the same text always comes at the same one.

Due times of an interval lie on a line from 1970 on, not at the end of the last run: they drift with nothing, what was
missed is passed over, and a change to or from summer time does not concern them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import TypeVar
from zoneinfo import ZoneInfo

from cronsim import CronSim

from appliance.sync.schedules.rule import DAY_MINUTES, FOR_GOOD, Cron, Every, Never, QuietWindow, Timetable

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# What waits for the end of a quiet window begins within so long after it.
AFTER_QUIET_MS = 5 * MINUTE_MS
# Comparing whole lists is for the night: between midnight and five, in the zone of the rule.
NIGHT_MS = 5 * HOUR_MS
LONGEST_BACKOFF = 10
LONGEST_CATCH_UP_MS = 5 * MINUTE_MS

Stream = TypeVar("Stream")


def next_due(table: Timetable, of: str, after: int) -> int | None:
    """The first time after `after` at which an entity is to be synchronized; None while it is paused for good."""
    return _next(table, table.pattern, of, after, _offset(table, table.pattern, of))


def next_reconcile(table: Timetable, of: str, after: int) -> int | None:
    """The first time after `after` at which a list is to be compared as a whole; None for never."""
    pattern = table.reconcile
    if isinstance(pattern, Never):
        return None
    offset = _offset(table, pattern, of)
    if isinstance(pattern, Every) and pattern.seconds * 1000 % DAY_MS == 0:
        ahead = datetime.fromtimestamp(after / 1000, table.zone).utcoffset() or timedelta()
        offset = spread(of, NIGHT_MS) - round(ahead.total_seconds() * 1000)
    return _next(table, pattern, of, after, offset)


def retry_at(table: Timetable, of: str, failures: int, now: int, rest: int = 0) -> int | None:
    """When to try again after a failure that came after `failures` others: 1, 2, 4 … minutes and up to an eighth more,
    at most the usual interval. `rest` is for how many milliseconds the source asked to be left alone.
    """
    pause = MINUTE_MS << min(failures, LONGEST_BACKOFF)
    pause += spread(f"{of} {failures}", pause // 8)
    return moved(table, of, now + max(rest, min(pause, usual_gap(table, now))))


def moved(table: Timetable, of: str, moment: int) -> int | None:
    """A moment, or the first one after it that is neither paused nor quiet; None while it is paused for good."""
    if table.paused_until == FOR_GOOD:
        return None
    return _out_of_quiet(table, of, max(moment, table.paused_until or 0))


def usual_gap(table: Timetable, now: int) -> int:
    """Milliseconds between two due times: those to come, where the times of a cron expression are uneven."""
    if isinstance(table.pattern, Every):
        return table.pattern.seconds * 1000
    times = _cron(table.pattern, table.zone, now)
    first, second = next(times, now + DAY_MS), next(times, None)
    return DAY_MS if second is None else second - first


def quiet_until(table: Timetable, moment: int) -> int | None:
    """The end of the quiet window that a moment lies in, the latest one of several; None outside."""
    local = datetime.fromtimestamp(moment / 1000, table.zone).date()
    ends = [
        end
        for window in table.quiet
        for day in (local, local - timedelta(days=1))
        for begin, end in _window_on(window, day, table.zone)
        if begin <= moment < end
    ]
    return max(ends, default=None)


def catch_up(overdue: Mapping[Stream, str | None], now: int, span: int) -> dict[Stream, int]:
    """New due times for what is overdue, evenly over `span` milliseconds, the hosts by turns.

    `overdue` is what is to come at one time, such as a connection, to its host.
    """
    turns: dict[str, int] = {}
    order: list[tuple[int, Stream]] = []
    for stream, host in overdue.items():
        turn = turns.get(host, 0) if host is not None else 0
        if host is not None:
            turns[host] = turn + 1
        order.append((turn, stream))
    order.sort(key=lambda one: one[0])
    return {stream: now + span * number // len(order) for number, (_, stream) in enumerate(order)}


def spread(of: str, span: int) -> int:
    """A number from 0 up to `span`, always the same one for the same text."""
    return int.from_bytes(blake2b(of.encode(), digest_size=8).digest()) % span if span > 0 else 0


def _offset(table: Timetable, pattern: Every | Cron, of: str) -> int:
    usual = pattern.seconds * 1000 if isinstance(pattern, Every) else 0
    return spread(of, usual if table.jitter_ms is None else table.jitter_ms)


def _next(table: Timetable, pattern: Every | Cron, of: str, after: int, offset: int) -> int | None:
    if table.paused_until == FOR_GOOD:
        return None
    start = max(after, table.paused_until or 0)
    if isinstance(pattern, Every):
        interval = pattern.seconds * 1000
        due = start + interval - (start - offset) % interval
    else:
        # One that is spread over more than the gap before it may still be to come.
        times = (fired + offset for fired in _cron(pattern, table.zone, start - offset))
        due = next(times, start + 366 * DAY_MS)
    return _out_of_quiet(table, of, due)


def _out_of_quiet(table: Timetable, of: str, moment: int) -> int:
    # Windows may follow each other, at most all of a week's.
    for _ in range(7 * max(1, len(table.quiet))):
        end = quiet_until(table, moment)
        if end is None:
            return moment
        spread_out = end + spread(of, AFTER_QUIET_MS)
        moment = end if quiet_until(table, end) is None and quiet_until(table, spread_out) else spread_out
    return moment


def _cron(pattern: Cron, zone: ZoneInfo, after: int) -> Iterator[int]:
    """Times after `after`. One that summer time skips comes at its end, one that comes twice counts once."""
    for fired in CronSim(pattern.expression, datetime.fromtimestamp(after / 1000, zone)):
        moment = round(fired.timestamp() * 1000)
        # In the hour that comes twice, a time of the first one may be told in the second.
        if moment > after:
            yield moment


def _window_on(window: QuietWindow, day: date, zone: ZoneInfo) -> Sequence[tuple[int, int]]:
    if day.weekday() not in window.days:
        return ()
    last = day if window.end > window.begin else day + timedelta(days=1)
    # Of an hour that comes twice the window has both.
    return ((_local(day, window.begin, zone, 0), _local(last, window.end, zone, 1)),)


def _local(day: date, minute: int, zone: ZoneInfo, fold: int) -> int:
    if minute == DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    moment = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=zone, fold=fold)
    return round(moment.astimezone(UTC).timestamp() * 1000)
