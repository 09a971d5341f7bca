"""Retention: once an hour what has outlived its time is deleted, some rows at a time.

    rule "runs" ──► erase(before, 2,000) ──► erase(before, 2,000) ──► 0: next rule ──► … ──► noted, logged

A transaction is short, and between two of them waiting writers go first; while runs work there is also a pause.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from appliance.clock import Clock, iso
from appliance.store.database import Database

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of thing that is deleted.

    `erase(before, limit)` deletes at most about `limit` rows of what is older than `before`, milliseconds since 1970,
    and returns how many; 0 ends the rule for this time. With the unit `versions` it is given the amount in place of
    `before`. `amount` 0 days keeps everything for ever. `setting` is its key, None where it is fixed.
    """

    name: str
    what: str
    setting: str | None
    amount: int
    erase: Callable[[int, int], int]
    unit: Literal["days", "versions"] = "days"
    every_ms: int = HOUR_MS

    @property
    def is_off(self) -> bool:
        return self.unit == "days" and self.setting is not None and self.amount == 0

    def slice(self, now: int) -> int:
        """Delete some; how many rows."""
        return self.erase(now - self.amount * DAY_MS if self.unit == "days" else self.amount, ROWS_AT_ONCE)


class Retention:
    """Carries out the rules. `is_busy` tells whether runs are at work, which go first."""

    def __init__(
        self, database: Database, clock: Clock, rules: Sequence[Rule], *, is_busy: Callable[[], bool]
    ) -> None:
        self.rules = tuple(rules)
        self._database = database
        self._clock = clock
        self._is_busy = is_busy
        self._due_at: int | None = None
        self._waiting: list[Rule] = []
        self._erased: dict[str, int] = {}

    def work_off(self) -> int:
        """One short step of what is due; 0 when the caller should rest before the next. The engine calls it.

        Without anything due it asks nothing of the database.
        """
        now = self._clock.now_ms()
        if not self._waiting and not self._begin(now):
            return 0
        # Taken out first: a rule that fails is left out this time, and does not keep the others from their turn.
        rule = self._waiting.pop(0)
        erased = rule.slice(now)
        self._erased[rule.name] = self._erased.get(rule.name, 0) + erased
        if erased:
            self._waiting.insert(0, rule)
        elif not self._waiting:
            self._note(now)
            return 0
        return 0 if erased and self._is_busy() else 1

    def run_all(self) -> dict[str, int]:
        """Carry out all rules now, to the end; rule to rows deleted."""
        self._database.make_room()
        self._waiting = [rule for rule in self.rules if not rule.is_off]
        self._erased = {}
        now = self._clock.now_ms()
        for rule in self._waiting:
            self._erased[rule.name] = 0
            while erased := rule.slice(now):
                self._erased[rule.name] += erased
        done = dict(self._erased)
        self._note(now)
        return done

    def hurry(self) -> None:
        """Everything is due at once: for a disk that runs out."""
        self._due_at = 0

    def describe(self) -> list[dict[str, Any]]:
        """Every rule with its amount and its last run, as plain data. One query."""
        last = {
            row["rule"]: row for row in self._database.rows("SELECT rule, ran_at, erased FROM retention_run")
        }
        return [
            {
                "rule": rule.name,
                "what": rule.what,
                "setting": rule.setting,
                "amount": rule.amount,
                "unit": rule.unit,
                "off": rule.is_off,
                "ran_at": iso(last[rule.name]["ran_at"]) if rule.name in last else None,
                "erased": last[rule.name]["erased"] if rule.name in last else None,
            }
            for rule in self.rules
        ]

    def _begin(self, now: int) -> bool:
        """Make ready what is due; False when nothing is."""
        hurried = self._due_at == 0
        # Further ahead than any rule only after the clock was set back.
        if self._due_at is not None and now < self._due_at <= now + DAY_MS:
            return False
        ran = {
            row["rule"]: row["ran_at"]
            for row in self._database.rows("SELECT rule, ran_at FROM retention_run")
        }
        rules = [rule for rule in self.rules if not rule.is_off]
        due_at = {rule.name: 0 if hurried else ran.get(rule.name, 0) + rule.every_ms for rule in rules}
        self._waiting = [rule for rule in rules if due_at[rule.name] <= now]
        self._due_at = min((at for at in due_at.values() if at > now), default=now + HOUR_MS)
        self._erased = {}
        if self._waiting:
            self._database.make_room()
        return bool(self._waiting)

    def _note(self, now: int) -> None:
        """Keep when the rules ended and what they deleted: one transaction an hour."""
        self._database.run_many(
            "INSERT INTO retention_run (rule, ran_at, erased) VALUES (?, ?, ?)"
            " ON CONFLICT (rule) DO UPDATE SET ran_at = excluded.ran_at, erased = excluded.erased",
            [(name, now, erased) for name, erased in self._erased.items()],
        )
        gone = {name: erased for name, erased in self._erased.items() if erased}
        if gone:
            log.info("retention deleted %s", ", ".join(f"{erased} {name}" for name, erased in gone.items()))
        self._waiting = []
        self._due_at = min(self._due_at or now + HOUR_MS, now + HOUR_MS)
