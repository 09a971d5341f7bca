"""Authentication flows, driven by hand."""

import base64
import threading
from collections.abc import Callable
from typing import Any

import pytest

from appliance.errors import ConfigurationError, SourceCredentialsRejected, SourceError, SourceThrottled
from appliance.runtime.auth import Authenticator, authenticator
from appliance.runtime.definition import parse_definition
from appliance.transport.http import Request, Response
from tests.runtime.opened import answer
from tests.support.clock import ManualClock

FIELDS = {
    "url": "https://plant.example",
    "username": "SYNC",
    "password": "Plant-2025!",
    "token": "t0ken",
    "none": None,
}
LOGIN = {
    "scheme": "session_login",
    "request": {
        "method": "POST",
        "path": "login",
        "json": {"user": "${username}", "password": "${password}"},
    },
    "take": {"user": "result.0", "session": "result.1"},
    "refused": "session",
    "make": {"credentials": "${username}:${login.user}:${login.session}"},
    "headers": {"Authorization": "Session ${login.credentials|base64}"},
    "minutes": 30,
}


def scheme(auth: dict[str, Any], clock: ManualClock | None = None, **more: Any) -> Authenticator:
    document = {
        "system": "plant",
        "name": "Plant system",
        "summary": "",
        "categories": ["eam"],
        "tier": 3,
        "hosting": "either",
        "evidence": "contract",
        "http": {"base_url": "${url}"},
        "auth": auth,
        "form": [{"name": "password", "label": "Password", "type": "password"}],
        "entities": {"Vendor": {"read": {"protocol": "declared", "items": []}, "key": ["id"], "map": {}}},
        **more,
    }
    definition = parse_definition(document, where="plant")
    assert definition.http is not None
    return authenticator(definition, definition.http, FIELDS, clock or ManualClock())


class Source:
    """Answers what a flow asks: logins at `/login`, anything else by the session that is sent."""

    def __init__(self) -> None:
        self.logins = 0
        self.requests: list[Request] = []
        self.valid: set[str] = set()
        self.login_answer: Callable[[int], Response] = lambda number: answer(
            200, {"result": [5, f"s{number}"]}
        )
        self._lock = threading.Lock()

    def send(self, auth: Authenticator, request: Request | None = None) -> Response:
        flow = auth.flow(request or Request("GET", "https://plant.example/items", headers={"Accept": "x"}))
        try:
            outgoing = next(flow)
            for _ in range(10):
                outgoing = flow.send(self._answered(outgoing))
        except StopIteration as finished:
            response: Response = finished.value
            return response
        finally:
            flow.close()
        raise AssertionError("the flow does not end")

    def _answered(self, request: Request) -> Response:
        with self._lock:
            if request.url.endswith("/login"):
                self.logins += 1
                self.valid.add(header(5, f"s{self.logins}"))
                return self.login_answer(self.logins)
            self.requests.append(request)
            return answer(200 if request.headers["Authorization"] in self.valid else 401)


def header(user: int, session: str) -> str:
    return "Session " + base64.b64encode(f"SYNC:{user}:{session}".encode()).decode()


def only_request(auth: Authenticator) -> Request:
    return next(auth.flow(Request("GET", "https://plant.example/items", headers={"Accept": "x"})))


def test_nothing_is_added_without_a_scheme() -> None:
    assert only_request(scheme({"scheme": "none"})).headers == {"Accept": "x"}


def test_basic() -> None:
    expected = "Basic " + base64.b64encode(b"SYNC:Plant-2025!").decode()
    assert only_request(scheme({"scheme": "basic"})).headers == {"Accept": "x", "Authorization": expected}


def test_basic_with_a_key_for_a_user_and_no_password() -> None:
    for password in ("", "${none}"):
        sent = only_request(scheme({"scheme": "basic", "username": "${token}", "password": password}))
        assert sent.headers["Authorization"] == "Basic " + base64.b64encode(b"t0ken:").decode()


def test_a_header() -> None:
    sent = only_request(scheme({"scheme": "header", "header": "X-Api-Key", "value": "Key ${token}"}))
    assert sent.headers["X-Api-Key"] == "Key t0ken"


def test_a_name_that_the_form_lacks_is_told_when_the_connection_is_opened() -> None:
    with pytest.raises(ConfigurationError, match=r"plant\.auth: there is no 'api_key' here"):
        scheme({"scheme": "header", "value": "${api_key}"})


def test_one_login_serves_many_requests() -> None:
    source, auth = Source(), scheme(LOGIN)
    assert [source.send(auth).status for _ in range(3)] == [200] * 3
    assert source.logins == 1
    assert {request.headers["Authorization"] for request in source.requests} == {header(5, "s1")}
    assert source.requests[0].headers["Accept"] == "x"


def test_the_login_carries_the_credentials_and_may_be_repeated() -> None:
    login = only_request(scheme(LOGIN))
    assert (login.method, login.url, login.safe) == ("POST", "https://plant.example/login", True)
    assert login.body == b'{"user":"SYNC","password":"Plant-2025!"}'


def test_many_threads_share_one_login() -> None:
    source, auth = Source(), scheme(LOGIN)
    at_once = threading.Barrier(8)
    statuses: list[int] = []

    def ask() -> None:
        at_once.wait()
        for _ in range(5):
            statuses.append(source.send(auth).status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40
    assert source.logins == 1


def test_a_thread_waits_for_the_login_of_another() -> None:
    source, auth = Source(), scheme(LOGIN)
    first = auth.flow(Request("GET", "https://plant.example/items"))
    login = next(first)
    second = threading.Thread(target=lambda: source.send(auth))
    second.start()
    second.join(0.05)
    assert (second.is_alive(), source.logins) == (True, 0)
    first.send(source._answered(login))
    second.join(5)
    assert (second.is_alive(), source.logins) == (False, 1)


def test_threads_whose_session_expired_together_log_in_once() -> None:
    source, auth = Source(), scheme(LOGIN)
    source.send(auth)
    source.valid.clear()
    flows = [auth.flow(Request("GET", "https://plant.example/items")) for _ in range(5)]
    refused = [source._answered(next(flow)) for flow in flows]
    assert [response.status for response in refused] == [401] * 5
    for flow, response in zip(flows, refused, strict=True):
        outgoing = flow.send(response)
        if outgoing.url.endswith("/login"):
            outgoing = flow.send(source._answered(outgoing))
        with pytest.raises(StopIteration) as finished:
            flow.send(source._answered(outgoing))
        assert finished.value.value.status == 200
    assert source.logins == 2


def test_an_expired_session_logs_in_again_and_repeats_the_request() -> None:
    source, auth = Source(), scheme(LOGIN)
    source.send(auth)
    source.valid.clear()
    assert source.send(auth).status == 200
    assert source.logins == 2
    assert [request.headers["Authorization"] for request in source.requests[-2:]] == [
        header(5, "s1"),
        header(5, "s2"),
    ]


def test_a_session_that_is_refused_at_once_ends_with_the_refusal() -> None:
    source, auth = Source(), scheme(LOGIN)
    source.login_answer = lambda number: answer(200, {"result": [6, f"s{number}"]})  # never a valid one
    assert source.send(auth).status == 401
    assert source.logins == 2


def test_a_session_is_renewed_before_the_source_forgets_it() -> None:
    clock = ManualClock()
    source, auth = Source(), scheme(LOGIN, clock)
    source.send(auth)
    clock.advance(30 * 60 - 1)
    source.send(auth)
    assert source.logins == 1
    clock.advance(1)
    assert source.send(auth).status == 200
    assert source.logins == 2
    assert len(source.requests) == 3, "no request was spent on the old session"


@pytest.mark.parametrize(
    ("login", "kind"),
    [
        (answer(401, "<html>"), SourceCredentialsRejected),
        (answer(200, {"result": [None, None]}), SourceCredentialsRejected),
        (answer(200, {"result": False}), SourceCredentialsRejected),
        (answer(200, {"result": [5, ""]}), SourceCredentialsRejected),
        (answer(200, {"error": "locked"}), SourceError),
        (answer(429, ""), SourceThrottled),
    ],
)
def test_a_login_that_is_refused(login: Response, kind: type[SourceError]) -> None:
    source = Source()
    auth = scheme(LOGIN, errors=[{"then": "fail", "path": "error"}])
    source.login_answer = lambda number: login
    for attempt in (1, 2):
        with pytest.raises(kind) as told:
            source.send(auth)
        assert "Plant-2025!" not in told.value.message
        assert source.logins == attempt, "one login for one request, and the next may try again"


def test_a_source_that_repeats_the_password_does_not_bring_it_into_the_message() -> None:
    source, auth = Source(), scheme(LOGIN)
    source.login_answer = lambda number: answer(401, {"message": "Plant-2025! is wrong for SYNC"})
    with pytest.raises(SourceCredentialsRejected, match="… is wrong for SYNC"):
        source.send(auth)


def test_a_request_that_is_given_up_during_the_login_blocks_nobody() -> None:
    source, auth = Source(), scheme(LOGIN)
    flow = auth.flow(Request("GET", "https://plant.example/items"))
    assert next(flow).url.endswith("/login")
    flow.close()
    assert source.send(auth).status == 200
