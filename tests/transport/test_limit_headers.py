"""Limit headers of answers, as many systems write them."""

from datetime import UTC, datetime

import pytest

from appliance.transport.limit_headers import LimitHeaders, UsedUp, used_up

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("kind", "headers", "found"),
    [
        ("seconds", {"left": "1", "reset": "30"}, None),
        ("seconds", {"left": "0", "reset": "30"}, UsedUp(30, False)),
        ("seconds", {"left": "0", "reset": "-3"}, UsedUp(0, False)),
        ("epoch", {"left": "0", "reset": str(EPOCH + 12)}, UsedUp(12, False)),
        ("epoch_ms", {"left": "0", "reset": f"{EPOCH + 12}000"}, UsedUp(12, False)),
        ("seconds", {"left": "0", "reset": "Mon, 05 Jan 2026 08:01:00 GMT"}, UsedUp(60, False)),
        ("seconds", {"left": "0", "reset": "soon"}, None),
        ("seconds", {"left": "0"}, None),
        ("seconds", {"left": "many", "reset": "30"}, None),
        ("seconds", {"left": "nan", "reset": "30"}, None),
        ("seconds", {"reset": "30"}, None),
    ],
)
def test_nothing_left_means_to_wait_until_the_reset(kind, headers, found):
    assert used_up(LimitHeaders("left", "reset", kind), headers, NOW, 0.1) == found


@pytest.mark.parametrize(("left", "found"), [("11", None), ("10", UsedUp(9, True)), ("0", UsedUp(9, False))])
def test_background_work_leaves_the_reserve_to_people(left, found):
    headers = {"left": left, "reset": "9", "all": "100"}
    assert used_up(LimitHeaders("left", "reset", limit="all"), headers, NOW, 0.1) == found
