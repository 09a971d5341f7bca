"""The client against a real server on loopback."""

import gzip
import logging
import socket
import threading
import time
import traceback
import zlib
from datetime import timedelta
from email.utils import format_datetime

import pytest

from appliance.errors import InvalidInput, SourceAnswerInvalid, SourceThrottled, SourceUnreachable
from appliance.transport.budget import BudgetLimits
from appliance.transport.errors import CircuitOpen, RequestStopped
from appliance.transport.http import Request
from appliance.transport.messages import loggable
from tests.support.clock import ManualClock
from tests.transport.servers import Exchange, serving


def get(url: str, **more: object) -> Request:
    return Request("GET", url, safe=True, **more)  # type: ignore[arg-type]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_request_and_answer_arrive_whole(make_client):
    with serving(lambda it: it.reply(201, it.body[::-1], X_Rate="7", Content_Type="text/plain")) as server:
        client = make_client()
        answer = client.send(
            Request("POST", server.url + "/a?x=1", [("$filter", "a eq 'b c'")], {"X-Key": "k"}, b"abc")
        )
    assert (answer.status, answer.body, answer.text(2)) == (201, b"cba", "cb")
    assert answer.header("x-rate") == answer.headers["X-RATE"] == "7"
    method, path, headers, body = server.requests[0]
    assert (method, path, headers["X-Key"], body) == ("POST", "/a?x=1&$filter=a%20eq%20'b%20c'", "k", b"abc")
    assert client.counters.requests == 1 and client.counters.bytes_received == 3


def test_one_connection_serves_many_requests(make_client):
    with serving(lambda it: it.reply()) as server:
        client = make_client()
        for _ in range(5):
            client.send(get(server.url))
    assert server.connections == 1 and len(server.requests) == 5


def test_a_connection_the_server_dropped_while_idle_is_replaced(make_client):
    def close_after_reply(it: Exchange) -> None:
        it.reply()
        it.close_connection = True

    with serving(close_after_reply) as server:
        client = make_client()
        client.send(get(server.url))
        wait_until(lambda: server.connections == 1)
        time.sleep(0.05)
        assert client.send(Request("POST", server.url)).status == 200
    assert server.connections == 2


def wait_until(condition):
    end = time.monotonic() + 2
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_redirects_are_returned_not_followed(make_client):
    with serving(lambda it: it.reply(302, b"", Location="/elsewhere")) as server:
        answer = make_client().send(get(server.url))
    assert answer.status == 302 and answer.header("Location") == "/elsewhere" and len(server.requests) == 1


def test_cookies_are_kept_until_cleared(make_client):
    with serving(lambda it: it.reply(Set_Cookie="sid=1; Path=/")) as server:
        client = make_client()
        for _ in range(2):
            client.send(get(server.url))
        client.clear_cookies()
        client.send(get(server.url))
    assert [headers.get("Cookie") for _, _, headers, _ in server.requests] == [None, "sid=1", None]


def test_the_environment_sets_neither_proxy_nor_password(make_client, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login joe password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    with serving(lambda it: it.reply()) as server:
        assert make_client().send(get(server.url)).status == 200
    assert "Authorization" not in server.requests[0][2]


def test_a_compressed_bomb_stops_early(make_client):
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1024 * 1024)
    bomb = b"".join(squeezer.compress(block) for _ in range(100)) + squeezer.flush()
    with serving(lambda it: it.reply(200, bomb, Content_Encoding="gzip")) as server:
        client = make_client(http_max_bytes=2_000_000)
        began = time.monotonic()
        with pytest.raises(SourceAnswerInvalid, match=r"http\.max_bytes") as caught:
            client.send(get(server.url))
    assert time.monotonic() - began < 0.3
    assert caught.value.details["limit"] == 2_000_000
    assert len(server.requests) == 1, "too large an answer is not asked for again"


def test_the_rest_of_a_refused_answer_is_not_taken_for_the_next(make_client):
    release = threading.Event()

    def answer(it: Exchange) -> None:
        if it.path == "/large":
            it.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + bytes(600_000), close=False)
            release.wait(2)
        it.reply()

    with serving(answer) as server:
        client = make_client(http_max_bytes=1000)
        with pytest.raises(SourceAnswerInvalid):
            client.send(get(server.url + "/large"))
        assert client.send(Request("POST", server.url)).body == b"ok"
        release.set()
    assert server.connections == 2


def test_an_answer_of_exactly_the_limit_passes(make_client):
    with serving(lambda it: it.reply(200, gzip.compress(bytes(5000)), Content_Encoding="gzip")) as server:
        assert len(make_client(http_max_bytes=5000).send(get(server.url)).body) == 5000


def test_a_broken_compression_is_an_invalid_answer(make_client):
    with (
        serving(lambda it: it.reply(200, b"not gzip", Content_Encoding="gzip")) as server,
        pytest.raises(SourceAnswerInvalid, match="decompressed"),
    ):
        make_client().send(get(server.url))


def drip(it: Exchange) -> None:
    it.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    try:
        for _ in range(100):
            it.wfile.write(b".")
            time.sleep(0.03)
    except OSError:
        pass
    it.close_connection = True


def drip_headers(it: Exchange) -> None:
    try:
        it.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(100):
            it.wfile.write(b".")
            time.sleep(0.03)
    except OSError:
        pass
    it.close_connection = True


@pytest.mark.parametrize("answer", [drip, drip_headers])
def test_a_dripping_server_is_cut_off_at_the_total_time(make_client, answer):
    with serving(answer) as server:
        began = time.monotonic()
        with pytest.raises(SourceUnreachable, match="total time") as caught:
            make_client(read_timeout=1.0).send(Request("GET", server.url, timeout=0.3))
    assert 0.25 < time.monotonic() - began < 0.6
    assert caught.value.details["stage"] == "read"


def test_a_silent_server_runs_into_the_read_timeout(make_client):
    release = threading.Event()
    with serving(lambda it: release.wait(3)) as server:
        with pytest.raises(SourceUnreachable, match=r"nothing came for 0\.2 s") as caught:
            make_client(read_timeout=0.2).send(Request("GET", server.url))
        release.set()
    assert caught.value.details["stage"] == "read"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    ],
    ids=["content-length", "in-chunk", "between-chunks"],
)
def test_a_truncated_body_is_never_taken_for_a_whole_one(make_client, data):
    with serving(lambda it: it.raw(data)) as server, pytest.raises(SourceUnreachable) as caught:
        make_client().send(Request("GET", server.url))
    assert caught.value.details["stage"] == "read"


def test_bytes_beyond_the_content_length_do_not_spoil_the_next_answer(make_client):
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 stray", b""]

    def answer(it: Exchange) -> None:
        if first := answers.pop(0):
            it.raw(first, close=False)
        else:
            it.reply(200, b"clean")

    with serving(answer) as server:
        client = make_client(clock=ManualClock(auto=True))
        assert client.send(get(server.url)).body == b"ok"
        assert client.send(get(server.url)).body == b"clean"


def test_a_safe_request_is_repeated_until_the_source_recovers(make_client):
    statuses = [503, 502, 504, 200]
    clock = ManualClock(auto=True)
    with serving(lambda it: it.reply(statuses.pop(0))) as server:
        client = make_client(clock)
        assert client.send(get(server.url)).status == 200
    assert len(server.requests) == 4 and len(clock.waits) == 3
    assert all(wait <= limit for wait, limit in zip(clock.waits, (0.5, 1.0, 2.0), strict=True))
    assert client.counters.requests == 4 and client.counters.seconds_waiting == pytest.approx(
        sum(clock.waits)
    )


def test_after_the_last_attempt_the_status_is_returned(make_client):
    with serving(lambda it: it.reply(503, b"maintenance")) as server:
        answer = make_client(ManualClock(auto=True)).send(get(server.url))
    assert (answer.status, answer.body, len(server.requests)) == (503, b"maintenance", 4)


@pytest.mark.parametrize(("method", "sent"), [("GET", 4), ("POST", 1)])
def test_an_error_of_the_source_is_believed_of_a_remote_call_at_once(make_client, method, sent):
    with serving(lambda exchange: exchange.reply(500, b"<Fault/>")) as server:
        client = make_client(ManualClock(auto=True))
        assert client.send(Request(method, server.url, safe=True)).status == 500
        assert len(server.requests) == sent


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_unsafe_request_is_sent_once_whatever_comes_back(make_client, status):
    with serving(lambda it: it.reply(status, Retry_After="999999")) as server:
        assert make_client(ManualClock()).send(Request("POST", server.url, body=b"x")).status == status
    assert len(server.requests) == 1


def test_an_unsafe_request_is_not_repeated_when_the_connection_breaks(make_client):
    with serving(lambda it: it.raw(b"")) as server:
        with pytest.raises(SourceUnreachable):
            make_client(ManualClock()).send(Request("POST", server.url, body=b"x"))
        assert len(server.requests) == 1
        clock = ManualClock(auto=True)
        with pytest.raises(SourceUnreachable, match="connection was closed"):
            make_client(clock).send(get(server.url))
    assert len(server.requests) == 5


def test_retry_after_in_seconds_and_as_a_date_is_waited_for(make_client):
    clock = ManualClock(auto=True)
    date = format_datetime(clock.now() + timedelta(seconds=20 + 45), usegmt=True)
    values = ["20", date, None]

    def answer(it: Exchange) -> None:
        value = values.pop(0)
        it.reply(429, Retry_After=value) if value else it.reply()

    with serving(answer) as server:
        began = clock.monotonic()
        assert make_client(clock).send(get(server.url)).status == 200
    assert clock.monotonic() - began == pytest.approx(65, abs=0.01)


def test_a_longer_retry_after_than_allowed_ends_the_call_and_pauses_everybody(make_client):
    clock = ManualClock()
    with serving(lambda it: it.reply(429, Retry_After="1800")) as server:
        client = make_client(clock)
        for _ in range(2):
            with pytest.raises(SourceThrottled) as caught:
                client.send(get(server.url))
            assert caught.value.retry_after == 1800
    assert len(server.requests) == 1


def test_a_stop_ends_the_wait_between_attempts(make_client):
    clock, stop, caught = ManualClock(), threading.Event(), []
    with serving(lambda it: it.reply(503, Retry_After="60")) as server:
        client = make_client(clock)

        def run() -> None:
            try:
                client.send(get(server.url), stop=stop)
            except RequestStopped as error:
                caught.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        clock.wait_for_sleepers(1)
        stop.set()
        thread.join(2)
    assert caught and not thread.is_alive() and len(server.requests) == 1


def test_a_stop_ends_a_download(make_client):
    stop = threading.Event()

    def answer(it: Exchange) -> None:
        it.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + bytes(1_000_000))
        stop.set()
        it.wfile.write(bytes(1_000_000))

    with serving(answer) as server, pytest.raises(RequestStopped):
        make_client().send(get(server.url), stop=stop)


def test_connection_refused_names_stage_host_and_port(make_client):
    port = closed_port()
    clock = ManualClock(auto=True)
    with pytest.raises(SourceUnreachable, match="system is running") as caught:
        make_client(clock).send(get(f"http://127.0.0.1:{port}/"))
    assert caught.value.details == {
        "stage": "connect", "host": "127.0.0.1", "port": port, "cause": "connection refused",
    }  # fmt: skip
    assert len(clock.waits) == 3


def test_an_unknown_name_is_a_failure_of_resolution(make_client, monkeypatch):
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(SourceUnreachable, match="DNS") as caught:
        make_client(ManualClock(auto=True)).send(get("http://erp.plant.test/"))
    assert caught.value.details["stage"] == "resolve"


def test_repeated_failures_open_the_circuit_and_end_the_attempts(make_client):
    url = f"http://127.0.0.1:{closed_port()}/"
    client = make_client(ManualClock(auto=True), limits=BudgetLimits(failures_to_open=3, open_seconds=600))
    with pytest.raises(CircuitOpen):
        client.send(get(url))
    assert client.counters.requests == 3


@pytest.mark.parametrize("url", ["ftp://x/", "relative", "http://", "http://x:99999/", "http://[::1/"])
def test_an_address_that_is_no_http_url_is_invalid_input(make_client, url):
    with pytest.raises(InvalidInput):
        make_client().send(get(url))


def test_secrets_reach_neither_log_nor_message_nor_traceback(make_client, caplog):
    caplog.set_level(logging.DEBUG)
    texts = []
    with serving(lambda it: it.raw(b"")) as broken, serving(lambda it: it.reply(503)) as busy:
        client = make_client(ManualClock(auto=True))
        client.send(
            get(busy.url.replace("//", "//joe:CANARY@") + "/p?key=CANARY", headers={"X-Key": "CANARY"})
        )
        for request in (
            get(broken.url + "/p?key=CANARY", headers={"Authorization": "CANARY"}),
            get(f"http://127.0.0.1:{closed_port()}/p?key=CANARY"),
            get(busy.url, headers={"X-Key": "CANARY\r\nX: y"}),
        ):
            try:
                client.send(request)
            except (SourceUnreachable, InvalidInput) as error:
                texts.append(traceback.format_exc() + str(error.details) + repr(error.__context__))
    assert len(texts) == 3
    assert "/p?key=…" in caplog.text
    assert "CANARY" not in caplog.text + "".join(texts)


def test_a_loggable_url_keeps_names_and_drops_values():
    assert loggable("https://u:p@h:1/a/b?x=1&y=&z#f") == "https://h:1/a/b?x=…&y=…&z=…"


def test_an_ipv6_address_is_reached_without_its_brackets(make_client):
    def once(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            heads.append(sock.recv(4096))
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    heads: list[bytes] = []
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        threading.Thread(target=once, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        assert make_client().send(get(f"http://[::1]:{port}/")).status == 204
    assert f"Host: [::1]:{port}".encode() in heads[0]


def test_threads_share_a_client(make_client):
    with serving(lambda it: it.reply(200, it.path.encode())) as server:
        client, wrong = make_client(), []

        def run(number: int) -> None:
            for turn in range(20):
                path = f"/{number}/{turn}"
                if client.send(get(server.url + path)).body != path.encode():
                    wrong.append(path)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert not wrong and client.counters.requests == 160 and server.connections <= 8
