"""What becomes of records that the source no longer has: deleted where that is proven and believable, never else."""

from datetime import timedelta
from typing import Any

import pytest

from appliance.engine_room import watch_of
from appliance.errors import SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Page
from appliance.runtime.select import encode
from appliance.store.records import NewRecord
from appliance.sync.errors import HoldDecided, HoldNotFound
from appliance.sync.passes import deletions
from tests.support.appliance import entity_of, work
from tests.support.plant import PLANTS, Asked, Killed, Reader


def without(site: Any, entity: str, *ids: str) -> None:
    for one in ids:
        del site.plant.rows[entity][one]


def deleted(run: dict[str, Any], entity: str = "Vendor") -> int:
    return int(entity_of(run, entity)["deleted"])


@pytest.mark.parametrize("mode", ["full", "reconcile"])
def test_a_row_that_is_gone_is_deleted_by_a_pass_that_meets_every_row(site, mode) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    without(site, "Vendor", "0003", "0024")
    assert deleted(site.synchronize(entities=["Vendor"])) == 0, "a pass over changes cannot know"
    run = site.synchronize(entities=["Vendor"], mode=mode)
    assert deleted(run) == 2
    assert site.stored("Vendor") == site.plant.rows["Vendor"]
    assert site.appliance.records.counts(site.connection_id)["Vendor"] == 23
    changes = site.appliance.feed.after(site.connection_id, 25, 100, begun_at=site.clock.now_ms()).changes
    assert [change.change for change in changes] == ["deleted", "deleted"]
    assert deleted(site.synchronize(entities=["Vendor"], mode=mode)) == 0


def test_an_entity_that_is_always_compared_loses_what_is_gone_at_once(site) -> None:
    site.plant.fill("Team", 12)
    site.connected()
    without(site, "Team", "0005")
    assert deleted(site.synchronize(entities=["Team"]), "Team") == 1
    site.plant.put("Team", "0005")
    site.synchronize(entities=["Team"])
    assert "0005" in site.stored("Team")


def test_what_lies_before_the_period_that_is_read_is_left_alone(site) -> None:
    now = site.clock.now()
    site.plant.put("PurchaseOrder", "old", changed=now - timedelta(days=20))
    site.plant.put("PurchaseOrder", "new", "newer", changed=now - timedelta(days=2))
    site.connect(historical_days=30)
    work(site.appliance)
    site.clock.advance(15 * 86400)
    without(site, "PurchaseOrder", "old", "new")
    run = site.synchronize(entities=["PurchaseOrder"], mode="full")
    assert deleted(run, "PurchaseOrder") == 1
    assert site.stored("PurchaseOrder").keys() == {"old", "newer"}


def test_nothing_is_deleted_when_fewer_rows_came_than_the_source_counts(site, monkeypatch) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    page = site.plant.page
    monkeypatch.setattr(site.plant, "page", lambda asked: (page(asked)[0][1:], page(asked)[1]))
    run = site.synchronize(entities=["Vendor"], mode="full")
    assert deleted(run) == 0
    assert len(site.stored("Vendor")) == 25
    assert "the source counts 25 rows and gave" in entity_of(run, "Vendor")["notices"][0]


def test_nothing_is_deleted_when_a_row_cannot_be_told_from_others(site, monkeypatch) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    page = site.plant.page
    monkeypatch.setattr(site.plant, "page", lambda asked: ([*page(asked)[0][:-1], {"id": None}], False))
    site.plant.page_size = 100
    run = site.synchronize(entities=["Vendor"], mode="full")
    assert (deleted(run), entity_of(run, "Vendor")["rejected"]) == (0, 1)
    assert "could not be told from others" in entity_of(run, "Vendor")["notices"][0]


def test_a_row_that_is_rejected_is_there_all_the_same(site) -> None:
    site.plant.fill("Vendor", 5)
    site.connected()
    site.plant.put("Vendor", "0002", name=["no", "text"])
    without(site, "Vendor", "0004")
    run = site.synchronize(entities=["Vendor"], mode="full")
    assert (deleted(run), entity_of(run, "Vendor")["rejected"]) == (1, 1)
    assert site.stored("Vendor").keys() == {"0000", "0001", "0002", "0003"}


def test_a_failed_pass_deletes_nothing(site) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    without(site, "Vendor", "0003")
    site.plant.before_page = lambda asked: site.plant.failures.update(
        {"Vendor": SourceError("Enough.")} if asked.after == "0010" else {}
    )
    assert entity_of(site.synchronize(entities=["Vendor"], mode="full"), "Vendor")["state"] == "failed"
    assert len(site.stored("Vendor")) == 25
    site.plant.failures.clear()
    site.plant.before_page = lambda asked: None
    site.plant.asked.clear()
    run = site.synchronize(entities=["Vendor"])
    assert site.plant.asked[0].after == "0010", "it goes on where it failed"
    assert (deleted(run), len(site.stored("Vendor"))) == (1, 24)


def test_when_a_large_share_would_vanish_a_person_is_asked(site) -> None:
    site.plant.fill("Vendor", 40)
    site.connected()
    without(site, "Vendor", *(f"{n:04}" for n in range(12)))
    run = site.synchronize(entities=["Vendor"], mode="reconcile")
    assert deleted(run) == 0
    assert len(site.stored("Vendor")) == 40
    assert "12 of 40 records are no longer in the source" in entity_of(run, "Vendor")["notices"][0]
    site.synchronize(entities=["Vendor"], mode="reconcile")
    (hold,) = site.appliance.removals.held(site.connection_id)
    assert (hold["missing"], hold["known"], hold["state"], len(hold["sample"])) == (12, 40, "open", 5)

    # One is back when a person says yes: only what still is missing goes.
    site.plant.put("Vendor", "0000")
    run_id = site.appliance.removals.approve(site.connection_id, hold["id"], by="admin")
    work(site.appliance)
    assert deleted(site.appliance.planner.describe_run(run_id)) == 11
    assert site.stored("Vendor").keys() == site.plant.rows["Vendor"].keys()
    with pytest.raises(HoldDecided, match="approved"):
        site.appliance.removals.approve(site.connection_id, hold["id"], by="admin")


def test_a_dismissed_hold_keeps_the_records_and_asks_again(site) -> None:
    site.plant.fill("Vendor", 30)
    site.connected()
    kept = dict(site.plant.rows["Vendor"])
    site.plant.rows["Vendor"].clear()
    site.synchronize(entities=["Vendor"], mode="full")
    (hold,) = site.appliance.removals.held(site.connection_id)
    site.appliance.removals.dismiss(site.connection_id, hold["id"], by="admin")
    assert len(site.stored("Vendor")) == 30
    site.synchronize(entities=["Vendor"], mode="full")
    states = [one["state"] for one in site.appliance.removals.held(site.connection_id)]
    assert states == ["open", "dismissed"]
    site.plant.rows["Vendor"].update(kept)
    site.synchronize(entities=["Vendor"], mode="full")
    states = [one["state"] for one in site.appliance.removals.held(site.connection_id)]
    assert sorted(states) == ["dismissed", "settled"]


def test_a_hold_of_another_connection_is_not_found(site) -> None:
    site.connected()
    with pytest.raises(HoldNotFound):
        site.appliance.removals.approve(site.connection_id, "hold_0000", by="admin")


@pytest.mark.parametrize("number", [1, 4])
def test_the_last_few_records_of_an_entity_are_held_back_too(site, number) -> None:
    site.plant.fill("Vendor", number)
    site.connected()
    site.plant.rows["Vendor"].clear()
    assert deleted(site.synchronize(entities=["Vendor"], mode="full")) == 0
    assert site.appliance.removals.held(site.connection_id)[0]["missing"] == number


def test_the_last_few_records_go_where_each_can_be_asked_for(site, monkeypatch) -> None:
    monkeypatch.setattr(Connector, "reads_one", lambda self, entity: True)
    monkeypatch.setattr(Connector, "one", lambda self, entity, key: None)
    site.plant.fill("Vendor", 4)
    site.connected()
    site.plant.rows["Vendor"].clear()
    assert deleted(site.synchronize(entities=["Vendor"], mode="full")) == 4


def test_deletions_of_a_run_can_be_undone(site) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    gone = {one: site.plant.rows["Vendor"][one] for one in ("0003", "0007")}
    without(site, "Vendor", *gone)
    run = site.synchronize(entities=["Vendor"], mode="full")
    last = site.appliance.feed.latest()
    assert site.appliance.removals.undo(site.connection_id, run["id"]) == 2
    assert site.stored("Vendor").keys() >= gone.keys()
    assert site.appliance.records.counts(site.connection_id)["Vendor"] == 25
    changes = site.appliance.feed.after(site.connection_id, last, 100, begun_at=site.clock.now_ms()).changes
    assert [change.change for change in changes] == ["updated", "updated"]
    assert site.appliance.removals.undo(site.connection_id, run["id"]) == 0, "once is enough"
    assert deleted(site.synchronize(entities=["Vendor"], mode="full")) == 2, "the source still has none"


def test_only_what_the_run_itself_deleted_comes_back(site) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()
    row = site.plant.rows["Vendor"].pop("0003")
    first = site.synchronize(entities=["Vendor"], mode="full")
    site.plant.rows["Vendor"]["0003"] = row
    site.synchronize(entities=["Vendor"], mode="full")
    without(site, "Vendor", "0003")
    site.synchronize(entities=["Vendor"], mode="full")
    assert site.appliance.removals.undo(site.connection_id, first["id"]) == 0


def test_a_row_that_comes_while_the_pass_runs_is_not_missing(site) -> None:
    site.plant.fill("Vendor", 25)
    site.connected()

    def come(asked: Asked) -> None:
        if asked.after == "0019":
            site.plant.put("Vendor", "0000a")
            row = site.plant.rows["Vendor"]["0000a"]
            write_beside(site, row)

    site.plant.before_page = come
    assert deleted(site.synchronize(entities=["Vendor"], mode="full")) == 0
    assert "0000a" in site.stored("Vendor")


def write_beside(site: Any, row: dict[str, Any]) -> None:
    """As a write of the API does that lands while a pass runs: read back and stored."""
    connector = site.appliance.open_connector(site.appliance.connections.get(site.connection_id))
    projection = connector.projection("Vendor")
    stream = site.appliance.records.stream(site.connection_id, "Vendor")
    raw = encode(row)
    payload, modified = projection.record(raw)
    site.appliance.records.write(
        stream, [NewRecord(projection.key(raw), projection.hash(raw), payload, modified or 0, raw)]
    )


@pytest.mark.parametrize("page", ["0010", "0020"])
def test_a_pass_that_is_killed_knows_what_it_had_met(site, page) -> None:
    site.plant.fill("Vendor", 30)
    site.connected()
    without(site, "Vendor", "0003")
    run_id = site.appliance.planner.request_run(site.connection_id, entities=["Vendor"], mode="full")

    def die(asked: Asked) -> None:
        if asked.after == page:
            raise Killed

    site.plant.before_page = die
    with pytest.raises(Killed):
        work(site.appliance)
    site.plant.before_page = lambda asked: None
    work(site.appliance)
    assert deleted(site.appliance.planner.describe_run(run_id)) == 1
    assert site.stored("Vendor") == site.plant.rows["Vendor"]


def test_a_pass_that_is_killed_while_it_deletes_goes_on(site, monkeypatch) -> None:
    monkeypatch.setattr(deletions, "COMPARED_AT_ONCE", 3)
    site.plant.fill("Vendor", 100)
    site.connected()
    without(site, "Vendor", *(f"{n:04}" for n in range(10)))
    run_id = site.appliance.planner.request_run(site.connection_id, entities=["Vendor"], mode="full")
    mark, calls = site.appliance.records.__class__.mark_deleted, []

    def die_at_the_third(self: Any, *arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return int(mark(self, *arguments))

    monkeypatch.setattr(site.appliance.records.__class__, "mark_deleted", die_at_the_third)
    with pytest.raises(Killed):
        work(site.appliance)
    assert len(site.stored("Vendor")) == 94
    site.plant.asked.clear()
    work(site.appliance)
    assert site.plant.asked == [], "what was read need not be read again"
    assert deleted(site.appliance.planner.describe_run(run_id)) == 10
    assert len(site.stored("Vendor")) == 90
    assert site.appliance.database.value("SELECT count(*) FROM pass_met") == 0


def test_a_position_that_was_forgotten_forgets_what_was_met(site) -> None:
    site.plant.fill("Vendor", 30)
    site.connected()
    run_id = site.appliance.planner.request_run(site.connection_id, entities=["Vendor"], mode="full")

    def die(asked: Asked) -> None:
        if asked.after == "0019":
            raise Killed

    site.plant.before_page = die
    with pytest.raises(Killed):
        work(site.appliance)
    site.plant.before_page = lambda asked: None
    site.plant.generation += 1
    without(site, "Vendor", "0003")
    work(site.appliance)
    assert deleted(site.appliance.planner.describe_run(run_id)) == 1, "it was met before the pass began again"


class TestPagesThatMayPassOverARow:
    def connect(self, site: Any) -> None:
        PLANTS["Plant"] = site.plant
        site.connect(system="plant_of_flags")
        work(site.appliance)

    def test_a_row_is_deleted_when_two_passes_have_missed_it(self, site) -> None:
        site.plant.fill("Vendor", 25)
        self.connect(site)
        without(site, "Vendor", "0003")
        assert deleted(site.synchronize(mode="full")) == 0
        assert deleted(site.synchronize(mode="full")) == 1
        assert site.stored("Vendor") == site.plant.rows["Vendor"]

    def test_a_row_that_is_met_again_between_counts_as_never_missed(self, site) -> None:
        site.plant.fill("Vendor", 25)
        self.connect(site)
        row = site.plant.rows["Vendor"].pop("0003")
        site.synchronize(mode="full")
        site.plant.rows["Vendor"]["0003"] = row
        site.synchronize(mode="full")
        del site.plant.rows["Vendor"]["0003"]
        assert deleted(site.synchronize(mode="full")) == 0
        assert deleted(site.synchronize(mode="full")) == 1

    @pytest.mark.parametrize("flag", [{"scrapped": True}, {"scrapped": "Y"}, {"removed_at": "2026-01-04"}])
    def test_a_row_that_says_so_is_deleted(self, site, flag) -> None:
        site.plant.fill("Vendor", 3)
        self.connect(site)
        site.clock.advance(60)
        site.plant.put("Vendor", "0001", **flag)
        site.plant.put("Vendor", "never seen", **flag)
        run = site.synchronize()
        assert (deleted(run), entity_of(run, "Vendor")["inserted"]) == (1, 0)
        assert site.stored("Vendor").keys() == {"0000", "0002"}
        site.clock.advance(60)
        site.plant.put("Vendor", "0001", scrapped=False, removed_at=None)
        site.synchronize()
        assert site.stored("Vendor").keys() == {"0000", "0001", "0002"}


class Keys(Reader):
    """Asked for keys alone."""

    def fetch(self, *arguments: Any, **named: Any) -> Page:
        page = super().fetch(*arguments, **named)
        return Page(
            [b'{"id":' + row.split(b'"id":')[1].split(b",")[0] + b"}" for row in page.rows], page.next
        )


def test_a_record_whose_row_is_no_longer_kept_is_not_asked_for_but_missed_twice(site, monkeypatch) -> None:
    monkeypatch.setattr(Connector, "reads_one", lambda self, entity: True)
    monkeypatch.setattr(Connector, "one", lambda self, entity, key: None)
    PLANTS["Plant"] = site.plant
    site.plant.fill("Vendor", 25)
    site.connect(system="plant_of_flags")
    work(site.appliance)
    site.appliance.database.run("UPDATE record SET raw = x''")
    without(site, "Vendor", "0003")
    first = site.synchronize(mode="full")
    assert (entity_of(first, "Vendor")["state"], deleted(first)) == ("completed", 0)
    assert deleted(site.synchronize(mode="full")) == 1


class TestKeysAlone:
    @pytest.fixture
    def keys(self, site, monkeypatch) -> Any:
        def key_pages(self: Connector, entity: str) -> Keys:
            return Keys(self.source, entity, {})

        monkeypatch.setattr(Connector, "key_pages", key_pages)
        return site

    def test_what_is_gone_is_deleted_and_nothing_else_is_touched(self, keys) -> None:
        keys.plant.fill("Vendor", 25)
        keys.connected()
        without(keys, "Vendor", "0003")
        keys.plant.put("Vendor", "0004", name="changed")
        run = keys.synchronize(entities=["Vendor"], mode="reconcile")
        assert (deleted(run), entity_of(run, "Vendor")["updated"]) == (1, 0)
        assert keys.stored("Vendor")["0004"]["name"] == "0004"
        watermark = keys.schedule("Vendor")["watermark"]
        assert watermark is not None, "changes are for the next pass over changes"

    def test_rows_that_are_lacking_are_read_by_the_next_pass_which_reads_everything(self, keys) -> None:
        keys.plant.fill("Vendor", 25)
        keys.connected()
        keys.plant.put("Vendor", "late", changed=keys.clock.now() - timedelta(days=9))
        keys.clock.advance(3600)
        keys.synchronize(entities=["Vendor"])
        assert "late" not in keys.stored("Vendor"), "its time lies before what is asked for"
        run = keys.synchronize(entities=["Vendor"], mode="reconcile")
        assert "1 rows of the source are not here" in entity_of(run, "Vendor")["notices"][0]
        keys.synchronize(entities=["Vendor"])
        assert keys.stored("Vendor") == keys.plant.rows["Vendor"]

    def test_a_row_whose_key_comes_with_the_word_that_it_is_gone_is_gone(self, site, monkeypatch) -> None:
        PLANTS["Plant"] = site.plant
        site.plant.fill("Vendor", 3)
        site.connect(system="plant_of_flags")
        work(site.appliance)
        monkeypatch.setattr(Connector, "key_pages", lambda self, entity: Reader(self.source, entity, {}))
        long_ago = site.clock.now() - timedelta(days=9)
        site.plant.put("Vendor", "0001", "never seen", scrapped=True, changed=long_ago)
        run = site.synchronize(entities=["Vendor"], mode="reconcile")
        assert deleted(run) == 1
        assert site.stored("Vendor").keys() == {"0000", "0002"}
        assert not entity_of(run, "Vendor")["notices"], "what is gone is not lacking"

    def test_rows_that_are_rejected_each_time_do_not_make_every_pass_a_full_one(self, keys) -> None:
        keys.plant.fill("Vendor", 5)
        keys.plant.put("Vendor", "bad", name=["no", "text"])
        keys.connected()
        keys.synchronize(entities=["Vendor"], mode="reconcile")
        assert keys.schedule("Vendor")["watermark"] is None
        keys.synchronize(entities=["Vendor"])
        keys.synchronize(entities=["Vendor"], mode="reconcile")
        assert keys.schedule("Vendor")["watermark"] is not None


def test_a_deletion_that_waits_for_a_word_is_an_issue_until_it_is_said(site) -> None:
    site.plant.fill("Vendor", 30)
    site.connected()
    kept = dict(site.plant.rows["Vendor"])
    site.plant.rows["Vendor"].clear()
    site.synchronize(entities=["Vendor"], mode="full")
    watch = watch_of(site.appliance)
    watch.work_off()
    (issue,) = site.appliance.issues.open_issues(site.connection_id)
    assert (issue.code, issue.entity, issue.who) == ("DELETIONS_HELD", "Vendor", "plant_admin")
    site.plant.rows["Vendor"].update(kept)
    site.synchronize(entities=["Vendor"], mode="full")
    site.clock.advance(60)
    watch.work_off()
    assert site.appliance.issues.open_issues(site.connection_id) == []
