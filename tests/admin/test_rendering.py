"""How values look."""

import pytest

from appliance.admin.rendering import (
    column_words,
    count,
    duration,
    entity_words,
    moment,
    pretty_json,
    relative,
)
from tests.support.clock import ManualClock


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (-300, "5 min ago"),
        (3 * 3600, "in 3 h"),
        (-3 * 86_400, "3 days ago"),
        (-400 * 86_400, "2024-12-01"),
    ],
)
def test_a_moment_is_told_from_now(seconds: int, expected: str) -> None:
    now = ManualClock().now_ms()
    assert relative(now + seconds * 1000, now) == expected


def test_a_moment_has_its_exact_time_beside_it() -> None:
    assert moment("2026-01-05T07:00:00Z", ManualClock()) == (
        '<time datetime="2026-01-05T07:00:00Z" title="2026-01-05 07:00:00 UTC">60 min ago</time>'
    )
    assert moment(None, ManualClock()) == "–"


def test_names_of_the_model_become_words() -> None:
    assert entity_words("PurchaseOrder") == "Purchase order"
    assert entity_words("BOMLineItem") == "BOM line item"
    assert [column_words(name) for name in ("orderNo", "statusKey", "dueAt")] == ["Order no", "Status", "Due"]


def test_numbers_are_grouped_and_durations_rounded() -> None:
    assert (count(1234567), count(None)) == ("1,234,567", "–")
    shown = [duration(seconds) for seconds in (None, 0.004, 4.25, 61, 600, 7300)]
    assert shown == ["–", "4 ms", "4.2 s", "61 s", "10 min", "2 h 2 min"]


def test_json_is_indented_and_escaped_and_cut_where_it_is_endless() -> None:
    shown = pretty_json('{"a":"<b>","n":-1.5e3,"t":true}')
    assert (
        '<span class="json-name">&#34;a&#34;</span>: <span class="json-text">&#34;&lt;b&gt;&#34;</span>'
        in shown
    )
    assert '<span class="json-word">-1.5e3</span>' in shown
    assert "longer than is shown" in pretty_json('["' + "x" * 300_000 + '"]')
    assert pretty_json("no <json>") == "no &lt;json&gt;"
