"""Limits of requests: by token, by account, by address, in bounded memory."""

import threading
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from appliance.api.limits import Limit, Limits
from appliance.errors import LimitExceeded
from appliance.server.gunicorn import WebServer
from appliance.server.wsgi import create_app
from appliance.settings import Settings
from tests.support.appliance import Appliances, connect_sandbox
from tests.support.clock import ManualClock


def limits(clock: ManualClock, token: int = 5, account: int = 0, address: int = 0) -> Limits:
    return Limits(clock, per_token=token, per_account=account, per_address=address)


class TestTheWindow:
    def test_as_many_as_the_limit_pass_and_the_next_waits(self) -> None:
        clock = ManualClock()
        of_five = limits(clock)
        left = [allowance.remaining for _ in range(5) if (allowance := of_five.take("a"))]
        assert left == [4, 3, 2, 1, 0]
        with pytest.raises(LimitExceeded) as caught:
            of_five.take("a")
        assert 0 < caught.value.retry_after <= 120
        assert caught.value.details == {"limit": 5, "per": "token", "window_seconds": 60}

    def test_after_the_time_it_names_the_next_one_passes(self) -> None:
        clock = ManualClock()
        of_five = limits(clock)
        for _ in range(50):
            try:
                of_five.take("a")
            except LimitExceeded as refused:
                clock.advance(refused.retry_after - 0.01)
                with pytest.raises(LimitExceeded):
                    of_five.take("a")
                clock.advance(0.011)
                of_five.take("a")
            clock.advance(3)

    def test_one_that_is_over_its_limit_takes_nothing_from_the_account(self) -> None:
        both = limits(ManualClock(), token=5, account=8)
        for _ in range(100):
            try:
                both.take("greedy")
            except LimitExceeded as refused:
                assert refused.details["per"] == "token"
        for _ in range(3):
            both.take("modest")
        with pytest.raises(LimitExceeded) as caught:
            both.take("modest")
        assert caught.value.details["per"] == "account"

    def test_without_limits_nothing_is_counted(self) -> None:
        assert limits(ManualClock(), token=0).take("a") is None

    @given(st.lists(st.floats(0, 40), min_size=1, max_size=120))
    def test_no_minute_ever_holds_twice_the_limit_and_a_quiet_caller_is_never_refused(
        self, pauses: list[float]
    ) -> None:
        clock, limit = ManualClock(), Limit(6)
        passed: list[float] = []
        for pause in pauses:
            clock.advance(pause)
            now = clock.monotonic()
            if limit.wait("a", now) == 0:
                limit.take("a", now)
                passed.append(now)
            else:
                # Refused only where two windows held enough to be near the limit.
                assert sum(now - 120 < one for one in passed) >= 6
        for one in passed:
            assert sum(one <= other < one + 60 for other in passed) < 12


def test_memory_is_bounded_by_the_callers_kept() -> None:
    limit = Limit(5, kept=100)
    for number in range(10_000):
        limit.take(f"address {number}", 0.0)
    assert len(limit) == 100


def test_threads_together_get_exactly_the_limit() -> None:
    of_many = limits(ManualClock(), token=500)
    passed: list[int] = []

    def ask() -> None:
        for _ in range(200):
            try:
                of_many.take("a")
                passed.append(1)
            except LimitExceeded:
                pass

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 500


def test_the_server_runs_one_worker_since_the_counts_live_in_it(tmp_path: Path) -> None:
    server = WebServer(Settings(data_dir=tmp_path), None, lambda: pytest.fail("not started"))
    assert server.cfg.workers == 1


class TestOverTheApi:
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(auto=True)

    @pytest.fixture
    def client(self, appliances: Appliances, clock: ManualClock, quick: None) -> FlaskClient:
        self.appliance = appliances.open(
            clock, limits_token_per_minute=3, limits_account_per_minute=5, limits_address_per_minute=4
        )
        self.one = connect_sandbox(self.appliance, "One")
        self.other = connect_sandbox(self.appliance, "Other")
        return create_app(self.appliance).test_client()

    def ask(self, client: FlaskClient, token: str) -> TestResponse:
        return client.get(
            "/api/v1/sync-status", headers={"Authorization": f"Bearer {token}"} if token else {}
        )

    def test_the_fourth_request_is_answered_429_and_another_connection_goes_on(
        self, client: FlaskClient, clock: ManualClock
    ) -> None:
        told = [self.ask(client, self.one.token).headers for _ in range(3)]
        assert [headers["X-RateLimit-Remaining"] for headers in told] == ["2", "1", "0"]
        assert {headers["X-RateLimit-Limit"] for headers in told} == {"3"}

        refused = self.ask(client, self.one.token)
        error = refused.get_json()["error"]
        assert (refused.status_code, error["code"], error["type"]) == (
            429,
            "RATE_LIMIT_EXCEEDED",
            "rate_limit",
        )
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert self.ask(client, self.other.token).status_code == 200

        clock.advance(int(refused.headers["Retry-After"]))
        assert self.ask(client, self.one.token).status_code == 200

    def test_guessing_tokens_is_limited_by_address_and_valid_ones_still_pass(
        self, client: FlaskClient
    ) -> None:
        codes = [self.ask(client, "apl_guess").status_code for _ in range(6)]
        assert codes == [401, 401, 401, 401, 429, 429]
        assert self.ask(client, "").status_code == 429
        assert self.ask(client, self.one.token).status_code == 200

    def test_health_and_documentation_are_not_limited(self, client: FlaskClient) -> None:
        assert {client.get("/healthz").status_code for _ in range(20)} == {200}
