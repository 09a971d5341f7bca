"""The page of the address at which a source tells of changes."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.admin.views.push import guide_of
from appliance.server.wsgi import create_app
from tests.admin.conftest import NAME, PASSWORD, Browser, Plant
from tests.support.appliance import Appliances, work
from tests.support.bench import Bench, body_of, connect_bench, headers_of, running
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder: Path = tmp_path_factory.mktemp("plant")
    clock = ManualClock(auto=True)
    with running(Bench()) as bench, Appliances(folder) as appliances:
        appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        connect_bench(appliance, bench)
        work(appliance)
        appliance.accounts.add(NAME, PASSWORD)
        yield Plant(appliance, clock, create_app(appliance))


@pytest.fixture
def at(plant: Plant) -> str:
    return f"/admin/connections/{plant.appliance.connections.named('Bench').id}/push"


def shown(text: str, field: str) -> str:
    found = re.search(rf'id="{field}"[^>]*value="([^"]+)"', text)
    assert found is not None, field
    return found.group(1)


def make(browser: Browser, at: str) -> str:
    answer = browser.post(at, {"ticket": browser.ticket(at)})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_an_address_is_made_shown_once_used_and_switched_off(plant: Plant, browser: Browser, at: str) -> None:
    assert "None yet" in browser.get(at).text
    page = make(browser, at)
    address, key = shown(page, "address"), shown(page, "signing-key")
    assert address.startswith("https://localhost/hooks/whk_")
    assert address not in browser.get(at).text and key not in browser.get(at).text
    body = body_of({"event": "order.changed", "id": 4711})
    client = plant.app.test_client()
    sent = client.post(address, data=body, headers=headers_of(body, key, plant.clock.now_ms()))
    assert sent.status_code == 202
    assert "4711" in browser.get(at).text
    assert browser.post(f"{at}/off").status_code == 303
    assert client.post(address, data=body).status_code == 404
    assert "None yet" in browser.get(at).text


def test_a_form_sent_twice_does_not_void_the_address_just_made(
    plant: Plant, browser: Browser, at: str
) -> None:
    ticket = browser.ticket(at)
    assert browser.post(at, {"ticket": ticket}).status_code == 200
    hint = plant.appliance.pushes.show(at.split("/")[3])["address_hint"]
    assert browser.post(at, {"ticket": ticket}).status_code == 409
    assert plant.appliance.pushes.show(at.split("/")[3])["address_hint"] == hint


def test_keys_of_the_source_are_kept_and_not_shown(plant: Plant, browser: Browser, at: str) -> None:
    make(browser, at)
    browser.get(at)
    answer = browser.post(f"{at}/keys", {"signing_keys": "first-of-them\r\n\r\nsecond-of-them"})
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"]).text
    assert "2 signing keys" in page and "first-of-them" not in page
    assert browser.post(f"{at}/keys", {"signing_keys": "x" * 600}).status_code == 422


def test_who_may_not_change_it_sees_it_and_is_refused(
    plant: Plant, browser: Browser, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = browser.ticket(at)
    monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {"administrator": set()})
    assert 'name="ticket"' not in browser.get(at).text
    for path in (at, f"{at}/keys", f"{at}/off"):
        assert browser.post(path, {"ticket": ticket}).status_code == 403


def test_the_guide_of_the_system_says_what_to_enter(plant: Plant, browser: Browser, at: str) -> None:
    sandbox = plant.appliance.connections.connect(system="sandbox", name="Sandbox", fields={})
    page = browser.get(f"/admin/connections/{sandbox.connection.id}/push").text
    assert "takes no deliveries" in page
    as_maintainx = replace(sandbox.connection, system="maintainx")
    assert "GET /subscriptions/{id}/secret" in str(guide_of(plant.appliance, as_maintainx))
