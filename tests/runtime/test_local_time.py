"""Moments in the zone of a site."""

from datetime import UTC, datetime

import pytest

from appliance.errors import ConfigurationError
from appliance.runtime.reading.local_time import local_time


def written(moment: datetime, zone: str | None) -> str:
    local = local_time(moment, zone)
    assert local is not None
    return local.strftime("%Y-%m-%d %H:%M:%S")


def test_a_moment_is_written_in_the_zone_of_the_site() -> None:
    assert written(datetime(2026, 1, 5, 8, tzinfo=UTC), "Asia/Kolkata") == "2026-01-05 13:30:00"
    assert written(datetime(2026, 7, 5, 8, tzinfo=UTC), "Europe/Berlin") == "2026-07-05 10:00:00"
    assert written(datetime(2026, 7, 5, 8, tzinfo=UTC), None) == "2026-07-05 08:00:00"
    assert local_time(None, "Europe/Berlin") is None


def test_changes_of_the_hour_that_comes_twice_are_not_missed() -> None:
    # 00:50 UTC is 02:50 by summer time; ten minutes later clocks show 02:00 again.
    assert written(datetime(2026, 10, 25, 0, 50, tzinfo=UTC), "Europe/Berlin") <= "2026-10-25 02:00:00"
    assert written(datetime(2026, 10, 25, 1, 10, tzinfo=UTC), "Europe/Berlin") == "2026-10-25 02:10:00"


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(ConfigurationError, match="Europe/Atlantis"):
        local_time(datetime(2026, 1, 5, tzinfo=UTC), "Europe/Atlantis")
