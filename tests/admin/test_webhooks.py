"""Webhooks on the admin page: made, tried with a test event, changed, rotated, replayed, deleted."""

import html
import re
from collections.abc import Iterator

import pytest
from standardwebhooks.webhooks import Webhook

from appliance.engine_room import deliveries_of
from tests.admin.conftest import Browser, Plant
from tests.transport.servers import Server, serving


@pytest.fixture
def receiver() -> Iterator[Server]:
    with serving(lambda exchange: exchange.reply(200, b"thanks")) as server:
        yield server


def make(browser: Browser, url: str, **more: str) -> tuple[str, str]:
    """Id and secret of a new webhook."""
    ticket = browser.ticket("/admin/webhooks")
    page = browser.post(
        "/admin/webhooks", {"url": url, "events": "assets.*\r\n*.deleted", "ticket": ticket, **more}
    )
    assert page.status_code == 200, page.text
    secret = re.search(r'id="webhook-secret"[^>]*value="([^"]+)"', page.text)
    place = re.search(r'href="/admin/webhooks/(whk_[0-9a-f]+)"', page.text)
    assert secret is not None and place is not None
    return place[1], html.unescape(secret[1])


def test_it_is_made_with_a_secret_that_is_shown_once(
    plant: Plant, browser: Browser, receiver: Server
) -> None:
    webhook, secret = make(browser, f"{receiver.url}/hooks", name="Portal")
    found = plant.appliance.webhooks.get(webhook)
    assert (found.choices, found.name) == (["*.deleted", "assets.*"], "Portal")
    for path in ("/admin/webhooks", f"/admin/webhooks/{webhook}"):
        page = browser.get(path).text
        assert "Portal" in page and secret not in html.unescape(page)


def test_a_form_sent_twice_makes_one(plant: Plant, browser: Browser) -> None:
    form = {"url": "https://r.example/", "events": "*", "ticket": browser.ticket("/admin/webhooks")}
    before = len(plant.appliance.webhooks.table.all())
    assert browser.post("/admin/webhooks", form).status_code == 200
    assert browser.post("/admin/webhooks", form).status_code == 409
    assert len(plant.appliance.webhooks.table.all()) == before + 1


def test_it_may_be_of_one_connection(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    webhook, _ = make(browser, "https://r.example/", connection_id=connection.id)
    assert plant.appliance.webhooks.get(webhook).connection_id == connection.id
    assert webhook in browser.get(f"/admin/webhooks?connection={connection.id}").text
    assert (
        f"/admin/webhooks?connection={connection.id}"
        in browser.get(f"/admin/connections/{connection.id}").text
    )


@pytest.mark.parametrize(
    ("form", "field"), [({"url": "http://elsewhere.example/"}, "url"), ({"events": "assets"}, "events")]
)
def test_what_cannot_be_taken_is_told_at_the_field(
    plant: Plant, browser: Browser, form: dict[str, str], field: str
) -> None:
    good = {"url": "https://r.example/", "events": "*", "ticket": browser.ticket("/admin/webhooks")}
    answer = browser.post("/admin/webhooks", {**good, **form})
    assert answer.status_code == 422 and f'id="{field}-problem"' in answer.text
    webhook, _ = make(browser, "https://r.example/")
    answer = browser.post(f"/admin/webhooks/{webhook}", {"url": "https://r.example/", "events": "*", **form})
    assert answer.status_code == 422 and f'id="{field}-problem"' in answer.text
    assert plant.appliance.webhooks.get(webhook).url == "https://r.example/"


def test_a_test_event_shows_its_attempt_and_what_was_answered(
    plant: Plant, browser: Browser, receiver: Server
) -> None:
    webhook, secret = make(browser, f"{receiver.url}/hooks")
    sent = browser.post(f"/admin/webhooks/{webhook}/test", {"event": "assets.deleted"})
    page = browser.get(sent.headers["Location"]).text
    assert "thanks" in page and "Delivered" in page and "Test event" in page
    _, _, headers, body = receiver.requests[-1]
    assert headers["webhook-id"] in page
    # The page's clock stands still; the signature over the body alone knows no time.
    assert Webhook(secret) and b'"test":true' in body
    assert browser.post(f"/admin/webhooks/{webhook}/test", {"event": "none"}).status_code == 422


def test_undelivered_events_are_listed_and_sent_again(
    plant: Plant, browser: Browser, receiver: Server
) -> None:
    connection = plant.connection(browser.connect_sandbox())
    webhook, _ = make(browser, f"{receiver.url}/hooks", events="system.error")
    for _ in range(3):
        plant.appliance.outbox.announce("system.error", connection.id, lambda: {"code": "X<script>"})
    browser.post(f"/admin/webhooks/{webhook}", {"url": f"{receiver.url}/hooks", "events": "system.error"})
    page = browser.get(f"/admin/webhooks/{webhook}?state=undelivered").text
    assert page.count("Undelivered</span>") == 3 and "Send all undelivered again" not in page
    assert browser.post(f"/admin/webhooks/{webhook}/replay").status_code == 409, "it is off"
    form = {"url": f"{receiver.url}/hooks", "events": "system.error", "enabled": "true"}
    browser.post(f"/admin/webhooks/{webhook}", form)
    first = plant.appliance.webhooks.history.page(webhook, 10)[-1]["id"]
    one = browser.post(f"/admin/webhooks/{webhook}/deliveries/{first}/replay")
    shown = browser.get(one.headers["Location"]).text
    assert "Try it now" in shown and "<script>" not in shown.replace("<script src", "")
    all_ = browser.post(f"/admin/webhooks/{webhook}/replay")
    assert "2 events are sent again." in browser.get(all_.headers["Location"]).text
    while deliveries_of(plant.appliance).work_off():
        pass
    assert receiver.requests[0][2]["webhook-id"] == first
    assert len(receiver.requests) == 3


def test_a_new_secret_is_shown_once_and_the_former_stays_valid_a_day(
    plant: Plant, browser: Browser, receiver: Server
) -> None:
    webhook, secret = make(browser, f"{receiver.url}/hooks")
    ticket = browser.ticket(f"/admin/webhooks/{webhook}")
    page = browser.post(f"/admin/webhooks/{webhook}/rotate", {"hours": "24", "ticket": ticket})
    assert page.status_code == 200 and "signs as well until" in page.text and secret not in page.text
    again = browser.post(f"/admin/webhooks/{webhook}/rotate", {"hours": "24", "ticket": ticket})
    assert again.status_code == 409
    until = plant.appliance.webhooks.get(webhook).former_secret_until
    assert until == plant.clock.now_ms() + 24 * 3600 * 1000


def test_it_is_deleted(plant: Plant, browser: Browser) -> None:
    webhook, _ = make(browser, "https://r.example/")
    assert browser.post(f"/admin/webhooks/{webhook}/delete").status_code == 303
    assert browser.get(f"/admin/webhooks/{webhook}").status_code == 404


def test_a_role_that_may_not_sees_and_does_nothing(
    plant: Plant, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = make(browser, "https://r.example/")
    monkeypatch.setattr("appliance.users.roles._PERMISSIONS", {})
    for path in (
        "/admin/webhooks",
        f"/admin/webhooks/{webhook}",
        f"/admin/webhooks/{webhook}/deliveries/evt_1",
    ):
        assert browser.get(path).status_code == 403
    for path in ("", "/rotate", "/test", "/replay", "/delete", "/deliveries/evt_1/replay"):
        assert browser.post(f"/admin/webhooks/{webhook}{path}").status_code == 403
    assert browser.post("/admin/webhooks", {"url": "https://r.example/", "events": "*"}).status_code == 403
