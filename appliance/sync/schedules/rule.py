"""The rule of a schedule: how often, when not, and how it is written as plain JSON.

A rule leaves open what it does not say. That of an entity stands over that of its connection, and that over the
settings; what all of them together say is a Timetable, which leaves nothing open.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from appliance.clock import iso, to_ms
from appliance.sync.errors import ScheduleInvalid

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
MEMBERS = ("every_seconds", "cron", "time_zone", "quiet", "jitter_seconds", "paused", "reconcile")
MOST_WINDOWS = 20
LONGEST_JITTER = 86_400
LONGEST_RECONCILE = 31 * 86_400
LONGEST_CRON = 200
# The quiet hours of a week must leave so much of it in one piece.
LEAST_OPEN_MINUTES = 15

FOR_GOOD = 253_402_300_799_000
"""`paused_until` of what is paused until somebody resumes it: the end of the year 9999."""


@dataclass(frozen=True, slots=True)
class Every:
    """Times so many seconds apart."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields of cron, in local time."""

    expression: str


@dataclass(frozen=True, slots=True)
class Never:
    """No time at all: `"reconcile": false`."""


@dataclass(frozen=True, slots=True)
class QuietWindow:
    """Begins on `days` (0 is Monday) at `begin`, minutes after midnight, and ends at `end`, which is on the day after
    where it is not later than that.
    """

    days: tuple[int, ...]
    begin: int
    end: int


class Bounds(NamedTuple):
    """Seconds between two synchronizations that may be asked for."""

    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class Rule:
    """None is what the rule leaves open. Times are milliseconds since 1970, UTC."""

    pattern: Every | Cron | None = None
    time_zone: str | None = None
    quiet: tuple[QuietWindow, ...] | None = None
    jitter_seconds: int | None = None
    paused_until: int | None = None
    reconcile: Every | Cron | Never | None = None

    def over(self, below: "Rule") -> "Rule":
        """This rule, and what it leaves open as `below` says it. A pause of either one holds."""
        return Rule(
            self.pattern or below.pattern,
            self.time_zone or below.time_zone,
            below.quiet if self.quiet is None else self.quiet,
            below.jitter_seconds if self.jitter_seconds is None else self.jitter_seconds,
            max(self.paused_until or 0, below.paused_until or 0) or None,
            self.reconcile or below.reconcile,
        )

    def paused(self, until: int | None) -> "Rule":
        return replace(self, paused_until=until)

    def as_dict(self) -> dict[str, Any]:
        """As `read_rule` takes it."""
        written: dict[str, Any] = {}
        if self.pattern is not None:
            written |= _pattern_dict(self.pattern)
        if self.time_zone is not None:
            written["time_zone"] = self.time_zone
        if self.quiet is not None:
            written["quiet"] = [_window_dict(window) for window in self.quiet]
        if self.jitter_seconds is not None:
            written["jitter_seconds"] = self.jitter_seconds
        if self.paused_until is not None:
            written["paused"] = True if self.paused_until == FOR_GOOD else iso(self.paused_until)
        if self.reconcile is not None:
            written["reconcile"] = (
                False if isinstance(self.reconcile, Never) else _pattern_dict(self.reconcile)
            )
        return written


@dataclass(frozen=True, slots=True)
class Timetable:
    """A rule with nothing left open. `jitter_ms` None: over the whole interval, and for cron not at all."""

    pattern: Every | Cron
    zone: ZoneInfo
    quiet: tuple[QuietWindow, ...]
    jitter_ms: int | None
    paused_until: int | None
    reconcile: Every | Cron | Never


def timetable(rule: Rule, *, interval_seconds: int, reconcile_hours: int) -> Timetable:
    """The rule with the settings below it; `reconcile_hours` 0 is never."""
    usual = Every(reconcile_hours * 3600) if reconcile_hours else Never()
    return Timetable(
        rule.pattern or Every(interval_seconds),
        ZoneInfo(rule.time_zone or "UTC"),
        rule.quiet or (),
        None if rule.jitter_seconds is None else rule.jitter_seconds * 1000,
        rule.paused_until,
        rule.reconcile or usual,
    )


def read_rule(document: Any, bounds: Bounds | None = None, *, where: str = "rule") -> Rule:
    """A rule from JSON; without `bounds`, as a stored one, how often is not judged.

    Raises ScheduleInvalid, which names the member that is wrong and what it may be.
    """
    if not isinstance(document, dict):
        _refuse(where, "an object")
    unknown = sorted(set(document) - set(MEMBERS))
    if unknown:
        _refuse(f"{where}.{str(unknown[0])[:60]}", f"not known; members are {', '.join(MEMBERS)}")
    rule = Rule(
        _read_pattern(document, bounds, where, optional=True),
        _read_zone(document.get("time_zone"), f"{where}.time_zone"),
        _read_quiet(document.get("quiet"), f"{where}.quiet"),
        _read_whole(document.get("jitter_seconds"), 0, LONGEST_JITTER, f"{where}.jitter_seconds"),
        _read_pause(document.get("paused"), f"{where}.paused"),
        _read_reconcile(document.get("reconcile"), bounds, f"{where}.reconcile"),
    )
    if isinstance(rule.pattern, Every) and (rule.jitter_seconds or 0) > rule.pattern.seconds:
        _refuse(f"{where}.jitter_seconds", f"at most every_seconds, {rule.pattern.seconds}")
    return rule


def _read_pattern(
    document: dict[str, Any], bounds: Bounds | None, where: str, *, optional: bool
) -> Every | Cron | None:
    seconds, expression = document.get("every_seconds"), document.get("cron")
    if seconds is not None and expression is not None:
        _refuse(f"{where}.cron", "left out where every_seconds is given: one of the two")
    if expression is not None:
        return Cron(_read_cron(expression, bounds, f"{where}.cron"))
    lowest, highest = (bounds.shortest, bounds.longest) if bounds else (1, 10**9)
    checked = _read_whole(seconds, lowest, highest, f"{where}.every_seconds")
    if checked is None and not optional:
        _refuse(where, "false, or an object with every_seconds or cron")
    return None if checked is None else Every(checked)


def _read_cron(expression: Any, bounds: Bounds | None, where: str) -> str:
    if not isinstance(expression, str) or len(expression) > LONGEST_CRON or len(expression.split()) != 5:
        _refuse(where, "the five fields of cron, such as 30 2 * * *")
    written = " ".join(expression.split())
    if bounds is None:
        return written
    try:
        gap = _shortest_gap(written)
    except CronSimError as failure:
        _refuse(where, f"the five fields of cron, such as 30 2 * * *: {failure}")
    if gap is None:
        _refuse(where, "a time that comes; this one never does")
    if gap < bounds.shortest:
        _refuse(where, f"times at least {bounds.shortest} seconds apart; two of these are {gap}")
    return written


@lru_cache(maxsize=200)
def _shortest_gap(expression: str) -> int | None:
    """Seconds between the two closest times of a cron expression, a year where it has one; None: it never comes."""
    # All patterns of minutes, hours and days that lie next to each other show within so many times.
    simulated = CronSim(expression, datetime(2023, 12, 31, 23, 59, tzinfo=UTC))
    before, gap = None, 366 * 86_400
    for _ in range(250):
        try:
            found = next(simulated)
        except (StopIteration, RuntimeError):
            return None if before is None else gap
        if before is not None:
            gap = min(gap, round((found - before).total_seconds()))
            if found.year > 2032:
                return gap
        before = found
    return gap


def _read_zone(name: Any, where: str) -> str | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name if isinstance(name, str) else "").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _refuse(where, "a time zone of the IANA list, such as Europe/Berlin")


def _read_quiet(windows: Any, where: str) -> tuple[QuietWindow, ...] | None:
    if windows is None:
        return None
    if not isinstance(windows, list) or len(windows) > MOST_WINDOWS:
        _refuse(where, f"a list of up to {MOST_WINDOWS} windows")
    read = tuple(_read_window(window, f"{where}[{number}]") for number, window in enumerate(windows))
    if _longest_open(read) < LEAST_OPEN_MINUTES:
        _refuse(where, f"windows that leave {LEAST_OPEN_MINUTES} minutes of the week in one piece")
    return read


def _read_window(window: Any, where: str) -> QuietWindow:
    if not isinstance(window, dict) or not {"from", "to"} <= set(window) <= {"days", "from", "to"}:
        _refuse(where, "an object with days (or without, for all of them), from and to")
    names = window.get("days", list(DAYS))
    if not isinstance(names, list) or not names or not all(name in DAYS for name in names):
        _refuse(f"{where}.days", f"a list of {', '.join(DAYS)}")
    begin, end = (_read_minute(window[name], f"{where}.{name}") for name in ("from", "to"))
    if begin in (end, DAY_MINUTES):
        _refuse(f"{where}.to", "another time than from; a whole day is from 00:00 to 24:00")
    return QuietWindow(tuple(sorted({DAYS.index(name) for name in names})), begin, end)


def _read_minute(text: Any, where: str) -> int:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)|24:00", text) if isinstance(text, str) else None
    if found is None:
        _refuse(where, "a time of day, 00:00 to 24:00")
    return DAY_MINUTES if found[1] is None else int(found[1]) * 60 + int(found[2])


def _longest_open(windows: tuple[QuietWindow, ...]) -> int:
    """Minutes of the longest piece of a week that no window covers."""
    week = 7 * DAY_MINUTES
    covered = [False] * week
    for window in windows:
        length = (window.end - window.begin) % DAY_MINUTES or DAY_MINUTES
        for day in window.days:
            begin = day * DAY_MINUTES + window.begin
            for minute in range(begin, begin + length):
                covered[minute % week] = True
    # Twice around, as a piece may go over the end of the week.
    longest = piece = 0
    for taken in [*covered, *covered]:
        piece = 0 if taken else piece + 1
        longest = max(longest, piece)
    return longest


def _read_pause(paused: Any, where: str) -> int | None:
    if paused is None or paused is False:
        return None
    if paused is True:
        return FOR_GOOD
    try:
        moment = datetime.fromisoformat(paused if isinstance(paused, str) else "")
        if moment.tzinfo is None:
            raise ValueError
        return min(FOR_GOOD - 1, to_ms(moment))
    except (ValueError, OverflowError):
        _refuse(where, "true, false, or a time with its zone, such as 2026-01-05T08:00:00Z")


def _read_reconcile(document: Any, bounds: Bounds | None, where: str) -> Every | Cron | Never | None:
    if document is None:
        return None
    if document is False:
        return Never()
    if not isinstance(document, dict) or not set(document) <= {"every_seconds", "cron"}:
        _refuse(where, "false, or an object with every_seconds or cron")
    wide = None if bounds is None else Bounds(bounds.shortest, LONGEST_RECONCILE)
    return _read_pattern(document, wide, where, optional=False)


def _read_whole(value: Any, lowest: int, highest: int, where: str) -> int | None:
    if value is None:
        return None
    # bool is an int to Python, not to JSON.
    if type(value) is not int or not lowest <= value <= highest:
        _refuse(where, f"a whole number from {lowest} to {highest}")
    return value


def _refuse(where: str, allowed: str) -> NoReturn:
    raise ScheduleInvalid(f"{where} is {allowed}.", details={"fields": {where: allowed}})


def _pattern_dict(pattern: Every | Cron) -> dict[str, Any]:
    if isinstance(pattern, Every):
        return {"every_seconds": pattern.seconds}
    return {"cron": pattern.expression}


def _window_dict(window: QuietWindow) -> dict[str, Any]:
    def time(minute: int) -> str:
        return f"{minute // 60:02}:{minute % 60:02}"

    named = {} if len(window.days) == len(DAYS) else {"days": [DAYS[day] for day in window.days]}
    return {**named, "from": time(window.begin), "to": time(window.end)}
