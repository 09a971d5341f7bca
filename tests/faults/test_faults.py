"""Every fault of the table against the real engine and the real store: where it ends, what it says, what is kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.transport.http import HttpOptions
from tests.faults.table import FAULTS, Fault
from tests.support.appliance import Appliances, entity_of, synchronize, work
from tests.support.clock import ManualClock
from tests.support.depot import ENTITIES, PAGE, PASSWORD, Depot
from tests.support.plant import CONNECTORS, stored
from tests.support.records import real_count
from tests.transport.authority import Authority

DOCUMENT = Path(__file__).parents[2] / "docs" / "faults.md"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(auto=True)


@pytest.fixture
def depot(clock: ManualClock, authority: Authority) -> Iterator[Depot]:
    depot = Depot(clock, authority)
    depot.put("vendors", *(f"V{number:02}" for number in range(1, 11)))
    depot.put("orders", "O1", "O2", "O3")
    depot.open()
    yield depot
    depot.close()


@pytest.fixture
def appliance(
    appliances: Appliances, clock: ManualClock, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Appliance:
    # The shortest setting is a second, which a source that stops sending would take up four times.
    monkeypatch.setattr(
        "appliance.app.HttpOptions", lambda **options: HttpOptions(**{**options, "read_timeout": 0.1})
    )
    return appliances.open(
        clock, connectors_dir=CONNECTORS, ca_files=(authority.ca_file,), http_max_bytes=1_000_000
    )


def connect(appliance: Appliance, depot: Depot) -> str:
    """The connection's id; its first run waits."""
    return appliance.connections.connect(
        system="depot", name="Depot", fields={"url": depot.url, "password": PASSWORD}, historical_days=90
    ).connection.id


def holds(appliance: Appliance, connection: str, entity: str) -> dict[str, Any]:
    """What is stored, after a look at whether the counts say the same."""
    found = stored(appliance, connection, entity)
    stream = appliance.records.find_stream(connection, entity)
    assert stream is not None
    assert real_count(appliance.database, stream) == len(found)
    return found


def pages_of(depot: Depot, path: str, number: int) -> dict[str, Any]:
    return {row["id"]: row for page in range(1, number + 1) for row in depot.page(path, page)}


@pytest.mark.parametrize("later", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_in_the_right_state_and_loses_no_row(
    fault: Fault, later: bool, appliance: Appliance, depot: Depot, clock: ManualClock
) -> None:
    connection = connect(appliance, depot)
    before: dict[str, dict[str, Any]] = {path: {} for path in ENTITIES.values()}
    if later:
        work(appliance)
        before = {path: dict(rows) for path, rows in depot.rows.items()}
        clock.advance(3600)
        for path, rows in depot.rows.items():
            depot.put(path, *rows, name="changed")
    clock.waits.clear()

    with fault.strike(depot):
        run = synchronize(appliance, connection)

    vendors, orders = entity_of(run, "Vendor"), entity_of(run, "PurchaseOrder")
    failed = fault.code is not None
    assert run["state"] == (
        "completed" if not failed else "failed" if fault.everything else "partially_failed"
    )
    assert (vendors["state"], vendors["error_code"]) == ("failed" if failed else "completed", fault.code)
    assert orders["state"] == ("failed" if fault.everything else "completed")
    assert fault.says in (vendors["error_message"] or "")
    assert PASSWORD not in (vendors["error_message"] or "")
    assert appliance.connections.get(connection).status == ("offline" if fault.offline else "connected")
    assert sum(clock.waits) >= fault.waits
    schedule = schedule_of(appliance, connection, "Vendor")
    assert (schedule["last_error"] is not None) == failed
    assert schedule["next_due_at"] - clock.now_ms() >= fault.planned * 1000

    kept = before["vendors"] | pages_of(depot, "vendors", fault.pages)
    assert holds(appliance, connection, "Vendor") == kept
    kept_orders = before["orders"] if fault.everything else depot.rows["orders"]
    assert holds(appliance, connection, "PurchaseOrder") == kept_orders
    assert vendors["inserted"] + vendors["updated"] == min(fault.pages * PAGE, len(depot.rows["vendors"]))

    clock.advance(7200)
    depot.put("vendors", "V02", "V07", name="changed meanwhile")
    depot.put("vendors", "V00", "V11")
    assert synchronize(appliance, connection)["state"] == "completed"
    assert holds(appliance, connection, "Vendor") == depot.rows["vendors"]
    assert holds(appliance, connection, "PurchaseOrder") == depot.rows["orders"]
    assert appliance.connections.get(connection).status == "connected"


def test_every_fault_stands_in_the_document_with_its_code() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    told = {name: (state, code) for name, state, code, *_ in rows[1:]}
    assert told == {
        fault.name: ("completed", "") if fault.code is None else ("failed", f"`{fault.code}`")
        for fault in FAULTS
    }


def schedule_of(appliance: Appliance, connection: str, entity: str) -> dict[str, Any]:
    rows = appliance.planner.schedules.of_connection(connection)
    return next(row for row in rows if row["entity"] == entity)
