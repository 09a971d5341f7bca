"""Jumps of the wall clock: seen against the steady clock, and taken out of every time that is a distance.

    wall    ──────────┐ +9 h (somebody sets the clock, a time server corrects it, a paused machine goes on)
    steady  ──────────┴──────────►   what was to come in 5 minutes still comes in 5 minutes

Leases, waits, limits of delivery and sessions are distances: they move with the jump. Times on the calendar, such as
due times and ends of certificates, do not: what is due is planned anew, and what was missed comes once, spread.
"""

import logging
import threading
from collections.abc import Callable

from appliance.clock import Clock, iso
from appliance.connections.condition.issues import Condition
from appliance.store.database import Database
from appliance.sync.planner import Planner

log = logging.getLogger(__name__)

TOLERANCE_MS = 30_000
"""What time servers correct in one step without anybody noticing it."""
PAUSE_SECONDS = 60.0
"""Without a look for so long, the whole machine stood still."""
TOLD_MS = 24 * 3_600_000
"""How long an issue tells of a jump, and how long nothing is deleted for its age after the clock went ahead."""
_READING_SECONDS = 1.0

# Distances from now: table, column, and which rows.
_DISTANCES = (
    ("run", "lease_until", "state = 'running'"),
    ("run_entity", "pass_started_at", "state IN ('queued', 'running')"),
    ("run_entity", "progress_at", "state IN ('queued', 'running')"),
    ("webhook_lane", "next_at", "next_at IS NOT NULL"),
    ("webhook_lane", "lease_until", "lease IS NOT NULL"),
    ("webhook_endpoint", "rests_until", "rests_until > 0"),
    ("webhook_endpoint", "former_secret_until", "former_secret_until > 0"),
    ("webhook_delivery", "give_up_at", "state = 'waiting'"),
    ("write_order", "due_at", "due_at IS NOT NULL"),
    ("push_event", "due_at", "state IN ('waiting', 'again')"),
    ("probe_plan", "due_at", "due_at > 0"),
    ("remapping", "due_at", "due_at > 0"),
    ("quarantine", "retry_at", "retry_at IS NOT NULL"),
    ("schedule", "last_success_at", "last_success_at IS NOT NULL"),
    ("retention_run", "ran_at", "ran_at > 0"),
    ("session", "seen_at", "1"),
    ("session", "expires_at", "1"),
    ("account", "locked_until", "locked_until IS NOT NULL"),
    ("bootstrap", "expires_at", "1"),
)


class ClockWatch:
    """Looks at both clocks, for the one engine of a data directory. Thread-safe.

    `last_seen` is when the engine before this one last lived, milliseconds: a start at an earlier time is a jump, too.
    """

    def __init__(
        self, database: Database, planner: Planner, clock: Clock, *, last_seen: int | None = None
    ) -> None:
        self._database = database
        self._planner = planner
        self._clock = clock
        self._lock = threading.Lock()
        self._ahead_until = clock.monotonic()
        wall, self._steady = self._read()
        # A jump while nothing ran shows at the first look; forward it cannot be told from a stop.
        self._wall = wall if last_seen is None else max(wall, last_seen)

    def look(self) -> int:
        """Settle a jump; by how many milliseconds the clock jumped, 0 mostly. Two clock readings, no query.

        Raises DiskFull when what has to be moved cannot be written; the next look then tries it again.
        """
        with self._lock:
            wall, steady = self._read()
            passed = steady - self._steady
            jump = wall - self._wall - round(passed * 1000)
            if abs(jump) < TOLERANCE_MS:
                jump = 0
            else:
                self._settle(jump, wall)
            self._wall, self._steady = wall, steady
            if jump > 0:
                self._ahead_until = steady + TOLD_MS / 1000
            if jump or passed > PAUSE_SECONDS:
                self._planner.catch_up()
            return jump

    def before(self, work: Callable[[], int]) -> Callable[[], int]:
        """The same work, with a look before it: no work sees a time that was not settled."""

        def looked() -> int:
            self.look()
            return work()

        return looked

    def unless_ahead(self, work: Callable[[], int]) -> Callable[[], int]:
        """The same work, but nothing in the day after the clock went ahead: it may go back again.

        For what deletes by age, which cannot be taken back.
        """
        return lambda: 0 if self._clock.monotonic() < self._ahead_until else work()

    def _read(self) -> tuple[int, float]:
        """Wall and steady clock of one moment; read again when the process was held between the two."""
        while True:
            before = self._clock.monotonic()
            wall = self._clock.now_ms()
            steady = self._clock.monotonic()
            if steady - before < _READING_SECONDS:
                return wall, steady

    def _settle(self, jump: int, now: int) -> None:
        log.warning("the clock of this machine jumped by %+.0f s; times are moved with it", jump / 1000)
        with self._database.write():
            for table, column, which in _DISTANCES:
                self._database.run(f"UPDATE {table} SET {column} = {column} + ? WHERE {which}", (jump,))
            if jump < 0:
                # A pass that began while the clock was ahead asked for changes up to a time that had not come.
                self._database.run("UPDATE schedule SET watermark = watermark + ?", (jump,))
                self._planner.bring_forward()
            for name, value in (("clock_jumped_at", now), ("clock_jump_ms", jump)):
                self._database.run(
                    "INSERT INTO counter (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, value),
                )


def last_jump(database: Database) -> tuple[int, int] | None:
    """When the clock last jumped, milliseconds in the time after it, and by how many; None when it never did."""
    kept = {
        row["name"]: row["value"]
        for row in database.rows(
            "SELECT name, value FROM counter WHERE name IN ('clock_jumped_at', 'clock_jump_ms')"
        )
    }
    return (kept["clock_jumped_at"], kept["clock_jump_ms"]) if len(kept) == 2 else None


def jumped(database: Database, clock: Clock) -> list[Condition]:
    """The jump of the last day, as an issue is told of it."""
    last = last_jump(database)
    if last is None or clock.now_ms() - last[0] > TOLD_MS:
        return []
    at, jump = last
    way = "ahead" if jump > 0 else "back"
    return [
        Condition(
            f"The clock of this machine jumped {way} by {abs(jump) / 1000:,.0f} seconds, to {iso(at)}.",
            detail={"jumped_at": iso(at), "seconds": round(jump / 1000)},
        )
    ]
