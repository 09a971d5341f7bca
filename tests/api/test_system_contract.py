"""The documented system operations, each called, each answering the declared members in the declared envelope."""

from pathlib import Path
from typing import Any

import pytest

from appliance.connections.lifecycle import Connected
from appliance.model.entity import load_model
from tests.api.conftest import Plant
from tests.support.appliance import connect_sandbox, work

MODEL = load_model()
OPERATIONS = [
    tuple(line.split(" ", 3))
    for line in Path(__file__).with_name("system_operations.txt").read_text("utf-8").splitlines()
]
CONNECT = {"provider": "sandbox", "name": "Walked", "email": "walk@plant.example", "credentials": {}}
BODIES: dict[str, Any] = {
    "/api/system/connections": CONNECT,
    "/api/system/connections/{id}/metadata": [{"key": "customer", "value": "17"}],
    "/api/system/connections/{id}/token": {"expires_in": 300},
}
ELSEWHERE = ("/api/raw/tables", "/api/raw/tables/{table}/data", "/api/passthrough")
"""These hand through what is in the source; their own tests walk them."""


@pytest.fixture
def walked(plant: Plant) -> Connected:
    made = connect_sandbox(plant.appliance, "Walk")
    work(plant.appliance)
    return made


def test_there_are_thirteen_of_them() -> None:
    assert len(OPERATIONS) == 13
    assert {path for _, path, _, _ in OPERATIONS} >= set(ELSEWHERE)


@pytest.mark.parametrize(
    ("method", "path", "entity", "returns"), [one for one in OPERATIONS if one[1] not in ELSEWHERE]
)
def test_an_operation_answers_as_documented(
    plant: Plant, walked: Connected, method: str, path: str, entity: str, returns: str
) -> None:
    token = walked.token if path.startswith("/api/integrations") else plant.key
    answer = plant.send(
        method,
        path.replace("{id}", walked.connection.id),
        token=token,
        json=BODIES.get(path) if method == "POST" else None,
    )
    assert answer.status_code in (200, 201), answer.text
    data = answer.get_json()["data"]
    if returns.startswith("["):
        assert isinstance(data, list) and data
        data = data[0]
    assert isinstance(data, dict)
    declared = MODEL.entities[returns.strip("[]")].fields if returns != "object" else {}
    for field in declared.values():
        assert field.name in data, field.name
        assert_type(field.declared, data[field.name])


def assert_type(declared: str, value: Any) -> None:
    if value is None:
        return
    if declared == "[any]":
        assert isinstance(value, list)
    else:
        # `expires_in` is declared as text and counts seconds, `user_metadata` holds the pairs themselves.
        assert isinstance(value, str | int | list)


def test_what_the_walk_connects_is_gone_afterwards(plant: Plant) -> None:
    for connection in plant.appliance.connections.table.all():
        if connection.name in ("Walk", "Walked") and connection.is_open:
            plant.appliance.connections.disconnect(connection.id)


class TestConnecting:
    def test_the_pair_and_the_lasting_token_read_and_die_with_the_connection(self, plant: Plant) -> None:
        made = plant.send("POST", "/api/system/connections", token=plant.key, json=CONNECT).get_json()["data"]
        assert made["expires_in"] == 30 * 86_400
        assert made["expires_at"].endswith("Z")
        for token in (made["access_token"], made["connection_token"]):
            assert plant.json("/api/integrations/current", token=token)["data"]["id"] == made["id"]

        refreshed = plant.send(
            "POST",
            "/link/token",
            token="",
            data={"grant_type": "refresh_token", "refresh_token": made["refresh_token"]},
        ).get_json()
        assert plant.get("/api/v1/sync-status", token=refreshed["access_token"]).status_code == 200
        assert plant.get("/api/v1/sync-status", token=made["access_token"]).status_code == 401

        assert (
            plant.send("DELETE", "/api/integrations/current", token=refreshed["access_token"]).status_code
            == 200
        )
        for token in (refreshed["access_token"], made["connection_token"]):
            assert plant.get("/api/v1/sync-status", token=token).status_code == 401
        again = plant.send(
            "POST",
            "/link/token",
            token="",
            data={"grant_type": "refresh_token", "refresh_token": refreshed["refresh_token"]},
        )
        assert (again.status_code, again.get_json()["error"]) == (400, "invalid_grant")
        # What was synchronized stays, for the account.
        listed = plant.json("/api/eam/assets", token=plant.key, headers={"X-Connection-Id": made["id"]})
        assert listed["meta"]["total"] == 0


class TestMetadata:
    def test_pairs_are_kept_and_shown(self, plant: Plant) -> None:
        path = f"/api/system/connections/{plant.one.connection.id}/metadata"
        pairs = [{"key": "customer", "value": "17"}, {"key": "note", "value": ""}]
        assert (
            plant.send("POST", path, token=plant.key, json=pairs).get_json()["data"]["user_metadata"] == pairs
        )
        assert plant.json(path, token=plant.key)["data"][0]["user_metadata"] == pairs
        assert plant.send("POST", path, token=plant.key, json=[]).get_json()["data"]["user_metadata"] == []

    @pytest.mark.parametrize(
        "pairs",
        [
            {"key": "a"},
            [{"key": "a"}],
            [{"key": "a", "value": 1}],
            [{"key": "", "value": "x"}],
            [{"key": "a", "value": "x", "more": "y"}],
            [{"key": "a", "value": "x"}, {"key": "a", "value": "y"}],
            [{"key": "a", "value": "x" * 1001}],
            [{"key": str(n), "value": ""} for n in range(101)],
            ["a"],
            7,
        ],
    )
    def test_what_are_no_pairs_is_refused(self, plant: Plant, pairs: Any) -> None:
        path = f"/api/system/connections/{plant.one.connection.id}/metadata"
        assert plant.send("POST", path, token=plant.key, json=pairs).status_code == 400


class TestIssuedTokens:
    def issue(self, plant: Plant, **body: Any) -> Any:
        path = f"/api/system/connections/{plant.one.connection.id}/token"
        return plant.send("POST", path, token=plant.key, json=body)

    def test_one_lives_as_long_as_it_says_beside_the_connections_own(self, plant: Plant) -> None:
        issued = self.issue(plant, expires_in=60).get_json()["data"]
        assert (issued["expires_in"], issued["token_type"]) == (60, "bearer")
        assert plant.get("/api/eam/assets", token=issued["token"]).status_code == 200
        assert plant.get("/api/eam/assets").status_code == 200
        plant.clock.advance(60)
        answer = plant.get("/api/eam/assets", token=issued["token"])
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "TOKEN_INVALID")
        assert "expired" in answer.get_json()["error"]["message"]

    def test_a_limited_one_does_what_it_is_for_only(self, plant: Plant) -> None:
        token = self.issue(plant, entities=["Asset"], verbs=["read"]).get_json()["data"]["token"]
        assert plant.get("/api/eam/assets", token=token).status_code == 200
        for method, path in (
            ("GET", "/api/eam/work-orders"),
            ("GET", "/api/eam/statuses/work-orders"),
            ("POST", "/api/v1/sync"),
            ("DELETE", "/api/integrations/current"),
        ):
            answer = plant.send(method, path, token=token)
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "SCOPE_EXCEEDED"), path
        assert plant.get("/api/v1/sync-status", token=token).status_code == 200

    @pytest.mark.parametrize(
        "body", [{"expires_in": 0}, {"expires_in": True}, {"expires_in": 10**9}, {"verbs": "read"}]
    )
    def test_a_wish_that_cannot_be_is_refused(self, plant: Plant, body: dict[str, Any]) -> None:
        assert self.issue(plant, **body).status_code == 400


def test_the_words_of_the_published_description(plant: Plant, walked: Connected) -> None:
    path = "/api/integrations/sync/status"
    body = plant.json(path, token=walked.token)
    assert body["status"] == body["data"]["status"] == "fulldone"
    plant.clock.advance(1)
    plant.appliance.planner.request_run(walked.connection.id, entities=["Asset"])
    assert plant.json(path, token=walked.token)["status"] == "inprogress"
    assert plant.json("/sync-status", token=walked.token)["data"]["status"] == "in_progress"
    work(plant.appliance)
    assert plant.json(path, token=walked.token)["status"] == "done"
    assert plant.json("/api/integrations/current", token=walked.token)["data"]["sync_status"] == "done"
    plant.appliance.connections.disconnect(walked.connection.id)


def test_lists_of_the_account_are_paged(plant: Plant) -> None:
    everything = plant.json("/api/system/platforms", token=plant.key)
    assert everything["meta"]["total"] == len(everything["data"]) > 3
    second = plant.json("/api/system/platforms?per_page=2&page=2", token=plant.key)
    assert second["data"] == everything["data"][2:4]
    assert second["links"]["prev"].endswith("per_page=2&page=1")
    assert plant.get("/api/system/platforms?page=0", token=plant.key).status_code == 400
