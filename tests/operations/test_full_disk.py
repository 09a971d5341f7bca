"""A disk that is really full: nothing is lost, what makes room works, and work goes on when there is room."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.clock import Clock, SystemClock
from appliance.engine_room import engine_of
from appliance.operations.disk import DiskLow
from appliance.server.wsgi import create_app
from appliance.store.space import DiskFull
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Asked, Plant, connect_plant, stored
from tests.support.program import wait_until
from tests.support.small_disk import SmallDisk

MIB = 1024 * 1024
ENTITY = "PurchaseOrder"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def appliances(small_disk: SmallDisk) -> Iterator[Appliances]:
    with Appliances(small_disk.folder) as opened:
        yield opened


def opened(appliances: Appliances, clock: Clock, **settings: Any) -> Appliance:
    values = {"disk_pause_bytes": 4 * MIB, "disk_reserve_bytes": 6 * MIB, **settings}
    return appliances.open(clock, connectors_dir=CONNECTORS, **values)


def synchronized(appliance: Appliance, plant: Plant, rows: int = 200) -> tuple[str, str]:
    """Id and token of a connection with so many orders."""
    plant.put(ENTITY, *(f"{n:05}" for n in range(rows)), note="x" * 2000)
    made = connect_plant(appliance, plant)
    work(appliance)
    appliance.disk.watch()
    assert appliance.database.reserve.held == 6 * MIB
    return made.connection.id, made.token


def state(appliance: Appliance, connection_id: str) -> str:
    return str(appliance.planner.runs.recent(connection_id, 1)[0]["state"])


def as_in_source(appliance: Appliance, plant: Plant, connection_id: str) -> bool:
    return stored(appliance, connection_id, ENTITY) == plant.rows[ENTITY]


@pytest.mark.parametrize("left", [0, 3 * MIB])
def test_a_sync_on_a_disk_that_fills_waits_and_then_comes_to_what_the_source_has(
    small_disk: SmallDisk, appliances: Appliances, clock: ManualClock, plant: Plant, left: int
) -> None:
    appliance = opened(appliances, clock)
    plant.put(ENTITY, *(f"{n:05}" for n in range(600)), note="x" * 2000)

    def fill(asked: Asked) -> None:
        if asked.entity == ENTITY and asked.after >= "00200" and appliance.database.reserve.held:
            small_disk.fill(left)

    plant.before_page = fill
    appliance.disk.watch()
    connection_id = connect_plant(appliance, plant).connection.id
    work(appliance)
    assert state(appliance, connection_id) == "interrupted"
    held = stored(appliance, connection_id, ENTITY)
    assert held.items() <= plant.rows[ENTITY].items() and len(held) < 600

    assert appliance.disk.watch(), "a pause begins"
    assert appliance.disk.pause() is not None
    with pytest.raises(DiskLow, match="Synchronization waits"):
        appliance.disk.check()
    asked_before = len(plant.asked)
    work(appliance)
    assert len(plant.asked) == asked_before, "nothing is asked of the source while it waits"

    plant.before_page = lambda asked: None
    small_disk.empty()
    appliance.disk.watch()
    assert appliance.disk.pause() is None
    work(appliance)
    assert state(appliance, connection_id) == "completed"
    assert as_in_source(appliance, plant, connection_id)
    assert appliance.database.value("PRAGMA integrity_check") == "ok"


def test_the_engine_waits_and_goes_on_by_itself(
    small_disk: SmallDisk, appliances: Appliances, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.operations.upkeep.LOOK_SECONDS", 0.1)
    plant = Plant(SystemClock())
    appliance = opened(appliances, SystemClock())
    connection_id, _ = synchronized(appliance, plant)
    plant.put(ENTITY, "later")
    small_disk.fill(MIB)
    run_id = appliance.planner.request_run(connection_id)
    stop = threading.Event()
    engine = threading.Thread(target=engine_of(appliance).serve, args=(stop,))
    engine.start()
    try:
        wait_until(lambda: appliance.disk.pause() is not None)
        assert appliance.planner.describe_run(run_id)["state"] == "queued"
        small_disk.empty()
        wait_until(lambda: appliance.planner.describe_run(run_id)["state"] == "completed")
        wait_until(lambda: appliance.database.reserve.held == 6 * MIB)
    finally:
        stop.set()
        engine.join()
    assert appliance.disk.pause() is None
    assert as_in_source(appliance, plant, connection_id)


def test_a_purge_on_a_full_disk_makes_room(
    small_disk: SmallDisk, appliances: Appliances, clock: ManualClock, plant: Plant
) -> None:
    appliance = opened(appliances, clock)
    connection_id, _ = synchronized(appliance, plant, rows=3000)
    small_disk.fill()
    with pytest.raises(DiskFull):
        appliance.database.run_many(
            "INSERT INTO counter (name, value) VALUES (?, 1)", [(f"{n}{'x' * 5000}",) for n in range(1000)]
        )
    assert appliance.connections.disconnect(connection_id) > 0
    assert appliance.connections.purge(connection_id) == 3000
    assert appliance.database.reserve.held == 0, "that was what the reserve is for"
    before = appliance.database.sizes().file
    while appliance.database.give_back(512, 0):
        pass
    appliance.database.checkpoint()
    assert appliance.database.sizes().file < before - 2 * MIB
    small_disk.fill()
    appliance.disk.watch()
    assert appliance.database.reserve.held == 0, "the reserve is not made anew before there is room for it"
    small_disk.empty()
    appliance.disk.watch()
    assert appliance.database.reserve.held == 6 * MIB
    assert appliance.database.value("PRAGMA integrity_check") == "ok"


def test_on_a_full_disk_people_sign_in_and_programs_read(
    small_disk: SmallDisk, appliances: Appliances, clock: ManualClock, plant: Plant
) -> None:
    appliance = opened(appliances, clock)
    appliance.accounts.set_up("anna", PASSWORD)
    _, token = synchronized(appliance, plant)
    client = create_app(appliance).test_client()
    small_disk.fill()
    # Past the minute after which a use of the token would be noted.
    clock.advance(120)
    read = client.get("/api/erp/purchase-orders", headers={"Authorization": f"Bearer {token}"})
    assert (read.status_code, read.get_json()["meta"]["total"]) == (200, 200)
    session = appliance.sessions.open(appliance.accounts.sign_in("anna", PASSWORD))
    assert appliance.sessions.find(session.cookie) is not None


def test_a_change_that_cannot_be_written_is_answered_507_and_leaves_nothing(
    small_disk: SmallDisk,
    appliances: Appliances,
    clock: ManualClock,
    plant: Plant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    appliance = opened(appliances, clock)
    connection_id, _ = synchronized(appliance, plant)
    key = appliance.api_keys.create("test")
    client = create_app(appliance).test_client()
    appliance.database.checkpoint()
    small_disk.fill()
    caplog.set_level(logging.DEBUG)
    pairs = [{"key": f"k{n}", "value": "v" * 900} for n in range(100)]
    answer = client.post(
        f"/api/system/connections/{connection_id}/metadata",
        json=pairs,
        headers={"Authorization": f"Bearer {key}"},
    )
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (507, "DISK_FULL")
    assert "Free space" in error["message"]
    assert not any(record.exc_info for record in caplog.records), "no traceback"
    assert appliance.connections.get(connection_id).metadata == []
    small_disk.empty()
    appliance.connections.set_metadata(connection_id, pairs)
    assert len(appliance.connections.get(connection_id).metadata) == 100


def test_retention_works_on_a_full_disk(
    small_disk: SmallDisk, appliances: Appliances, clock: ManualClock, plant: Plant
) -> None:
    appliance = opened(appliances, clock)
    connection_id, _ = synchronized(appliance, plant, rows=1000)
    stream = appliance.records.stream(connection_id, ENTITY)
    keys = [row["key"] for row in appliance.database.rows("SELECT key FROM record")]
    appliance.records.mark_deleted(stream, keys, clock.now_ms())
    clock.advance(200 * 86400)
    small_disk.fill()
    assert appliance.retention.run_all()["tombstones"] == 1000


def test_the_appliance_starts_on_a_full_disk(
    small_disk: SmallDisk, appliances: Appliances, clock: ManualClock, plant: Plant
) -> None:
    appliance = opened(appliances, clock)
    connection_id, _ = synchronized(appliance, plant)
    appliances.close()
    small_disk.fill()
    again = opened(appliances, clock)
    assert again.disk.is_low()
    assert as_in_source(again, plant, connection_id)
