"""Moments as a source without time zones writes them: in the zone of its site."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appliance.errors import ConfigurationError

_AHEAD = timedelta(hours=3)


def local_time(moment: datetime | None, zone: str | None) -> datetime | None:
    """`moment` in the IANA zone `zone`, to ask for what has changed since; as it is without a zone.

    When clocks are put back soon after `moment`, later changes get earlier stamps. The time is then earlier by as
    much, so that none of them is missed. Raises ConfigurationError for an unknown zone.
    """
    if moment is None or not zone:
        return moment
    try:
        there = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(f"There is no time zone {zone:.60}. Write it as Europe/Berlin.") from None
    local, later = moment.astimezone(there), (moment + _AHEAD).astimezone(there)
    offset, offset_later = local.utcoffset(), later.utcoffset()
    assert offset is not None
    assert offset_later is not None
    return local - max(timedelta(), offset - offset_later)
