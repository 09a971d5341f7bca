"""Runs: several entities, failures, joining, order, cancelling and going on after an interruption."""

import pytest

from appliance.errors import SourceError, SourceUnreachable
from appliance.sync.engine import EngineLock
from appliance.sync.errors import NotSynchronizing, RunNotFound, UnknownEntity
from tests.support.appliance import entity_of, work
from tests.support.plant import Asked, Killed, Plant, connect_plant, stored


def claim(site):
    now = site.clock.now_ms()
    return site.appliance.planner.claims.claim("engine-1", now + 60_000, now)


def at_page(site, after: str, action, entity: str = "Vendor") -> None:
    """Do something when the page after the id `after` is asked for."""

    def look(asked: Asked) -> None:
        if (asked.entity, asked.after) == (entity, after):
            action()

    site.plant.before_page = look


def raise_killed() -> None:
    raise Killed


def test_a_failing_entity_does_not_stop_the_others(site) -> None:
    for entity in ("Vendor", "PurchaseOrder"):
        site.plant.fill(entity, 3)
    site.connect()
    site.plant.failures["Vendor"] = SourceError("The source is in a bad mood.")
    work(site.appliance)
    run = site.last_run()
    assert run["state"] == "partially_failed"
    failed = entity_of(run, "Vendor")
    assert (failed["state"], failed["error_code"]) == ("failed", "SOURCE_ERROR")
    assert entity_of(run, "PurchaseOrder")["state"] == "completed"
    assert len(site.stored("PurchaseOrder")) == 3
    assert site.schedule("Vendor")["last_error"] == "The source is in a bad mood."
    assert site.schedule("Vendor")["watermark"] is None, "nothing was reached"
    del site.plant.failures["Vendor"]
    assert site.synchronize(entities=["Vendor"])["state"] == "completed"
    assert len(site.stored("Vendor")) == 3, "the first success takes all, also in an incremental run"
    assert site.schedule("Vendor")["last_error"] is None


def test_a_run_in_which_everything_fails_has_failed(site) -> None:
    site.connect()
    for entity in ("Vendor", "PurchaseOrder", "Team"):
        site.plant.failures[entity] = SourceUnreachable("Nobody answers.")
    work(site.appliance)
    assert site.last_run()["state"] == "failed"
    assert site.appliance.connections.get(site.connection_id).status == "offline"
    site.plant.failures.clear()
    site.synchronize()
    assert site.appliance.connections.get(site.connection_id).status == "connected"


def test_pages_before_a_failure_are_kept(site) -> None:
    site.plant.fill("Vendor", 25)
    site.connect()
    site.plant.before_page = lambda asked: site.plant.failures.update(
        {"Vendor": SourceError("Enough.")} if asked.after == "0019" else {}
    )
    work(site.appliance)
    assert len(site.stored("Vendor")) == 20
    assert entity_of(site.last_run(), "Vendor")["state"] == "failed"


def test_a_second_call_joins_the_run_that_does_the_same(site) -> None:
    site.connected()
    ask = site.appliance.planner.request_run
    first = ask(site.connection_id)
    assert ask(site.connection_id) == first
    assert ask(site.connection_id, entities=["Team"]) == first, "it does more than that"
    full = ask(site.connection_id, mode="full")
    assert full != first, "an incremental run does not do what a full one does"
    work(site.appliance)
    only = ask(site.connection_id, entities=["Team"])
    assert ask(site.connection_id) not in (only, first, full)


def test_an_incremental_call_joins_a_full_run(site) -> None:
    site.connect()
    initial = site.appliance.planner.request_run(site.connection_id)
    work(site.appliance)
    assert site.last_run()["id"] == initial
    assert site.last_run()["trigger"] == "initial"


def test_a_call_joins_a_run_under_way_but_not_for_an_entity_it_has_done(site) -> None:
    site.plant.fill("PurchaseOrder", 3)
    site.connected()
    joined: list[str] = []

    def ask() -> None:
        for entities in (["PurchaseOrder"], ["Vendor"]):
            joined.append(site.appliance.planner.request_run(site.connection_id, entities=entities))

    at_page(site, "", ask, "PurchaseOrder")
    run = site.synchronize()
    assert joined[0] == run["id"]
    assert joined[1] != run["id"], "its vendors may have changed since they were read"


def test_an_unknown_entity_is_refused_before_anything_starts(site) -> None:
    site.connected()
    before = site.appliance.planner.runs.recent(site.connection_id, 50)
    with pytest.raises(UnknownEntity, match=r"does not serve Planet.*Vendor, PurchaseOrder, Team"):
        site.appliance.planner.request_run(site.connection_id, entities=["Vendor", "Planet"])
    assert site.appliance.planner.runs.recent(site.connection_id, 50) == before
    assert site.plant.asked == []


def test_a_disconnected_connection_takes_no_run(site) -> None:
    site.connected()
    site.appliance.connections.disconnect(site.connection_id)
    with pytest.raises(NotSynchronizing):
        site.appliance.planner.request_run(site.connection_id)


def test_a_run_is_not_shown_to_another_connection(site) -> None:
    site.connected()
    run = site.last_run()
    with pytest.raises(RunNotFound):
        site.appliance.planner.describe_run(run["id"], "con_other")


def test_manual_runs_go_first(site) -> None:
    names = ["a", "b", "c"]
    ids = [connect_plant(site.appliance, Plant(site.clock), name).connection.id for name in names]
    work(site.appliance)
    site.clock.advance(7200)
    assert site.appliance.planner.queue_due() == 3
    site.clock.advance(1)
    manual = site.appliance.planner.request_run(ids[2], mode="full")
    taken = claim(site)
    assert taken is not None
    assert taken.run_id == manual


def test_runs_of_one_connection_come_one_after_the_other(site) -> None:
    site.connect()
    full = site.appliance.planner.request_run(site.connection_id, mode="full", entities=["Team"])
    site.clock.advance(1)
    other = connect_plant(site.appliance, Plant(site.clock), "other").connection.id
    more = site.appliance.planner.request_run(site.connection_id, mode="incremental", entities=["Vendor"])
    assert full == more, "both joined the initial run"
    work(site.appliance)
    first = site.appliance.planner.request_run(site.connection_id, entities=["Team"])
    site.appliance.planner.request_run(site.connection_id, entities=["Vendor"])
    third = site.appliance.planner.request_run(other, entities=["Vendor"])
    taken = [claim(site), claim(site), claim(site)]
    assert [one and one.run_id for one in taken] == [first, third, None]
    site.appliance.planner.runs.interrupt(first, "engine-1")
    again = claim(site)
    assert again is not None and again.run_id == first


def test_a_cancelled_run_writes_no_further_page(site) -> None:
    site.plant.fill("Vendor", 100)
    site.connected()
    site.plant.put("Vendor", *(f"{n:04}" for n in range(100)), name="new")
    run_id = site.appliance.planner.request_run(site.connection_id, mode="full")
    at_page(site, "0049", lambda: site.appliance.planner.cancel_run(run_id, site.connection_id))
    work(site.appliance)
    run = site.appliance.planner.describe_run(run_id)
    assert run["state"] == "cancelled"
    assert {entity["state"] for entity in run["entities"]} == {"cancelled"}
    assert sum(row["name"] == "new" for row in site.stored("Vendor").values()) <= 50
    assert not site.appliance.planner.cancel_run(run_id, site.connection_id), "it is over"
    assert site.synchronize(mode="full")["state"] == "completed"


@pytest.mark.parametrize("end", ["the last page", "a failure"])
def test_a_run_cancelled_while_it_ends_stays_cancelled(site, end: str) -> None:
    site.plant.fill("Vendor", 3)
    site.connected()
    reached = site.schedule("Vendor")
    run_id = site.appliance.planner.request_run(site.connection_id, entities=["Vendor"])

    def cancel() -> None:
        site.appliance.planner.cancel_run(run_id, site.connection_id)
        if end == "a failure":
            site.plant.failures["Vendor"] = SourceError("Broken off.")

    at_page(site, "", cancel)
    due = site.schedule("Vendor")["next_due_at"]
    work(site.appliance)
    run = site.appliance.planner.describe_run(run_id)
    assert (run["state"], run["entities"][0]["state"]) == ("cancelled", "cancelled")
    assert site.schedule("Vendor") == {**reached, "next_due_at": due}


def test_disconnecting_stops_a_run_and_keeps_what_was_read(site) -> None:
    site.plant.fill("Vendor", 100)
    site.connect()
    at_page(site, "0049", lambda: site.appliance.connections.disconnect(site.connection_id))
    work(site.appliance)
    assert site.last_run()["state"] == "cancelled"
    assert len(site.stored("Vendor")) <= 50
    assert site.schedule("Vendor")["next_due_at"] is None
    site.clock.advance(10 * 24 * 3600)
    assert site.appliance.planner.queue_due() == 0


def test_a_run_goes_on_from_its_checkpoint_after_the_process_was_killed(site) -> None:
    site.plant.fill("Vendor", 100)
    site.plant.fill("PurchaseOrder", 3)
    site.connect()
    at_page(site, "0049", raise_killed)
    with pytest.raises(Killed):
        work(site.appliance)
    assert site.last_run()["state"] == "running", "nobody was left to say otherwise"
    assert len(site.stored("Vendor")) == 50
    site.appliance.close()
    appliance = site.appliances.open(site.clock, connectors_dir=site.appliance.settings.connectors_dir)
    site.plant.before_page = lambda asked: None
    site.plant.asked.clear()
    site.clock.advance(1)
    work(appliance)
    assert (site.plant.asked[0].after, site.plant.asked[0].resuming) == ("0049", True)
    run = site.last_run()
    assert run["state"] == "completed"
    assert entity_of(run, "Vendor")["inserted"] == entity_of(run, "Vendor")["fetched"] == 100
    assert stored(appliance, site.connection_id, "Vendor") == site.plant.rows["Vendor"]
    assert len(site.stored("PurchaseOrder")) == 3


def test_the_watermark_after_an_interruption_is_the_first_start_of_the_pass(site) -> None:
    site.plant.fill("Vendor", 30)
    site.connect()
    started = site.clock.now_ms()
    at_page(site, "0019", raise_killed)
    with pytest.raises(Killed):
        work(site.appliance)
    site.plant.before_page = lambda asked: None
    site.clock.advance(5000)
    # Its page was read before the interruption.
    site.plant.put("Vendor", "0001", name="changed while nobody read")
    site.clock.advance(5000)
    work(site.appliance)
    assert site.schedule("Vendor")["watermark"] == started - 300_000
    assert site.stored("Vendor")["0001"]["name"] == "0001"
    site.synchronize()
    assert site.stored("Vendor") == site.plant.rows["Vendor"]


def test_a_position_that_the_source_forgot_begins_the_pass_again(site) -> None:
    site.plant.fill("Vendor", 50)
    site.connect()
    at_page(site, "0029", raise_killed)
    with pytest.raises(Killed):
        work(site.appliance)
    site.plant.before_page = lambda asked: None
    site.plant.generation += 1
    site.plant.asked.clear()
    site.clock.advance(60)
    work(site.appliance)
    assert [asked.after for asked in site.plant.asked[:2]] == ["0029", ""]
    done = entity_of(site.last_run(), "Vendor")
    assert (done["state"], done["inserted"], done["unchanged"]) == ("completed", 50, 30)
    assert site.schedule("Vendor")["watermark"] == site.clock.now_ms() - 300_000, "the pass began anew"


def test_a_source_that_forgets_positions_again_and_again_fails_the_entity_alone(site, monkeypatch) -> None:
    site.plant.fill("Vendor", 30)
    site.plant.fill("PurchaseOrder", 3)
    site.connect()

    def forget(asked: Asked) -> None:
        site.plant.generation += asked.entity == "Vendor" and asked.after != ""

    site.plant.before_page = forget
    work(site.appliance)
    assert site.last_run()["state"] == "partially_failed"
    assert entity_of(site.last_run(), "Vendor")["error_code"] == "SOURCE_RESUME_REFUSED"
    assert len(site.stored("PurchaseOrder")) == 3


def test_only_one_engine_works_on_a_data_directory(site) -> None:
    first, second = (EngineLock(site.appliance.settings.data_dir) for _ in range(2))
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
    second.release()
