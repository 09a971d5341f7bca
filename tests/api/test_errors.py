"""Errors: one body, a request id everywhere, and nothing of our insides."""

import json
import logging
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from appliance.server.wsgi import create_app
from tests.api.conftest import Plant

HEADERS = {
    "X-API-Version": "v1",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "Cache-Control": "no-store",
}


def check_error(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    body = answer.get_json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert list(error) == ["code", "type", "message", "request_id", "details", "documentation"]
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["details"], dict)
    assert error["request_id"] == answer.headers["X-Request-Id"]
    check_headers(answer)
    return error


def check_headers(answer: TestResponse) -> None:
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-Id"]


CASES = [
    ("GET", "/api/eam/assets", "", 401, "AUTHENTICATION_FAILED"),
    ("GET", "/api/eam/assets", "apl_wrong", 401, "TOKEN_INVALID"),
    ("GET", "/api/eam/nothing-like-it", None, 404, "NOT_FOUND"),
    ("GET", "/api/eam/assets/", None, 404, "NOT_FOUND"),
    ("GET", "/nothing", None, 404, "NOT_FOUND"),
    ("GET", "/api/eam/assets/none", None, 404, "RECORD_NOT_FOUND"),
    ("PATCH", "/api/eam/assets", None, 405, "METHOD_NOT_ALLOWED"),
    ("DELETE", "/healthz", None, 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/api/eam/assets?page=0", None, 400, "INVALID_REQUEST"),
    ("GET", "/api/eam/assets?cursor=x", None, 400, "CURSOR_INVALID"),
    ("GET", "/api/v1/sync/run_unknown", None, 404, "RUN_NOT_FOUND"),
]


@pytest.mark.parametrize(("method", "path", "token", "status", "code"), CASES)
def test_the_body_is_the_same_everywhere(
    plant: Plant, method: str, path: str, token: str | None, status: int, code: str
) -> None:
    check_error(plant.send(method, path, token=token), status, code)


def test_what_a_method_would_be_allowed_is_said(plant: Plant) -> None:
    assert "GET" in plant.send("PATCH", "/api/eam/assets").headers["Allow"]


def test_a_body_of_three_megabytes_is_refused(plant: Plant) -> None:
    for path, token in (("/api/v1/sync", plant.one.token), ("/api/system/connections", plant.key)):
        answer = plant.send("POST", path, token=token, data=b" " * 3_000_000)
        check_error(answer, 413, "REQUEST_TOO_LARGE")


def test_a_body_between_the_two_limits_is_refused_too(plant: Plant) -> None:
    answer = plant.send("POST", "/api/v1/sync", data=b" " * 1_500_000)
    assert answer.status_code in (400, 413)


def test_success_has_the_headers_too(plant: Plant) -> None:
    for path in ("/api/eam/assets", "/healthz", "/api/v1/sync-status", "/"):
        check_headers(plant.get(path))


def test_a_request_id_of_the_caller_is_kept_if_it_is_one(plant: Plant) -> None:
    answer = plant.get("/api/eam/none", headers={"X-Request-Id": "caller-12345678"})
    assert check_error(answer, 404, "NOT_FOUND")["request_id"] == "caller-12345678"


@pytest.mark.parametrize(
    "given", ["short", "x" * 81, "two words here", "<script>alert(1)</script>", "a\tb_cdefgh"]
)
def test_a_request_id_that_is_none_is_replaced(plant: Plant, given: str) -> None:
    answer = plant.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"].startswith("req_")


def test_every_request_has_an_id_of_its_own(plant: Plant) -> None:
    assert len({plant.get("/healthz").headers["X-Request-Id"] for _ in range(20)}) == 20


class TestAFaultOfOurOwn:
    """One that is injected: the connection table raises."""

    @pytest.fixture
    def broken(self, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> Flask:
        def fail(*_: object) -> None:
            raise RuntimeError("secret detail at /srv/inside.py")

        monkeypatch.setattr("appliance.connections.tables.ConnectionTable.all", fail)
        return create_app(plant.appliance)

    def ask(self, broken: Flask, plant: Plant) -> TestResponse:
        return broken.test_client().get(
            "/api/system/connections", headers={"Authorization": f"Bearer {plant.key}"}
        )

    def test_answers_without_a_traceback(self, broken: Flask, plant: Plant) -> None:
        answer = self.ask(broken, plant)
        error = check_error(answer, 500, "INTERNAL_ERROR")
        assert error["request_id"] in error["message"]
        for inside in ("Traceback", "RuntimeError", "secret detail", ".py"):
            assert inside not in answer.text

    def test_is_in_the_log_with_the_request_id(
        self, broken: Flask, plant: Plant, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR):
            answer = self.ask(broken, plant)
        (record,) = [r for r in caplog.records if r.exc_info]
        assert answer.headers["X-Request-Id"] in record.getMessage()

    def test_looks_the_same_to_the_admin_page(self, broken: Flask, plant: Plant) -> None:
        answer = broken.test_client().get("/admin/sign-in", base_url="https://localhost")
        assert answer.status_code < 500
        check_headers(answer)


def test_the_log_of_requests_holds_no_token(plant: Plant, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        plant.get("/api/eam/assets?modified_after=2026-01-01")
        plant.get("/api/eam/assets?cursor=some-cursor-value")
    assert plant.one.token not in caplog.text
    assert json.dumps("some-cursor-value") not in caplog.text
