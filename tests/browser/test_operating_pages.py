"""Backups and maintenance as a person handles them, before the really running service."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.served import Served

pytestmark = pytest.mark.browser


def test_a_backup_is_asked_for_made_and_listed(page: Page, set_up: Served) -> None:
    sign_in(page, set_up)
    page.goto(f"{set_up.url}/admin/backups")
    expect(page.get_by_text("None yet")).to_be_visible()
    page.get_by_role("button", name="Make one now").click()
    made = page.get_by_role("table", name="Backups, the newest first")
    for _ in range(60):
        if made.get_by_text("Verified").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(made).to_contain_text("operator")
    (file,) = (set_up.data_dir.parent / "backups").iterdir()
    expect(made).to_contain_text(file.name)
    assert file.stat().st_mode & 0o777 == 0o600
    expect(page.get_by_text("None yet")).not_to_be_visible()


def test_maintenance_stops_the_api_and_not_the_page(page: Page, set_up: Served, tmp_path: Path) -> None:
    sign_in(page, set_up)
    page.goto(f"{set_up.url}/admin/maintenance")
    page.get_by_label("Why").fill("New disks until noon")
    page.get_by_role("button", name="Begin maintenance").click()
    expect(page.get_by_role("heading", name="It goes on")).to_be_visible()
    refused = page.request.get(
        f"{set_up.url}/api/system/credits", headers={"Authorization": "Bearer apk_none"}
    )
    assert refused.status == 503 and refused.json()["error"]["code"] == "MAINTENANCE"
    assert (
        "New disks until noon" in refused.json()["error"]["message"]
        and int(refused.headers["retry-after"]) > 0
    )
    page.goto(f"{set_up.url}/admin/")
    expect(page.get_by_role("heading", name="Connections")).to_be_visible()
    expect(page.get_by_text("New disks until noon")).to_be_visible()
    page.goto(f"{set_up.url}/admin/maintenance")
    page.get_by_role("button", name="End maintenance").click()
    expect(page.get_by_role("button", name="Begin maintenance")).to_be_visible()
    again = page.request.get(f"{set_up.url}/api/system/credits", headers={"Authorization": "Bearer apk_none"})
    assert again.status == 401
