"""The page Backups, and the same over the API."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.operations.backups.service import Backups
from appliance.setting_kinds import BackupPlace
from tests.admin.conftest import Browser, Plant


@pytest.fixture
def backups(plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backups]:
    """Those of the plant, whose place is set to a folder."""
    settings = replace(plant.appliance.settings, backup_target=BackupPlace("folder", str(tmp_path)))
    backups = plant.appliance.backups
    from appliance.operations.backups.targets import FolderTarget

    monkeypatch.setattr(backups, "_settings", settings)
    monkeypatch.setattr(backups, "_targets", lambda: FolderTarget(tmp_path))
    yield backups
    plant.appliance.database.run("DELETE FROM backup")


def test_without_a_place_the_page_says_what_to_set(plant: Plant, browser: Browser) -> None:
    page = browser.get("/admin/backups").text
    assert "No backups are made." in page and "backup.target" in page
    assert "Make one now" not in page


def test_one_is_made_by_the_engine_on_demand_and_shown(
    plant: Plant, browser: Browser, backups: Backups
) -> None:
    page = browser.get("/admin/backups").text
    assert "Make one now" in page and "None yet" in page
    assert browser.post("/admin/backups").status_code == 303
    assert "One waits to be made" in browser.get("/admin/backups").text
    backups.work_off()
    page = browser.get("/admin/backups").text
    assert ".backup" in page and "Verified" in page and "Make one now" in page
    assert 'href="/admin/backups" aria-current="page"' in page


def test_a_failure_stands_on_the_page(plant: Plant, browser: Browser, backups: Backups) -> None:
    row = backups.table.begin(None, "x.backup", "/there", "schedule", 1)
    backups.table.failed(row.id, "BACKUP_TARGET_REFUSED", "The folder is <full>.", 2)
    page = browser.get("/admin/backups").text
    assert "The last backup failed." in page and "The folder is &lt;full&gt;." in page


def test_the_api_lists_them_and_has_one_made(plant: Plant, backups: Backups) -> None:
    key = plant.appliance.api_keys.create("backups")
    client, headers = plant.app.test_client(), {"Authorization": f"Bearer {key}"}
    asked = client.post("/api/system/backups", headers=headers, json={})
    assert asked.status_code == 202 and asked.get_json()["data"]["state"] == "waiting"
    backups._look_at = 0
    backups.work_off()
    (row,) = client.get("/api/system/backups", headers=headers).get_json()["data"]
    assert (row["id"], row["state"], row["asked_by"]) == (
        asked.get_json()["data"]["id"],
        "verified",
        "backups",
    )
    assert client.get("/api/system/backups").status_code == 401
    assert client.post("/api/system/backups", json={}).status_code == 401


def test_without_a_place_the_api_says_so(plant: Plant) -> None:
    key = plant.appliance.api_keys.create("backups")
    answer = plant.app.test_client().post(
        "/api/system/backups", headers={"Authorization": f"Bearer {key}"}, json={}
    )
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "BACKUP_TARGET_MISSING")
