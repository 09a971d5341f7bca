"""The product opened on a data directory of its own, for tests of anything above the store.

    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(clock=ManualClock())
        made = connect_gateway(appliance, gateway)
        run = synchronize(appliance, made.connection.id)

Nothing is replaced in it: keyring, encrypted database, transport and connectors are those of the product.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appliance.app import Appliance
from appliance.clock import Clock
from appliance.connections.lifecycle import Connected
from appliance.engine_room import engine_of
from appliance.settings import Settings
from appliance.sync.runs.tables import Mode
from tests.simulators.gateway import Gateway


class Appliances:
    """Opens appliances below `folder` and closes them at the end. Settings are given by their attribute names."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self._opened: list[Appliance] = []

    def open(self, clock: Clock | None = None, **settings: Any) -> Appliance:
        """An appliance; a second one shares the data directory with the first, as web and engine do."""
        values = {"data_dir": self.data_dir, "credits_evaluation": 1000, **settings}
        self._opened.append(Appliance.open(Settings(**values), clock))
        return self._opened[-1]

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def gateway_fields(gateway: Gateway, **fields: str) -> dict[str, str]:
    """The filled-in connect form of the gateway simulator's purchase orders, with its first user."""
    name, user = next(iter(gateway.users.items()))
    address = gateway.service_url().rstrip("/")
    return {"url": address, "username": name, "password": user.password, **fields}


def connect_gateway(
    appliance: Appliance,
    gateway: Gateway,
    *,
    name: str = "Gateway",
    historical_days: int = 3650,
    **fields: str,
) -> Connected:
    """Connect the gateway simulator; its first run is queued and not yet done."""
    return appliance.connections.connect(
        system="generic_odata",
        name=name,
        hosting="on_premises",
        fields=gateway_fields(gateway, **fields),
        historical_days=historical_days,
    )


def connect_sandbox(appliance: Appliance, name: str = "Sandbox") -> Connected:
    """Connect the sample data; its first run is queued and not yet done."""
    return appliance.connections.connect(system="sandbox", name=name, fields={})


def work(appliance: Appliance) -> None:
    """Do everything that is queued, here and now."""
    engine_of(appliance).drain()


def synchronize(
    appliance: Appliance,
    connection_id: str,
    *,
    entities: Sequence[str] | None = None,
    mode: Mode = "incremental",
) -> dict[str, Any]:
    """Ask for a run, do it, and return its description."""
    run_id = appliance.planner.request_run(connection_id, entities=entities, mode=mode)
    work(appliance)
    return appliance.planner.describe_run(run_id)


def entity_of(run: dict[str, Any], entity: str) -> dict[str, Any]:
    """What a described run says of one of its entities."""
    found: dict[str, Any] = next(each for each in run["entities"] if each["entity"] == entity)
    return found
