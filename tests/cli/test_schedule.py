"""`appliance connection schedule`: shown, changed, paused and resumed."""

import pytest

from tests.cli.conftest import Call

SCHEDULE = ("connection", "schedule", "Sample")


@pytest.fixture
def sample(call: Call) -> None:
    call("connection", "add", "--system", "sandbox", "--name", "Sample", "--json")


def test_it_is_shown_with_what_is_due_next(call: Call, sample: None) -> None:
    shown = call(*SCHEDULE)
    assert "how often" in shown.out and "1h" in shown.out and "It waits its turn" in shown.out


def test_it_is_changed_by_parts_and_the_rest_stays(call: Call, sample: None) -> None:
    call(*SCHEDULE, "--every", "15m", "--time-zone", "Europe/Berlin", "--quiet", "22:00-06:00")
    call(*SCHEDULE, "--quiet", "mon,fri 12:00-13:00", "--quiet", "22:00-06:00", "--jitter", "30")
    shown = call(
        *SCHEDULE, "--entity", "Vendor", "--every", "30 2 * * *", "--reconcile", "never", "--json"
    ).json
    assert shown["rule"] == {
        "every_seconds": 900,
        "time_zone": "Europe/Berlin",
        "quiet": [{"days": ["mon", "fri"], "from": "12:00", "to": "13:00"}, {"from": "22:00", "to": "06:00"}],
        "jitter_seconds": 30,
    }
    assert shown["entity_rules"] == {"Vendor": {"cron": "30 2 * * *", "reconcile": False}}
    assert shown["changed_by"] == "command line"
    shown_lines = call(*SCHEDULE).out
    assert "30 2 * * *  Europe/Berlin" in shown_lines
    shown = call(
        *SCHEDULE, "--entity", "Vendor", "--every", "2h", "--reconcile", "0 3 * * SUN", "--json"
    ).json
    assert shown["entity_rules"]["Vendor"] == {
        "every_seconds": 7200,
        "reconcile": {"cron": "0 3 * * SUN"},
    }
    assert call(*SCHEDULE, "--quiet", "never", "--json").json["rule"]["quiet"] == []
    assert call(*SCHEDULE, "--clear", "--json").json["rule"] == {}


def test_it_is_paused_until_a_time_or_until_it_is_resumed(call: Call, sample: None) -> None:
    assert call(*SCHEDULE, "--pause", "--json").json["rule"] == {"paused": True}
    shown = call(*SCHEDULE, "--pause", "2126-01-05T08:00Z", "--json").json
    assert shown["rule"] == {"paused": "2126-01-05T08:00:00Z"}
    assert call(*SCHEDULE, "--entity", "Vendor", "--pause", "--json").json["entity_rules"] == {
        "Vendor": {"paused": True}
    }
    assert call(*SCHEDULE, "--resume", "--json").json["rule"] == {}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("--every", "often"), "SCHEDULE_INVALID"),
        (("--every", "10s"), "SCHEDULE_INVALID"),
        (("--every", "* * * * *", "--jitter", "-1"), "SCHEDULE_INVALID"),
        (("--quiet", "at night"), "SCHEDULE_INVALID"),
        (("--quiet", "monday 10:00-11:00"), "SCHEDULE_INVALID"),
        (("--pause", "tomorrow"), "SCHEDULE_INVALID"),
        (("--reconcile", "sometimes"), "SCHEDULE_INVALID"),
        (("--entity", "Vendor"), "INVALID_REQUEST"),
        (("--entity", "Nothing", "--every", "1h"), "UNKNOWN_ENTITY"),
    ],
)
def test_what_cannot_be_is_refused(call: Call, sample: None, given: tuple[str, ...], code: str) -> None:
    refused = call(*SCHEDULE, *given, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, code)
    assert call(*SCHEDULE, "--json").json["rule"] == {}
