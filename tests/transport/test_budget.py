"""The call budget of a host, under a clock that only tests move."""

import threading
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import SourceAnswerInvalid, SourceThrottled, SourceUnreachable
from appliance.transport.budget import Budget, BudgetLimits, Budgets, Window
from appliance.transport.errors import CertificateRefused, CircuitOpen, RequestStopped
from tests.support.clock import ManualClock


def make(clock, **limits):
    return Budget("erp.test", BudgetLimits(**limits), clock)


def call(budget, interactive=False, stop=None):
    with budget.slot(interactive, stop) as slot:
        return slot.waited


def failing(budget, error=None, interactive=False):
    with pytest.raises(type(error) if error else SourceUnreachable), budget.slot(interactive):
        raise error or SourceUnreachable("down")


def test_without_limits_nothing_waits():
    clock = ManualClock()
    assert sum(call(make(clock)) for _ in range(1000)) == 0 and clock.waits == []


def test_the_call_over_the_window_waits_until_the_first_one_is_old_enough():
    clock = ManualClock(auto=True)
    budget = make(clock, windows=(Window(3, 60),), interactive_share=0)
    call(budget)
    clock.advance(10)
    assert [call(budget) for _ in range(4)] == [0, 0, pytest.approx(50), pytest.approx(10)]


def test_every_window_holds_at_once():
    clock = ManualClock(auto=True)
    budget = make(clock, windows=(Window(2, 1), Window(5, 100)), interactive_share=0)
    began = clock.monotonic()
    times = []
    for _ in range(7):
        call(budget)
        times.append(round(clock.monotonic() - began, 3))
    assert times == [0, 0, 1, 1, 2, 100, 100]


def test_background_calls_leave_a_share_for_interactive_ones():
    clock = ManualClock(auto=True)
    budget = make(clock, windows=(Window(10, 60),), interactive_share=0.2)
    assert sum(call(budget) for _ in range(8)) == 0
    assert [call(budget, interactive=True) for _ in range(2)] == [0, 0]
    assert call(budget) > 0


def test_a_wait_that_would_be_too_long_is_refused_with_its_length():
    clock = ManualClock()
    budget = make(clock, windows=(Window(1, 3600),), max_wait=300, interactive_max_wait=10)
    call(budget)
    for interactive in (False, True):
        with pytest.raises(SourceThrottled, match="3600 s") as caught:
            call(budget, interactive)
        assert caught.value.retry_after == 3600
    assert clock.waits == []


def test_a_pause_asked_for_by_the_source_holds_for_everybody():
    clock = ManualClock(auto=True)
    budget = make(clock)
    budget.pause_until(clock.monotonic() + 12)
    budget.pause_until(clock.monotonic() + 5)
    assert call(budget, interactive=True) == 12


def test_a_stop_ends_the_wait_for_a_window_at_once():
    clock, stop, ended = ManualClock(), threading.Event(), []
    budget = make(clock, windows=(Window(1, 60),))
    call(budget)

    def run():
        with pytest.raises(RequestStopped):
            call(budget, stop=stop)
        ended.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    clock.wait_for_sleepers(1)
    stop.set()
    thread.join(2)
    assert ended and clock.waits == [60]


def test_parallel_calls_are_limited_and_the_next_goes_when_one_ends():
    clock = ManualClock()
    budget = make(clock, concurrency=2, interactive_share=0)
    running, peak, lock, go = [0], [0], threading.Lock(), threading.Semaphore(0)

    def run():
        with budget.slot():
            with lock:
                running[0] += 1
                peak[0] = max(peak[0], running[0])
            go.acquire()
            with lock:
                running[0] -= 1

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    clock.wait_for_sleepers(4)
    for _ in threads:
        go.release()
    for thread in threads:
        thread.join(2)
    assert peak == [2] and not any(thread.is_alive() for thread in threads)
    assert len(clock.waits) <= 4 + 3 + 2 + 1, "waiters sleep until a call ends; they do not spin"


def test_waiting_for_a_free_call_has_an_end_and_can_be_stopped():
    clock, stop, seen = ManualClock(), threading.Event(), []
    budget = make(clock, concurrency=1, max_wait=30)

    def run(stop_event):
        try:
            call(budget, stop=stop_event)
        except (SourceThrottled, RequestStopped) as error:
            seen.append(type(error))

    with budget.slot():
        patient = threading.Thread(target=run, args=(None,))
        patient.start()
        clock.wait_for_sleepers(1)
        stopped = threading.Thread(target=run, args=(stop,))
        stopped.start()
        clock.wait_for_sleepers(2)
        stop.set()
        clock.advance(0.5)
        stopped.join(2)
        clock.advance(30)
        patient.join(2)
    assert seen == [RequestStopped, SourceThrottled]


def test_one_call_of_the_concurrency_stays_free_for_interactive_use():
    budget = make(ManualClock(), concurrency=2, interactive_share=0.5, max_wait=0)
    with budget.slot():
        with pytest.raises(SourceThrottled, match="parallel"):
            call(budget)
        assert call(budget, interactive=True) == 0


def test_threads_together_never_exceed_the_window():
    clock = ManualClock()
    budget = make(clock, windows=(Window(5, 10),), interactive_share=0)
    times, lock = [], threading.Lock()

    def run():
        for _ in range(5):
            with budget.slot(), lock:
                times.append(clock.monotonic())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        clock.advance(2.5)
        for thread in threads:
            thread.join(0.005)
    assert len(times) == 20
    assert_within(times, 5, 10)


def assert_within(times, calls, seconds):
    times = sorted(times)
    for index, moment in enumerate(times):
        # Floats of one rounding error less than the window apart are a window apart.
        assert bisect_right(times, moment + seconds - 1e-6) - index <= calls


@settings(max_examples=150, deadline=None)
@given(
    windows=st.lists(
        st.builds(Window, st.integers(1, 6), st.sampled_from([0.3, 1.0, 7.0, 60.0])), min_size=1, max_size=3
    ),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    steps=st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=40),
)
def test_no_span_ever_holds_more_calls_than_its_window_allows(windows, share, steps):
    clock = ManualClock(auto=True)
    budget = make(
        clock, windows=tuple(windows), interactive_share=share, max_wait=1e6, interactive_max_wait=1e6
    )
    times = []
    for interactive, pause in steps:
        call(budget, interactive)
        times.append(clock.monotonic())
        clock.advance(pause)
    for window in windows:
        assert_within(times, window.calls, window.seconds)


def test_changed_limits_count_the_calls_already_made():
    clock = ManualClock(auto=True)
    budgets = Budgets(clock)
    ten = BudgetLimits(windows=(Window(10, 60),), interactive_share=0)
    five = BudgetLimits(windows=(Window(5, 60),), interactive_share=0)
    budget = budgets.for_connection("ERP.test", "a", ten)
    for _ in range(4):
        call(budget)
    assert budgets.for_connection("erp.test.", "a", five) is budget
    assert call(budget) == 0 and call(budget) == pytest.approx(60)


def test_a_host_is_known_by_its_name_in_any_spelling():
    budgets = Budgets(ManualClock())
    assert budgets.for_host("ERP.test.") is budgets.for_host("erp.test")
    assert budgets.for_host("erp.test") is not budgets.for_host("other.test")


def test_two_connections_to_one_host_keep_their_own_limits():
    clock = ManualClock()
    budgets = Budgets(clock)
    wide = budgets.for_connection("erp", "a", BudgetLimits(concurrency=4, interactive_share=0, max_wait=0))
    narrow = budgets.for_connection("erp", "b", BudgetLimits(concurrency=1, interactive_share=0, max_wait=0))
    with narrow.slot():
        with wide.slot(), wide.slot(), wide.slot(), wide.slot(), pytest.raises(SourceThrottled):
            call(wide)
        with pytest.raises(SourceThrottled):
            call(narrow)
        call(wide)
    call(narrow)


def test_the_host_has_the_strictest_of_the_limits_its_connections_know():
    clock = ManualClock(auto=True)
    budgets = Budgets(clock)
    free = BudgetLimits(interactive_share=0, max_wait=100)
    two = BudgetLimits(windows=(Window(2, 60),), interactive_share=0)
    nine = BudgetLimits(windows=(Window(9, 60),), interactive_share=0)
    first = budgets.for_connection("erp", "a", free, two)
    second = budgets.for_connection("erp", "b", free, nine)
    assert [call(first), call(second), call(second)] == [0, 0, pytest.approx(60)]
    # What the first one claimed is forgotten only when it says something else itself.
    budgets.for_connection("erp", "a", free, nine)
    assert sum(call(first) for _ in range(5)) == 0


def test_a_wait_for_the_host_does_not_use_up_the_connection():
    clock = ManualClock(auto=True)
    budgets = Budgets(clock)
    own = BudgetLimits(windows=(Window(1, 50),), interactive_share=0)
    host = BudgetLimits(windows=(Window(1, 100),), interactive_share=0)
    first = budgets.for_connection("erp", "a", own, host)
    second = budgets.for_connection("erp", "b", own)
    assert call(first) == 0
    assert call(second) == pytest.approx(100)
    # Counted from when it was sent, not from when it began to wait.
    assert call(second) == pytest.approx(100)


def test_a_pause_of_one_connection_leaves_the_others_alone():
    clock = ManualClock(auto=True)
    budgets = Budgets(clock)
    first = budgets.for_connection("erp", "a", BudgetLimits())
    second = budgets.for_connection("erp", "b", BudgetLimits())
    first.pause_until(clock.monotonic() + 30)
    assert call(second) == 0 and call(first) == pytest.approx(30)
    first.pause_until(clock.monotonic() + 30, everyone=True)
    assert call(second) == pytest.approx(30)


def test_a_pause_of_background_work_lets_a_person_through():
    clock = ManualClock(auto=True)
    budget = make(clock)
    budget.pause_until(clock.monotonic() + 30, background_only=True)
    assert call(budget, interactive=True) == 0 and call(budget) == pytest.approx(30)


def test_a_host_that_is_down_is_down_for_all_its_connections():
    budgets = Budgets(ManualClock(), BudgetLimits(failures_to_open=1))
    failing(budgets.for_connection("erp", "a", BudgetLimits()))
    with pytest.raises(CircuitOpen):
        call(budgets.for_connection("erp", "b", BudgetLimits()))


def test_a_host_that_does_not_answer_is_left_alone_for_a_growing_time():
    clock = ManualClock()
    budget = make(clock, failures_to_open=3, open_seconds=30, open_seconds_max=100)
    for _ in range(3):
        failing(budget)
    for pause in (30, 60, 100, 100):
        with pytest.raises(CircuitOpen, match=r"[3-6] times in a row") as caught:
            call(budget)
        assert caught.value.retry_after == pytest.approx(pause)
        clock.advance(pause - 1)
        with pytest.raises(CircuitOpen):
            call(budget)
        clock.advance(1)
        failing(budget)
    clock.advance(100)
    call(budget)
    failing(budget)
    failing(budget)
    call(budget)


def test_after_the_pause_only_one_call_probes():
    clock = ManualClock()
    budget = make(clock, failures_to_open=1, open_seconds=10)
    failing(budget)
    clock.advance(10)
    with budget.slot(), pytest.raises(CircuitOpen):
        call(budget)
    call(budget)


def test_a_person_may_probe_an_open_circuit_and_success_closes_it():
    clock = ManualClock()
    budget = make(clock, failures_to_open=1)
    failing(budget)
    failing(budget, interactive=True)
    with pytest.raises(CircuitOpen):
        call(budget)
    call(budget, interactive=True)
    call(budget)


def test_only_lost_connections_count_as_failures():
    budget = make(ManualClock(), failures_to_open=1)
    failing(budget, CertificateRefused("expired"))
    failing(budget, SourceAnswerInvalid("too large"))
    failing(budget, RequestStopped("stopped"))
    call(budget)


def test_a_probe_that_says_nothing_lets_the_next_one_try():
    clock = ManualClock()
    budget = make(clock, failures_to_open=1, open_seconds=10)
    failing(budget)
    clock.advance(10)
    failing(budget, RequestStopped("stopped"))
    call(budget)
