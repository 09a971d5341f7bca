"""Rules as plain JSON: what is taken, what is refused and how it is told."""

import pytest

from appliance.sync.errors import ScheduleInvalid
from appliance.sync.schedules.rule import FOR_GOOD, Bounds, Every, Never, Rule, read_rule

BOUNDS = Bounds(900, 86_400)

WHOLE = {
    "every_seconds": 3600,
    "time_zone": "Europe/Berlin",
    "quiet": [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}, {"from": "12:00", "to": "24:00"}],
    "jitter_seconds": 60,
    "paused": "2026-01-05T08:00:00Z",
    "reconcile": {"cron": "0 3 * * SUN"},
}


@pytest.mark.parametrize(
    "document",
    [WHOLE, {}, {"cron": "30 2 * * 1-5"}, {"paused": True}, {"reconcile": False}, {"quiet": []}],
)
def test_a_rule_is_written_as_it_was_read(document: dict[str, object]) -> None:
    assert read_rule(document, BOUNDS).as_dict() == document


@pytest.mark.parametrize(
    ("document", "where", "why"),
    [
        ({"every_seconds": 899}, "rule.every_seconds", "from 900 to 86400"),
        ({"every_seconds": 86_401}, "rule.every_seconds", "from 900 to 86400"),
        ({"every_seconds": True}, "rule.every_seconds", "a whole number"),
        ({"every_seconds": 3600, "cron": "0 * * * *"}, "rule.cron", "one of the two"),
        ({"every": 3600}, "rule.every", "members are every_seconds"),
        ({"cron": "* * * * *"}, "rule.cron", "two of these are 60"),
        ({"cron": "0,50 * * * *"}, "rule.cron", "two of these are 600"),
        ({"cron": "5,55 0,23 * * *"}, "rule.cron", "two of these are 600"),
        ({"cron": "*/10 3 1 1 *"}, "rule.cron", "two of these are 600"),
        ({"cron": "61 * * * *"}, "rule.cron", "Bad minute"),
        ({"cron": "0 0 31 4 *"}, "rule.cron", "Bad day-of-month"),
        ({"cron": "0 0 2 * * *"}, "rule.cron", "five fields"),
        ({"cron": "@daily"}, "rule.cron", "five fields"),
        ({"cron": 5}, "rule.cron", "five fields"),
        ({"time_zone": "Berlin"}, "rule.time_zone", "IANA"),
        ({"time_zone": "../../etc/passwd"}, "rule.time_zone", "IANA"),
        ({"time_zone": 1}, "rule.time_zone", "IANA"),
        ({"quiet": {}}, "rule.quiet", "a list"),
        ({"quiet": [{"from": "25:00", "to": "06:00"}]}, "rule.quiet[0].from", "a time of day"),
        ({"quiet": [{"from": "06:00", "to": "06:00"}]}, "rule.quiet[0].to", "another time than from"),
        ({"quiet": [{"days": [], "from": "1:00", "to": "06:00"}]}, "rule.quiet[0].days", "mon"),
        ({"quiet": [{"days": [["mon"]], "from": "01:00", "to": "06:00"}]}, "rule.quiet[0].days", "mon"),
        ({"quiet": [{"from": "00:00", "to": "24:00"}]}, "rule.quiet", "leave 15 minutes"),
        (
            {"quiet": [{"from": "12:00", "to": "00:00"}, {"from": "00:10", "to": "12:00"}]},
            "rule.quiet",
            "leave 15 minutes",
        ),
        ({"quiet": [{"from": "00:00", "to": "01:00"}] * 21}, "rule.quiet", "up to 20"),
        ({"jitter_seconds": -1}, "rule.jitter_seconds", "from 0"),
        ({"every_seconds": 900, "jitter_seconds": 901}, "rule.jitter_seconds", "at most every_seconds"),
        ({"paused": "tomorrow"}, "rule.paused", "a time with its zone"),
        ({"paused": "2026-01-05T08:00:00"}, "rule.paused", "a time with its zone"),
        ({"paused": 1}, "rule.paused", "a time with its zone"),
        ({"reconcile": True}, "rule.reconcile", "false, or an object"),
        ({"reconcile": {}}, "rule.reconcile", "false, or an object"),
        ({"reconcile": {"every_seconds": 10}}, "rule.reconcile.every_seconds", "from 900"),
        ([], "rule", "an object"),
    ],
)
def test_what_is_wrong_is_named(document: object, where: str, why: str) -> None:
    with pytest.raises(ScheduleInvalid) as refused:
        read_rule(document, BOUNDS)
    ((field, allowed),) = refused.value.details["fields"].items()
    assert field == where
    assert why in allowed


def test_a_year_of_working_days_is_within_the_bounds() -> None:
    for expression in ("0 3 * * 1-5", "*/15 * * * *", "0 0 29 2 *", "0 4 L * *", "7,22,37,52 6-18 * * *"):
        assert read_rule({"cron": expression}, BOUNDS)


def test_a_stored_rule_is_read_whatever_the_bounds_are_now() -> None:
    assert read_rule({"every_seconds": 60}) == Rule(Every(60))
    assert read_rule({"cron": "* * * * *"}).as_dict() == {"cron": "* * * * *"}


def test_an_entity_says_what_differs_and_takes_the_rest_from_its_connection() -> None:
    whole = read_rule(WHOLE)
    own = read_rule({"cron": "0 4 * * *", "quiet": [], "jitter_seconds": 0, "reconcile": False})
    assert own.over(whole).as_dict() == {
        "cron": "0 4 * * *",
        "time_zone": "Europe/Berlin",
        "quiet": [],
        "jitter_seconds": 0,
        "paused": "2026-01-05T08:00:00Z",
        "reconcile": False,
    }
    assert Rule().over(whole) == whole


def test_the_longer_pause_of_entity_and_connection_holds() -> None:
    until, for_good = read_rule({"paused": "2026-01-05T08:00:00Z"}), read_rule({"paused": True})
    assert until.over(for_good).paused_until == for_good.over(until).paused_until == FOR_GOOD
    assert Rule().over(for_good).paused_until == FOR_GOOD


def test_never_is_a_rule_of_its_own() -> None:
    assert read_rule({"reconcile": False}).reconcile == Never()
    assert read_rule({"reconcile": False}) != Rule()
