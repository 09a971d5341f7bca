"""How far back a connection reads: a longer period fetches the missing span alone, a shorter one deletes nothing."""

from appliance.clock import Clock
from appliance.connections.tables import Connection, ConnectionTable
from appliance.errors import InvalidInput
from appliance.model.custom_table import entity_of
from appliance.model.entity import Model
from appliance.runtime.catalog import Catalog
from appliance.store.database import Database
from appliance.sync.planner import Planner

DAY_MS = 24 * 3600 * 1000
# As much as the setting sync.historical_days may say.
MOST_DAYS = 36_500


class History:
    def __init__(
        self, database: Database, planner: Planner, model: Model, catalog: Catalog, clock: Clock
    ) -> None:
        self._database = database
        self._planner = planner
        self._model = model
        self._catalog = catalog
        self._clock = clock
        self._connections = ConnectionTable(database)

    def change(self, connection: Connection, days: object) -> str | None:
        """Read transactions of so many days; the id of the run that fetches what is missing, None when nothing is.

        Raises InvalidInput, NotSynchronizing.
        """
        if type(days) is not int or not 1 <= days <= MOST_DAYS:
            raise InvalidInput(
                f"The period is a whole number of days from 1 to {MOST_DAYS}.",
                details={"fields": {"days": f"1 to {MOST_DAYS}"}},
            )
        now = self._clock.now_ms()
        since = now - days * DAY_MS
        with self._database.write():
            self._connections.set_historical_days(connection.id, days, now)
            spans = {
                row["entity"]: (since, row["history_from"])
                for row in self._planner.schedules.of_connection(connection.id)
                if row["history_from"] is not None
                and since < row["history_from"]
                and self._is_cut_by_date(connection, row["entity"])
            }
            return self._planner.request_backfill(connection.id, spans) if spans else None

    def _is_cut_by_date(self, connection: Connection, entity: str) -> bool:
        definition = self._catalog.definition(connection.system, connection.fields)
        served = definition.entities.get(entity)
        return (
            served is not None
            and served.incremental == "changed"
            and entity_of(self._model, entity).nature != "master"
        )
