"""Counts that a process keeps in memory until somebody takes them; labels are of a known few, never free texts."""

import threading
from bisect import bisect_left
from collections import defaultdict

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of durations in seconds; what took longer is in `+Inf` alone."""


class Tally:
    """Amounts by series and label. Thread-safe."""

    def __init__(self) -> None:
        self._amounts: defaultdict[tuple[str, str], float] = defaultdict(float)
        self._lock = threading.Lock()

    def add(self, series: str, label: str = "", amount: float = 1.0) -> None:
        with self._lock:
            self._amounts[series, label] += amount

    def timed(self, series: str, seconds: float) -> None:
        """Count a duration in `SERIES_bucket`, in the one bucket that it falls into, and `SERIES_sum`."""
        place = bisect_left(BUCKETS, seconds)
        bound = f"{BUCKETS[place]:g}" if place < len(BUCKETS) else "+Inf"
        with self._lock:
            self._amounts[f"{series}_bucket", bound] += 1
            self._amounts[f"{series}_sum", ""] += seconds

    def take(self) -> dict[tuple[str, str], float]:
        """All amounts since the last call."""
        with self._lock:
            taken, self._amounts = self._amounts, defaultdict(float)
        return dict(taken)

    def put_back(self, amounts: dict[tuple[str, str], float]) -> None:
        """Of a call whose amounts could not be kept."""
        with self._lock:
            for name, amount in amounts.items():
                self._amounts[name] += amount
