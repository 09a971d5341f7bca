"""When what is due; the clock stands still until a test moves it."""

import pytest

from appliance.engine_room import engine_of
from appliance.errors import SourceError
from tests.support.appliance import entity_of, work
from tests.support.plant import Plant, connect_plant

HOUR = 3600
# The clock starts at eight; without spread everything is due at nine.
ON_THE_HOUR = {"every_seconds": HOUR, "jitter_seconds": 0, "reconcile": False}


def on_the_hour(site) -> None:
    site.connected()
    site.rule(ON_THE_HOUR)


def queued(site) -> list[dict]:
    return [run for run in site.appliance.planner.runs.recent(None, 100) if run["state"] == "queued"]


def test_nothing_is_due_before_its_time_and_one_run_when_it_is(site) -> None:
    on_the_hour(site)
    site.clock.advance(HOUR - 1)
    assert site.appliance.planner.queue_due() == 0
    site.clock.advance(1)
    assert site.appliance.planner.queue_due() == 1
    (run,) = queued(site)
    assert (run["mode"], run["trigger"], run["entities"]) == ("incremental", "schedule", 3)
    assert site.appliance.planner.queue_due() == 0, "it is asked for already"
    work(site.appliance)
    assert site.schedule("Vendor")["next_due_at"] == site.clock.now_ms() + HOUR * 1000


def test_a_long_pass_does_not_move_the_next_time(site) -> None:
    site.plant.fill("Vendor", 5)
    on_the_hour(site)
    site.plant.before_page = lambda asked: site.clock.advance(600 if asked.entity == "Vendor" else 0)
    began = site.clock.now_ms()
    site.synchronize()
    assert site.schedule("Vendor")["last_success_at"] == began + 600_000
    assert site.schedule("Vendor")["next_due_at"] == began + HOUR * 1000


def test_a_pass_longer_than_the_interval_leaves_out_what_it_missed(site) -> None:
    on_the_hour(site)
    site.plant.before_page = lambda asked: site.clock.advance(2.5 * HOUR if asked.entity == "Vendor" else 0)
    began = site.clock.now_ms()
    site.synchronize()
    assert site.schedule("Vendor")["next_due_at"] == began + 3 * HOUR * 1000


def test_after_a_long_downtime_there_is_one_run_to_catch_up(site) -> None:
    site.plant.fill("Vendor", 3)
    on_the_hour(site)
    reached = site.schedule("Vendor")["watermark"]
    site.clock.advance(40 * HOUR)
    site.plant.put("Vendor", "meanwhile")
    site.clock.advance(10 * HOUR)
    assert site.appliance.planner.queue_due() == 1
    assert len(queued(site)) == 1
    work(site.appliance)
    assert site.appliance.planner.queue_due() == 0
    vendor = next(asked for asked in site.plant.asked if asked.entity == "Vendor")
    assert vendor.since is not None
    assert vendor.since.timestamp() * 1000 == reached, "and it takes the whole time since the last success"
    assert "meanwhile" in site.stored("Vendor")


def test_due_times_and_waiting_runs_survive_a_restart(site) -> None:
    on_the_hour(site)
    site.clock.advance(HOUR - 1)
    manual = site.appliance.planner.request_run(site.connection_id, entities=["Team"])
    site.reload()
    assert site.appliance.planner.queue_due() == 0
    assert [run["id"] for run in queued(site)] == [manual]
    site.clock.advance(1)
    assert site.appliance.planner.queue_due() == 1
    work(site.appliance)
    assert site.appliance.planner.describe_run(manual)["state"] == "completed"
    assert queued(site) == []


def test_an_entity_that_a_waiting_run_does_is_not_queued_again(site) -> None:
    on_the_hour(site)
    site.clock.advance(2 * HOUR)
    site.appliance.planner.request_run(site.connection_id, entities=["Vendor"])
    site.clock.advance(2 * HOUR)
    assert site.appliance.planner.queue_due() == 1
    scheduled = next(run for run in queued(site) if run["trigger"] == "schedule")
    names = [e["entity"] for e in site.appliance.planner.describe_run(scheduled["id"])["entities"]]
    assert set(names) == {"PurchaseOrder", "Team"}


def test_failures_are_tried_again_after_one_two_four_minutes_up_to_the_interval(site) -> None:
    on_the_hour(site)
    site.plant.failures["Vendor"] = SourceError("Not today.")
    pauses = []
    for _ in range(9):
        site.clock.advance((site.schedule("Vendor")["next_due_at"] - site.clock.now_ms()) / 1000)
        site.appliance.planner.queue_due()
        work(site.appliance)
        pauses.append((site.schedule("Vendor")["next_due_at"] - site.clock.now_ms()) / 60_000)
    wanted = (1, 2, 4, 8, 16, 32, 60, 60, 60)
    assert all(low <= got <= min(low * 1.125, 60) for low, got in zip(wanted, pauses, strict=True)), pauses
    assert site.schedule("Vendor")["failures"] == 9
    del site.plant.failures["Vendor"]
    site.clock.advance(HOUR)
    site.appliance.planner.queue_due()
    work(site.appliance)
    assert site.schedule("Vendor")["failures"] == 0
    assert site.schedule("Vendor")["next_due_at"] == site.schedule("Team")["next_due_at"], "on the hour again"


def test_a_failing_entity_is_tried_again_alone(site) -> None:
    on_the_hour(site)
    site.plant.failures["Vendor"] = SourceError("Not today.")
    site.synchronize()
    site.clock.advance(70)
    assert site.appliance.planner.queue_due() == 1
    (run,) = queued(site)
    assert [e["entity"] for e in site.appliance.planner.describe_run(run["id"])["entities"]] == ["Vendor"]


def test_a_connection_that_waits_to_be_reauthorized_rests(site) -> None:
    on_the_hour(site)
    connection = site.appliance.connections.get(site.connection_id)
    site.appliance.health.mark_reauthorization_required(connection, "The password has expired.")
    site.clock.advance(10 * HOUR)
    assert site.appliance.planner.queue_due() == 0
    site.appliance.connections.reauthorize(site.connection_id, {"password": "new"})
    assert site.appliance.planner.queue_due() == 1


def test_a_run_that_waited_until_its_connection_lost_its_credentials_says_so(site) -> None:
    on_the_hour(site)
    run_id = site.appliance.planner.request_run(site.connection_id)
    connection = site.appliance.connections.get(site.connection_id)
    site.appliance.health.mark_reauthorization_required(connection, "The password has expired.")
    work(site.appliance)
    run = site.appliance.planner.describe_run(run_id)
    assert run["state"] == "failed"
    assert entity_of(run, "Vendor")["error_code"] == "CONNECTION_NOT_SYNCHRONIZING"
    assert site.plant.asked == []


@pytest.mark.parametrize("number", [1, 30])
def test_an_idle_tick_writes_nothing(site, number: int) -> None:
    for n in range(number):
        site.connection_id = connect_plant(site.appliance, Plant(site.clock), f"plant {n}").connection.id
        site.rule(ON_THE_HOUR)
    work(site.appliance)
    before = site.appliance.database.value("SELECT total_changes()")
    for _ in range(10):
        site.appliance.planner.queue_due()
        engine_of(site.appliance).hand_out()
    assert site.appliance.database.value("SELECT total_changes()") == before


def test_many_connections_due_at_once_are_all_queued_once(site) -> None:
    ids = {connect_plant(site.appliance, Plant(site.clock), f"plant {n}").connection.id for n in range(40)}
    work(site.appliance)
    site.clock.advance(HOUR)
    assert site.appliance.planner.queue_due() == 40
    assert {run["connection_id"] for run in queued(site)} == ids
