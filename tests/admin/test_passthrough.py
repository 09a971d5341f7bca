"""Pass-through: closed at first, opened rule by rule with each explained, and every call on record."""

import html
import re

import pytest

from appliance.admin.views.passthrough import explained
from appliance.passthrough.tables import Call
from tests.admin.conftest import Browser, Plant


@pytest.fixture
def at(plant: Plant, browser: Browser) -> str:
    return f"/admin/connections/{plant.connection(browser.connect_sandbox()).id}/passthrough"


def rules(plant: Plant, at: str) -> tuple[str, ...]:
    return plant.appliance.passthrough.table.rules(at.split("/")[3]).texts


def test_it_is_closed_opened_by_rules_and_closed_again(plant: Plant, browser: Browser, at: str) -> None:
    page = browser.get(at).text
    assert "Nothing is handed on." in page and "Close it" not in page
    answer = browser.post(at, {"allow": "GET /orders/**\r\n\r\n  POST   /orders/*/confirm \r\n"})
    assert answer.status_code == 303
    assert rules(plant, at) == ("GET /orders/**", "POST /orders/*/confirm")
    page = html.unescape(browser.get(answer.headers["Location"]).text)
    assert "Reading everything below /orders/" in page
    assert "Writing by POST to /orders/*/confirm, where * is any one part of the path" in page
    assert "by operator" in page and "Saved" in page
    browser.post(at, {"allow": ""})
    assert rules(plant, at) == () and "Nothing is handed on." in browser.get(at).text


@pytest.mark.parametrize("wrong", ["fetch it", "GET orders", "GET /../x", "GET /a?b=1", "sql"])
def test_what_is_no_rule_is_told_at_the_field_and_nothing_is_opened(
    plant: Plant, browser: Browser, at: str, wrong: str
) -> None:
    browser.get(at)
    answer = browser.post(at, {"allow": f"GET /fine\n{wrong}"})
    assert answer.status_code == 422
    problem = re.search(r'id="allow-problem">(.*?)</p>', answer.text, re.S)
    assert problem is not None and wrong in html.unescape(problem.group(1))
    assert f"GET /fine\n{wrong}</textarea>" in html.unescape(answer.text)
    assert rules(plant, at) == ()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("GET /**", "Reading every path"),
        ("DELETE /a", "Deleting /a"),
        (
            "* /a/*/**",
            "All methods (GET, POST, PUT, PATCH, DELETE) on everything below /a/*/, where * is any",
        ),
        ("SQL", "Queries of the database"),
    ],
)
def test_every_rule_is_explained(rule: str, words: str) -> None:
    assert explained(rule).startswith(words)


def test_calls_are_on_record(plant: Plant, browser: Browser, at: str) -> None:
    connection_id, now = at.split("/")[3], plant.clock.now_ms()
    for status, error in ((200, None), (None, "PASSTHROUGH_NOT_ALLOWED")):
        call = Call(connection_id, now, "tok_1", "req_1", "GET", "/a<b>", status, 12, 345, error)
        plant.appliance.passthrough.table.note(call)
    page = browser.get(at).text
    assert page.count("GET /a&lt;b&gt;") == 2
    assert "PASSTHROUGH_NOT_ALLOWED" in page and "12 ms" in page and "/admin/requests?id=req_1" in page


def test_who_may_not_open_it_is_refused(
    plant: Plant, browser: Browser, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.get(at)
    monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {"administrator": {"read_request_log"}})
    assert 'name="allow"' not in browser.get(at).text
    assert browser.post(at, {"allow": "GET /**"}).status_code == 403
    assert rules(plant, at) == ()
