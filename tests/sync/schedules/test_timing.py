"""From a rule to the times that follow, with real time zones; nothing here has a database or a clock."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from appliance.sync.schedules import timing
from appliance.sync.schedules.rule import Timetable, read_rule, timetable

BERLIN = "Europe/Berlin"
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def table(**document: object) -> Timetable:
    return timetable(read_rule(document), interval_seconds=3600, reconcile_hours=24)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def due(rule: Timetable, after: str, number: int, of: str = "con_1") -> list[int]:
    """So many due times in a row, each asked for at the one before."""
    moment, found = ms(after), []
    for _ in range(number):
        following = timing.next_due(rule, of, moment)
        assert following is not None
        assert following > moment
        found.append(following)
        moment = following
    return found


def local(moments: list[int], zone: str = BERLIN) -> list[str]:
    return [datetime.fromtimestamp(m / 1000, ZoneInfo(zone)).isoformat(timespec="minutes") for m in moments]


def test_an_interval_does_not_drift_whenever_its_run_ends() -> None:
    hourly = table(every_seconds=3600)
    first = due(hourly, "2026-01-05T08:00+00:00", 1)[0]
    for late in (0, 1, 20 * MINUTE, HOUR - 1):
        assert timing.next_due(hourly, "con_1", first + late) == first + HOUR


def test_what_was_missed_is_passed_over() -> None:
    hourly = table(every_seconds=3600)
    first = due(hourly, "2026-01-05T08:00+00:00", 1)[0]
    assert timing.next_due(hourly, "con_1", first + 50 * HOUR + 1) == first + 51 * HOUR


def test_an_interval_without_jitter_is_on_the_hour() -> None:
    sharp = table(every_seconds=900, jitter_seconds=0)
    assert local(due(sharp, "2026-01-05T08:01+00:00", 2), "UTC") == [
        "2026-01-05T08:15+00:00",
        "2026-01-05T08:30+00:00",
    ]


def test_many_connections_are_spread_over_the_whole_interval_and_stay_where_they_are() -> None:
    quarter = table(every_seconds=900)
    times = [timing.next_due(quarter, f"con_{n}", ms("2026-01-05T08:00+00:00")) or 0 for n in range(500)]
    again = [timing.next_due(quarter, f"con_{n}", ms("2026-01-05T08:00+00:00")) for n in range(500)]
    assert times == again
    seconds = [0] * 15
    for moment in times:
        seconds[(moment - ms("2026-01-05T08:00+00:00")) // MINUTE] += 1
    assert max(seconds) < 60, "33 of 500 come in an average minute"
    assert min(seconds) > 10


def test_an_interval_has_no_gap_where_summer_time_begins_or_ends() -> None:
    for day in ("2026-03-28", "2026-10-24"):
        moments = due(table(every_seconds=3600, time_zone=BERLIN), f"{day}T20:00+00:00", 12)
        assert {later - earlier for earlier, later in pairwise(moments)} == {HOUR}


def test_every_half_hour_by_cron_has_no_gap_there_either() -> None:
    for day in ("2026-03-28", "2026-10-24"):
        moments = due(table(cron="*/30 * * * *", time_zone=BERLIN), f"{day}T20:00+00:00", 20)
        assert {later - earlier for earlier, later in pairwise(moments)} == {HOUR // 2}


def test_a_daily_time_that_summer_time_skips_comes_once_after_it() -> None:
    assert local(due(table(cron="30 2 * * *", time_zone=BERLIN), "2026-03-28T12:00+00:00", 2)) == [
        "2026-03-29T03:00+02:00",
        "2026-03-30T02:30+02:00",
    ]


@pytest.mark.parametrize("asked_at", ["2026-10-24T12:00+02:00", "2026-10-25T02:29+02:00"])
def test_a_daily_time_that_comes_twice_in_autumn_counts_once(asked_at: str) -> None:
    nightly = table(cron="30 2 * * *", time_zone=BERLIN)
    assert local(due(nightly, asked_at, 2)) == ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]


def test_asked_in_the_second_of_the_doubled_hours_it_does_not_come_again() -> None:
    nightly = table(cron="30 2 * * *", time_zone=BERLIN)
    assert local(due(nightly, "2026-10-25T02:10+01:00", 1)) == ["2026-10-26T02:30+01:00"]


def test_cron_is_spread_only_as_far_as_it_is_told_to() -> None:
    noon = ms("2026-01-05T00:00+00:00") + 12 * HOUR
    assert due(table(cron="0 12 * * *"), "2026-01-05T00:00+00:00", 1) == [noon]
    spread = {
        due(table(cron="0 12 * * *", jitter_seconds=600), "2026-01-05T00:00+00:00", 1, f"con_{n}")[0]
        for n in range(50)
    }
    assert len(spread) > 40
    assert all(noon <= moment < noon + 10 * MINUTE for moment in spread)


def test_a_spread_cron_time_is_still_to_come_between_the_time_and_its_spread() -> None:
    spread = table(cron="0 12 * * *", jitter_seconds=600)
    (moment,) = due(spread, "2026-01-05T00:00+00:00", 1)
    assert timing.next_due(spread, "con_1", moment - 1) == moment
    assert timing.next_due(spread, "con_1", moment) == moment + DAY


NIGHT = {"from": "22:00", "to": "06:00"}


def test_what_falls_into_a_quiet_window_over_midnight_is_due_once_after_its_end() -> None:
    rule = table(every_seconds=3600, jitter_seconds=0, quiet=[NIGHT], time_zone=BERLIN)
    moments = due(rule, "2026-01-05T20:30+01:00", 4)
    assert local([moments[0]]) == ["2026-01-05T21:00+01:00"]
    assert ms("2026-01-06T06:00+01:00") <= moments[1] < ms("2026-01-06T06:05+01:00")
    assert local(moments[2:]) == ["2026-01-06T07:00+01:00", "2026-01-06T08:00+01:00"]


def test_a_quiet_window_is_on_its_days_alone_and_the_night_belongs_to_the_day_it_begins_on() -> None:
    rule = table(every_seconds=3600, quiet=[{"days": ["fri"], **NIGHT}], time_zone=BERLIN)
    quiet = {text: timing.quiet_until(rule, ms(text)) for text in (
        "2026-01-09T21:59+01:00", "2026-01-09T22:00+01:00", "2026-01-10T05:59+01:00",
        "2026-01-10T06:00+01:00", "2026-01-09T03:00+01:00",
    )}  # fmt: skip
    end = ms("2026-01-10T06:00+01:00")
    assert list(quiet.values()) == [None, end, end, None, None]


def test_the_end_of_a_quiet_window_is_spread() -> None:
    rule = table(every_seconds=900, quiet=[NIGHT])
    ends = {timing.next_due(rule, f"con_{n}", ms("2026-01-05T23:00+00:00")) for n in range(50)}
    assert len(ends) > 40


def test_a_quiet_window_holds_through_both_of_the_doubled_hours() -> None:
    rule = table(every_seconds=900, quiet=[{"from": "01:00", "to": "02:30"}], time_zone=BERLIN)
    assert timing.quiet_until(rule, ms("2026-10-25T02:20+01:00")) == ms("2026-10-25T02:30+01:00")


def test_windows_that_follow_each_other_are_one() -> None:
    days = [{"days": [day], "from": "00:00", "to": "24:00"} for day in ("sat", "sun")]
    rule = table(every_seconds=3600, jitter_seconds=0, quiet=days)
    (moment,) = due(rule, "2026-01-09T23:30+00:00", 1)
    assert ms("2026-01-12T00:00+00:00") <= moment < ms("2026-01-12T00:05+00:00")


def test_a_gap_between_windows_shorter_than_the_spread_is_used() -> None:
    quiet = [{"from": "00:00", "to": "12:00"}, {"from": "12:01", "to": "23:00"}]
    rule = table(every_seconds=3600, jitter_seconds=0, quiet=quiet)
    for number in range(20):
        moment = timing.next_due(rule, f"con_{number}", ms("2026-01-05T08:00+00:00"))
        assert moment is not None
        assert timing.quiet_until(rule, moment) is None
        assert moment < ms("2026-01-05T12:01+00:00")


def test_nothing_is_due_while_it_is_paused() -> None:
    until = table(every_seconds=900, paused="2026-01-06T00:00:00Z")
    moment = timing.next_due(until, "con_1", ms("2026-01-05T08:00+00:00"))
    assert moment is not None
    assert 0 < moment - ms("2026-01-06T00:00+00:00") <= 900_000
    assert timing.next_due(table(paused=True), "con_1", 0) is None
    assert timing.retry_at(table(paused=True), "con_1", 0, 0) is None


def test_a_failure_is_tried_again_after_one_two_four_minutes_at_most_after_the_interval() -> None:
    now = ms("2026-01-05T08:00+00:00")
    for failures, minutes in enumerate((1, 2, 4, 8, 16, 32, 60, 60)):
        again = timing.retry_at(table(every_seconds=3600), "con_1 Vendor", failures, now)
        assert again is not None
        assert minutes * MINUTE <= again - now <= min(minutes * 1.125, 60) * MINUTE


def test_entities_that_fail_together_are_not_tried_again_together() -> None:
    again = {timing.retry_at(table(), f"con_{n} Vendor", 0, 0) for n in range(50)}
    assert len(again) > 40


def test_a_source_that_asks_to_be_left_alone_is() -> None:
    assert timing.retry_at(table(every_seconds=900), "con_1", 0, 0, rest=2 * HOUR) == 2 * HOUR


def test_a_nightly_entity_that_fails_is_tried_again_before_the_next_night() -> None:
    again = timing.retry_at(table(cron="30 2 * * *"), "con_1", 3, ms("2026-01-05T02:31+00:00"))
    assert again is not None
    assert again - ms("2026-01-05T02:31+00:00") <= 9 * MINUTE


def test_keys_are_compared_once_a_day_at_night_in_the_zone_of_the_rule() -> None:
    for zone in (BERLIN, "America/Chicago", "Asia/Tokyo"):
        for day in ("2026-01-05", "2026-07-05"):
            for number in range(20):
                rule = table(time_zone=zone)
                moment = timing.next_reconcile(rule, f"con_{number} Vendor", ms(f"{day}T12:00+00:00"))
                assert moment is not None
                assert 0 <= datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).hour < 5
                assert timing.next_reconcile(rule, f"con_{number} Vendor", moment) == moment + DAY


def test_keys_are_never_compared_where_the_rule_or_the_setting_says_so() -> None:
    assert timing.next_reconcile(table(reconcile=False), "con_1 Vendor", 0) is None
    off = timetable(read_rule({}), interval_seconds=3600, reconcile_hours=0)
    assert timing.next_reconcile(off, "con_1 Vendor", 0) is None
    weekly = timetable(
        read_rule({"reconcile": {"cron": "0 3 * * SUN"}}), interval_seconds=1, reconcile_hours=0
    )
    moment = timing.next_reconcile(weekly, "con_1 Vendor", ms("2026-01-05T12:00+00:00"))
    assert moment == ms("2026-01-11T03:00+00:00")


def test_catching_up_is_spread_evenly_and_the_hosts_take_turns() -> None:
    hosts = {f"a{n}": "a:443" for n in range(4)} | {f"b{n}": "b:443" for n in range(2)} | {"files": None}
    turns = timing.catch_up(hosts, 1000, 70_000)
    assert sorted(turns.values()) == [1000 + n * 10_000 for n in range(7)]
    order = [hosts[stream] for stream in sorted(turns, key=turns.__getitem__)]
    assert order == ["a:443", "b:443", None, "a:443", "b:443", "a:443", "a:443"]


def test_no_due_time_ever_lies_in_a_quiet_window_or_in_the_past() -> None:
    rules = [
        table(every_seconds=900, quiet=[NIGHT, {"days": ["sun"], "from": "00:00", "to": "24:00"}], time_zone=BERLIN),
        table(cron="15 */2 * * *", jitter_seconds=900, quiet=[NIGHT], time_zone="America/New_York"),
    ]  # fmt: skip
    for rule in rules:
        for day in ("2026-03-06", "2026-03-27", "2026-10-23", "2026-10-30"):
            moment = ms(f"{day}T00:00+00:00")
            for _ in range(200):
                following = timing.next_due(rule, "con_7", moment)
                assert following is not None
                assert following > moment
                assert timing.quiet_until(rule, following) is None
                moment = following
    assert datetime.fromtimestamp(moment / 1000, UTC).year == 2026
