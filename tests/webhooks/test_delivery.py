"""Deliveries over a real HTTPS receiver, by a clock that the test moves: retries, order, giving up, replay."""

import itertools
import threading
from collections.abc import Callable

import pytest

from appliance.engine_room import deliveries_of
from appliance.webhooks.delivery import LEASE_MS
from tests.support.plant import Plant, connect_plant
from tests.transport.authority import Authority
from tests.transport.servers import Exchange
from tests.webhooks.conftest import Receiver, Site, receiving

HOUR_MS = 3600 * 1000


def test_a_receiver_down_for_23_hours_gets_everything_in_order_afterwards(
    site: Site, receiver: Receiver, verify: Callable[..., dict[str, object]]
) -> None:
    _, secret = site.listen(receiver.url, "work-orders.*")
    receiver.answer = 503
    for hour in range(23):
        site.write(f"key-{hour:02}")
        site.pass_time(hours=1)
    receiver.answer = 200
    refused = len(receiver.calls)
    # An hour is the longest wait between two tries.
    site.pass_time(hours=1)
    assert [event["body"] for event in receiver.events] == [[f"key-{hour:02}"] for hour in range(23)]
    assert len(set(receiver.ids)) == 23
    for headers, _ in receiver.calls[refused:]:
        site_time = int(headers["webhook-timestamp"])
        assert site_time * 1000 <= site.clock.now_ms() < site_time * 1000 + HOUR_MS
    # The library takes what is younger than five minutes: the last that came.
    site.write("key-last")
    site.deliver()
    headers, body = receiver.calls[-1]
    assert verify(secret, headers, body)["body"] == ["key-last"]


def test_at_25_hours_events_are_undelivered_and_a_replay_brings_them_with_the_same_id(
    site: Site, receiver: Receiver, verify: Callable[..., dict[str, object]]
) -> None:
    endpoint, secret = site.listen(receiver.url, "work-orders.*")
    receiver.answer = 503
    site.write("early")
    site.write("early-too")
    site.pass_time(hours=20)
    site.write("late")
    site.pass_time(hours=5.2)
    undelivered = site.deliveries(endpoint, "undelivered")
    assert [one["event"] for one in undelivered] == ["work-orders.inserted"] * 2
    assert len(site.deliveries(endpoint, "waiting")) == 1
    assert undelivered[0]["attempts"] > 20
    receiver.answer = 200
    site.pass_time(hours=1)
    assert [event["body"] for event in receiver.events] == [["late"]]
    before = {body for headers, body in receiver.calls if headers["webhook-id"] == undelivered[0]["id"]}
    site.appliance.webhooks.history.replay(endpoint, undelivered[0]["id"])
    site.deliver()
    headers, body = receiver.calls[-1]
    assert headers["webhook-id"] == undelivered[0]["id"] and {body} == before
    assert verify(secret, headers, body)["body"] == ["early"]
    assert site.appliance.webhooks.history.replay_all(endpoint) == 1
    site.deliver()
    assert receiver.events[-1]["body"] == ["early-too"]
    assert site.deliveries(endpoint, "undelivered") == []


def test_tries_come_after_half_a_minute_and_twice_as_long_each_time_up_to_an_hour(
    site: Site, receiver: Receiver
) -> None:
    endpoint, _ = site.listen(receiver.url)
    receiver.answer = 500
    site.write("one")
    site.pass_time(hours=8, step_minutes=0.1)
    found = site.appliance.webhooks.history.find(endpoint, site.deliveries(endpoint)[0]["id"])
    moments = [int(headers["webhook-timestamp"]) for headers, _ in receiver.calls]
    waits = [after - before for before, after in itertools.pairwise(moments)]
    expected = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    for wait, longest in zip(waits, expected, strict=False):
        assert longest * 0.8 - 1 <= wait <= longest + 7
    assert len(found["log"]) == len(receiver.calls)
    assert [attempt["status"] for attempt in found["log"]] == [500] * len(receiver.calls)
    assert found["log"][0]["answer"] == "thanks"


def test_an_event_that_fails_stops_its_connection_and_no_other(site: Site, receiver: Receiver) -> None:
    """A receiver that refuses one event for ever: what is told of other connections goes on."""
    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    other = connect_plant(site.appliance, Plant(site.clock), "Other").connection.id
    refused: list[str] = []

    def answer(exchange: Exchange) -> None:
        if b'"poison"' in exchange.body:
            refused.append(exchange.headers["webhook-id"])
            exchange.reply(400)
        else:
            receiver.events.append({"id": exchange.headers["webhook-id"], "raw": exchange.body})
            exchange.reply(200)

    receiver.answer = answer
    site.write("poison")
    site.write("behind")
    for number in range(30):
        site.connection_id, kept = other, site.connection_id
        site.write(f"other-{number}")
        site.connection_id = kept
        site.pass_time(hours=0.25)
    told = [event["raw"] for event in receiver.events]
    assert len(told) == 30 and not any(b"behind" in body for body in told)
    # Others succeeded in between, so the endpoint is not left alone and the event goes by its own times.
    assert len(refused) > 10
    site.pass_time(hours=18)
    assert any(b'"behind"' in event["raw"] for event in receiver.events), "the lane goes on"
    assert [one["state"] for one in site.deliveries(endpoint)][:2] == ["undelivered", "delivered"]


def test_an_endpoint_that_fails_for_all_connections_is_tried_by_one_at_a_time(
    site: Site, receiver: Receiver
) -> None:
    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    connections = [
        connect_plant(site.appliance, Plant(site.clock), f"Plant {number}").connection.id
        for number in range(12)
    ]
    receiver.answer = 503
    for site.connection_id in connections:
        site.write("one")
    site.deliver()
    assert len(receiver.calls) == 5, "after five failures it rests"
    assert site.appliance.webhooks.get(endpoint).state(site.clock.now_ms()) == "resting"
    site.clock.advance(31)
    site.deliver()
    assert len(receiver.calls) == 6, "one is tried, and the others wait for how it goes"
    receiver.answer = 200
    site.clock.advance(61)
    site.deliver()
    assert len(receiver.events) == 12, "the first success wakes all of them"
    assert site.appliance.webhooks.get(endpoint).failures == 0


def test_an_endpoint_that_is_down_for_good_does_not_keep_events_of_any_connection_for_ever(
    site: Site, receiver: Receiver
) -> None:
    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    connections = [
        connect_plant(site.appliance, Plant(site.clock), f"Plant {number}").connection.id
        for number in range(30)
    ]
    receiver.answer = 503
    for site.connection_id in connections:
        site.write("one")
    site.pass_time(hours=25.5, step_minutes=10)
    assert len(site.deliveries(endpoint, "undelivered")) == 30
    assert len(receiver.calls) < 60


def test_a_process_that_ends_while_it_sends_sends_the_same_event_again(
    site: Site, receiver: Receiver
) -> None:
    class Ended(BaseException):
        pass

    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    site.write("one")

    def end(*_: object) -> None:
        raise Ended

    deliveries = deliveries_of(site.appliance)
    deliveries._succeeded = end  # type: ignore[assignment, method-assign]
    with pytest.raises(Ended):
        deliveries.work_off()
    assert len(receiver.events) == 1 and site.deliveries(endpoint, "waiting")
    site.reopen()
    site.deliver()
    assert len(receiver.events) == 1, "the lease of the one that ended holds"
    site.clock.advance(LEASE_MS / 1000 + 1)
    site.deliver()
    assert receiver.ids[0] == receiver.ids[1] and receiver.calls[0][1] == receiver.calls[1][1]
    assert len(site.deliveries(endpoint, "delivered")) == 1


def test_retries_survive_a_restart(site: Site, receiver: Receiver) -> None:
    site.listen(receiver.url, "work-orders.*")
    receiver.answer = 503
    site.write("one")
    site.deliver()
    site.reopen()
    receiver.answer = 200
    site.deliver()
    assert receiver.events == [], "it is not due yet"
    site.clock.advance(31)
    site.deliver()
    assert [event["body"] for event in receiver.events] == [["one"]]


def test_two_workers_never_send_for_one_lane_at_the_same_time(site: Site, receiver: Receiver) -> None:
    site.listen(receiver.url, "work-orders.*")
    for number in range(20):
        site.write(f"key-{number:02}")
    inside, most, lock = 0, 0, threading.Lock()

    def slow(exchange: Exchange) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        receiver.events.append({"id": exchange.headers["webhook-id"], "raw": exchange.body})
        with lock:
            inside -= 1
        exchange.reply(200)

    receiver.answer = slow
    deliveries = deliveries_of(site.appliance)

    def drain() -> None:
        while deliveries.work_off():
            pass
        site.appliance.database.release_thread()

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == 1
    bodies = [event["raw"] for event in receiver.events]
    assert [f"key-{number:02}".encode() in body for number, body in enumerate(bodies)] == [True] * 20


@pytest.mark.parametrize("status", [301, 302, 307, 404, 429, 500])
def test_anything_but_2xx_is_a_failure_and_redirects_are_not_followed(
    site: Site, receiver: Receiver, status: int
) -> None:
    endpoint, _ = site.listen(receiver.url, "work-orders.*")

    def answer(exchange: Exchange) -> None:
        exchange.reply(status, Location=receiver.url, Retry_After="3600")

    receiver.answer = answer
    site.write("one")
    site.deliver()
    assert len(receiver.calls) == 1
    assert site.deliveries(endpoint, "waiting")[0]["status"] == status
    receiver.answer = 200
    site.clock.advance(31)
    site.deliver()
    assert len(receiver.events) == 1, "what a receiver asks for does not put off the others, nor itself"


def test_410_turns_the_endpoint_off_unless_it_is_set_otherwise(site: Site, receiver: Receiver) -> None:
    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    receiver.answer = 410
    site.appliance.webhooks.change(endpoint, {"disable_on_gone": False}, may_be_here=True)
    site.write("one")
    site.deliver()
    assert site.appliance.webhooks.get(endpoint).enabled
    site.appliance.webhooks.change(endpoint, {"disable_on_gone": True}, may_be_here=True)
    site.deliver()
    found = site.appliance.webhooks.get(endpoint)
    assert not found.enabled and "410" in str(found.disabled_reason)
    assert [one.entity for one in site.appliance.webhooks.switched_off()] == [endpoint]
    site.appliance.webhooks.change(endpoint, {"name": "Portal"}, may_be_here=True)
    assert len(site.appliance.webhooks.switched_off()) == 1
    assert [one["state"] for one in site.deliveries(endpoint)] == ["undelivered"]
    receiver.answer = 200
    site.appliance.webhooks.change(endpoint, {"enabled": True}, may_be_here=True)
    assert site.appliance.webhooks.switched_off() == []
    site.appliance.webhooks.change(endpoint, {"enabled": False}, may_be_here=True)
    assert site.appliance.webhooks.switched_off() == [], "nobody is told of what somebody did"
    site.appliance.webhooks.change(endpoint, {"enabled": True}, may_be_here=True)
    assert site.appliance.webhooks.history.replay_all(endpoint) == 1
    site.deliver()
    assert [event["body"] for event in receiver.events] == [["one"]]


def test_a_large_answer_is_read_only_at_its_beginning(site: Site, receiver: Receiver) -> None:
    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    receiver.answer = lambda exchange: exchange.reply(200, b"x" * 3_000_000)
    site.write("one")
    site.write("two")
    site.deliver()
    assert [one["state"] for one in site.deliveries(endpoint)] == ["delivered"] * 2
    log = site.appliance.webhooks.history.find(endpoint, site.deliveries(endpoint)[0]["id"])["log"]
    assert log[0]["answer"] == "x" * 500


def test_each_endpoint_has_its_own_order_and_its_own_fate(site: Site, receiver: Receiver, authority) -> None:
    with receiving(authority) as other:
        site.listen(receiver.url, "work-orders.*")
        site.listen(other.url, "work-orders.*")
        receiver.answer = 503
        site.write("one")
        site.write("two")
        site.deliver()
        assert [event["body"] for event in other.events] == [["one"], ["two"]]
        receiver.answer = 200
        site.pass_time(hours=0.1)
        assert receiver.ids == other.ids, "an event has one id, wherever it is sent"


def test_a_certificate_that_is_not_trusted_is_a_failure_that_says_so(site: Site, tmp_path) -> None:
    stranger = Authority(tmp_path, "Stranger")
    with receiving(stranger) as receiver:
        endpoint, _ = site.listen(receiver.url, "work-orders.*")
        site.write("one")
        site.deliver()
        delivery = site.deliveries(endpoint)[0]
        assert delivery["state"] == "waiting" and "cannot be trusted" in delivery["error"]
        assert receiver.calls == []


def test_a_new_event_does_not_hurry_a_lane_that_waits(site: Site, receiver: Receiver) -> None:
    site.listen(receiver.url, "work-orders.*")
    receiver.answer = 503
    site.write("one")
    site.pass_time(hours=1)
    tried = len(receiver.calls)
    for number in range(5):
        site.write(f"more-{number}")
        site.deliver()
    assert len(receiver.calls) == tried


def test_an_endpoint_that_changes_in_mid_send_gets_the_event_at_its_new_place(
    site: Site, receiver: Receiver, authority: Authority
) -> None:
    """What the former place said counts no more, as the worker has lost its lane."""
    with receiving(authority) as other:
        endpoint, _ = site.listen(receiver.url, "work-orders.*")

        def move(exchange: Exchange) -> None:
            site.appliance.webhooks.change(endpoint, {"url": other.url}, may_be_here=True)
            site.appliance.database.release_thread()
            exchange.reply(200)

        receiver.answer = move
        site.write("one")
        site.write("two")
        site.deliver()
        assert len(receiver.calls) == 1
        assert [event["body"] for event in other.events] == [["one"], ["two"]]


def test_many_events_are_replayed_in_their_order_and_only_once(site: Site, receiver: Receiver) -> None:
    endpoint, _ = site.listen(receiver.url, "work-orders.*")
    for number in range(120):
        site.write(f"key-{number:03}")
    site.deliver()
    first = receiver.ids[:]
    assert site.appliance.webhooks.history.replay_all(endpoint, state="delivered") == 120
    receiver.events.clear()
    site.deliver()
    assert receiver.ids == first


def test_one_endpoint_does_not_take_all_workers(site: Site, receiver: Receiver, authority: Authority) -> None:
    with receiving(authority) as other:
        site.listen(receiver.url, "work-orders.*")
        own = site.connection_id
        connections = [
            connect_plant(site.appliance, Plant(site.clock), f"Plant {number}").connection.id
            for number in range(4)
        ]
        for site.connection_id in connections:
            site.write("one")
        site.connection_id = own
        inside, freed = threading.Semaphore(0), threading.Event()

        def hang(exchange: Exchange) -> None:
            inside.release()
            freed.wait(10)
            exchange.reply(200)

        receiver.answer = hang
        deliveries = deliveries_of(site.appliance)

        def work() -> None:
            deliveries.work_off()
            site.appliance.database.release_thread()

        slow = [threading.Thread(target=work) for _ in range(4)]
        for thread in slow:
            thread.start()
        assert inside.acquire(timeout=10) and inside.acquire(timeout=10)
        assert not inside.acquire(timeout=0.3), "two of the four workers at most"
        site.listen(other.url, "sites.*")
        site.write("site", entity="Site")
        work()
        assert [event["body"] for event in other.events] == [["site"]]
        freed.set()
        for thread in slow:
            thread.join(10)


def test_the_first_success_after_a_long_time_brings_the_other_connections_at_once(
    site: Site, receiver: Receiver
) -> None:
    site.listen(receiver.url, "work-orders.*")
    receiver.answer = 503
    for name in ("One", "Other"):
        site.connection_id = connect_plant(site.appliance, Plant(site.clock), name).connection.id
        site.write("one")
    site.pass_time(hours=12)
    receiver.answer = 200
    while not receiver.events:
        site.clock.advance(60)
        site.deliver()
    assert len(receiver.events) == 2
