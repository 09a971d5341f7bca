"""The installation: a random id made at the first start, and the latest time it has ever seen.

Both are kept in the database, so they go where the data goes: a restore on another machine is the same installation,
and an entitlement that is bound to it holds there as well.
"""

from datetime import UTC, datetime

from appliance.clock import Clock, new_id, to_ms
from appliance.store.database import Database

NOTE_MS = 3_600_000
"""How far the time has to go on before it is written again."""


class Installation:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def begin(self) -> None:
        """At start: make the id where there is none yet. Web and engine may both try; the first one makes it."""
        if self._database.value("SELECT count(*) FROM installation"):
            return
        now = self._clock.now_ms()
        self._database.run(
            "INSERT INTO installation (only_one, id, begun_at, seen_at) VALUES (1, ?, ?, ?) ON CONFLICT DO NOTHING",
            (new_id("ins"), now, now),
        )

    @property
    def id(self) -> str:
        """Such as `ins_5f0c…`."""
        found: str = self._database.value("SELECT id FROM installation")
        return found

    def latest(self) -> datetime:
        """Now, or the latest time that was noted where the clock has been set back since."""
        return datetime.fromtimestamp(max(self._clock.now_ms(), self._seen_at()) / 1000, UTC)

    def note(self) -> None:
        """Note the time, once an hour at most. One query otherwise."""
        now = self._clock.now_ms()
        if now - self._seen_at() >= NOTE_MS:
            self._database.run("UPDATE installation SET seen_at = ? WHERE seen_at < ?", (now, now))

    def begin_anew_at(self, moment: datetime) -> None:
        """Forget later times: somebody who is trusted says that it was `moment` not long ago, or the clock is right.

        Without this a clock that once stood in a far year would end every later entitlement at once.
        """
        self._database.run("UPDATE installation SET seen_at = ?", (max(to_ms(moment), self._clock.now_ms()),))

    def _seen_at(self) -> int:
        seen_at: int = self._database.value("SELECT seen_at FROM installation")
        return seen_at
