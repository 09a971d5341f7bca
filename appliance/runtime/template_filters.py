"""What `${name|filter}` makes of a value."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit


def plain_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def parts_of_moment(moment: datetime) -> dict[str, int]:
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {name: getattr(moment, name) for name in names}


def _padded(width: int, value: Any) -> str:
    """Numbers as SAP keeps them, with leading zeros; what is not all digits stays."""
    text = str(value)
    return text.zfill(width) if text.isdigit() else text


FILTERS: dict[str, Callable[[Any], Any]] = {
    "base64": lambda value: base64.b64encode(str(value).encode()).decode(),
    "date": lambda moment: moment.strftime("%Y-%m-%d"),
    "day_before": lambda moment: moment - timedelta(days=1),
    "content_type": lambda file: file.content_type,
    "file_base64": lambda file: file.base64(),
    "integer": lambda value: int(value),
    "iso": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "iso_ms": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
    "json": lambda value: json.dumps(value, separators=(",", ":")),
    "last_part": lambda value: urlsplit(str(value)).path.rstrip("/").rsplit("/", 1)[-1],
    "parts": parts_of_moment,
    "quote": lambda value: str(value).replace("'", "''"),
    "midnight": lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0),
    "odata2": lambda moment: f"/Date({int(moment.timestamp() * 1000)})/",
    "odata2_offset": lambda moment: f"/Date({int(moment.timestamp() * 1000)}+0000)/",
    **{f"padded{width}": partial(_padded, width) for width in (4, 5, 10, 12, 18)},
    "sql": lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S"),
    "text": plain_text,
    "time": lambda moment: moment.strftime("%H:%M:%S"),
    "unix": lambda moment: int(moment.timestamp()),
    "unix_ms": lambda moment: int(moment.timestamp() * 1000),
    "upper": lambda value: str(value).upper(),
    "url": lambda value: quote(str(value), safe=""),
}
