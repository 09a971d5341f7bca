"""A run's page and what may be done about deletions there."""

import html

from appliance.sync.passes.hold_table import HoldTable
from tests.admin.conftest import Browser, Plant
from tests.support.appliance import work


def test_a_held_deletion_is_shown_and_decided(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    work(plant.appliance)
    table = HoldTable(plant.appliance.database)
    table.open("hold_1", connection.id, "Vendor", "run_x", missing=5, known=6, sample=[], now=1)
    page = html.unescape(browser.get(f"/admin/connections/{connection.id}").text)
    assert "5 of 6" in page and "Delete them here too" in page
    at = f"/admin/connections/{connection.id}/deletions/hold_1"
    assert browser.post(at, {"decision": "dismiss"}).status_code == 303
    assert "Delete them here too" not in browser.get(f"/admin/connections/{connection.id}").text
    table.open("hold_2", connection.id, "Vendor", "run_x", missing=5, known=6, sample=[], now=1)
    answer = browser.post(at.replace("hold_1", "hold_2"), {"decision": "approve"})
    assert "/admin/runs/" in answer.headers["Location"]


def test_the_deletions_of_a_run_are_undone(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    work(plant.appliance)
    run = plant.appliance.planner.runs.recent(connection.id, 1)[0]
    stream = plant.appliance.records.stream(connection.id, "Vendor")
    key = plant.appliance.records.newest(stream, 1)[0][0]
    plant.appliance.records.mark_deleted(stream, [key], plant.clock.now_ms(), run["id"])
    plant.appliance.database.run(
        "UPDATE run_entity SET deleted = 1 WHERE run_id = ? AND entity = 'Vendor'", (run["id"],)
    )
    assert "Undo the deletions" in browser.get(f"/admin/runs/{run['id']}").text
    assert "1 records are back" in browser.post(f"/admin/runs/{run['id']}/undo-deletions").text
    assert plant.appliance.records.payload(stream, key) is not None


def test_the_period_is_changed_and_nonsense_is_refused(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    browser.get(f"/admin/connections/{connection.id}")
    at = f"/admin/connections/{connection.id}/history"
    assert browser.post(at, {"days": "45"}).status_code == 303
    assert plant.appliance.connections.get(connection.id).historical_days == 45
    assert browser.post(at, {"days": "many"}).status_code in (400, 422)


def test_a_failed_entity_says_what_to_do(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    work(plant.appliance)
    run = plant.appliance.planner.runs.recent(connection.id, 1)[0]
    plant.appliance.database.run(
        "UPDATE run_entity SET state = 'failed', error_code = 'SOURCE_ACCESS_DENIED', error_message = 'No.'"
        " WHERE run_id = ? AND entity = 'Vendor'",
        (run["id"],),
    )
    page = html.unescape(browser.get(f"/admin/runs/{run['id']}").text)
    assert "Give the user of the connection the right to read this in the source" in page
