"""The page Maintenance, and the line on every page."""

from tests.admin.conftest import Browser, Plant

SAID = "The appliance is in maintenance."


def test_it_is_begun_and_ended_on_the_page_and_told_on_every_page(plant: Plant, browser: Browser) -> None:
    assert SAID not in browser.get("/admin/maintenance").text
    assert browser.post("/admin/maintenance", {"begin": "1", "why": "a <b>new</b> disk"}).status_code == 303
    for path in ("/admin/", "/admin/credits", "/admin/storage"):
        page = browser.get(path).text
        assert SAID in page and "a &lt;b&gt;new&lt;/b&gt; disk – begun by operator" in page, path
    assert SAID not in plant.browser().get("/admin/sign-in").text, "it is told to who is signed in"
    browser.get("/admin/maintenance")
    assert browser.post("/admin/maintenance", {"end": "1"}).status_code == 303
    assert SAID not in browser.get("/admin/").text
    assert plant.appliance.maintenance.period() is None


def test_only_a_role_that_may_changes_it(plant: Plant, browser: Browser) -> None:
    plant.appliance.database.run("UPDATE account SET role = 'viewer'")
    try:
        assert "Begin maintenance" not in browser.get("/admin/maintenance").text
        browser.get("/admin/credits")
        assert browser.post("/admin/maintenance", {"begin": "1"}).status_code == 403
        assert plant.appliance.maintenance.period() is None
    finally:
        plant.appliance.database.run("UPDATE account SET role = 'administrator'")
