"""A source that sends nothing any more, and what can be done to a run while it waits for a page."""

import threading
from typing import Any

import pytest

from appliance.sync.passes import ahead
from tests.support.appliance import entity_of, work
from tests.support.plant import Asked


@pytest.fixture
def waiting(site, monkeypatch) -> Any:
    """A connected plant whose second page never comes, and an event that lets it come after all."""
    monkeypatch.setattr(ahead, "WATCH_SECONDS", 0.01)
    site.plant.fill("Vendor", 25)
    site.let_go = threading.Event()
    yield site
    site.let_go.set()


def hang(site: Any, meanwhile: Any) -> None:
    """Let the second page not come; `meanwhile` is done again and again once the first one is stored."""

    def wait(asked: Asked) -> None:
        if asked.entity == "Vendor" and asked.after == "0009":
            while not site.let_go.wait(0.02):
                if len(site.stored("Vendor")) == 10:
                    meanwhile()

    site.plant.before_page = wait


def test_a_source_that_sends_nothing_fails_the_entity_alone_and_is_asked_again_from_there(waiting) -> None:
    waiting.plant.fill("PurchaseOrder", 3)
    waiting.connect()
    hang(waiting, lambda: waiting.clock.advance(901))
    work(waiting.appliance)
    run = waiting.last_run()
    assert (entity_of(run, "Vendor")["state"], entity_of(run, "Vendor")["error_code"]) == (
        "failed",
        "SOURCE_STALLED",
    )
    assert "overloaded" in entity_of(run, "Vendor")["advice"]["fix"]
    assert entity_of(run, "PurchaseOrder")["state"] == "completed"
    assert entity_of(run, "PurchaseOrder")["advice"] is None
    waiting.let_go.set()
    waiting.plant.before_page = lambda asked: None
    waiting.plant.asked.clear()
    waiting.synchronize(entities=["Vendor"])
    assert waiting.plant.asked[0].after == "0009"
    assert waiting.stored("Vendor") == waiting.plant.rows["Vendor"]


def test_a_source_that_is_slow_but_sends_is_waited_for(waiting, monkeypatch) -> None:
    from appliance.sync.passes.pages import Traffic

    received = iter(range(10**9))
    monkeypatch.setattr(Traffic, "now", lambda self: (0, next(received), 0))
    waiting.connect()

    waited: list[int] = []

    def slow() -> None:
        waiting.clock.advance(600)
        waited.append(600)
        if len(waited) == 5:
            waiting.let_go.set()

    hang(waiting, slow)
    work(waiting.appliance)
    assert entity_of(waiting.last_run(), "Vendor")["state"] == "completed"


def test_a_run_is_cancelled_while_it_waits_for_a_page(waiting) -> None:
    waiting.connect()
    run_id = waiting.last_run()["id"]
    hang(waiting, lambda: waiting.appliance.planner.cancel_run(run_id, waiting.connection_id))
    work(waiting.appliance)
    run = waiting.appliance.planner.describe_run(run_id)
    assert run["state"] == "cancelled"
    assert len(waiting.stored("Vendor")) == 10, "what was written stays"


def test_getting_on_counts_failures_anew(waiting) -> None:
    """Each try gets one page further before the source fails: it is tried again soon each time."""
    from appliance.errors import SourceUnreachable

    waiting.plant.page_size = 5
    waiting.connect()
    last: list[str] = []

    def fail_at_the_second_page(asked: Asked) -> None:
        waiting.plant.failures.pop("Vendor", None)
        if asked.entity == "Vendor":
            if last:
                waiting.plant.failures["Vendor"] = SourceUnreachable("Nobody answers.")
                last.clear()
            else:
                last.append(asked.after)

    waiting.plant.before_page = fail_at_the_second_page
    work(waiting.appliance)
    for _ in range(2):
        assert waiting.schedule("Vendor")["failures"] == 1
        last.clear()
        waiting.synchronize(entities=["Vendor"])
    assert len(waiting.stored("Vendor")) == 15
