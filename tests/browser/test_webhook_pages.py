"""Webhooks as a person sets them up, and the running service delivering to a receiver what then happens."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from standardwebhooks.webhooks import Webhook

from tests.browser.conftest import sign_in
from tests.browser.served import Served
from tests.transport.servers import Server, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def receiver() -> Iterator[Server]:
    with serving(lambda exchange: exchange.reply(200, b"thanks")) as server:
        yield server


def test_from_a_new_webhook_to_a_verified_event_in_the_log(
    page: Page, set_up: Served, receiver: Server
) -> None:
    sign_in(page, set_up)
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_text("There is no webhook yet.")).to_be_visible()
    page.get_by_label("Address of the receiver").fill(f"{receiver.url}/hooks")
    page.get_by_label("Name").fill("Portal")
    page.get_by_label("Events", exact=True).fill("assets.* sync.completed connection.status_changed")
    page.get_by_role("button", name="Make a webhook").click()
    secret = page.get_by_label("Secret").input_value()
    page.get_by_role("link", name="Go on").click()
    page.get_by_label("Event to test").select_option("assets.deleted")
    page.get_by_role("button", name="Send a test event").click()
    expect(page.get_by_role("table", name="Attempts, oldest first")).to_contain_text("thanks")

    page.goto(f"{set_up.url}/admin/")
    page.get_by_role("button", name="Try the sandbox").click()
    page.get_by_role("link", name="Watch the sync").click()
    expect(page.locator(".head .pill")).to_have_text("Completed", timeout=20_000)
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_role("link", name="Portal").click()
    log = page.get_by_role("table", name="Deliveries, newest first")
    for _ in range(20):
        if log.get_by_text("sync.completed").count():
            break
        page.wait_for_timeout(200)
        page.reload()
    for event in ("sync.completed", "assets.inserted", "connection.status_changed"):
        expect(log).to_contain_text(event)
    expect(log).not_to_contain_text("purchase-orders")

    told = []
    for _, _, headers, body in receiver.requests:
        told.append(Webhook(secret).verify(body, headers)["event"])
    assert told == ["assets.deleted", "connection.status_changed", "assets.inserted", "sync.completed"]
