"""A source that is down for an hour: retried ever more rarely, announced once each way, back by itself."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from appliance.connections.condition.health import Health
from appliance.connections.condition.watch import Watch
from appliance.engine_room import watch_of
from appliance.errors import SourceUnreachable
from tests.support.appliance import work
from tests.support.plant import ENTITIES
from tests.sync.conftest import Site

STEP = 10


class Heard:
    """What was announced of the connection: its status before and after."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []

    def __call__(
        self, name: str, connection_id: str | None, describe: Callable[[], Mapping[str, Any]]
    ) -> None:
        if name == "connection.status_changed":
            told = describe()
            self.changes.append((told["previous_status"], told["status"]))


@pytest.fixture
def heard(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    for entity in ENTITIES:
        site.plant.fill(entity, 25)
    site.connected()
    heard = Heard()
    monkeypatch.setattr(site.appliance.health._table, "_announce", heard)
    yield heard


def let_pass(site: Site, watch: Watch, seconds: int) -> None:
    """What the engine does meanwhile: plan, run, probe."""
    for _ in range(seconds // STEP):
        site.clock.advance(STEP)
        site.appliance.planner.queue_due()
        work(site.appliance)
        while watch.work_off():
            pass


def go_down(site: Site) -> None:
    for entity in ENTITIES:
        site.plant.failures[entity] = SourceUnreachable("The plant does not answer.")


def test_an_hour_without_the_source_ends_by_itself_with_one_announcement_each_way(
    site: Site, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes: list[float] = []
    probe, began = Health.probe, site.clock.now_ms()

    def noted(self: Health, connector: object) -> object:
        probes.append((site.clock.now_ms() - began) / 1000)
        return probe(self, connector)

    monkeypatch.setattr(Health, "probe", noted)
    watch = watch_of(site.appliance)
    go_down(site)
    let_pass(site, watch, 3600)
    assert heard.changes == [("connected", "offline")]
    (issue,) = site.appliance.issues.open_issues(site.connection_id)
    assert (issue.code, issue.who, issue.severity) == ("SOURCE_UNREACHABLE", "source_admin", "critical")

    # Found by the probe, confirmed 30 s later; then after 1, 2, 4, 8 and 15 min.
    pauses = [later - earlier for earlier, later in pairwise(probes)]
    expected = [30, 60, 120, 240, 480, 900]
    assert pauses[:6] == pytest.approx(expected, abs=STEP)

    site.plant.failures.clear()
    site.plant.put("Vendor", "0003", "new", name="changed while away")
    let_pass(site, watch, 960)
    assert heard.changes == [("connected", "offline"), ("offline", "connected")]
    assert site.appliance.issues.open_issues(site.connection_id) == []
    assert site.appliance.connections.get(site.connection_id).status == "connected"
    for entity in ENTITIES:
        assert site.stored(entity) == site.plant.rows[entity]
        stream = site.appliance.records.stream(site.connection_id, entity)
        assert site.appliance.records.count(stream) == len(site.plant.rows[entity])


def test_a_run_that_meets_the_outage_is_retried_ever_more_rarely(site: Site, heard: Heard) -> None:
    watch = watch_of(site.appliance)
    go_down(site)
    site.synchronize()
    assert heard.changes == [("connected", "offline")]
    site.plant.asked.clear()
    tried: list[float] = [0]
    began = site.clock.now_ms()
    for _ in range(3600 // STEP):
        let_pass(site, watch, STEP)
        if any(asked.entity == "Vendor" for asked in site.plant.asked):
            tried.append((site.clock.now_ms() - began) / 1000)
        site.plant.asked.clear()
    expected = [60, 120, 240, 480, 960]
    # Up to an eighth more, which spreads the load.
    for pause, least in zip([later - earlier for earlier, later in pairwise(tried)], expected, strict=True):
        assert least <= pause <= least * 9 / 8 + 3 * STEP
    assert len(heard.changes) == 1


def test_what_failed_is_read_as_soon_as_the_source_is_back(site: Site, heard: Heard) -> None:
    watch = watch_of(site.appliance)
    go_down(site)
    site.synchronize()
    let_pass(site, watch, 2000)
    site.plant.failures.clear()
    site.plant.put("Vendor", "new")
    let_pass(site, watch, 800)
    assert "new" in site.stored("Vendor"), (
        "a probe found the source back, and its runs did not wait for their turn"
    )


def test_one_entity_that_times_out_does_not_take_the_connection_offline(site: Site, heard: Heard) -> None:
    site.plant.failures["PurchaseOrder"] = SourceUnreachable("No answer within 60 s.")
    run = site.synchronize()
    assert run["state"] == "partially_failed"
    assert heard.changes == []
    (issue,) = site.appliance.issues.open_issues(site.connection_id)
    assert (issue.code, issue.entity) == ("SOURCE_UNREACHABLE", "PurchaseOrder")
    site.plant.failures.clear()
    site.synchronize()
    assert site.appliance.issues.open_issues(site.connection_id) == []


def test_an_outage_writes_one_row_of_each_proof_and_issue(site: Site, heard: Heard) -> None:
    watch = watch_of(site.appliance)
    for _ in range(3):
        go_down(site)
        let_pass(site, watch, 1800)
        site.plant.failures.clear()
        let_pass(site, watch, 1800)
    assert len(heard.changes) == 6
    database = site.appliance.database
    assert database.value("SELECT count(*) FROM proof") == 3
    assert database.value("SELECT count(*) FROM issue WHERE code = 'SOURCE_UNREACHABLE'") == 3, (
        "one an outage"
    )
