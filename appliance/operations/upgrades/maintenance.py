"""Maintenance mode: the API answers 503, no source is called and nothing is sent until it ends.

A run ends at its page and goes on from its checkpoint; writes, events and deliveries that wait keep waiting. What
sources deliver by themselves is still taken, and read afterwards. The admin page stays.
"""

from collections.abc import Callable
from typing import NamedTuple

from appliance.clock import Clock, iso
from appliance.errors import ConfigurationError
from appliance.store.database import Database

RETRY_SECONDS = 60.0
LONGEST_TEXT = 200


class InMaintenance(ConfigurationError):
    """The appliance is being maintained; repeat the call after as many seconds as `Retry-After` says."""

    code = "MAINTENANCE"
    retryable = True

    def __init__(self, period: "Period") -> None:
        super().__init__(
            f"The appliance is in maintenance since {iso(period.since)}: {period.why}. Repeat this later.",
            details={"since": iso(period.since)},
        )
        self.retry_after = RETRY_SECONDS


class Period(NamedTuple):
    """Since when, milliseconds; who began it and why."""

    since: int
    who: str
    why: str


class Maintenance:
    """Kept in the database, where all processes see it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def period(self) -> Period | None:
        """The maintenance that goes on, None while the appliance works. One small query."""
        row = self._database.row("SELECT since, who, why FROM maintenance")
        return None if row is None else Period(**row)

    def is_on(self) -> bool:
        return self.period() is not None

    def check(self) -> None:
        """Raises InMaintenance."""
        period = self.period()
        if period is not None:
            raise InMaintenance(period)

    def begin(self, who: str, why: str) -> bool:
        """False when it was on before; it then stays as it was."""
        inserted = self._database.run(
            "INSERT INTO maintenance (id, since, who, why) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
            (self._clock.now_ms(), who[:LONGEST_TEXT], why.strip()[:LONGEST_TEXT] or "no reason was given"),
        )
        return bool(inserted)

    def end(self) -> bool:
        """False when it was not on."""
        return bool(self._database.run("DELETE FROM maintenance"))

    def unless_on(self, work: Callable[[], int]) -> Callable[[], int]:
        """The work, which does nothing while maintenance goes on."""
        return lambda: 0 if self.is_on() else work()
