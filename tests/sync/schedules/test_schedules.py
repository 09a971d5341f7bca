"""Schedules of a connection: what is set, what is in force, what is due when, and why not now."""

import pytest

from appliance.clock import iso
from appliance.connections.errors import ConnectionClosed, ConnectionNotFound
from appliance.errors import SourceError
from appliance.sync.errors import ScheduleInvalid, UnknownEntity
from tests.support.appliance import connect_sandbox, work

HOUR = 3600
SHARP = {"every_seconds": HOUR, "jitter_seconds": 0}


def entity(site, name: str) -> dict:
    shown = site.appliance.schedules.describe(site.connection_id)
    return next(row for row in shown["entities"] if row["entity"] == name)


def why(site, name: str = "Vendor") -> str:
    return str(entity(site, name)["why_not_now"]["reason"])


def queued(site) -> dict[str, list[str]]:
    """Entities of the runs that wait, by their mode."""
    runs = [run for run in site.appliance.planner.runs.recent(None, 100) if run["state"] == "queued"]
    return {
        run["mode"]: [e["entity"] for e in site.appliance.planner.describe_run(run["id"])["entities"]]
        for run in runs
    }


def test_without_a_rule_the_settings_are_in_force(site) -> None:
    site.connected()
    shown = site.appliance.schedules.describe(site.connection_id)
    assert (shown["rule"], shown["entity_rules"], shown["changed_by"]) == ({}, {}, None)
    assert entity(site, "Vendor")["in_force"] == {
        "every_seconds": HOUR,
        "time_zone": "UTC",
        "quiet": [],
        "reconcile": {"every_seconds": 24 * HOUR},
    }


def test_a_rule_is_in_force_at_once_and_an_entity_may_have_its_own(site) -> None:
    site.connected()
    site.rule({**SHARP, "time_zone": "Europe/Berlin"}, Vendor={"cron": "30 2 * * *"})
    assert entity(site, "Team")["next_due_at"] == "2026-01-05T09:00:00Z"
    assert entity(site, "Vendor")["next_due_at"] == "2026-01-06T01:30:00Z"
    assert entity(site, "Vendor")["in_force"]["time_zone"] == "Europe/Berlin"
    shown = site.appliance.schedules.describe(site.connection_id)
    assert shown["entity_rules"] == {"Vendor": {"cron": "30 2 * * *"}}
    assert (shown["changed_by"], shown["changed_at"]) == ("test", iso(site.clock.now_ms()))
    site.rule({})
    assert site.appliance.schedules.describe(site.connection_id)["entity_rules"] == {}


def test_a_restart_moves_no_due_time(site) -> None:
    site.connected()
    site.rule({"every_seconds": 900, "quiet": [{"from": "09:00", "to": "10:00"}]})
    before = site.appliance.schedules.describe(site.connection_id)
    site.reload()
    site.appliance.planner.replan(site.connection_id)
    assert site.appliance.schedules.describe(site.connection_id) == before


def test_a_paused_connection_rests_and_goes_on_when_it_is_resumed(site) -> None:
    site.connected()
    site.rule(SHARP)
    site.appliance.schedules.pause(site.connection_id, by="test")
    assert entity(site, "Vendor")["next_due_at"] is None
    assert why(site) == "paused"
    site.clock.advance(30 * HOUR)
    assert site.appliance.planner.queue_due() == 0
    site.appliance.schedules.resume(site.connection_id, by="test")
    assert site.appliance.schedules.rule(site.connection_id).as_dict() == SHARP
    site.clock.advance(HOUR)
    assert site.appliance.planner.queue_due() == 1


def test_a_pause_until_a_time_ends_by_itself(site) -> None:
    site.connected()
    until = site.clock.now_ms() + 5 * HOUR * 1000
    site.rule(SHARP)
    site.appliance.schedules.pause(site.connection_id, "Vendor", until=until, by="test")
    assert entity(site, "Vendor")["why_not_now"]["until"] == iso(until)
    site.clock.advance(HOUR)
    site.appliance.planner.queue_due()
    assert queued(site) == {"incremental": ["PurchaseOrder", "Team"]}
    work(site.appliance)
    site.clock.advance(5 * HOUR)
    site.appliance.planner.queue_due()
    assert sorted(queued(site)["incremental"]) == ["PurchaseOrder", "Team", "Vendor"]


def test_somebody_who_asks_is_not_held_back_by_a_pause_which_stays(site) -> None:
    site.connected()
    site.rule({"paused": True})
    assert site.synchronize()["state"] == "completed"
    assert entity(site, "Vendor")["next_due_at"] is None


def test_a_reauthorization_does_not_end_a_pause(site) -> None:
    site.connected()
    site.rule({}, Vendor={"paused": True})
    site.appliance.connections.reauthorize(site.connection_id, {"password": "new"})
    assert site.appliance.planner.queue_due() == 1
    assert queued(site) == {"incremental": ["PurchaseOrder", "Team"]}


def test_quiet_hours_begin_in_the_zone_of_the_rule(site) -> None:
    site.connected()
    site.rule({**SHARP, "quiet": [{"from": "10:00", "to": "14:00"}], "time_zone": "Europe/Berlin"})
    site.clock.advance(1.5 * HOUR)
    assert why(site) == "quiet"
    assert entity(site, "Vendor")["next_due_at"].startswith("2026-01-05T13:0")
    assert site.appliance.planner.queue_due() == 0


def test_why_not_now_tells_of_runs_and_failures(site) -> None:
    site.connected()
    site.rule(SHARP)
    assert why(site) == "not_due"
    site.plant.failures["Vendor"] = SourceError("Not today.")
    site.appliance.planner.request_run(site.connection_id)
    assert why(site) == "queued"
    reasons: list[str] = []
    site.plant.before_page = lambda asked: reasons.append(why(site))
    work(site.appliance)
    assert reasons[0] == "running"
    assert why(site) == "backoff"
    connection = site.appliance.connections.get(site.connection_id)
    site.appliance.health.mark_reauthorization_required(connection, "The password has expired.")
    assert why(site) == "connection"


def test_it_tells_that_all_waits_for_the_disk(site) -> None:
    site.connected()
    site.appliance.database.insert("disk_pause", id=1, paused_at=site.clock.now_ms(), free=1)
    assert why(site) == "disk"


def test_nothing_is_changed_when_a_part_is_refused(site) -> None:
    site.connected()
    site.rule(SHARP)
    before = site.appliance.schedules.describe(site.connection_id)
    with pytest.raises(UnknownEntity):
        site.rule({}, Asset={})
    with pytest.raises(ScheduleInvalid) as refused:
        site.rule({}, Vendor={"every_seconds": 60})
    assert "entity_rules.Vendor.every_seconds" in refused.value.message
    with pytest.raises(ScheduleInvalid):
        site.appliance.schedules.change(site.connection_id, {}, [], by="test")
    assert site.appliance.schedules.describe(site.connection_id) == before


def test_a_connector_may_allow_shorter_times_than_the_settings(site) -> None:
    site.connection_id = connect_sandbox(site.appliance).connection.id
    site.rule({"every_seconds": 60})
    with pytest.raises(ScheduleInvalid):
        site.rule({"every_seconds": 59})


def test_a_disconnected_connection_has_no_schedule_to_change(site) -> None:
    site.connected()
    site.rule(SHARP)
    site.appliance.connections.disconnect(site.connection_id)
    with pytest.raises(ConnectionClosed):
        site.rule({})
    with pytest.raises(ConnectionNotFound):
        site.appliance.schedules.describe("con_none")
    site.appliance.connections.purge(site.connection_id)
    assert site.appliance.database.value("SELECT count(*) FROM schedule_rule") == 0


def test_keys_are_compared_at_night_of_what_is_not_compared_anyway(site) -> None:
    site.connected()
    assert entity(site, "Team")["next_reconcile_at"] is None, "every pass of it compares"
    for name in ("Vendor", "PurchaseOrder"):
        assert "2026-01-06T00" <= entity(site, name)["next_reconcile_at"] < "2026-01-06T05"
    site.rule({"paused": False, "every_seconds": 24 * HOUR}, Vendor={"reconcile": {"cron": "0 9 * * *"}})
    assert entity(site, "Vendor")["next_reconcile_at"] == "2026-01-05T09:00:00Z"
    site.clock.advance(HOUR)
    site.appliance.planner.queue_due()
    assert queued(site)["reconcile"] == ["Vendor"]
    assert entity(site, "Vendor")["next_reconcile_at"] == "2026-01-06T09:00:00Z"


def test_a_run_that_compares_does_not_stand_for_one_that_synchronizes(site) -> None:
    site.connected()
    site.rule({**SHARP, "reconcile": {"cron": "0 9 * * *"}})
    site.clock.advance(HOUR)
    assert site.appliance.planner.queue_due() == 2
    assert sorted(queued(site)["reconcile"]) == ["PurchaseOrder", "Vendor"]
    assert sorted(queued(site)["incremental"]) == ["PurchaseOrder", "Team", "Vendor"]
    assert site.appliance.planner.queue_due() == 0


def test_a_run_that_compares_and_still_waits_does_not_hold_back_what_is_due(site) -> None:
    site.connected()
    site.rule({**SHARP, "reconcile": {"cron": "30 8 * * *"}})
    site.clock.advance(HOUR / 2)
    assert site.appliance.planner.queue_due() == 1
    site.clock.advance(HOUR / 2)
    site.appliance.planner.queue_due()
    assert sorted(queued(site)["incremental"]) == ["PurchaseOrder", "Team", "Vendor"]


def test_keys_are_not_compared_while_a_full_run_waits_which_does_it_as_well(site) -> None:
    site.connected()
    site.rule({**SHARP, "reconcile": {"cron": "0 9 * * *"}})
    site.clock.advance(HOUR)
    site.appliance.planner.request_run(site.connection_id, mode="full")
    assert site.appliance.planner.queue_due() == 0


def test_keys_are_never_compared_where_the_settings_say_so(site) -> None:
    site.reload(sync_reconcile_hours=0)
    site.connected()
    assert entity(site, "Vendor")["next_reconcile_at"] is None
    site.clock.advance(30 * HOUR)
    assert site.appliance.planner.queue_due() == 1


def test_what_was_planned_before_the_setting_was_zero_is_not_compared(site) -> None:
    site.connected()
    site.reload(sync_reconcile_hours=0)
    site.clock.advance(30 * HOUR)
    assert site.appliance.planner.queue_due() == 1
    assert entity(site, "Vendor")["next_reconcile_at"] is None


def test_connections_made_before_there_were_such_times_get_them_at_the_next_start(site) -> None:
    site.connected()
    site.appliance.database.run("UPDATE schedule SET next_reconcile_at = NULL")
    site.appliance.planner.catch_up()
    assert entity(site, "Vendor")["next_reconcile_at"] is not None
    assert entity(site, "Team")["next_reconcile_at"] is None
