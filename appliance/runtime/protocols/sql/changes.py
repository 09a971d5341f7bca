"""From where on a cursor is asked: lower bounds that lose no change, whatever the clock does."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appliance.runtime.definition import SqlCursor
from appliance.runtime.protocols import Since
from appliance.runtime.protocols.sql.values import version_bytes

COUNTED = ("number", "rowversion")
# Clocks are set back by an hour or less; three are beyond any zone's rule.
_TURN = timedelta(hours=3)


def lower_bound(cursor: SqlCursor, since: Since, zone: ZoneInfo) -> Any:
    """The value the cursor column is compared with, None to read all.

    For `number` and `rowversion` rows must lie above it, for times at it or above. `zone` is that of local times.
    """
    if cursor.kind in COUNTED:
        if since.mark is None:
            return None
        number = int(since.mark) - cursor.overlap
        return version_bytes(max(0, number)) if cursor.kind == "rowversion" else number
    return None if since.moment is None else _in_column(cursor, since.moment, zone)


def upper_bound(cursor: SqlCursor, since: Since, zone: ZoneInfo) -> Any:
    """The value that rows must lie below, None without one. It is where the next slice begins."""
    if cursor.kind in COUNTED or since.moment is None or since.until is None:
        return None
    return _in_column(cursor, since.until, zone)


def _in_column(cursor: SqlCursor, moment: datetime, zone: ZoneInfo) -> Any:
    if cursor.kind == "timestamptz":
        return moment
    local = earliest_local(moment, zone)
    return local.date() if cursor.kind == "date" else local


def earliest_local(moment: datetime, zone: ZoneInfo) -> datetime:
    """The earliest time that a clock on the wall in `zone` shows at or after `moment`.

    When clocks are set back soon after, it is earlier than what they show now.
    """
    utc = moment.astimezone(UTC)
    offsets = [(utc + ahead).astimezone(zone).utcoffset() or timedelta() for ahead in (timedelta(), _TURN)]
    return (utc + min(offsets)).replace(tzinfo=None)
