"""A token sees its own connection and nothing else."""

import pytest

from tests.api.conftest import Plant
from tests.support.filled import fill
from tests.support.filled import key as key_of

PATHS = (
    "/api/eam/assets",
    "/api/erp/purchase-orders",
    "/api/eam/work-orders",
    "/api/wms/stocks",
    "/api/erp/vendors",
)


@pytest.mark.parametrize("path", PATHS)
def test_the_keys_of_one_connection_are_not_found_by_the_other(plant: Plant, path: str) -> None:
    one = plant.get(path)
    if one.status_code == 404:
        pytest.skip(f"no operation {path}")
    mine = {record["key"] for record in one.get_json()["data"]}
    theirs = {record["key"] for record in plant.json(path, token=plant.other.token)["data"]}
    assert mine and theirs and not mine & theirs
    for key in sorted(mine)[:5]:
        assert plant.get(f"{path}/{key}").status_code == 200
        answer = plant.get(f"{path}/{key}", token=plant.other.token)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "RECORD_NOT_FOUND")


def test_a_run_of_one_connection_is_not_found_by_the_other(plant: Plant) -> None:
    run = plant.appliance.planner.runs.recent(plant.one.connection.id, 1)[0]["id"]
    assert plant.get(f"/api/v1/sync/{run}").status_code == 200
    assert plant.get(f"/api/v1/sync/{run}", token=plant.other.token).status_code == 404
    path = f"/api/v1/connections/{plant.other.connection.id}/sync/{run}"
    assert plant.get(path, token=plant.key).status_code == 404


class TestAnAccountKeyReadsTheConnectionItNames:
    def test_and_only_that_one(self, plant: Plant) -> None:
        for made in (plant.one, plant.other):
            as_account = plant.json(
                "/api/eam/assets", token=plant.key, headers={"X-Connection-Id": made.connection.id}
            )
            assert as_account["data"] == plant.json("/api/eam/assets", token=made.token)["data"]

    def test_without_a_name_it_says_what_to_send(self, plant: Plant) -> None:
        answer = plant.get("/api/eam/assets", token=plant.key)
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (400, "INVALID_REQUEST")
        assert "X-Connection-Id" in error["message"]

    def test_an_unknown_connection_is_not_found(self, plant: Plant) -> None:
        for name in ("con_unknown", "' OR 1=1", plant.one.connection.name):
            answer = plant.get("/api/eam/assets", token=plant.key, headers={"X-Connection-Id": name})
            assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "CONNECTION_NOT_FOUND")

    def test_a_wrong_key_reads_nothing(self, plant: Plant) -> None:
        named = {"X-Connection-Id": plant.one.connection.id}
        answer = plant.get("/api/eam/assets", token="apk_wrong", headers=named)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "API_KEY_INVALID")

    def test_a_token_cannot_name_another_connection(self, plant: Plant) -> None:
        named = {"X-Connection-Id": plant.other.connection.id}
        assert plant.json("/api/eam/assets", headers=named) == plant.json("/api/eam/assets")


@pytest.mark.parametrize(
    "path",
    [
        "/api/system/connections",
        "/api/system/platforms",
        "/api/system/credits",
        "/api/system/issues",
    ],
)
@pytest.mark.parametrize("which", ["none", "connection"])
def test_what_is_of_the_account_needs_its_key(plant: Plant, path: str, which: str) -> None:
    token = "" if which == "none" else plant.one.token
    assert plant.get(path, token=token).status_code == 401
    assert plant.get(path, token=plant.key).status_code == 200


def test_no_reading_operation_shows_a_record_of_another_connection(full: Plant) -> None:
    """Both connections hold records of every entity, whose keys differ in the part of the connection."""
    fill(full.appliance, full.other.connection.id)
    parts = {full.one.token: full.one.connection.part, full.other.token: full.other.connection.part}
    paths = {
        f"/api/{one.category}/{one.path}" for one in full.appliance.model.operations if one.method == "GET"
    }
    assert len(paths) == 202
    for path in sorted(paths):
        for token, part in parts.items():
            (foreign,) = set(parts.values()) - {part}
            owner = next(
                full.appliance.model.entities[one.owner]
                for one in full.appliance.model.operations
                if path == f"/api/{one.category}/{one.path}" and one.method == "GET"
            )
            mine = full.get(path.replace("{key}", key_of(owner, part, 1)), token=token)
            assert mine.status_code == 200, path
            assert part in mine.text or mine.get_json()["data"] in ([],) or "custom-fields" in path, path
            assert foreign not in mine.text, path
            if "{key}" in path:
                assert (
                    full.get(path.replace("{key}", key_of(owner, foreign, 1)), token=token).status_code == 404
                )
    for path in (
        "/api/v1/changes?limit=1000",
        "/api/raw/tables",
        "/api/v1/vendors?expand=organization,company",
    ):
        for token, part in parts.items():
            (foreign,) = set(parts.values()) - {part}
            assert foreign not in full.get(path, token=token).text, path
