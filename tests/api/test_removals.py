"""Runs, held deletions, their undoing and the period that is read, over the API."""

import pytest

from appliance.sync.passes.hold_table import HoldTable
from tests.api.conftest import Plant
from tests.support.appliance import work


@pytest.fixture
def hold(plant: Plant) -> str:
    """A deletion that waits for a word."""
    table = HoldTable(plant.appliance.database)
    table.open(
        f"hold_{plant.clock.now_ms()}_{len(table.of_connection(plant.one.connection.id, 100))}",
        plant.one.connection.id,
        "Vendor",
        "run_x",
        missing=5,
        known=6,
        sample=["08"],
        now=plant.clock.now_ms(),
    )
    return str(table.of_connection(plant.one.connection.id, 1)[0]["id"])


def at(plant: Plant, rest: str, connection: str | None = None) -> str:
    return f"/api/v1/connections/{connection or plant.one.connection.id}/{rest}"


def test_a_held_deletion_is_listed_and_approved_once(plant: Plant, hold: str) -> None:
    listed = plant.json(at(plant, "deletions"), token=plant.key)["data"]
    assert (listed[0]["id"], listed[0]["missing"], listed[0]["known"]) == (hold, 5, 6)
    answer = plant.send("POST", at(plant, f"deletions/{hold}/approve"), token=plant.key, json={})
    assert answer.status_code == 202
    assert answer.get_json()["data"]["mode"] == "reconcile"
    again = plant.send("POST", at(plant, f"deletions/{hold}/approve"), token=plant.key)
    assert (again.status_code, again.get_json()["error"]["code"]) == (409, "DELETION_HOLD_DECIDED")
    work(plant.appliance)


def test_a_held_deletion_is_dismissed(plant: Plant, hold: str) -> None:
    answer = plant.send("POST", at(plant, f"deletions/{hold}/dismiss"), token=plant.key)
    assert answer.get_json()["data"]["state"] == "dismissed"
    found = next(
        one for one in plant.json(at(plant, "deletions"), token=plant.key)["data"] if one["id"] == hold
    )
    assert found["state"] == "dismissed" and found["decided_by"]


def test_a_held_deletion_of_another_connection_is_not_found(plant: Plant, hold: str) -> None:
    path = at(plant, f"deletions/{hold}/approve", plant.other.connection.id)
    answer = plant.send("POST", path, token=plant.key)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "DELETION_HOLD_NOT_FOUND")


def test_a_connections_token_decides_nothing(plant: Plant, hold: str) -> None:
    for path in (f"deletions/{hold}/approve", f"deletions/{hold}/dismiss", "sync/run_x/undo-deletions"):
        assert plant.send("POST", at(plant, path), json={}).status_code == 401


def test_what_a_run_deleted_comes_back(plant: Plant) -> None:
    appliance, connection_id = plant.appliance, plant.one.connection.id
    run_id = appliance.planner.request_run(connection_id, entities=["Vendor"])
    work(appliance)
    stream = appliance.records.stream(connection_id, "Vendor")
    key = appliance.records.newest(stream, 1)[0][0]
    appliance.records.mark_deleted(stream, [key], plant.clock.now_ms(), run_id)
    appliance.database.run("UPDATE run_entity SET deleted = 1 WHERE run_id = ?", (run_id,))
    answer = plant.send("POST", at(plant, f"sync/{run_id}/undo-deletions"), token=plant.key)
    assert answer.get_json()["data"] == {"run_id": run_id, "restored": 1}
    assert appliance.records.payload(stream, key) is not None
    path = at(plant, f"sync/{run_id}/undo-deletions", plant.other.connection.id)
    assert plant.send("POST", path, token=plant.key).status_code == 404


def test_runs_are_listed_and_cancelled(plant: Plant) -> None:
    run_id = plant.appliance.planner.request_run(plant.one.connection.id, mode="reconcile")
    newest = plant.json("/api/v1/sync")["data"]
    assert any(run["id"] == run_id and run["mode"] == "reconcile" for run in newest)
    assert plant.json(at(plant, "sync"), token=plant.key)["meta"]["total"] == len(newest)
    assert (
        plant.send("POST", f"/api/v1/sync/{run_id}/cancel", token=plant.other.token, json={}).status_code
        == 404
    )
    answer = plant.send("POST", f"/api/v1/sync/{run_id}/cancel", json={})
    assert answer.get_json()["data"]["state"] == "cancelled"


@pytest.mark.parametrize("body", [{}, {"days": 0}, {"days": "30"}, {"days": 30, "more": 1}, [30], None])
def test_a_period_that_is_none_is_refused(plant: Plant, body: object) -> None:
    answer = plant.send("PUT", at(plant, "history"), token=plant.key, json=body)
    assert answer.status_code in (400, 422)


def test_the_period_is_changed(plant: Plant) -> None:
    answer = plant.send("PUT", at(plant, "history"), token=plant.key, json={"days": 30})
    assert answer.get_json()["data"] == {"historical_days": 30, "run_id": None}
