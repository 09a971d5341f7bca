from dataclasses import dataclass
from typing import Any

import pytest

from appliance.app import Appliance
from tests.support.appliance import Appliances, synchronize, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant, stored


@dataclass
class Site:
    """An appliance, a plant and their clock; `connection_id` once they are connected."""

    appliance: Appliance
    plant: Plant
    clock: ManualClock
    appliances: Appliances
    connection_id: str = ""

    def connect(self, **form: Any) -> None:
        """Connect the plant; the first run waits."""
        self.connection_id = connect_plant(self.appliance, self.plant, **form).connection.id

    def connected(self) -> "Site":
        """Connect and do the first run."""
        self.connect()
        work(self.appliance)
        self.plant.asked.clear()
        return self

    def synchronize(self, **wanted: Any) -> dict[str, Any]:
        return synchronize(self.appliance, self.connection_id, **wanted)

    def last_run(self) -> dict[str, Any]:
        newest = self.appliance.planner.runs.recent(self.connection_id, 1)[0]
        return self.appliance.planner.describe_run(newest["id"])

    def stored(self, entity: str) -> dict[str, dict[str, Any]]:
        return stored(self.appliance, self.connection_id, entity)

    def rule(self, rule: dict[str, Any], **entity_rules: dict[str, Any]) -> None:
        """Set when the connection is to be synchronized."""
        self.appliance.schedules.change(self.connection_id, rule, entity_rules, by="test")

    def reload(self, **settings: Any) -> None:
        """Close the appliance and open it again, as a restart does."""
        self.appliance.close()
        self.appliance = self.appliances.open(self.clock, connectors_dir=CONNECTORS, **settings)

    def schedule(self, entity: str) -> dict[str, Any]:
        rows = self.appliance.planner.schedules.of_connection(self.connection_id)
        return next(row for row in rows if row["entity"] == entity)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def plant(clock: ManualClock) -> Plant:
    return Plant(clock)


@pytest.fixture
def site(appliances: Appliances, plant: Plant, clock: ManualClock) -> Site:
    # The plant's clock is ours, so no time is lost on asking for what a slow clock would hide.
    appliance = appliances.open(clock, connectors_dir=CONNECTORS, sync_clock_skew_seconds=0)
    return Site(appliance, plant, clock, appliances)
