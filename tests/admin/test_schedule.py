"""The schedule page: what is due and why not now, rules set field by field, pauses."""

import html

import pytest

from tests.admin.conftest import Browser, Plant


@pytest.fixture
def at(plant: Plant, browser: Browser) -> str:
    return f"/admin/connections/{plant.connection(browser.connect_sandbox()).id}/schedule"


def rules(plant: Plant, at: str) -> tuple[dict, dict]:
    shown = plant.appliance.schedules.describe(at.split("/")[3])
    return shown["rule"], shown["entity_rules"]


def test_it_shows_what_is_due_and_why_not_now(browser: Browser, at: str) -> None:
    page = browser.get(at).text
    assert "Work order" in page and "It waits its turn" in page and "every 1h" in page


def test_a_rule_is_set_and_shown_again_as_it_was_typed(plant: Plant, browser: Browser, at: str) -> None:
    browser.get(at)
    form = {
        "often": "15m",
        "time_zone": "Europe/Berlin",
        "quiet": "mon,fri 12:00-13:00\r\n22:00 - 06:00\r\n",
        "jitter": "30",
        "reconcile": "0 3 * * SUN",
    }
    answer = browser.post(at, form)
    assert answer.status_code == 303
    rule = {
        "every_seconds": 900,
        "time_zone": "Europe/Berlin",
        "quiet": [{"days": ["mon", "fri"], "from": "12:00", "to": "13:00"}, {"from": "22:00", "to": "06:00"}],
        "jitter_seconds": 30,
        "reconcile": {"cron": "0 3 * * SUN"},
    }
    assert rules(plant, at) == (rule, {})
    page = html.unescape(browser.get(answer.headers["Location"]).text)
    assert "Saved" in page and "by operator" in page
    assert 'value="15m"' in page and "mon,fri 12:00-13:00\n22:00-06:00</textarea>" in page
    browser.post(at, {"entity": "WorkOrder", "often": "30 2 * * *", "quiet": "none", "reconcile": "never"})
    own = {"cron": "30 2 * * *", "quiet": [], "reconcile": False}
    assert rules(plant, at) == (rule, {"WorkOrder": own})
    page = browser.get(f"{at}?entity=WorkOrder").text
    assert 'value="30 2 * * *"' in page and "none</textarea>" in page and 'value="never"' in page
    browser.post(at, {"entity": "WorkOrder"})
    assert rules(plant, at) == (rule, {})


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"often": "sometimes"}, "often"),
        ({"often": "30s"}, "often"),
        ({"often": "* * * * *", "jitter": "x"}, "jitter"),
        ({"often": "99 * * * *"}, "often"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"quiet": "at night"}, "quiet"),
        ({"quiet": "00:00-24:00"}, "quiet"),
        ({"reconcile": "now and then"}, "reconcile"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_changes_nothing(
    plant: Plant, browser: Browser, at: str, form: dict[str, object], field: str
) -> None:
    browser.get(at)
    answer = browser.post(at, form)
    assert answer.status_code == 422
    assert f'id="{field}-problem"' in answer.text
    assert html.escape(str(form[field])) in answer.text, "it is not typed again"
    assert rules(plant, at) == ({}, {})


def test_a_connection_or_an_entity_is_paused_and_resumed(plant: Plant, browser: Browser, at: str) -> None:
    browser.get(at)
    browser.post(at, {"often": "1h"})
    browser.post(f"{at}/pause", {"length": "day"})
    browser.post(f"{at}/pause", {"entity": "WorkOrder", "length": ""})
    rule, entity_rules = rules(plant, at)
    assert rule["paused"].startswith("2026-01-06T") and entity_rules == {"WorkOrder": {"paused": True}}
    page = browser.get(at).text
    assert "This connection is paused." in page and "Resume" in page
    browser.post(at, {"often": "2h"})
    assert "paused" in rules(plant, at)[0], "a change of the rule does not end the pause"
    browser.post(f"{at}/resume")
    browser.post(f"{at}/resume", {"entity": "WorkOrder"})
    assert rules(plant, at) == ({"every_seconds": 7200}, {})


def test_who_may_not_change_it_may_look(plant: Plant, browser: Browser, at: str, monkeypatch) -> None:
    browser.get(at)
    monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {})
    assert "Save the rule" not in browser.get(at).text
    for path in (at, f"{at}/pause", f"{at}/resume"):
        assert browser.post(path, {"often": "1h"}).status_code == 403
    assert rules(plant, at) == ({}, {})


def test_a_disconnected_connection_has_none_to_change(plant: Plant, browser: Browser, at: str) -> None:
    browser.get(at)
    plant.appliance.connections.disconnect(at.split("/")[3])
    assert "Save the rule" not in browser.get(at).text
    assert browser.post(at, {"often": "1h"}).status_code == 409
