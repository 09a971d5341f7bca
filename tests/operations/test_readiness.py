"""Ready or not, and who may see why."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.operations.heartbeat import Heartbeat
from appliance.server.wsgi import create_app
from appliance.store.space import Space
from appliance.sync.engine import EngineLock
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock

ELSEWHERE = {"REMOTE_ADDR": "10.1.2.3"}


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, disk_reserve_bytes=1 << 20, disk_pause_bytes=1)


@contextmanager
def living_engine(appliance: Appliance) -> Iterator[Heartbeat]:
    with EngineLock(appliance.settings.data_dir) as lock:
        assert lock.acquire()
        beat = Heartbeat(appliance.settings.data_dir, appliance.clock)
        beat.beat()
        yield beat


def ask(appliance: Appliance, clock: ManualClock, **options: Any) -> tuple[int, dict[str, Any]]:
    clock.advance(3)
    answer = create_app(appliance).test_client().get("/readyz", **options)
    return answer.status_code, answer.get_json()


def failing(body: dict[str, Any]) -> set[str]:
    return {name for name, check in body["checks"].items() if check["status"] == "failing"}


def test_all_is_well_while_the_engine_lives(appliance: Appliance, clock: ManualClock) -> None:
    with living_engine(appliance):
        status, body = ask(appliance, clock)
        assert (status, body["status"]) == (200, "ready")
        assert set(body["checks"]) == {"database", "key", "schema", "engine", "disk"}
        clock.advance(70)
        status, body = ask(appliance, clock)
        assert (status, failing(body)) == (503, {"engine"}), "it hangs"
        assert "no sign of life for 7" in body["checks"]["engine"]["message"]


def test_without_an_engine_it_is_not_ready(appliance: Appliance, clock: ManualClock) -> None:
    status, body = ask(appliance, clock)
    assert (status, body["status"], failing(body)) == (503, "not_ready", {"engine"})


def test_a_disk_below_its_floor_and_a_newer_schema_are_told(
    appliances: Appliances, clock: ManualClock
) -> None:
    appliance = appliances.open(clock, disk_reserve_bytes=1 << 20, disk_pause_bytes=1 << 62)
    with living_engine(appliance):
        appliance.disk._space = lambda folder: Space(1, 1000)
        status, body = ask(appliance, clock)
        assert (status, failing(body)) == (503, {"disk"})
        appliance.database.run("PRAGMA user_version = 9999")
        status, body = ask(appliance, clock)
        assert (status, failing(body)) == (503, {"disk", "schema"})


def test_a_database_that_cannot_be_written_is_told(appliance: Appliance, clock: ManualClock) -> None:
    with living_engine(appliance):
        appliance.database.run("DROP TABLE counter")
        status, body = ask(appliance, clock)
        assert (status, failing(body)) == (503, {"database"})


def test_others_learn_only_whether(appliance: Appliance, clock: ManualClock) -> None:
    assert ask(appliance, clock, environ_base=ELSEWHERE) == (503, {"status": "not_ready"})
    behind = {"X-Forwarded-For": "10.1.2.3"}
    assert ask(appliance, clock, headers=behind) == (503, {"status": "not_ready"})
    wrong = {"Authorization": "Bearer apk_0000000000000000000000"}
    assert ask(appliance, clock, headers=wrong) == (503, {"status": "not_ready"})
    key = {"Authorization": f"Bearer {appliance.api_keys.create('monitoring')}"}
    assert "checks" in ask(appliance, clock, environ_base=ELSEWHERE, headers=key)[1]


def test_asking_often_costs_one_look(appliance: Appliance, clock: ManualClock) -> None:
    first = appliance.readiness.checks()
    assert appliance.readiness.checks() is first
    clock.advance(2)
    assert appliance.readiness.checks() is not first
