"""Plain HTTP behind a proxy that ends TLS, by both servers: the same application, limits, refusals and end."""

import json
import signal
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.api.guide import source_of
from appliance.clock import SystemClock
from appliance.server.tls import ensure_certificate
from tests.real.server import Server
from tests.support.command import Program, Service, free_port
from tests.support.shell import blocks

SERVERS = ("gunicorn", "waitress")


class PlainService(Service):
    """Asked as the proxy does it."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def context(self) -> None:
        return None

    def send(self, content: bytes, *, to: int = 0) -> bytes:
        """All that comes back until the other side closes or is silent."""
        with socket.create_connection(("127.0.0.1", to or self.port), 5) as raw:
            raw.settimeout(2)
            answer = b""
            try:
                raw.sendall(content)
                while piece := raw.recv(65536):
                    answer += piece
            except OSError:
                pass
            return answer


@pytest.fixture(scope="module", params=SERVERS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlainService]:
    settings = (f"web_server={request.param}", "tls.mode=proxy", f"metrics.listen=127.0.0.1:{free_port()}")
    with PlainService(tmp_path_factory.mktemp(request.param) / "data", settings) as running:
        yield running


def test_answers_carry_the_headers_and_no_name_of_the_server(service: PlainService) -> None:
    answer = service.request("GET", "/healthz")
    assert answer.body == {"status": "ok"}
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert answer.headers.get("Server", "appliance") == "appliance" and "Via" not in answer.headers


def test_web_and_engine_are_ready(service: PlainService) -> None:
    service.wait_until(lambda: service.request("GET", "/readyz").status == 200, "it is ready")
    assert service.child("web") and service.child("engine")


def test_the_address_of_metrics_answers_nothing_else(service: PlainService) -> None:
    port = int(service.settings[2].rpartition(":")[2])
    for path, status in (("/metrics", b"200"), ("/healthz", b"404"), ("/api/v1/work-orders", b"404")):
        answer = service.send(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(), to=port
        )
        assert answer.split(b" ")[1] == status, answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nonsense\r\n\r\n",
        b"POST /api/v1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /api/v1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999999\r\n\r\n",
    ],
)
def test_a_request_that_is_none_is_refused_in_our_own_words(
    service: PlainService, request_bytes: bytes
) -> None:
    answer = service.send(request_bytes)
    assert not answer or answer.split(b" ")[1][:1] in (b"4", b"5"), answer
    if answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"waitress" not in answer and b"gunicorn" not in answer and b"Traceback" not in answer
        assert b"x-request-id: req_" in head.lower()
        assert json.loads(body)["error"]["code"] in (
            "INVALID_REQUEST",
            "REQUEST_TOO_LARGE",
            "AUTHENTICATION_FAILED",
        )
    assert service.request("GET", "/healthz").status == 200


def test_head_and_a_kept_connection(service: PlainService) -> None:
    one = b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = service.send(one + last)
    assert answer.count(b"HTTP/1.1 200") == 2 and answer.count(b'"ok"') == 1, answer


@pytest.mark.parametrize("server", SERVERS)
def test_what_is_being_answered_at_the_end_is_answered(server: str, tmp_path: Path) -> None:
    settings = (f"web_server={server}", "tls.mode=proxy")
    with PlainService(tmp_path / "data", settings) as service:
        Program(service.data_dir)(
            "setup", "--admin", "ada", "--password-file", "-", given="long enough phrase"
        )
        answers: list[bytes] = []
        body = b"x" * 100_000
        head = (
            b"POST /api/v1/sync HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer apl_none\r\n"
            b"Content-Type: application/json\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n"
        )

        def ask() -> None:
            with suppress(ConnectionRefusedError):
                answers.append(service.send(head + body))

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        assert service.process is not None
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        service.process.wait(15)
        assert service.process.returncode == 0
        assert time.monotonic() - began < 12
        # Refused at the door or answered whole; never cut.
        for answer in answers:
            assert not answer or json.loads(answer.partition(b"\r\n\r\n")[2])["error"], answer


def test_nginx_before_it_as_the_guide_sets_it_up(service: PlainService, tmp_path: Path) -> None:
    """The real one: what it is told comes from the guide, with places of this test."""
    (written,) = blocks(source_of("harden"), "nginx")
    files = ensure_certificate(tmp_path / "tls", [], SystemClock())
    port = free_port()
    for there, here in (
        ("443 ssl", f"127.0.0.1:{port} ssl"),
        ("appliance.plant.example", "localhost"),
        ("/etc/nginx/appliance.crt", str(files.cert)),
        ("/etc/nginx/appliance.key", str(files.key)),
        ("127.0.0.1:8443", f"127.0.0.1:{service.port}"),
    ):
        assert there in written
        written = written.replace(there, here)
    places = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\n"
        f"http {{ access_log off; {places}\n{written}\n}}\n"
    )
    nginx = Server(["/usr/sbin/nginx", "-c", str(configuration)], port, tmp_path / "nginx.log")
    try:
        context = ssl.create_default_context(cafile=str(files.cert))
        made = Program(service.data_dir)(
            "connection", "add", "--system", "sandbox", "--name", "Behind nginx", "--json"
        )
        asked = urllib.request.Request(
            f"https://localhost:{port}/api/v1/openapi.json",
            headers={"Authorization": f"Bearer {made.json['token']}"},
        )
        with urllib.request.urlopen(asked, context=context) as answer:
            document = json.loads(answer.read())
        assert document["servers"][0]["url"].startswith("https://localhost")
        with urllib.request.urlopen(f"https://localhost:{port}/admin/sign-in", context=context) as answer:
            assert "Secure" in answer.headers["Set-Cookie"]
    finally:
        nginx.stop()


def test_waitress_alone_is_refused(tmp_path: Path) -> None:
    done = Program(tmp_path / "data")("serve", "--set", "web_server=waitress", check=False)
    assert done.status == 1
    assert 'set tls.mode = "proxy"' in done.err
