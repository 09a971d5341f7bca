"""Requests handed on through the API to a real server: closed at first, opened by rule, limited, recorded."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.server.wsgi import create_app
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick
from tests.transport.servers import Exchange, Server, serving
from tests.writes.conftest import CONNECTORS


def answer(exchange: Exchange) -> None:
    path = exchange.path.split("?")[0]
    match path:
        case "/report":
            exchange.reply(200, b"\xff\x00", Content_Type="application/pdf", Set_Cookie="session=secret")
        case "/fails":
            exchange.reply(503, b"busy", Content_Type="text/plain", Retry_After="1")
        case "/price":
            exchange.reply(200, b'{"price": 0.10000000000000000001}', Content_Type="application/json")
        case _:
            exchange.reply(200, b"[]", Content_Type="application/json")


class Caller:
    def __init__(self, folder: Path, server: Server, appliances: Appliances) -> None:
        self.server = server
        self.appliance = appliances.open(ManualClock(auto=True), connectors_dir=CONNECTORS)
        made = self.appliance.connections.connect(system="workshop", name="Shop", fields={"url": server.url})
        work(self.appliance)
        self.connection_id = made.connection.id
        self.token = made.token
        self.key = self.appliance.api_keys.create("tests")
        self._client = create_app(self.appliance).test_client()
        server.requests.clear()

    def send(self, method: str, path: str, body: Any, token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        got = self._client.open(path, method=method, json=body, headers=headers, base_url="https://localhost")
        return got.status_code, json.loads(got.text)

    def open(self, *rules: str) -> None:
        path = f"/api/v1/connections/{self.connection_id}/passthrough"
        assert self.send("PUT", path, {"allow": list(rules)}, self.key)[0] == 200

    def hand_on(self, **asked: Any) -> tuple[int, Any]:
        return self.send("POST", "/api/passthrough", asked)


@pytest.fixture
def caller(tmp_path: Path, quick: None) -> Iterator[Caller]:
    with serving(answer) as server, Appliances(tmp_path) as appliances:
        yield Caller(tmp_path, server, appliances)


def test_nothing_is_handed_on_until_it_is_opened(caller: Caller) -> None:
    status, told = caller.hand_on(method="get", path="/report")
    assert (status, told["error"]["code"]) == (403, "PASSTHROUGH_NOT_ALLOWED")
    assert caller.server.requests == []


def test_a_request_goes_out_with_query_headers_and_body_and_nothing_of_ours(caller: Caller) -> None:
    caller.open("POST /orders/*")
    status, told = caller.hand_on(
        method="post", path="/orders/7", query={"a": ["1", "2"], "b": True}, body={"x": 1},
        headers={"Accept": "text/csv", "Authorization": "Basic stolen", "Host": "other", "Cookie": "a=b"},
    )  # fmt: skip
    assert status == 200 and told["data"]["body"] == [] and told["data"]["status"] == 200
    (method, path, headers, body) = caller.server.requests[0]
    assert (method, path, body) == ("POST", "/orders/7?a=1&a=2&b=true", b'{"x":1}')
    assert headers["Accept"] == "text/csv" and headers["Content-Type"] == "application/json"
    assert (
        "stolen" not in str(headers) and "a=b" not in str(headers) and headers["Host"].startswith("127.0.0.1")
    )


def test_answers_come_as_they_are(caller: Caller) -> None:
    caller.open("GET /**")
    _, told = caller.hand_on(method="get", path="/report")
    assert told["data"]["base64encoded"] and base64.b64decode(told["data"]["body"]) == b"\xff\x00"
    assert "secret" not in str(told)
    _, told = caller.hand_on(method="get", path="/fails")
    assert (told["data"]["status"], told["data"]["body"]) == (503, "busy")
    got = caller._client.post(
        "/api/passthrough", json={"method": "get", "path": "/price"}, base_url="https://localhost",
        headers={"Authorization": f"Bearer {caller.token}"},
    )  # fmt: skip
    assert "0.10000000000000000001" in got.text


def test_every_call_is_recorded_also_a_refused_one(caller: Caller) -> None:
    caller.open("GET /report")
    caller.hand_on(method="get", path="/report")
    caller.hand_on(method="delete", path="/report")
    _, told = caller.send("GET", f"/api/v1/connections/{caller.connection_id}/passthrough", None, caller.key)
    refused, done = told["data"]["calls"]
    assert (refused["method"], refused["error"], refused["status"]) == (
        "DELETE",
        "PASSTHROUGH_NOT_ALLOWED",
        None,
    )
    assert (done["method"], done["what"], done["status"], done["bytes"]) == ("GET", "/report", 200, 2)
    assert done["request_id"] and done["caller"]


def test_a_token_cannot_open_what_an_administrator_closed(caller: Caller) -> None:
    path = f"/api/v1/connections/{caller.connection_id}/passthrough"
    assert caller.send("PUT", path, {"allow": ["* /**"]})[0] == 401
    assert caller.send("PUT", path, {"allow": ["* x"]}, caller.key)[0] == 400


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "trace", "path": "/report"},
        {"method": "get"},
        {"method": "get", "path": "/report", "odd": 1},
        {"method": "get", "path": "/report", "query": ["a"]},
        {"method": "get", "path": "/report", "headers": {"Accept": 1}},
        {"method": "post", "path": "/report", "body": "%%", "base64encoded": True},
    ],
)
def test_what_cannot_be_handed_on_is_refused(caller: Caller, asked: dict[str, Any]) -> None:
    caller.open("* /**")
    assert caller.hand_on(**asked)[0] == 400 and caller.server.requests == []


def test_a_query_needs_its_own_rule_and_a_database(caller: Caller) -> None:
    assert caller.hand_on(sql="SELECT 1")[0] == 403
    caller.open("SQL")
    status, told = caller.hand_on(sql="SELECT 1")
    assert status == 400 and "is no database" in told["error"]["message"]
