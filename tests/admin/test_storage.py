"""The page Storage, and the same over the API."""

from tests.admin.conftest import Browser, Plant


def test_the_page_shows_disk_contents_and_rules(plant: Plant, browser: Browser) -> None:
    page = browser.get("/admin/storage").text
    for text in (
        "Synchronization waits below",
        "Raw rows",
        "retention.runs_days",
        "180 days",
        "Ever",
        "Not yet",
    ):
        assert text in page, text
    assert "Synchronization waits for room" not in page
    plant.appliance.retention.run_all()
    assert "Not yet" in browser.get("/admin/storage").text, "a rule that is off has no last run"
    assert 'href="/admin/storage" aria-current="page"' in browser.get("/admin/storage").text


def test_a_pause_stands_on_the_page_with_what_to_do(plant: Plant, browser: Browser) -> None:
    plant.appliance.database.run("INSERT INTO disk_pause (id, paused_at, free) VALUES (1, 1, 1)")
    try:
        page = browser.get("/admin/storage").text
        assert "Synchronization waits for room on the disk." in page
        assert "purge a disconnected connection" in page
    finally:
        plant.appliance.database.run("DELETE FROM disk_pause")


def test_without_a_session_there_is_nothing(plant: Plant) -> None:
    assert plant.app.test_client().get("/admin/storage").status_code == 303


def test_the_api_tells_the_account_the_same(plant: Plant) -> None:
    key = plant.appliance.api_keys.create("storage")
    client = plant.app.test_client()
    data = client.get("/api/system/storage", headers={"Authorization": f"Bearer {key}"}).get_json()["data"]
    assert set(data) == {"disk", "database", "contents", "retention"}
    assert data["disk"]["free"] <= data["disk"]["total"] and data["disk"]["paused"] is False
    assert data["database"]["file"] > 0 and data["database"]["gives_back"] is True
    assert client.get("/api/system/storage").status_code == 401
