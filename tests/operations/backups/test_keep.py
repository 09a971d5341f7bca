"""Which backups stay."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from appliance.operations.backups.keep import Keep, kept


def at(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc,arg-type]


def daily(days: int) -> dict[str, int]:
    """A backup a day at noon, the last one on 2026-06-30."""
    last = datetime(2026, 6, 30, 12, tzinfo=UTC)
    moments = [last - timedelta(days=day) for day in range(days)]
    return {f"{moment:%Y-%m-%d}": round(moment.timestamp() * 1000) for moment in moments}


def test_a_year_of_daily_backups_leaves_days_sundays_and_ends_of_months() -> None:
    stay = kept(daily(400), Keep(3, 3, 4))
    assert sorted(stay) == [
        "2026-03-31",
        "2026-04-30",
        "2026-05-31",
        "2026-06-21",
        "2026-06-28",
        "2026-06-29",
        "2026-06-30",
    ]


def test_of_several_on_one_day_the_newest_stays() -> None:
    found = {"early": at(2026, 6, 1, 1), "late": at(2026, 6, 1, 22), "before": at(2026, 5, 31, 23)}
    assert kept(found, Keep(1, 0, 0)) == {"late"}


def test_days_begin_at_midnight_of_the_zone() -> None:
    found = {"one": at(2026, 6, 1, 21, 0), "other": at(2026, 6, 1, 23, 0)}
    assert kept(found, Keep(2, 0, 0)) == {"other"}
    assert kept(found, Keep(2, 0, 0, ZoneInfo("Europe/Berlin"))) == {"one", "other"}


def test_days_without_a_backup_do_not_count() -> None:
    found = {"new": at(2026, 6, 1, 1), "old": at(2025, 1, 1, 1), "older": at(2024, 1, 1, 1)}
    assert kept(found, Keep(2, 0, 0)) == {"new", "old"}


@given(
    st.dictionaries(st.text(max_size=5), st.integers(0, 2**41), min_size=1),
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)),
)
def test_the_newest_always_stays_and_thinning_out_twice_removes_nothing_more(
    found: dict[str, int], counts: tuple[int, int, int]
) -> None:
    keep = Keep(*counts)
    stay = kept(found, keep)
    assert max(found.values()) in {found[name] for name in stay}
    assert len(stay) <= max(1, sum(counts) + 1)
    assert kept({name: found[name] for name in stay}, keep) == stay
