"""The request log: found by id, without secrets, bounded in rows, bytes, days and memory, off the request's path."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.audit import request_log
from appliance.audit.request_log import Body, Entry, RequestLog, RequestNotLogged
from appliance.clock import SystemClock
from appliance.server.wsgi import create_app
from tests.api.conftest import UNLIMITED, Plant
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick
from tests.support.state import holds


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(auto=True)


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, **UNLIMITED)


def log_of(appliance: Appliance, clock: Any, **limits: int) -> RequestLog:
    given = {"rows": 1000, "max_bytes": 10**9, "days": 30, "sample_percent": 100, "body_bytes": 65536}
    return RequestLog(appliance.database, clock, **{**given, **limits})


def entry(clock: ManualClock, number: int = 0, content: bytes = b"{}", **given: Any) -> Entry:
    body = Body({}, "application/json", len(content), content)
    values: dict[str, Any] = {
        "request_id": f"req_{number:08}",
        "at": clock.now_ms(),
        "method": "GET",
        "path": "/api/eam/assets",
        "query": "",
        "status": 200,
        "milliseconds": 1.5,
        "error_code": None,
        "caller": None,
        "connection_id": None,
        "address": None,
        "request": Body({}, "", 0, None),
        "response": body,
    }
    return Entry(**{**values, **given})


class TestBounds:
    def test_the_newest_rows_stay(self, appliance: Appliance, clock: ManualClock) -> None:
        log = log_of(appliance, clock, rows=50)
        for number in range(400):
            assert log.add(entry(clock, number))
        assert log.flush() == 400
        kept = [row["request_id"] for row in log.recent(limit=1000)]
        assert kept == [f"req_{number:08}" for number in range(399, 349, -1)]

    def test_bytes_of_payloads_are_bounded(self, appliance: Appliance, clock: ManualClock) -> None:
        log = log_of(appliance, clock, max_bytes=20_000)
        for number in range(100):
            # Nothing that compresses well.
            content = json.dumps({"x": [hash((number, n)) for n in range(100)]}).encode()
            log.add(entry(clock, number, content))
            log.flush()
        assert 10_000 < appliance.database.value("SELECT sum(size) FROM request_log") <= 20_000
        assert log.recent(limit=1)[0]["request_id"] == "req_00000099"

    def test_old_rows_go(self, appliance: Appliance, clock: ManualClock) -> None:
        log = log_of(appliance, clock, days=2)
        log.add(entry(clock, 1))
        log.flush()
        clock.advance(2 * 86_400 + 1)
        log.add(entry(clock, 2))
        log.flush()
        assert [row["request_id"] for row in log.recent(limit=9)] == ["req_00000002"]

    def test_the_kept_sums_are_those_of_the_rows(self, appliance: Appliance, clock: ManualClock) -> None:
        log = log_of(appliance, clock, rows=7)
        for number in range(30):
            log.add(entry(clock, number))
            if number % 4 == 0:
                log.flush()
        log.flush()
        counted = dict(
            appliance.database.tuples("SELECT name, value FROM counter WHERE name LIKE 'request%'")
        )
        rows, size = appliance.database.tuples("SELECT count(*), sum(size) FROM request_log")[0]
        assert counted == {"request_log_rows": rows, "request_log_bytes": size}

    def test_a_full_queue_drops_and_counts(
        self, appliance: Appliance, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = log_of(appliance, clock)
        monkeypatch.setattr(request_log, "MOST_WAITING", 10)
        assert [log.add(entry(clock, n)) for n in range(12)] == [True] * 10 + [False] * 2
        assert (log.dropped, log.flush()) == (2, 10)
        monkeypatch.setattr(request_log, "MOST_WAITING_BYTES", 10_000)
        assert [log.add(entry(clock, n, b"x" * 3000)) for n in range(4)] == [True, True, False, False]
        log.flush()
        assert log.add(entry(clock, 9, b"x" * 3000))

    def test_a_thread_writes_and_ends_with_nothing_left(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        # The entries are of the tests' clock, long ago for the real one.
        log = log_of(appliance, SystemClock(), days=3650)
        log.start()
        threads = [
            threading.Thread(
                target=lambda part=part: [log.add(entry(clock, part * 100 + n)) for n in range(100)]
            )
            for part in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log.stop()
        assert len(log.recent(limit=1000)) == 400


class TestSampling:
    def test_errors_and_changes_always_reads_by_share(self, appliance: Appliance, clock: ManualClock) -> None:
        log = log_of(appliance, clock, sample_percent=10)
        reads = sum(log.wants("GET", 200, f"req_{number}") for number in range(5000))
        assert 350 < reads < 650
        assert all(log.wants("GET", status, "req_1") for status in (400, 429, 500))
        assert all(log.wants(method, 200, "req_1") for method in ("POST", "PUT", "DELETE"))

    def test_without_rows_nothing_is_logged(self, appliance: Appliance, clock: ManualClock) -> None:
        log = log_of(appliance, clock, rows=0)
        assert not log.wants("POST", 500, "req_1")


class TestOverTheApi:
    @pytest.fixture
    def plant(self, appliance: Appliance, clock: ManualClock, quick: None) -> Iterator[Plant]:
        one, other = connect_sandbox(appliance, "One"), connect_sandbox(appliance, "Other")
        work(appliance)
        app = create_app(appliance)
        yield Plant(appliance, clock, app, app.test_client(), appliance.api_keys.create("tests"), one, other)

    def logged(self, plant: Plant, answer: Any) -> dict[str, Any]:
        plant.appliance.request_log.flush()
        return plant.appliance.request_log.find(answer.headers["X-Request-Id"])

    def test_every_answer_is_found_by_its_id_with_timing_and_payload(self, plant: Plant) -> None:
        found = self.logged(plant, plant.get("/api/erp/vendors?per_page=2"))
        assert (found["method"], found["path"], found["status"]) == (
            "GET",
            "/api/erp/vendors?per_page=2",
            200,
        )
        assert found["milliseconds"] > 0
        assert found["connection_id"] == plant.one.connection.id
        assert found["caller"].startswith("token tok_")
        assert len(found["response"]["body"]["data"]) == 2

    def test_a_refused_one_too(self, plant: Plant) -> None:
        for answer in (
            plant.get("/api/eam/assets", token="apl_" + "x" * 40),
            plant.get("/api/none"),
            plant.send("POST", "/link/token", token="", data={"grant_type": "password"}),
        ):
            found = self.logged(plant, answer)
            assert found["status"] == answer.status_code >= 400
            assert found["error_code"]

    def test_no_secret_is_in_the_database_afterwards(self, plant: Plant) -> None:
        canary = "canary-credential-7Q2x!"
        application, secret = plant.appliance.applications.create("portal")
        made = plant.send(
            "POST",
            "/api/system/connections",
            token=plant.key,
            json={"provider": "sandbox", "name": "Another", "credentials": {"password": canary, "x": canary}},
        )
        connected = plant.send(
            "POST",
            "/api/system/connections",
            token=plant.key,
            json={"provider": "sandbox", "name": "Third", "credentials": {}},
        ).get_json()["data"]
        token = plant.send(
            "POST",
            "/link/token",
            token="",
            data={"grant_type": "client_credentials", "client_id": application.id, "client_secret": secret},
        ).get_json()["access_token"]
        plant.get(f"/api/eam/assets?access_token={canary}")
        plant.get(f"/api/eam/assets/{plant.one.token}")
        assert self.logged(plant, made)["request"]["body"]["credentials"] == "********"
        payloads = [
            json.dumps(plant.appliance.request_log.find(row["request_id"]))
            for row in plant.appliance.request_log.recent(limit=100)
        ]
        assert len(payloads) == 5
        for hidden in (
            *(canary, secret, token, plant.key, plant.one.token),
            *(connected["access_token"], connected["refresh_token"], connected["connection_token"]),
        ):
            assert not any(hidden in payload for payload in payloads)
            assert holds(plant.appliance.database, hidden) == []

    def test_of_a_large_body_only_the_size_is_kept(self, plant: Plant) -> None:
        note = [{"key": "n", "value": "x" * 900}] * 80
        found = self.logged(
            plant,
            plant.send(
                "POST",
                f"/api/system/connections/{plant.one.connection.id}/metadata",
                token=plant.key,
                json=note,
            ),
        )
        assert found["request"]["body"] is None
        assert found["request"]["bytes"] > 65536

    def test_pages_and_health_are_not_logged(self, plant: Plant) -> None:
        for path in ("/healthz", "/docs/errors", "/admin/sign-in"):
            answer = plant.get(path, token="")
            with pytest.raises(RequestNotLogged):
                self.logged(plant, answer)


def test_limits_of_the_log_come_from_the_settings(tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(ManualClock(), request_log_rows=0)
        assert not appliance.request_log.wants("POST", 500, "req_1")
