"""The wall clock is set forward or back while the appliance works: nothing is lost, nothing comes in a flood."""

import os
from datetime import timedelta

import pytest

from appliance.app import Appliance
from appliance.engine_room import watch_of
from appliance.operations.clock_jumps import ClockWatch, last_jump
from appliance.operations.heartbeat import LOCK_NAME, Heartbeat, engine_state
from appliance.sync.engine import EngineLock
from appliance.webhooks.endpoints import Owner
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant

HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, connectors_dir=CONNECTORS, disk_reserve_bytes=1 << 20)


@pytest.fixture
def watch(appliance: Appliance, clock: ManualClock) -> ClockWatch:
    return ClockWatch(appliance.database, appliance.planner, clock)


def due_times(appliance: Appliance) -> list[int]:
    return [row[0] for row in appliance.database.tuples("SELECT next_due_at FROM schedule ORDER BY entity")]


@pytest.mark.parametrize("seconds", [20, -20])
def test_a_step_of_a_time_server_and_the_passing_of_time_are_no_jump(
    appliance: Appliance, watch: ClockWatch, clock: ManualClock, seconds: int
) -> None:
    clock.advance(50)
    clock.jump(seconds)
    assert watch.look() == 0
    assert last_jump(appliance.database) is None


def test_a_machine_that_slept_has_not_jumped(watch: ClockWatch, clock: ManualClock) -> None:
    clock.advance(10 * HOUR)
    assert watch.look() == 0


def test_a_jump_back_does_not_hold_up_synchronization(
    appliance: Appliance, watch: ClockWatch, plant: Plant, clock: ManualClock
) -> None:
    plant.fill("PurchaseOrder", 3)
    connect_plant(appliance, plant)
    work(appliance)
    clock.jump(-30 * DAY)
    assert watch.look() == -30 * DAY * 1000
    assert all(due <= clock.now_ms() + HOUR * 1000 for due in due_times(appliance))
    clock.advance(HOUR + 1)
    assert appliance.planner.queue_due() == 1


def test_what_changed_while_the_clock_was_ahead_is_read_after_it_was_set_right(
    appliance: Appliance, watch: ClockWatch, plant: Plant, clock: ManualClock
) -> None:
    plant.fill("PurchaseOrder", 3)
    connection_id = connect_plant(appliance, plant).connection.id
    clock.jump(5 * DAY)
    watch.look()
    work(appliance)
    clock.jump(-5 * DAY)
    watch.look()
    stream = appliance.records.stream(connection_id, "PurchaseOrder")
    assert appliance.records.count(stream) == 3
    plant.put("PurchaseOrder", "0007", changed=clock.now() + timedelta(seconds=1))
    clock.advance(HOUR + 1)
    appliance.planner.queue_due()
    work(appliance)
    assert appliance.records.count(stream) == 4


def test_a_jump_ahead_brings_what_was_missed_once_and_spread(
    appliance: Appliance, watch: ClockWatch, plant: Plant, clock: ManualClock
) -> None:
    for number in range(4):
        connect_plant(appliance, plant, name=f"Plant {number}")
    work(appliance)
    clock.jump(3 * DAY)
    watch.look()
    appliance.planner.queue_due()
    assert appliance.database.value("SELECT count(*) FROM run WHERE state = 'queued'") < 4
    clock.advance(5 * 60)
    appliance.planner.queue_due()
    queued = appliance.database.value(
        "SELECT count(*) FROM run WHERE state = 'queued' AND mode = 'incremental'"
    )
    assert queued == 4


def test_a_run_in_hand_keeps_its_lease(
    appliance: Appliance, watch: ClockWatch, plant: Plant, clock: ManualClock
) -> None:
    connect_plant(appliance, plant)
    claims = appliance.planner.claims
    assert claims.claim("engine-1", clock.now_ms() + 60_000, clock.now_ms()) is not None
    clock.jump(2 * HOUR)
    watch.look()
    assert not claims.has_expired(clock.now_ms())
    clock.jump(-2 * HOUR)
    watch.look()
    clock.advance(61)
    assert claims.has_expired(clock.now_ms())


@pytest.mark.parametrize("seconds", [30 * HOUR, -30 * HOUR])
def test_deliveries_are_neither_given_up_nor_held_back(
    appliance: Appliance, watch: ClockWatch, plant: Plant, clock: ManualClock, seconds: int
) -> None:
    connection_id = connect_plant(appliance, plant).connection.id
    appliance.webhooks.create(
        {"name": "Receiver", "url": "https://receiver.plant.example/hooks", "events": ["system.error"]},
        Owner(),
        may_be_here=True,
    )
    appliance.outbox.announce("system.error", connection_id, dict)
    table = "webhook_delivery d JOIN webhook_lane l ON l.endpoint_id = d.endpoint_id AND l.lane = d.lane"
    distances = f"SELECT d.give_up_at - ?1, l.next_at - ?1 FROM {table}"
    before = appliance.database.tuples(distances, (clock.now_ms(),))
    clock.jump(seconds)
    watch.look()
    assert before
    assert appliance.database.tuples(distances, (clock.now_ms(),)) == before


@pytest.mark.parametrize("seconds", [30 * HOUR, -30 * HOUR])
def test_sessions_live_neither_shorter_nor_longer(
    appliance: Appliance, watch: ClockWatch, clock: ManualClock, seconds: int
) -> None:
    account = appliance.accounts.set_up("ada", "a long enough password")
    session = appliance.sessions.open(account)
    clock.jump(seconds)
    watch.look()
    assert appliance.sessions.find(session.cookie) is not None
    clock.advance(31 * 60)
    watch.look()
    assert appliance.sessions.find(session.cookie) is None


def test_a_clock_that_went_ahead_deletes_nothing_for_its_age_for_a_day(
    appliance: Appliance, watch: ClockWatch, clock: ManualClock
) -> None:
    erased = []
    retention = watch.unless_ahead(lambda: erased.append(clock.now()) or 1)
    assert retention() == 1
    clock.jump(4000 * DAY)
    watch.look()
    assert retention() == 0
    clock.jump(-4000 * DAY)
    watch.look()
    clock.advance(DAY + 1)
    assert retention() == 1


def test_a_start_before_the_last_sign_of_life_is_a_jump_back(
    appliance: Appliance, clock: ManualClock
) -> None:
    Heartbeat(appliance.settings.data_dir, clock).beat()
    seen = engine_state(appliance.settings.data_dir).seen_at
    assert seen == clock.now_ms()
    clock.jump(-DAY)
    watch = ClockWatch(appliance.database, appliance.planner, clock, last_seen=seen)
    assert watch.look() == -DAY * 1000
    assert watch.look() == 0


def test_a_jump_is_an_issue_for_a_day(appliance: Appliance, watch: ClockWatch, clock: ManualClock) -> None:
    look = watch_of(appliance).work_off
    clock.jump(-2 * HOUR)
    watch.look()
    look()
    (issue,) = appliance.issues.open_issues()
    assert issue.code == "CLOCK_JUMPED"
    assert "back by 7,200 seconds" in issue.message
    clock.advance(DAY + 61)
    look()
    assert appliance.issues.open_issues() == []


def test_the_engine_is_alive_while_it_holds_the_lock_and_beats(
    appliance: Appliance, clock: ManualClock
) -> None:
    data_dir = appliance.settings.data_dir
    assert not engine_state(data_dir).is_alive(clock.now_ms())
    with EngineLock(data_dir) as lock:
        assert lock.acquire()
        beat = Heartbeat(data_dir, clock)
        beat.beat()
        assert engine_state(data_dir).is_alive(clock.now_ms())
        clock.advance(61)
        assert not engine_state(data_dir).is_alive(clock.now_ms()), "it hangs"
        beat.beat()
        assert engine_state(data_dir).is_alive(clock.now_ms())
    assert not engine_state(data_dir).is_alive(clock.now_ms()), "it ended"
    assert os.access(data_dir / LOCK_NAME, os.W_OK)
