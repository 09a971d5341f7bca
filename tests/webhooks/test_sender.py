"""One attempt over the wire: the whole exchange has its time, whatever the receiver does with it."""

import base64
import gzip
import socket
import threading
import time
from collections.abc import Callable

import pytest

from appliance.app import outbound_of
from appliance.clock import SystemClock
from appliance.settings import Settings
from appliance.webhooks.sender import ANSWER_BYTES, Sender
from appliance.webhooks.signing import Secrets
from tests.transport.authority import Authority
from tests.transport.servers import Exchange
from tests.webhooks.conftest import Receiver

SECONDS = 0.6
HELD = Secrets("whsec_" + base64.b64encode(b"k" * 32).decode())


@pytest.fixture
def send(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Sender:
    monkeypatch.setattr("appliance.webhooks.sender.SECONDS", SECONDS)
    clock = SystemClock()
    outbound = outbound_of(Settings(ca_files=(authority.ca_file,)), clock)
    return Sender(lambda: outbound.poster(SECONDS, ANSWER_BYTES), clock)


def drip_body(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", close=False)
    for _ in range(100):
        exchange.raw(b"x")
        time.sleep(0.05)


def drip_head(exchange: Exchange) -> None:
    exchange.raw(b"HTTP/1.1 200 OK\r\n", close=False)
    for number in range(100):
        exchange.raw(f"X-{number}: x\r\n".encode())
        time.sleep(0.05)


def say_nothing(exchange: Exchange) -> None:
    time.sleep(3)


@pytest.mark.parametrize("slow", [drip_body, drip_head, say_nothing])
def test_a_slow_answer_is_a_failure_when_its_time_is_over(
    send: Sender, receiver: Receiver, slow: Callable[[Exchange], None]
) -> None:
    receiver.answer = slow
    began = time.monotonic()
    attempt = send(receiver.url, "evt_1", b"{}", HELD)
    assert time.monotonic() - began < 2 * SECONDS
    assert attempt.error is not None and f"within {SECONDS:g} s" in attempt.error
    assert attempt.milliseconds >= SECONDS * 900


def test_a_receiver_that_never_finishes_the_handshake_is_a_failure(send: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        attempt = send(f"https://127.0.0.1:{silent.getsockname()[1]}/", "evt_1", b"{}", HELD)
        assert time.monotonic() - began < 2 * SECONDS
        assert attempt.status is None and "TLS handshake" in str(attempt.error)


def test_nobody_there_is_a_failure_that_names_the_place(send: Sender) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    attempt = send(f"https://127.0.0.1:{port}/", "evt_1", b"{}", HELD)
    assert attempt.status is None and f"port {port}" in str(attempt.error)


@pytest.mark.parametrize("answer", [b"\x1f\x8b broken", b"\0\xff\xfe", b"<script>", b""])
def test_whatever_is_answered_with_2xx_is_taken(send: Sender, receiver: Receiver, answer: bytes) -> None:
    receiver.answer = lambda exchange: exchange.reply(202, answer, Content_Type="text/plain; charset=none")
    attempt = send(receiver.url, "evt_1", b"{}", HELD)
    assert (attempt.status, attempt.error) == (202, None)
    assert "\0" not in str(attempt.answer)


def test_a_compressed_answer_that_grows_without_end_is_cut(send: Sender, receiver: Receiver) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    receiver.answer = lambda exchange: exchange.reply(200, bomb, Content_Encoding="gzip")
    attempt = send(receiver.url, "evt_1", b"{}", HELD)
    assert (attempt.status, attempt.error) == (200, None)


def test_cookies_of_a_receiver_are_neither_kept_nor_sent(send: Sender, receiver: Receiver) -> None:
    receiver.answer = lambda exchange: exchange.reply(200, Set_Cookie="session=1; Path=/")
    for number in range(3):
        send(receiver.url, f"evt_{number}", b"{}", HELD)
    assert not any("Cookie" in headers for headers, _ in receiver.calls)
    assert send._client is not None and len(send._client._cookies) == 0


def test_connections_are_kept_between_events_and_a_closed_one_is_opened_anew(
    send: Sender, receiver: Receiver
) -> None:
    for number in range(5):
        assert send(receiver.url, f"evt_{number}", b"{}", HELD).error is None
    receiver.answer = lambda exchange: exchange.raw(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", close=True
    )
    assert send(receiver.url, "evt_5", b"{}", HELD).error is None
    time.sleep(0.1)
    receiver.answer = 200
    assert send(receiver.url, "evt_6", b"{}", HELD).error is None


def test_threads_share_a_sender(send: Sender, receiver: Receiver) -> None:
    attempts = []
    threads = [
        threading.Thread(target=lambda n=n: attempts.append(send(receiver.url, f"evt_{n}", b"{}", HELD)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [attempt.error for attempt in attempts] == [None] * 8


def test_what_is_left_of_a_long_answer_is_not_taken_for_the_next(send: Sender, receiver: Receiver) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 6000, close=False)
        time.sleep(0.2)
        exchange.raw(b"x" * 14000, close=False)

    receiver.answer = answer
    for number in range(2):
        attempt = send(receiver.url, f"evt_{number}", b"{}", HELD)
        assert (attempt.status, attempt.error, attempt.answer) == (200, None, "x" * 500)
