"""What a pass over an entity asks of the source, and what it writes."""

import json
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.clock import to_ms
from tests.support.appliance import entity_of, work
from tests.support.plant import Asked, Plant, connect_plant, stored

OVERLAP = timedelta(seconds=300)


def first_asked(plant: Plant, entity: str) -> datetime | None:
    return next(asked.since for asked in plant.asked if asked.entity == entity)


def test_the_first_run_takes_all_master_data_and_the_historical_period_of_transactions(site) -> None:
    now = site.clock.now()
    old, recent = now - timedelta(days=31), now - timedelta(days=29)
    for entity in ("Vendor", "PurchaseOrder", "Team"):
        site.plant.put(entity, "old", changed=old)
        site.plant.put(entity, "recent", changed=recent)
    site.connect(historical_days=30)
    work(site.appliance)
    assert first_asked(site.plant, "Vendor") is None
    assert first_asked(site.plant, "Team") is None
    assert first_asked(site.plant, "PurchaseOrder") == now - timedelta(days=30)
    assert site.stored("Vendor").keys() == {"old", "recent"}
    assert site.stored("PurchaseOrder").keys() == {"recent"}
    run = site.last_run()
    assert (run["state"], run["mode"], run["trigger"]) == ("completed", "full", "initial")


def test_an_incremental_run_asks_since_the_start_of_the_last_pass_less_the_overlap(site) -> None:
    site.plant.fill("Vendor", 25)
    started = site.clock.now()
    # Reading takes time; what counts is when it began.
    site.plant.before_page = lambda asked: site.clock.advance(100)
    site.connected()
    site.plant.before_page = lambda asked: None
    site.synchronize()
    assert first_asked(site.plant, "Vendor") == started - OVERLAP
    assert first_asked(site.plant, "Team") is None, "an entity that cannot be asked since when is compared"


def test_a_row_changed_during_the_run_is_not_lost(site) -> None:
    site.plant.fill("Vendor", 25)

    def change_what_was_read(asked: Asked) -> None:
        site.clock.advance(60)
        if asked.entity == "Vendor" and asked.after:
            site.plant.put("Vendor", "0000", name="changed behind the reader")

    site.plant.before_page = change_what_was_read
    site.connected()
    assert site.stored("Vendor")["0000"]["name"] == "0000", "else this test shows nothing"
    site.plant.before_page = lambda asked: None
    site.clock.advance(3600)
    site.synchronize()
    assert site.stored("Vendor")["0000"]["name"] == "changed behind the reader"


def test_a_row_that_the_source_commits_late_with_an_earlier_stamp_is_not_lost(site) -> None:
    started = site.clock.now()
    site.connected()
    site.plant.put("Vendor", "late", changed=started - OVERLAP)
    site.plant.put("Vendor", "too late", changed=started - OVERLAP - timedelta(milliseconds=1))
    site.synchronize()
    assert site.stored("Vendor").keys() == {"late"}, "the moment itself is included"


def test_a_full_run_asks_for_everything_again(site) -> None:
    site.plant.fill("Vendor", 3)
    site.connected()
    run = site.synchronize(mode="full")
    assert first_asked(site.plant, "Vendor") is None
    assert entity_of(run, "Vendor")["unchanged"] == 3


def test_unchanged_rows_are_not_written(site) -> None:
    site.plant.page_size = 500
    site.plant.fill("Vendor", 400)
    site.connected()
    changes = site.appliance.database.value("SELECT total_changes()")
    run = site.synchronize(mode="full", entities=["Vendor"])
    assert entity_of(run, "Vendor")["unchanged"] == 400
    written = site.appliance.database.value("SELECT total_changes()") - changes
    assert written < 20, "the run and its counts, nothing for a row"


def test_a_row_changed_in_what_is_not_mapped_is_no_change_to_readers(site) -> None:
    now = site.clock.now()
    site.plant.put("Vendor", "a", changed=now, shelf="1")
    site.connected()
    before = site.appliance.database.value("SELECT value FROM counter WHERE name = 'seq'")
    site.plant.put("Vendor", "a", changed=now, shelf="2")
    run = site.synchronize(entities=["Vendor"])
    assert entity_of(run, "Vendor")["unchanged"] == 1
    assert site.stored("Vendor")["a"]["shelf"] == "2"
    assert site.appliance.database.value("SELECT value FROM counter WHERE name = 'seq'") == before


def test_counts_say_what_a_run_did(site) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    site.clock.advance(3600)
    site.plant.put("Vendor", "0003", name="new name")
    site.plant.put("Vendor", "9999")
    done = entity_of(site.synchronize(mode="full"), "Vendor")
    told = {name: done[name] for name in ("fetched", "inserted", "updated", "unchanged", "rejected")}
    assert told == {
        "fetched": 26, "inserted": 1, "updated": 1, "unchanged": 24, "rejected": 0,
    }  # fmt: skip


def test_a_row_that_does_not_fit_is_counted_and_the_rest_of_its_page_goes_on(site) -> None:
    site.plant.fill("PurchaseOrder", 15)
    site.plant.put("PurchaseOrder", "0004", ordered="no date")
    site.connected()
    done = entity_of(site.last_run(), "PurchaseOrder")
    assert (done["state"], done["rejected"], done["inserted"]) == ("completed", 1, 14)
    assert done["error_code"] == "ROW_REJECTED"
    assert "PurchaseOrder" in done["error_message"]
    assert "0004" not in site.stored("PurchaseOrder")


def test_a_row_without_a_key_is_rejected_alone(site, monkeypatch) -> None:
    site.plant.fill("Vendor", 3)
    rows = site.plant.page
    monkeypatch.setattr(site.plant, "page", lambda asked: ([{"id": "", "name": "?"}, *rows(asked)[0]], False))
    site.connected()
    done = entity_of(site.last_run(), "Vendor")
    assert (done["rejected"], done["inserted"], done["fetched"]) == (1, 3, 4)


def test_a_row_twice_in_a_page_counts_as_it_came_last(site, monkeypatch) -> None:
    changed = site.clock.now().isoformat()
    twice = [{"id": "a", "name": name, "changed": changed} for name in ("first", "last")]
    monkeypatch.setattr(site.plant, "page", lambda asked: (twice if asked.entity == "Vendor" else [], False))
    site.connected()
    done = entity_of(site.last_run(), "Vendor")
    assert (done["fetched"], done["inserted"], done["unchanged"]) == (2, 1, 1)
    assert site.stored("Vendor")["a"]["name"] == "last"


def test_a_row_that_comes_again_on_a_later_page_is_stored_once(site, monkeypatch) -> None:
    changed = site.clock.now().isoformat()

    def page(asked: Asked) -> tuple[list[dict[str, str]], bool]:
        if asked.entity != "Vendor":
            return [], False
        names = {"": ("a", "b"), "b": ("b", "c")}[asked.after]
        return [{"id": name, "name": name, "changed": changed} for name in names], asked.after == ""

    monkeypatch.setattr(site.plant, "page", page)
    site.connected()
    done = entity_of(site.last_run(), "Vendor")
    assert (done["inserted"], done["unchanged"]) == (3, 1)
    assert site.stored("Vendor").keys() == {"a", "b", "c"}


def test_records_carry_the_time_of_the_source(site) -> None:
    moment = site.clock.now() - timedelta(days=3)
    site.plant.put("Vendor", "a", changed=moment)
    site.connected()
    row = site.appliance.database.row("SELECT modified_at, payload FROM record")
    assert row["modified_at"] == to_ms(moment)
    assert json.loads(row["payload"])["updatedAt"] == "2026-01-02T08:00:00Z"


change = st.tuples(st.integers(0, 39), st.integers(0, 120))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=st.lists(st.lists(st.lists(change, max_size=3), max_size=5), min_size=1, max_size=3))
def test_whatever_changes_while_pages_are_read_the_next_run_has_it(site, runs) -> None:
    """Between two pages rows change, new ones come and time passes; then the store equals the source."""
    plant = Plant(site.clock, page_size=4)
    plant.fill("Vendor", 20)
    number = site.appliance.database.value("SELECT count(*) FROM connection")
    site.connection_id = connect_plant(site.appliance, plant, f"plant-{number}").connection.id
    for changes in runs:
        waiting = list(changes)

        def between_pages(asked: Asked, waiting: list = waiting) -> None:
            for row, seconds in waiting.pop(0) if waiting else ():
                site.clock.advance(seconds)
                plant.put("Vendor", f"{row:04}", name=str(site.clock.now()))

        plant.before_page = between_pages
        work(site.appliance)
        site.appliance.planner.request_run(site.connection_id)
    plant.before_page = lambda asked: None
    work(site.appliance)
    assert stored(site.appliance, site.connection_id, "Vendor") == plant.rows["Vendor"]
