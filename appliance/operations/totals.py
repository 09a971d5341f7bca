"""Totals that grow over restarts and processes: each process adds what it has counted, a few rows at a time."""

from appliance.clock import Clock
from appliance.store.database import Database
from appliance.store.space import DiskFull
from appliance.tally import Tally

FLUSH_SECONDS = 15.0


class Totals:
    """The tally of this process and the kept totals of all."""

    def __init__(self, database: Database, tally: Tally, clock: Clock) -> None:
        self._database = database
        self._tally = tally
        self._clock = clock
        self._next = 0.0

    def work_off(self) -> int:
        """Add what was counted, every FLUSH_SECONDS; always 0. The engine calls it."""
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + FLUSH_SECONDS
            self.flush()
        return 0

    def flush(self) -> None:
        """Add what was counted since the last time; one short write, none when there is nothing."""
        taken = self._tally.take()
        if not taken:
            return
        try:
            self._database.run_many(
                "INSERT INTO total (series, label, value) VALUES (?, ?, ?)"
                " ON CONFLICT (series, label) DO UPDATE SET value = value + excluded.value",
                [(*name, amount) for name, amount in taken.items()],
            )
        except DiskFull:
            self._tally.put_back(taken)

    def read(self) -> dict[str, dict[str, float]]:
        """Label to value, by series."""
        found: dict[str, dict[str, float]] = {}
        for series, label, value in self._database.tuples("SELECT series, label, value FROM total"):
            found.setdefault(series, {})[label] = value
        return found

    def erase(self, connection_id: str) -> int:
        """Forget what was synchronized of a connection; how many rows."""
        return self._database.run("DELETE FROM sync_total WHERE connection_id = ?", (connection_id,))
