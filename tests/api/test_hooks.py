"""The address that sources send to, and how it is made and switched off."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.api.connection.hooks import LARGEST_DELIVERY
from appliance.app import Appliance
from appliance.server.wsgi import create_app
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.bench import Bench, body_of, connect_bench, headers_of, running
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS

CHANGED = {"event": "order.changed", "id": 1}


@dataclass
class Face:
    appliance: Appliance
    clock: ManualClock
    client: FlaskClient
    account: str
    connection_id: str
    other_id: str
    made: dict[str, Any]

    @property
    def at(self) -> str:
        return f"/api/v1/connections/{self.connection_id}/push"

    @property
    def hook(self) -> str:
        return str(self.made["url"]).removeprefix("https://localhost")

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.account if token is None else token}"}
        return self.client.open(path, method=method, base_url="https://localhost", headers=headers, json=body)

    def make(self) -> dict[str, Any]:
        answer = self.call("POST", self.at)
        assert answer.status_code == 201, answer.text
        data: dict[str, Any] = answer.get_json()["data"]
        return data

    def send(
        self, body: bytes, headers: dict[str, str] | None = None, path: str | None = None
    ) -> TestResponse:
        signed = (
            headers_of(body, self.made["signing_key"], self.clock.now_ms()) if headers is None else headers
        )
        return self.client.post(path or self.hook, base_url="https://localhost", data=body, headers=signed)


@pytest.fixture
def face(tmp_path: Path, quick: None) -> Iterator[Face]:
    clock = ManualClock(auto=True)
    with running(Bench()) as bench, Appliances(tmp_path) as appliances:
        bench.put(1, "old")
        appliance = appliances.open(
            clock,
            connectors_dir=CONNECTORS,
            limits_address_per_minute=20,
            limits_token_per_minute=30,
            limits_account_per_minute=0,
        )
        connection_id = connect_bench(appliance, bench)
        other_id = connect_sandbox(appliance).connection.id
        work(appliance)
        client = create_app(appliance).test_client()
        account = appliance.api_keys.create("tests")
        made = Face(appliance, clock, client, account, connection_id, other_id, {})
        made.made = made.make()
        yield made


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


def test_a_genuine_delivery_is_noted_before_it_is_answered(face: Face) -> None:
    answer = face.send(body_of(CHANGED, {"event": "weather.changed"}))
    assert answer.status_code == 202
    assert answer.get_json()["data"] == {"named": 1, "ignored": 1}
    assert face.call("GET", face.at).get_json()["data"]["waiting"] == 1


def test_no_bearer_is_asked_and_a_wrong_address_is_not_found(face: Face) -> None:
    for path in ("/hooks/whk_" + "a" * 43, "/hooks/x", "/hooks/" + "x" * 3000):
        assert code(face.send(b"{}", {}, path)) == (404, "PUSH_ADDRESS_UNKNOWN")


def test_a_wrong_signature_is_refused_and_told_to_the_administrator(face: Face) -> None:
    body = body_of(CHANGED)
    for headers in ({}, headers_of(body + b" ", face.made["signing_key"], face.clock.now_ms())):
        assert code(face.send(body, headers)) == (401, "PUSH_SIGNATURE_INVALID")
    shown = face.call("GET", face.at).get_json()["data"]
    assert shown["refused_at"] is not None and shown["waiting"] == 0


def test_a_body_that_is_too_large_is_refused_before_it_is_read(face: Face) -> None:
    assert code(face.send(b"x" * (LARGEST_DELIVERY + 1))) == (413, "REQUEST_TOO_LARGE")


def test_a_body_that_is_no_json_is_refused(face: Face) -> None:
    assert code(face.send(b"[" * 50_000)) == (400, "INVALID_REQUEST")


def test_a_handshake_is_echoed_as_plain_text(face: Face) -> None:
    answer = face.client.get(face.hook, base_url="https://localhost", query_string={"challenge": "<b>1"})
    assert (answer.status_code, answer.text, answer.mimetype) == (200, "<b>1", "text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert code(face.client.get(face.hook, base_url="https://localhost")) == (404, "PUSH_ADDRESS_UNKNOWN")


def test_guesses_are_limited_by_address_and_deliveries_by_connection(face: Face) -> None:
    for _ in range(20):
        assert face.send(b"{}", {}, "/hooks/guess").status_code == 404
    assert face.send(b"{}", {}, "/hooks/guess").status_code == 429
    taken = [face.send(body_of(CHANGED)).status_code for _ in range(31)]
    assert taken[:30] == [202] * 30, "who guesses takes nothing from a connection"
    assert taken[30] == 429
    assert int(face.send(body_of(CHANGED)).headers["Retry-After"]) > 0


def test_nothing_secret_of_a_delivery_is_logged(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    secret = face.hook.rsplit("/", 1)[1]
    with caplog.at_level(logging.DEBUG):
        body = json.dumps({"events": [CHANGED], "clientState": "shared-with-the-source"}).encode()
        assert face.send(body).status_code == 202
        face.send(body, {})
        face.client.get(face.hook, base_url="https://localhost", query_string={"challenge": "c-h-a"})
        face.send(b"{}", {}, "/hooks/mistyped-" + secret[4:])
        face.client.put(face.hook, base_url="https://localhost", data=b"{}")
    face.appliance.request_log.flush()
    recent = face.appliance.request_log.recent(limit=50)
    kept = json.dumps([face.appliance.request_log.find(one["request_id"]) for one in recent])
    assert "/hooks/********" in kept and "/hooks/********" in caplog.text
    for hidden in (secret, secret[4:], "shared-with-the-source", "c-h-a", face.made["signing_key"]):
        assert hidden not in kept, hidden
        assert hidden not in caplog.text, hidden
    delivered = next(one for one in recent if one["path"].startswith("/hooks/") and one["status"] == 202)
    assert delivered["connection_id"] == face.connection_id


def test_making_it_again_shows_a_new_address_and_voids_the_former(face: Face) -> None:
    former = face.hook
    face.made = face.make()
    assert face.hook != former
    assert face.send(body_of(CHANGED), path=former).status_code == 404
    assert face.send(body_of(CHANGED)).status_code == 202
    shown = face.call("GET", face.at).get_json()["data"]
    assert "url" not in shown and "signing_key" not in shown
    assert shown["address_hint"] and shown["entities"] == ["WorkOrder", "Asset", "Vendor"]


def test_it_is_switched_off_at_once(face: Face) -> None:
    answer = face.call("DELETE", face.at)
    assert (answer.status_code, answer.get_json()["data"]["enabled"]) == (200, False)
    assert face.send(body_of(CHANGED)).status_code == 404
    assert code(face.call("PUT", face.at, {"signing_keys": ["a"]})) == (409, "PUSH_OFF")


def test_signing_keys_of_the_source_are_set_and_not_shown(face: Face) -> None:
    answer = face.call("PUT", face.at, {"signing_keys": ["made-by-the-source"]})
    assert answer.status_code == 200 and "made-by-the-source" not in answer.text
    body = body_of(CHANGED)
    assert face.send(body, headers_of(body, "made-by-the-source", face.clock.now_ms())).status_code == 202
    for wrong in ({}, {"signing_keys": "a"}, {"signing_keys": [1]}, {"signing_keys": [], "more": 1}):
        assert face.call("PUT", face.at, wrong).status_code == 400


def test_only_the_account_sees_and_changes_it(face: Face) -> None:
    token = face.appliance.connections.tokens.issue(face.connection_id)
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert face.call(method, face.at, {} if method != "GET" else None, token=token).status_code in (
            401,
            403,
        )
    assert code(face.call("GET", "/api/v1/connections/con_none/push")) == (404, "CONNECTION_NOT_FOUND")
    other = f"/api/v1/connections/{face.other_id}/push"
    assert face.call("GET", other).get_json()["data"]["supported"] is False
    assert code(face.call("POST", other)) == (409, "PUSH_NOT_SUPPORTED")
