"""Signatures: as published, over the exact bytes, with two secrets while a rotation lasts; and the body's form."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from appliance.webhooks.events import Event
from tests.support.appliance import work
from tests.webhooks.conftest import Receiver, Site

Verify = Callable[..., dict[str, Any]]


def published(secret: str, body: bytes) -> str:
    """As the published example of a receiver computes it."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def test_both_signatures_are_over_the_bytes_that_are_sent(
    site: Site, receiver: Receiver, verify: Verify
) -> None:
    _, secret = site.listen(receiver.url)
    site.write("a", "b")
    site.deliver()
    headers, body = receiver.calls[0]
    event = verify(secret, headers, body)
    assert (event["event"], event["body"]) == ("work-orders.inserted", ["a", "b"])
    assert headers["X-Webhook-Signature"] == published(secret, body)
    assert headers["X-Webhook-Id"] == headers["webhook-id"] == event["id"]
    assert headers["X-Webhook-Timestamp"] == headers["webhook-timestamp"]
    assert headers["Content-Type"] == "application/json"
    assert "X-Webhook-Signature-Next" not in headers
    with pytest.raises(WebhookVerificationError):
        verify(secret, headers, body.replace(b"inserted", b"deleted"))
    with pytest.raises(WebhookVerificationError):
        verify(secret, {**headers, "webhook-id": "evt_other"}, body)


def test_during_a_rotation_both_secrets_verify_and_afterwards_the_new_one_alone(
    site: Site, receiver: Receiver, verify: Verify
) -> None:
    endpoint, former = site.listen(receiver.url)
    new = site.appliance.webhooks.rotate(endpoint, 24).secret
    site.write("a")
    site.deliver()
    headers, body = receiver.calls[-1]
    assert verify(former, headers, body) == verify(new, headers, body)
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert headers["X-Webhook-Signature"] == published(former, body)
    assert headers["X-Webhook-Signature-Next"] == published(new, body)
    site.clock.advance(24 * 3600 + 1)
    site.write("b")
    site.deliver()
    headers, body = receiver.calls[-1]
    verify(new, headers, body)
    with pytest.raises(WebhookVerificationError):
        verify(former, headers, body)
    assert headers["X-Webhook-Signature"] == published(new, body)
    assert "X-Webhook-Signature-Next" not in headers


def test_a_secret_that_is_known_to_others_can_end_at_once(
    site: Site, receiver: Receiver, verify: Verify
) -> None:
    endpoint, former = site.listen(receiver.url)
    site.appliance.webhooks.rotate(endpoint, 24)
    new = site.appliance.webhooks.rotate(endpoint, 0).secret
    site.write("a")
    site.deliver()
    headers, body = receiver.calls[-1]
    verify(new, headers, body)
    with pytest.raises(WebhookVerificationError):
        verify(former, headers, body)


def test_secrets_are_such_that_the_published_library_takes_them_and_no_two_are_the_same(site: Site) -> None:
    made = [site.listen("https://receiver.plant.example/hooks")[1] for _ in range(20)]
    assert len(set(made)) == 20
    for secret in made:
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
        Webhook(secret)


def test_the_body_has_the_members_of_both_published_shapes(site: Site, receiver: Receiver) -> None:
    site.listen(receiver.url)
    site.write("a")
    site.deliver()
    event = receiver.events[0]
    assert list(event) == ["id", "event", "type", "timestamp", "connection_id", "data", "body"]
    assert event["event"] == event["type"]
    assert event["timestamp"] == "2026-01-05T08:00:00Z"
    assert event["connection_id"] == site.connection_id
    assert event["data"] == {"entity": "WorkOrder", "path": "work-orders", "change": "inserted", "count": 1}


def test_the_body_is_written_as_javascript_writes_it() -> None:
    """Receivers parse and write again to compare: blanks, escapes and letters have to be the same."""
    data = {
        "reason": 'Grüße / "quoted" \\ 中文 😀 \u2028 \n\t\b\f\x01\x7f',
        "left": 14,
        "none": None,
        "yes": True,
    }
    event = Event("evt_1", "system.error", 1_767_600_000_123, "con_1", "app_1", data, ["k/1", "ü"])
    assert event.body().decode() == (
        '{"id":"evt_1","event":"system.error","type":"system.error","timestamp":"2026-01-05T08:00:00.123Z",'
        '"connection_id":"con_1","application_id":"app_1","data":{"reason":"Grüße / \\"quoted\\" \\\\ 中文 😀 \u2028'
        ' \\n\\t\\b\\f\\u0001\x7f","left":14,"none":null,"yes":true},"body":["k/1","ü"]}'
    )
    assert json.loads(event.body())["data"] == data


@pytest.mark.parametrize(
    "name", ["work-orders.updated", "assets.deleted", "sync.failed", "connection.status_changed"]
)
def test_a_test_event_goes_the_same_way_and_is_marked_and_not_repeated(
    site: Site, receiver: Receiver, verify: Verify, name: str
) -> None:
    endpoint, secret = site.listen(receiver.url, "sites.*", connection_id=site.connection_id)
    receiver.answer = 503
    failed = site.appliance.webhooks.test(endpoint, name)
    assert (failed["state"], failed["attempts"], failed["is_test"]) == ("undelivered", 1, True)
    site.clock.advance(3600)
    site.deliver()
    assert len(receiver.calls) == 1
    receiver.answer = 200
    assert site.appliance.webhooks.test(endpoint, name)["state"] == "delivered"
    headers, body = receiver.calls[-1]
    event = verify(secret, headers, body)
    assert (event["event"], event["data"]["test"]) == (name, True)
    assert site.appliance.webhooks.history.replay_all(endpoint) == 0, "a test event is not sent again"


def test_every_event_of_the_catalogue_can_be_tested_with_data_like_real_ones(
    site: Site, receiver: Receiver
) -> None:
    endpoint, _ = site.listen(receiver.url, connection_id=site.connection_id)
    for name in site.appliance.webhooks.events.sentences:
        if "." in name and name.rpartition(".")[2] not in ("inserted", "updated"):
            site.appliance.webhooks.test(endpoint, name)
    tested = {event["event"]: event for event in receiver.events}
    part = site.appliance.connections.get(site.connection_id).part
    for key in tested["work-orders.deleted"]["body"]:
        assert len(key) == 40 and key.startswith(f"03{part}")
    site.plant.fill("Vendor", 1)
    site.appliance.planner.request_run(site.connection_id)
    work(site.appliance)
    site.appliance.health.mark_reauthorization_required(
        site.appliance.connections.get(site.connection_id), "Wrong password."
    )
    site.deliver()
    for event in receiver.events:
        if "test" in event["data"]:
            continue
        like = tested.get(event["event"])
        if like is not None:
            assert set(like["data"]) - {"test"} == set(event["data"]), event["event"]
            assert set(like) == set(event)
