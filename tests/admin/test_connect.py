"""Connecting, reauthorizing and disconnecting on the pages."""

import re

from werkzeug.datastructures import MultiDict

from appliance.admin.forms import refill
from appliance.errors import InvalidInput
from tests.admin.conftest import NAME, PASSWORD, Browser, Plant, shown_token

SECRET = "canary-of-a-password"
UNREACHABLE = {
    "name": "Plant one",
    "hosting": "on_premises",
    "historical_days": "30",
    "f_url": "https://127.0.0.1:9",
    "f_database": "tryton",
    "f_username": "reader",
    "f_password": SECRET,
    "f_company": "1",
}


def test_the_token_is_shown_once_and_works(plant: Plant, browser: Browser) -> None:
    response = browser.connect_sandbox()
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    token = shown_token(response)
    bearer = plant.appliance.connections.tokens.authenticate(token)
    for path in ("/admin/", f"/admin/connections/{bearer.connection_id}", "/admin/credits"):
        assert token not in browser.get(path).text


def test_a_form_that_is_sent_twice_connects_once(plant: Plant, browser: Browser) -> None:
    before = plant.connections()
    form = {"name": "Sandbox", "ticket": browser.ticket("/admin/connect/sandbox")}
    assert "apl_" in browser.post("/admin/connect/sandbox", form).text
    again = browser.post("/admin/connect/sandbox", form)
    assert again.status_code == 409
    assert "sent before" in again.text
    assert plant.connections() == before + 1


def test_a_form_without_a_ticket_connects_nothing(plant: Plant, browser: Browser) -> None:
    before = plant.connections()
    assert browser.post("/admin/connect/sandbox", {"name": "Sandbox"}).status_code == 409
    assert plant.connections() == before


def test_a_failed_test_shows_its_stages_and_keeps_the_form_without_the_secret(
    plant: Plant, browser: Browser
) -> None:
    before = plant.connections()
    ticket = browser.ticket("/admin/connect/tryton")
    response = browser.post("/admin/connect/tryton", {**UNREACHABLE, "ticket": ticket})
    assert response.status_code == 422
    assert "The connection test did not pass" in response.text
    assert "Check that the system is running" in response.text
    assert 'value="reader"' in response.text
    assert SECRET not in response.text
    assert plant.connections() == before
    assert plant.appliance.ledger.balance().used == 0


def test_a_refused_form_is_kept_without_its_secrets(plant: Plant) -> None:
    definition = plant.appliance.catalog.folder("tryton").definition
    filled = refill(definition, MultiDict(UNREACHABLE), InvalidInput("no"))
    assert filled.values["username"] == "reader"
    assert SECRET not in filled.values.values()


def test_what_is_wrong_stands_beside_its_field(browser: Browser) -> None:
    ticket = browser.ticket("/admin/connect/tryton")
    response = browser.post(
        "/admin/connect/tryton", {**UNREACHABLE, "ticket": ticket, "f_url": "no address", "f_database": ""}
    )
    assert response.status_code == 422
    assert 'id="f_url-problem"' in response.text
    assert 'id="f_database-problem"' in response.text
    assert 'id="f_username-problem"' not in response.text
    assert SECRET not in response.text


def test_where_a_system_is_installed_has_to_be_said_and_shows_its_price(browser: Browser) -> None:
    page = browser.get("/admin/connect/tryton").text
    assert page.count('name="hosting"') == 2
    ticket = browser.ticket("/admin/connect/tryton")
    response = browser.post("/admin/connect/tryton", {**UNREACHABLE, "ticket": ticket, "hosting": ""})
    assert response.status_code == 422
    assert "cloud or on_premises" in response.text


def test_a_period_that_is_no_number_is_refused(browser: Browser) -> None:
    ticket = browser.ticket("/admin/connect/sandbox")
    response = browser.post(
        "/admin/connect/sandbox", {"name": "x", "ticket": ticket, "historical_days": "all"}
    )
    assert response.status_code == 422
    assert 'id="historical_days-problem"' in response.text


def test_reauthorizing_shows_a_new_token_and_ends_the_old_one(plant: Plant, browser: Browser) -> None:
    first = shown_token(browser.connect_sandbox())
    connection_id = plant.appliance.connections.tokens.authenticate(first).connection_id
    path = f"/admin/connections/{connection_id}/reauthorize"
    response = browser.post(path, {"ticket": browser.ticket(path)})
    second = shown_token(response)
    assert second != first
    assert "former token" in response.text
    assert plant.appliance.connections.tokens.authenticate(second).connection_id == connection_id


def test_disconnecting_asks_first_and_then_says_what_happened(plant: Plant, browser: Browser) -> None:
    token = shown_token(browser.connect_sandbox("Line 4"))
    connection_id = plant.appliance.connections.tokens.authenticate(token).connection_id
    question = browser.get(f"/admin/connections/{connection_id}/disconnect").text
    for consequence in ("token stops working", "credentials of Sandbox are erased", "history is kept"):
        assert consequence in question
    assert plant.appliance.connections.get(connection_id).is_open
    done = browser.post(f"/admin/connections/{connection_id}/disconnect")
    assert "Line 4” is disconnected" in browser.get(done.headers["Location"]).text
    assert not plant.appliance.connections.get(connection_id).is_open
    assert "Sync now" not in browser.get(f"/admin/connections/{connection_id}").text


def test_a_sync_of_chosen_entities_queues_a_run_of_just_those(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    plant.appliance.planner.runs.cancel(connection.id, plant.clock.now_ms())
    response = browser.post(
        f"/admin/connections/{connection.id}/sync", {"entity": ["WorkOrder", "Asset"], "mode": "full"}
    )
    page = response.headers["Location"]
    run = browser.get(f"{page}.json").json
    assert run is not None
    assert ({entity["entity"] for entity in run["entities"]}, run["mode"]) == ({"WorkOrder", "Asset"}, "full")
    assert browser.post(f"{page}/cancel").status_code == 303
    ended = browser.get(f"{page}.json").json
    assert ended is not None
    assert (ended["state"], ended["active"]) == ("cancelled", False)


def test_an_unknown_entity_or_mode_is_refused_on_the_page(plant: Plant, browser: Browser) -> None:
    path = f"/admin/connections/{plant.connection(browser.connect_sandbox()).id}/sync"
    refused = browser.post(path, {"entity": "<b>Thing"})
    assert refused.status_code == 409
    assert "does not serve &lt;b&gt;Thing" in refused.text
    assert browser.post(path, {"mode": "sideways"}).status_code == 409


def test_the_empty_page_offers_the_sandbox_in_one_click(bare: Plant) -> None:
    bare.appliance.accounts.add(NAME, PASSWORD)
    browser = bare.signed_in()
    page = browser.get("/admin/").text
    action = re.search(r'<form method="post" action="([^"]+)" data-busy', page)
    assert action is not None
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    assert "Access token" in browser.post(action.group(1), hidden).text
    assert [one.system for one in bare.appliance.connections.table.all()] == ["sandbox"]
