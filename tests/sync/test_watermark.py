"""No change is missed at the border of two passes, whatever the clocks say."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.sync.passes.watermark import watermark

OVERLAP, SKEW = 300_000, 3_600_000
NOON = 1_767_700_800_000


def test_it_is_the_start_of_the_pass_where_the_source_changes_all_the_time_and_its_clock_is_right() -> None:
    found = watermark(
        started=NOON, finished=NOON + 60_000, newest=NOON + 60_000, overlap=OVERLAP, clock_skew=SKEW
    )
    assert found == NOON - OVERLAP


def test_a_source_that_was_quiet_for_long_is_asked_no_further_back_than_clocks_may_differ() -> None:
    found = watermark(started=NOON, finished=NOON, newest=NOON - 10**10, overlap=OVERLAP, clock_skew=SKEW)
    assert found == NOON - SKEW - OVERLAP


@given(
    behind=st.integers(-SKEW, SKEW),
    length=st.integers(0, 10**7),
    last=st.integers(0, 10**8),
    seen_late=st.integers(0, 10**7),
)
def test_a_change_after_the_start_is_asked_for_by_the_next_pass(
    behind: int, length: int, last: int, seen_late: int
) -> None:
    """`behind`: the source's clock. `last`: how long before the start the newest row we know of changed."""
    started, finished = NOON, NOON + length
    # The newest stamp may be one of before, or one of a change that the pass itself still met.
    newest = max(started - behind - last, min(finished, started + seen_late) - behind)
    found = watermark(
        started=started, finished=finished, newest=min(newest, finished), overlap=OVERLAP, clock_skew=SKEW
    )
    stamp_of_a_change_right_after_the_start = started - behind
    assert found <= stamp_of_a_change_right_after_the_start - OVERLAP or behind < 0
    assert found <= started - OVERLAP
