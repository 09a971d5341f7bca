"""The circuit breaker of a host."""

from appliance.transport.errors import CircuitOpen
from appliance.transport.meter import BudgetLimits


class Circuit:
    """Leaves a host alone that does not answer. Not locked: its budget's lock guards it."""

    def __init__(self, host: str, limits: BudgetLimits) -> None:
        self.limits = limits
        self._host = host
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._probing = False

    def admit(self, interactive: bool, now: float) -> None:
        """Raise CircuitOpen unless the host may be tried; after the open time, one call at a time may."""
        if self._open_until is None or interactive:
            return
        if now < self._open_until or self._probing:
            raise CircuitOpen(self._host, self._failures, max(1.0, self._open_until - now))

    def started(self) -> bool:
        """A call was admitted; True when it is the probe of an open circuit."""
        if self._open_until is None or self._probing:
            return False
        self._probing = True
        return True

    def record(self, answered: bool | None, probe: bool, now: float) -> None:
        """How a call ended: True answered, False no connection, None says nothing about the host."""
        if probe:
            self._probing = False
        if answered is None:
            return
        if answered:
            self._failures, self._openings, self._open_until = 0, 0, None
            return
        self._failures += 1
        if self.limits.failures_to_open == 0 or self._failures < self.limits.failures_to_open:
            return
        # Calls that were under way when it opened fail one by one and must not lengthen the pause.
        if self._open_until is None or now >= self._open_until:
            pause = min(self.limits.open_seconds_max, self.limits.open_seconds * 2.0**self._openings)
            self._openings += 1
            self._open_until = now + pause
