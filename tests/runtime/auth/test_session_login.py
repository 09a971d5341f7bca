"""A session: opened by a login, carried, renewed once when it ends, and closed."""

import json
import time

import pytest

from appliance.errors import SourceAnswerInvalid, SourceCredentialsRejected
from tests.runtime.auth.asking import at_once, get
from tests.support.clock import ManualClock
from tests.transport.servers import serving

AUTH = {
    "scheme": "session_login",
    "request": {
        "method": "POST",
        "path": "/login",
        "json": {"user": "${username}", "password": "${password}"},
    },
    "take": {"token": "result.token"},
    "headers": {"Session-Token": "${login.token}"},
}
FIELDS = {"username": "ann", "password": "right"}


def test_a_login_may_answer_with_xml(open_source):
    def serve(it):
        if it.path == "/login":
            it.reply(200, b"<s:login xmlns:s='urn:s'><s:session id='t1'/></s:login>")
        else:
            it.reply(200 if it.headers["Session-Token"] == "t1" else 401)

    with serving(serve) as server:
        auth = {**AUTH, "take": {"token": "login.session.@id"}}
        assert get(open_source(server.url, auth, FIELDS)).status == 200


def test_a_session_that_ends_in_a_fault_with_a_good_status_is_opened_again(open_source):
    logins = []
    fault = (
        b"<methodResponse><fault><value><struct><member><name>faultString</name>"
        b"<value>session expired</value></member></struct></value></fault></methodResponse>"
    )

    def serve(it):
        if it.path == "/login":
            logins.append(1)
            value = f"<value>t{len(logins)}</value>"
            it.reply(
                200, f"<methodResponse><params><param>{value}</param></params></methodResponse>".encode()
            )
        else:
            it.reply(200, b"{}" if it.headers["Session-Token"] == "t2" else fault)

    rule = {"path": "fault.faultString", "contains": "expired", "then": "reauthorize"}
    with serving(serve) as server:
        source = open_source(server.url, {**AUTH, "take": {"token": "result"}}, FIELDS, errors=[rule])
        assert get(source).body == b"{}"
    assert len(logins) == 2


class Sessions:
    """Counts logins, believes the tokens in `open`, and gives one out for the right password."""

    def __init__(self, *, where="body", expires=None, slow=0.0):
        self.where, self.expires, self.slow = where, expires, slow
        self.logins = 0
        self.open = set()
        self.closed = []
        self.asked = []

    def __call__(self, it):
        if it.path == "/login":
            self.login(it)
        elif it.path == "/logout":
            self.closed.append(it.headers["Session-Token"])
            it.reply(204, b"")
        else:
            cookie = (it.headers["Cookie"] or "").removeprefix("sid=")
            self.asked.append(it.headers["Session-Token"] or cookie)
            it.reply(200 if self.asked[-1] in self.open else 401)

    def login(self, it):
        self.logins += 1
        time.sleep(self.slow)
        right = json.loads(it.body)["password"] == "right"
        token = f"t{self.logins}" if right else ""
        self.open = {token} if right else set()
        body = {"result": {"token": token if self.where == "body" else None, "expires": self.expires}}
        extra = {}
        if right and self.where == "header":
            extra["X_Token"] = token
        if right and self.where == "cookie":
            extra["Set_Cookie"] = f"sid={token}; Path=/; HttpOnly"
        it.reply(200, json.dumps(body).encode(), **extra)


def test_one_login_serves_many_requests(open_source):
    sessions = Sessions()
    with serving(sessions) as server:
        source = open_source(server.url, AUTH, FIELDS)
        assert [get(source).status for _ in range(3)] == [200] * 3
    assert sessions.logins == 1 and sessions.asked == ["t1"] * 3


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("header", {"take": {"token": "header:X-Token"}}),
        ("cookie", {"take": {"token": "cookie:sid"}}),
        ("cookie", {"take": {}, "headers": {}}),
    ],
)
def test_the_token_may_stand_in_a_header_or_a_cookie_or_be_the_cookie(open_source, where, changes):
    sessions = Sessions(where=where)
    with serving(sessions) as server:
        assert get(open_source(server.url, {**AUTH, **changes}, FIELDS)).status == 200
    assert sessions.asked == ["t1"]


def test_an_ended_session_is_opened_again_once(open_source):
    sessions = Sessions()
    with serving(sessions) as server:
        source = open_source(server.url, AUTH, FIELDS)
        get(source)
        sessions.open = set()
        assert get(source).status == 200
    assert sessions.logins == 2 and sessions.asked == ["t1", "t1", "t2"]


def test_a_source_that_always_says_expired_is_not_asked_for_ever(open_source):
    sessions = Sessions()
    answer = lambda it: sessions(it) if it.path == "/login" else it.reply(401)  # noqa: E731
    with serving(answer) as server, pytest.raises(SourceCredentialsRejected):
        get(open_source(server.url, AUTH, FIELDS))
    assert sessions.logins == 2 and len(server.requests) == 4


def test_a_rule_on_the_body_may_mean_that_the_session_has_ended(open_source):
    sessions = Sessions()
    login_page = b"<html><form action=/j_security_check></form></html>"

    def answer(it):
        known = it.headers["Session-Token"] in sessions.open
        if it.path == "/login" or known:
            sessions(it)
        else:
            it.reply(200, login_page)

    errors = [{"then": "reauthorize", "status": [200], "contains": "j_security_check"}]
    with serving(answer) as server:
        source = open_source(server.url, AUTH, FIELDS, errors=errors)
        get(source)
        sessions.open = set()
        assert get(source).body == b"ok"
        with (
            serving(
                lambda it: sessions(it) if it.path == "/login" else it.reply(200, login_page)
            ) as stubborn,
            pytest.raises(SourceCredentialsRejected),
        ):
            get(open_source(stubborn.url, AUTH, FIELDS, errors=errors))


@pytest.mark.parametrize(
    ("changes", "expires"),
    [
        ({"minutes": 10}, None),
        ({"expires": "result.expires"}, 600),
        ({"expires": "result.expires", "expires_as": "iso"}, "2026-01-05T08:10:00Z"),
        ({"expires": "result.expires", "expires_as": "unix_ms"}, 1767600600000),
        ({"expires": "result.expires", "minutes": 10}, 86400),
    ],
)
def test_a_session_is_renewed_before_the_source_forgets_it(open_source, changes, expires):
    sessions, clock = Sessions(expires=expires), ManualClock()
    with serving(sessions) as server:
        source = open_source(server.url, {**AUTH, **changes}, FIELDS, clock=clock)
        get(source)
        clock.advance(599)
        get(source)
        assert sessions.logins == 1
        clock.advance(1)
        get(source)
    assert sessions.logins == 2


def test_an_unreadable_end_of_the_session_is_said_so(open_source):
    auth = {**AUTH, "expires": "result.expires", "expires_as": "iso"}
    with serving(Sessions(expires="tomorrow")) as server, pytest.raises(SourceAnswerInvalid):
        get(open_source(server.url, auth, FIELDS))


def test_threads_that_find_the_session_ended_share_one_login(open_source):
    sessions = Sessions(slow=0.05)
    with serving(sessions) as server:
        source = open_source(server.url, AUTH, FIELDS, http={"budget": {"concurrency": 8}})
        found = at_once(6, lambda: get(source))
        assert [answer.status for answer in found] == [200] * 6 and sessions.logins == 1
        sessions.open = set()
        assert [answer.status for answer in at_once(6, lambda: get(source))] == [200] * 6
    assert sessions.logins == 2


def test_threads_that_wait_share_a_rejection_so_that_the_user_is_not_locked(open_source):
    sessions = Sessions(slow=0.1)
    with serving(sessions) as server:
        source = open_source(server.url, AUTH, {**FIELDS, "password": "wrong"})
        found = at_once(4, lambda: get(source))
        assert [type(failure) for failure in found] == [SourceCredentialsRejected] * 4
        assert sessions.logins == 1
        # Asked again later, it is tried again: the source may have been mistaken.
        with pytest.raises(SourceCredentialsRejected):
            get(source)
    assert sessions.logins == 2


def test_closing_ends_the_session_at_the_source(open_source):
    sessions = Sessions()
    auth = {**AUTH, "logout": {"method": "POST", "path": "/logout"}}
    with serving(sessions) as server:
        source = open_source(server.url, auth, FIELDS)
        get(source)
        source.close()
        source.close()
        open_source(server.url, auth, FIELDS).close()
    assert sessions.closed == ["t1"] and sessions.logins == 1


def test_a_logout_that_fails_does_not_disturb(open_source):
    with serving(Sessions()) as server:
        source = open_source(server.url, {**AUTH, "logout": {"method": "POST", "path": "/logout"}}, FIELDS)
        get(source)
    source.close()
