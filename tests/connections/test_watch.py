"""The scheduled probe: how many at once, whose turn it is, and what else it looks at."""

import threading
from datetime import timedelta

import pytest

from appliance.app import Appliance
from appliance.connections.condition.health import Health
from appliance.engine_room import watch_of
from appliance.runtime.connector import Connector
from appliance.runtime.probe import Report
from appliance.webhooks.endpoints import Owner
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, connect_gateway, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant


class Probes:
    """Counts the probes that are under way at the same time, each held until the others of its turn are there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
        self._barrier = threading.Barrier(together)
        self.made = 0
        self._really = Health.probe
        monkeypatch.setattr(Health, "probe", lambda health, connector: self._probe(health, connector))

    def _probe(self, health: Health, connector: Connector) -> Report:
        self.made += 1
        self._barrier.wait(10)
        return self._really(health, connector)


def test_a_few_are_probed_at_once(
    appliances: Appliances, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    appliance = appliances.open(clock, connectors_dir=CONNECTORS)
    for number in range(8):
        connect_plant(appliance, Plant(clock), f"plant {number}")
    work(appliance)
    clock.advance(1000)
    probes = Probes(monkeypatch, together=4)
    watch = watch_of(appliance)
    assert [watch.work_off() for _ in range(3)] == [4, 4, 0]
    assert probes.made == 8


def test_connections_of_one_host_take_turns(
    appliances: Appliances, gateway: Gateway, clock: ManualClock
) -> None:
    appliance = appliances.open(clock)
    for number in range(3):
        connect_gateway(appliance, gateway, name=f"Gateway {number}")
    work(appliance)
    clock.advance(1000)
    watch = watch_of(appliance)
    assert [watch.work_off() for _ in range(4)] == [1, 1, 1, 0]


def test_a_connection_that_a_run_reads_is_not_asked_beside_it(
    appliance: Appliance, clock: ManualClock
) -> None:
    made = connect_sandbox(appliance)
    clock.advance(1000)
    appliance.database.run("UPDATE run SET state = 'running' WHERE connection_id = ?", (made.connection.id,))
    assert watch_of(appliance).work_off() == 0
    appliance.database.run("UPDATE run SET state = 'failed' WHERE connection_id = ?", (made.connection.id,))
    assert watch_of(appliance).work_off() == 1


def test_a_probe_that_breaks_is_not_repeated_at_once(
    appliance: Appliance, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_sandbox(appliance)
    work(appliance)
    clock.advance(1000)
    monkeypatch.setattr(Health, "probe", lambda health, connector: 1 / 0)
    watch = watch_of(appliance)
    assert [watch.work_off() for _ in range(2)] == [1, 0]
    clock.advance(600)
    assert watch.work_off() == 1


def test_a_connector_that_is_gone_is_an_issue_and_no_end_of_the_watch(
    appliances: Appliances, clock: ManualClock
) -> None:
    appliance = appliances.open(clock, connectors_dir=CONNECTORS)
    connect_plant(appliance, Plant(clock))
    work(appliance)
    appliance.close()
    without = appliances.open(clock)
    clock.advance(1000)
    assert watch_of(without).work_off() == 1
    (issue,) = without.issues.open_issues()
    assert (issue.code, issue.who) == ("UNKNOWN_SYSTEM", "plant_admin")


def test_what_is_behind_though_its_source_answers_is_an_issue_until_it_has_caught_up(
    appliance: Appliance, clock: ManualClock
) -> None:
    made = connect_sandbox(appliance)
    work(appliance)
    watch = watch_of(appliance)
    clock.advance(3 * 3600 - 60)
    watch.work_off()
    assert appliance.issues.open_issues() == []
    clock.advance(400)
    watch.work_off()
    (issue,) = appliance.issues.open_issues()
    assert (issue.code, issue.connection_id) == ("DATA_STALE", made.connection.id)
    told = appliance.standing.describe(appliance.connections.get(made.connection.id))["aspects"]["data"]
    assert told["state"] == "failing" and told["entities"][0]["problem"] == "stale"
    appliance.planner.queue_due()
    work(appliance)
    clock.advance(400)
    watch.work_off()
    assert appliance.issues.open_issues() == []


def test_an_offline_connection_is_not_told_twice_that_it_is_behind(
    appliance: Appliance, gateway: Gateway, clock: ManualClock
) -> None:
    connect_gateway(appliance, gateway)
    work(appliance)
    gateway.fail_next(503, times=10_000)
    watch = watch_of(appliance)
    for _ in range(20):
        clock.advance(timedelta(minutes=15).total_seconds())
        watch.work_off()
    assert [issue.code for issue in appliance.issues.open_issues()] == ["SOURCE_UNREACHABLE"]


def test_what_is_not_due_is_not_behind(appliance: Appliance, clock: ManualClock) -> None:
    """As in the quiet hours of a schedule."""
    made = connect_sandbox(appliance)
    work(appliance)
    appliance.database.run("UPDATE schedule SET next_due_at = ?", (clock.now_ms() + 12 * 3_600_000,))
    clock.advance(8 * 3600)
    watch_of(appliance).work_off()
    assert appliance.issues.open_issues(made.connection.id) == []
    clock.advance(4 * 3600 + 120)
    watch_of(appliance).work_off()
    assert [issue.code for issue in appliance.issues.open_issues(made.connection.id)] == ["DATA_STALE"]


def test_what_the_appliance_itself_suffers_from_is_an_issue_as_long_as_it_does(
    appliance: Appliance, clock: ManualClock
) -> None:
    watch, database = watch_of(appliance), appliance.database
    given = {"url": "https://127.0.0.1/hooks", "events": ["*"], "name": "Ledger"}
    endpoint = appliance.webhooks.create(given, Owner(), may_be_here=True).endpoint
    appliance.webhooks.table.disable(endpoint.id, "It answered 410.", clock.now_ms())
    database.run("INSERT INTO disk_pause (id, paused_at, free) VALUES (1, ?, 1000000)", (clock.now_ms(),))
    watch.work_off()
    found = {issue.code: issue for issue in appliance.issues.open_issues()}
    assert found.keys() == {"DISK_LOW", "WEBHOOK_SWITCHED_OFF"}
    assert found["WEBHOOK_SWITCHED_OFF"].message == "The webhook Ledger is switched off: It answered 410."
    database.run("DELETE FROM disk_pause")
    appliance.webhooks.delete(endpoint.id)
    clock.advance(60)
    watch.work_off()
    assert appliance.issues.open_issues() == []
