"""Sources that list by time of change, newest first, but cannot filter by it: where a pass may stop."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from appliance.clock import to_ms
from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.definition import NewestFirst
from appliance.runtime.mapping.transforms import time_parser
from appliance.runtime.select import key_decoder

# A stamp may leave out the fraction of its second, and is earlier by an hour or less where clocks were set back; a
# date may be that of a zone a day away, and means all of the day.
_SECOND = timedelta(seconds=1)
_TURN = timedelta(hours=3)
_DAY = timedelta(days=2)


class Newest:
    """Looks at the times of a page's rows. `zone` is the IANA zone of times without one."""

    def __init__(self, said: NewestFirst, zone: str | None, *, where: str) -> None:
        self._by = said.by
        self._value = key_decoder([said.by])
        self._margin = _TURN if zone else _SECOND
        self._is_day = said.times in ("iso", "iso_or_ms", "compact")
        try:
            self._parse = time_parser(said.times, zone)
        except (KeyError, ValueError) as failure:
            raise ConfigurationError(f"{where}.newest_first: {failure}") from None

    def falls(self, rows: Sequence[bytes]) -> bool:
        """Whether no row is newer than one before it; rows without a time are passed over."""
        times = [time for time in map(self._time, rows) if time is not None]
        return all(later <= earlier for earlier, later in pairwise(times))

    def is_behind(self, row: bytes, moment: datetime) -> bool:
        """Whether a row, and so every row after it, surely was changed before `moment`. False without a time."""
        value = self._value(row)[0]
        time = self._time(row)
        only_a_day = self._is_day and isinstance(value, str) and len(value.strip()) in (8, 10)
        return time is not None and time < to_ms(moment - (_DAY if only_a_day else self._margin))

    def _time(self, row: bytes) -> int | None:
        value: Any = self._value(row)[0]
        try:
            return self._parse(value)
        except (ValueError, TypeError, ArithmeticError):
            raise SourceAnswerInvalid(
                f"What a row holds at {self._by!r} is no time in the format of `newest_first`: {value!s:.40}"
            ) from None
