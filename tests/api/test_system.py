"""`/api/system/…` and synchronization over the API."""

from collections.abc import Iterator

import pytest

from appliance.connections.lifecycle import Connected
from tests.api.conftest import Plant
from tests.support.appliance import connect_sandbox, work

FORM = {"name", "label", "type", "required", "default", "choices", "example", "help"}


@pytest.fixture
def third(plant: Plant) -> Iterator[Connected]:
    """A connection of its own for tests that change it."""
    made = connect_sandbox(plant.appliance, "Third")
    work(plant.appliance)
    yield made
    plant.appliance.connections.disconnect(made.connection.id)


def test_platforms_describe_form_price_and_entities(plant: Plant) -> None:
    systems = {s["provider"]: s for s in plant.json("/api/system/platforms", token=plant.key)["data"]}
    odata = systems["generic_odata"]
    assert odata["credits"] == {"cloud": 4, "on_premises": 8}
    assert odata["hosting"] == ["cloud", "on_premises"]
    assert [field["name"] for field in odata["form"]][:3] == ["url", "username", "password"]
    assert all(set(field) >= FORM for field in odata["form"])
    assert systems["sandbox"]["credits"] == {"on_premises": 0}
    assert "PurchaseOrder" in systems["sandbox"]["entities"]
    assert {"sandbox", "tryton", "generic_odata"} <= set(systems)


def test_credits_are_what_the_ledger_says(plant: Plant) -> None:
    body = plant.json("/api/system/credits", token=plant.key)
    assert body == {"data": {"granted": 1000, "used": 0, "available": 1000}}


def test_connections_are_listed_without_anything_secret(plant: Plant) -> None:
    listed = plant.json("/api/system/connections", token=plant.key)["data"]
    assert [c["name"] for c in listed if c["status"] == "connected"] == ["One", "Other"]
    for connection in listed:
        assert {"id", "name", "system", "status", "credits", "created_at"} <= set(connection)
        assert not {"token", "fields", "password"} & set(connection)


def test_a_test_of_a_connection_tells_its_stages(plant: Plant) -> None:
    path = f"/api/system/connections/{plant.one.connection.id}/test"
    body = plant.send("POST", path, token=plant.key).get_json()["data"]
    assert body["passed"] is True
    assert all(stage["state"] == "passed" and stage["message"] for stage in body["stages"])


class TestSynchronizing:
    def test_a_request_is_accepted_followed_and_done(self, plant: Plant, third: Connected) -> None:
        answer = plant.send("POST", "/api/v1/sync", token=third.token, json={"entities": ["Asset", "Vendor"]})
        assert answer.status_code == 202
        run = answer.get_json()["data"]
        assert (run["state"], run["mode"], run["trigger"]) == ("queued", "incremental", "manual")
        assert [entity["entity"] for entity in run["entities"]] == ["Asset", "Vendor"]
        assert plant.json("/api/v1/sync-status", token=third.token)["data"]["status"] == "in_progress"

        work(plant.appliance)
        done = plant.json(f"/api/v1/sync/{run['id']}", token=third.token)["data"]
        assert done["state"] == "completed"
        assert [(e["fetched"], e["unchanged"]) for e in done["entities"]] == [(45, 45), (6, 6)]

    def test_the_account_asks_for_any_connection(self, plant: Plant, third: Connected) -> None:
        path = f"/api/v1/connections/{third.connection.id}/sync"
        run = plant.send("POST", path, token=plant.key, json={"mode": "full"}).get_json()["data"]
        assert run["mode"] == "full"
        assert plant.json(f"{path}/{run['id']}", token=plant.key)["data"]["id"] == run["id"]
        work(plant.appliance)

    def test_a_second_request_joins_the_run_that_does_it_already(
        self, plant: Plant, third: Connected
    ) -> None:
        first = plant.send("POST", "/api/v1/sync", token=third.token).get_json()["data"]["id"]
        for body in ({}, {"entities": ["Asset"]}):
            joined = plant.send("POST", "/api/v1/sync", token=third.token, json=body)
            assert joined.get_json()["data"]["id"] == first
        more = plant.send("POST", "/api/v1/sync", token=third.token, json={"mode": "full"})
        assert more.get_json()["data"]["id"] != first
        work(plant.appliance)

    def test_an_unknown_entity_is_refused_before_anything_starts(
        self, plant: Plant, third: Connected
    ) -> None:
        runs = len(plant.appliance.planner.runs.recent(third.connection.id, 50))
        answer = plant.send("POST", "/api/v1/sync", token=third.token, json={"entities": ["Asset", "Aset"]})
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (400, "UNKNOWN_ENTITY")
        assert "Asset" in error["details"]["entities"]
        assert len(plant.appliance.planner.runs.recent(third.connection.id, 50)) == runs

    def test_a_body_with_something_unknown_is_refused(self, plant: Plant) -> None:
        answer = plant.send("POST", "/api/v1/sync", json={"entity": "Asset"})
        assert answer.status_code == 400
        assert plant.appliance.planner.runs.active(plant.one.connection.id) == []

    def test_the_status_tells_last_success_and_next_time(self, plant: Plant) -> None:
        body = plant.json("/api/v1/sync-status")["data"]
        assert (body["connection_status"], body["status"], body["errors"]) == ("connected", "completed", [])
        assert body["last_successful_sync"] < body["next_scheduled_sync"]
        assert len(body["entities"]) == 16
        # What the API says is what it takes.
        since = body["last_successful_sync"]
        assert plant.get(f"/api/eam/assets?modified_after={since}").status_code == 200


class TestAfterADisconnect:
    @pytest.fixture
    def gone(self, plant: Plant) -> Connected:
        made = connect_sandbox(plant.appliance, "Gone")
        work(plant.appliance)
        path = f"/api/system/connections/{made.connection.id}"
        assert plant.send("DELETE", path, token=plant.key).status_code == 200
        return made

    @pytest.mark.parametrize("path", ["/api/eam/assets", "/api/v1/sync-status", "/api/v1/sync/run_x"])
    def test_the_token_is_dead_everywhere(self, plant: Plant, gone: Connected, path: str) -> None:
        answer = plant.get(path, token=gone.token)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "TOKEN_INVALID")

    def test_the_account_still_reads_the_history(self, plant: Plant, gone: Connected) -> None:
        named = {"X-Connection-Id": gone.connection.id}
        assert plant.json("/api/eam/assets", token=plant.key, headers=named)["meta"]["total"] == 45

    def test_it_does_not_synchronize(self, plant: Plant, gone: Connected) -> None:
        answer = plant.send("POST", f"/api/v1/connections/{gone.connection.id}/sync", token=plant.key)
        assert (answer.status_code, answer.get_json()["error"]["type"]) == (409, "conflict")

    def test_the_name_is_free_again(self, plant: Plant, gone: Connected) -> None:
        again = connect_sandbox(plant.appliance, "Gone")
        assert plant.appliance.connections.named("Gone").id == again.connection.id
        plant.appliance.connections.disconnect(again.connection.id)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/system/connections", {"provider": "sandbox", "name": "X", "credentials": {}, "colour": "red"}),
        ("/api/system/connections", {"provider": "sandbox", "name": "X", "credential": {}}),
    ],
)
def test_an_unknown_member_of_a_body_is_named(plant: Plant, path: str, body: dict[str, object]) -> None:
    answer = plant.send("POST", path, token=plant.key, json=body)
    assert answer.status_code == 400
    fields = answer.get_json()["error"]["details"]["fields"]
    assert set(fields) & {"colour", "credential", "credentials"}
