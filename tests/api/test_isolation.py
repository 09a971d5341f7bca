"""A token sees its own connection and nothing else."""

import pytest

from tests.api.conftest import Plant

PATHS = ("/api/eam/assets", "/api/erp/purchase-orders", "/api/eam/work-orders", "/api/wms/stocks", "/api/erp/vendors")


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


def test_an_account_key_reads_no_records(plant: Plant) -> None:
    answer = plant.get("/api/eam/assets", token=plant.key)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "TOKEN_INVALID"), answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/system/connections",
        "/api/system/platforms",
        "/api/system/credits",
    ],
)
@pytest.mark.parametrize("which", ["none", "connection"])
def test_what_is_of_the_account_needs_its_key(plant: Plant, path: str, which: str) -> None:
    token = "" if which == "none" else plant.one.token
    assert plant.get(path, token=token).status_code == 401
    assert plant.get(path, token=plant.key).status_code == 200
