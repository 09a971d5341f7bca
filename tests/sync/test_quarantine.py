"""Rows that cannot become records: kept with their reason, tried again, put aside, and never in the way of others."""

import json
from typing import Any

import pytest

from appliance.engine_room import watch_of
from appliance.sync.errors import NotSynchronizing, RejectedRowNotFound
from appliance.sync.rejections.second_try import AT_ONCE_SLICES, ROWS_AT_ONCE
from tests.support.appliance import Appliances, entity_of, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant
from tests.sync.conftest import Site

FITS = {"map": {"orderDate": {"const": "2026-01-05"}}}
"""A change of the mapping by which orders fit, whatever their date says."""


def rejected(site: Site, **wanted: Any) -> list[dict[str, Any]]:
    return site.appliance.rejected_rows.page(site.connection_id, **wanted)


def work_off(site: Site) -> None:
    """What the engine does beside the runs."""
    while site.appliance.mappings.work_off() or site.appliance.second_try.work_off():
        pass


@pytest.fixture
def order(site: Site) -> Site:
    """A site with three orders, of which the second has no date."""
    site.plant.put("PurchaseOrder", "1", "2", "3", ordered="2026-01-02")
    site.plant.put("PurchaseOrder", "2", ordered="no date")
    return site.connected()


def test_a_rejected_row_is_kept_with_its_reason_and_the_others_become_records(order: Site) -> None:
    assert order.stored("PurchaseOrder").keys() == {"1", "3"}
    (kept,) = rejected(order)
    assert (kept["entity"], kept["count"], kept["stale_since"]) == ("PurchaseOrder", 1, None)
    assert "PurchaseOrder" in kept["reason"] and kept["run_id"] == order.last_run()["id"]
    whole = order.appliance.rejected_rows.one(order.connection_id, kept["id"])
    assert json.loads(whole["raw"]) == order.plant.rows["PurchaseOrder"]["2"]


def test_a_row_stands_in_it_once_and_its_newest_version_is_kept(order: Site) -> None:
    first = rejected(order)[0]
    order.clock.advance(3600)
    order.synchronize(mode="full")
    order.plant.put("PurchaseOrder", "2", ordered="still none")
    order.synchronize()
    (kept,) = rejected(order)
    assert (kept["id"], kept["count"], kept["first_at"]) == (first["id"], 3, first["first_at"])
    assert kept["last_at"] > first["last_at"]
    whole = order.appliance.rejected_rows.one(order.connection_id, kept["id"])
    assert json.loads(whole["raw"])["ordered"] == "still none"


def test_a_row_that_fits_again_leaves_the_quarantine(order: Site) -> None:
    order.plant.put("PurchaseOrder", "2", ordered="2026-01-03")
    order.synchronize()
    assert rejected(order) == [] and "2" in order.stored("PurchaseOrder")


def test_a_record_whose_newer_row_is_rejected_stays_and_is_told_to_be_stale(order: Site) -> None:
    order.clock.advance(60)
    order.plant.put("PurchaseOrder", "1", ordered="broken")
    order.synchronize()
    assert order.stored("PurchaseOrder")["1"]["ordered"] == "2026-01-02"
    stale = {one["key"]: one["stale_since"] for one in rejected(order)}
    key = order.appliance.database.value("SELECT key FROM record WHERE payload ->> 'orderNo' = '1'")
    assert stale.pop(key) == "2026-01-05T08:01:00Z" and list(stale.values()) == [None]


def test_a_source_that_goes_back_to_the_stored_row_settles_the_rejection(order: Site) -> None:
    before = order.plant.rows["PurchaseOrder"]["1"]
    order.plant.put("PurchaseOrder", "1", ordered="broken")
    order.synchronize()
    assert len(rejected(order)) == 2
    order.plant.rows["PurchaseOrder"]["1"] = before
    done = entity_of(order.synchronize(mode="full"), "PurchaseOrder")
    assert done["unchanged"] == 2, "the row is found unchanged, not written"
    assert len(rejected(order)) == 1


def test_a_row_without_a_key_is_kept_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = site.plant.page
    nameless = [{"id": "", "name": "?"}, {"id": "", "name": "!"}]
    monkeypatch.setattr(site.plant, "page", lambda asked: ([*nameless, *rows(asked)[0]], False))
    site.plant.put("Vendor", "a")
    site.connected()
    kept = rejected(site, entity="Vendor")
    assert [one["key"] for one in kept] == [None, None] and site.stored("Vendor").keys() == {"a"}
    site.synchronize(entities=["Vendor"], mode="full")
    assert [one["count"] for one in rejected(site, entity="Vendor")] == [2, 2]


def test_after_a_change_of_the_mapping_rejected_rows_become_records_by_themselves(order: Site) -> None:
    asked = len(order.plant.asked)
    order.appliance.mappings.change(order.connection_id, "PurchaseOrder", FITS)
    work_off(order)
    assert rejected(order) == [] and order.stored("PurchaseOrder").keys() == {"1", "2", "3"}
    assert len(order.plant.asked) == asked, "the source is not asked"
    sequence = order.appliance.feed.latest()
    done = entity_of(order.synchronize(mode="full"), "PurchaseOrder")
    assert (done["unchanged"], order.appliance.feed.latest()) == (3, sequence), "a run finds them as they are"


def test_rows_that_a_change_of_the_mapping_breaks_are_kept_and_come_back_with_the_next(order: Site) -> None:
    change = {"map": {"orderDate": "name"}}
    order.appliance.mappings.change(order.connection_id, "PurchaseOrder", change)
    work_off(order)
    assert [bool(one["stale_since"]) for one in rejected(order)] == [True, True, False]
    order.appliance.mappings.change(order.connection_id, "PurchaseOrder", FITS)
    work_off(order)
    assert rejected(order) == []


def test_a_newer_rejected_row_is_not_replaced_by_the_row_of_its_record(order: Site) -> None:
    order.plant.put("PurchaseOrder", "1", ordered="broken")
    order.synchronize()
    order.appliance.mappings.change(order.connection_id, "PurchaseOrder", {"map": {"orderDate": "name"}})
    work_off(order)
    raws = {
        json.loads(order.appliance.rejected_rows.one(order.connection_id, one["id"])["raw"])["id"]: one
        for one in rejected(order)
    }
    whole = order.appliance.rejected_rows.one(order.connection_id, raws["1"]["id"])
    assert json.loads(whole["raw"])["ordered"] == "broken"


def test_chosen_rows_are_tried_now_and_say_why_they_still_do_not_fit(order: Site) -> None:
    (kept,) = rejected(order)
    tried = order.appliance.second_try.chosen(order.connection_id, [kept["id"]])
    assert (tried.accepted, tried.rejected) == (0, 1) and rejected(order)[0]["count"] == 1
    with pytest.raises(RejectedRowNotFound):
        order.appliance.second_try.chosen(order.connection_id, [kept["id"] + 1])


def test_an_update_of_the_connector_lets_rejected_rows_be_tried_again(order: Site) -> None:
    stream = order.appliance.records.stream(order.connection_id, "PurchaseOrder")
    # As after an update: they were last tried by a mapping that is no longer the connector's.
    order.appliance.database.run("UPDATE quarantine SET fingerprint = x'00'")
    order.appliance.database.run(
        "UPDATE rejected_row SET raw = ?", (order.appliance.records.raw_rows.compress(
            stream.id, [b'{"id": "2", "name": "two", "ordered": "2026-01-03"}'])[0],)
    )  # fmt: skip
    order.clock.advance(3600)
    order.plant.put("PurchaseOrder", "4", ordered="2026-01-04")
    order.synchronize()
    work_off(order)
    assert order.stored("PurchaseOrder")["2"]["name"] == "two" and rejected(order) == []
    assert order.appliance.quarantine.retrying(order.clock.now_ms()) is None


def test_many_rows_are_tried_by_the_engine_in_slices(site: Site) -> None:
    number = ROWS_AT_ONCE * AT_ONCE_SLICES + 50
    site.plant.page_size = 1000
    site.plant.fill("PurchaseOrder", number)
    site.plant.put("PurchaseOrder", *site.plant.rows["PurchaseOrder"], ordered="none")
    site.connected()
    assert site.appliance.rejected_rows.count(site.connection_id) == number
    site.appliance.mappings.change(site.connection_id, "PurchaseOrder", FITS)
    tried = site.appliance.second_try.all(site.connection_id, "PurchaseOrder")
    assert (tried.accepted, tried.waiting) == (number - 50, True)
    assert site.appliance.second_try.work_off() == 1
    assert site.appliance.rejected_rows.count(site.connection_id) == 0
    assert site.appliance.second_try.work_off() == 0
    assert len(site.stored("PurchaseOrder")) == number


def test_above_the_limit_rejections_are_only_counted(tmp_path: Any) -> None:
    clock = ManualClock()
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(clock, connectors_dir=CONNECTORS, quarantine_rows=3)
        site = Site(appliance, Plant(clock), clock, appliances)
        site.plant.fill("PurchaseOrder", 8)
        site.plant.put("PurchaseOrder", *site.plant.rows["PurchaseOrder"], ordered="none")
        site.connected()
        (overview,) = appliance.rejected_rows.overview(site.connection_id)
        assert (overview["open"], overview["not_kept"]) == (3, 5)
        assert entity_of(site.last_run(), "PurchaseOrder")["rejected"] == 8


def test_a_dismissed_row_stays_so_until_a_newer_version_of_it_is_rejected(order: Site) -> None:
    (kept,) = rejected(order)
    now = order.clock.now_ms()
    done = order.appliance.rejected_rows.dismiss(
        order.connection_id, [kept["id"]], by="Ada", why="A test order", now=now
    )
    order.synchronize(mode="full")
    assert (done, rejected(order)) == (1, [])
    (aside,) = rejected(order, state="dismissed")
    assert (aside["dismissed_by"], aside["dismissed_why"], aside["count"]) == ("Ada", "A test order", 2)
    order.clock.advance(60)
    order.plant.put("PurchaseOrder", "2", ordered="none either")
    order.synchronize()
    (again,) = rejected(order)
    assert again["dismissed_at"] is None and again["dismissed_why"] is None


def test_a_disconnected_connection_tries_nothing_and_a_purge_forgets_the_rows(order: Site) -> None:
    order.appliance.connections.disconnect(order.connection_id)
    with pytest.raises(NotSynchronizing):
        order.appliance.second_try.all(order.connection_id)
    order.appliance.connections.purge(order.connection_id)
    assert order.appliance.database.value("SELECT count(*) FROM rejected_row") == 0
    assert order.appliance.database.value("SELECT count(*) FROM quarantine") == 0


def test_old_rows_are_erased_some_at_a_time(order: Site) -> None:
    for _ in range(2):
        order.clock.advance(3600)
        order.synchronize()
    order.plant.put("PurchaseOrder", "5", "6", ordered="none")
    order.synchronize()
    assert len(rejected(order)) == 3
    erase = order.appliance.quarantine.erase_before
    moment = order.clock.now_ms()
    assert (erase(moment, 10), len(rejected(order))) == (1, 2)
    assert [erase(moment + 1, 1) for _ in range(3)] == [1, 1, 0]
    held = order.appliance.database.row("SELECT rows FROM quarantine")
    assert held == {"rows": 0}


def test_a_page_without_rejections_costs_one_look(site: Site) -> None:
    site.plant.fill("Vendor", 5)
    site.connected()
    stream = site.appliance.records.stream(site.connection_id, "Vendor")
    before = site.appliance.database.value("SELECT total_changes()")
    site.appliance.quarantine.settled(stream, ["a"], fingerprint=b"", now=0)
    site.appliance.quarantine.keep(stream, [], fingerprint=b"", run_id=None, now=0)
    assert site.appliance.database.value("SELECT total_changes()") == before
    work(site.appliance)


def test_rows_in_quarantine_are_an_issue_until_they_are_seen_to(order: Site) -> None:
    watch = watch_of(order.appliance)
    watch.work_off()
    (issue,) = order.appliance.issues.open_issues(order.connection_id)
    assert (issue.code, issue.entity, issue.detail) == ("ROWS_REJECTED", "PurchaseOrder", {"rows": 1})
    order.plant.put("PurchaseOrder", "2", ordered="2026-01-03")
    order.synchronize()
    order.clock.advance(60)
    watch.work_off()
    assert order.appliance.issues.open_issues(order.connection_id) == []


def test_a_row_that_is_gone_at_the_source_leaves_with_its_record(order: Site) -> None:
    order.plant.put("PurchaseOrder", "1", ordered="broken")
    order.synchronize()
    assert len(rejected(order)) == 2
    del order.plant.rows["PurchaseOrder"]["1"]
    for _ in range(2):
        done = entity_of(order.synchronize(mode="full"), "PurchaseOrder")
    assert order.stored("PurchaseOrder").keys() == {"3"}, done
    assert [one["stale_since"] for one in rejected(order)] == [None]
