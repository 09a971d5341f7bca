"""Deletions as a person sees them: those that were held back, and those of a run, which can be undone."""

from typing import Any

from appliance.clock import Clock
from appliance.connections.condition.issues import Condition
from appliance.store.database import Database
from appliance.store.records import Records
from appliance.sync.errors import HoldDecided, HoldNotFound
from appliance.sync.passes.hold_table import Decision, HoldTable
from appliance.sync.planner import Planner

SHOWN = 100
UNDONE_AT_ONCE = 500


class Removals:
    def __init__(self, database: Database, records: Records, planner: Planner, clock: Clock) -> None:
        self._database = database
        self._records = records
        self._planner = planner
        self._clock = clock
        self._table = HoldTable(database)

    def held(self, connection_id: str) -> list[dict[str, Any]]:
        """Deletions of a connection that wait for a word, and what was said of earlier ones; SHOWN at most."""
        return self._table.of_connection(connection_id, SHOWN)

    def waiting(self) -> list[Condition]:
        """Deletions that wait for a word, of all connections."""
        return [
            Condition(
                f"{hold['missing']} of {hold['known']} records are no longer in the source; none was deleted.",
                hold["connection_id"],
                hold["entity"],
                {"hold_id": hold["id"]},
            )
            for hold in self._table.open_ones()
        ]

    def approve(self, connection_id: str, hold_id: str, *, by: str) -> str:
        """Look once more and delete what is still missing; the id of the run that does it.

        Raises HoldNotFound, HoldDecided, NotSynchronizing.
        """
        with self._database.write():
            hold = self._decide(connection_id, hold_id, "approved", by)
            return self._planner.request_deletion(connection_id, hold["entity"])

    def dismiss(self, connection_id: str, hold_id: str, *, by: str) -> None:
        """Keep the records. If they are missing again at the next comparison, it asks again. Raises as above."""
        with self._database.write():
            self._decide(connection_id, hold_id, "dismissed", by)

    def undo(self, connection_id: str, run_id: str) -> int:
        """Bring back what a run deleted and is still deleted; how many records. Raises RunNotFound.

        A later comparison deletes them again when the source really has none.
        """
        run = self._planner.describe_run(run_id, connection_id)
        undone = 0
        for entity in run["entities"]:
            if entity["deleted"] == 0:
                continue
            stream = self._records.stream(connection_id, entity["entity"])
            while back := self._records.undelete(stream, run_id, self._clock.now_ms(), UNDONE_AT_ONCE):
                undone += back
        return undone

    def _decide(self, connection_id: str, hold_id: str, decision: Decision, by: str) -> dict[str, Any]:
        hold = self._table.find(hold_id)
        if hold is None or hold["connection_id"] != connection_id:
            raise HoldNotFound(f"There is no held deletion {hold_id[:60]!r}.")
        if not self._table.decide(hold_id, decision, by, self._clock.now_ms()):
            raise HoldDecided(f"This deletion is no longer open: it is {hold['state']}.")
        return hold
