"""The running service: TLS, the set-up link, two processes that are watched, and one service a data directory."""

import os
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Iterator
from socket import create_connection

import pytest

from tests.support.command import Program, Service

FAST_START_SECONDS = 2.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("service") / "data") as running:
        yield running


def handshake(service: Service, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cafile=str(service.data_dir / "tls" / "self-signed.crt"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = lowest, highest
    with (
        create_connection(("127.0.0.1", service.port), 5) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as wrapped,
    ):
        return wrapped.version()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_tls_below_1_2_is_refused(service: Service, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(service, version, version)


@pytest.mark.parametrize(
    ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_tls_1_2_and_1_3_are_spoken(service: Service, version: ssl.TLSVersion, name: str) -> None:
    assert handshake(service, version, version) == name


def test_plain_http_gets_no_answer_of_the_api(service: Service) -> None:
    with create_connection(("127.0.0.1", service.port), 5) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        raw.settimeout(5)
        try:
            answer = raw.recv(1000)
        except OSError:
            answer = b""
    assert b'"ok"' not in answer


def test_answers_over_the_wire_carry_the_headers_and_no_name_of_the_server(service: Service) -> None:
    answer = service.request("GET", "/healthz")
    assert answer.body == {"status": "ok"}
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert answer.headers["X-API-Version"] == "v1"
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert "gunicorn" not in answer.headers.get("Server", "").lower()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
        + b"".join(b"X-%d: 1\r\n" % n for n in range(200))
        + b"\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/v1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_a_request_that_is_none_is_refused_and_the_service_lives_on(
    service: Service, request_bytes: bytes
) -> None:
    context = ssl.create_default_context(cafile=str(service.data_dir / "tls" / "self-signed.crt"))
    with (
        create_connection(("127.0.0.1", service.port), 5) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as wrapped,
    ):
        wrapped.settimeout(5)
        try:
            wrapped.sendall(request_bytes)
            answer = wrapped.recv(2000)
        except OSError:
            answer = b""
    assert not answer or answer.split(b" ")[1].startswith(b"4"), answer
    assert b"Traceback" not in answer
    if answer:
        assert b"\r\nX-Request-Id: req_" in answer
        assert b'{"error":{"code":"' in answer
    assert service.request("GET", "/healthz").status == 200


def test_three_megabytes_over_the_wire_are_refused(service: Service) -> None:
    try:
        assert service.request("POST", "/api/v1/sync", token="apl_x", body="x" * 3_000_000).status in (
            401,
            413,
        )
    except OSError:
        pass  # refused before all of it was sent
    assert service.request("GET", "/healthz").status == 200


def test_the_start_is_fast(service: Service) -> None:
    """The figure is printed; the bound leaves room for a machine that is busy with other tests."""
    print(f"\nappliance serve answered after {service.seconds_to_start:.2f} s (aim: {FAST_START_SECONDS} s)")
    assert service.seconds_to_start < 5 * FAST_START_SECONDS


def test_a_second_service_on_the_same_data_is_refused(service: Service) -> None:
    second = Program(service.data_dir)("serve", "--set", "listen=127.0.0.1:0", check=False)
    assert second.status == 1
    assert "already works on" in second.err
    # Neither did it end the set-up link of the first.
    token_file = service.data_dir / "setup-token"
    assert token_file.read_text().strip() == service.setup_token()


def test_the_set_up_link_is_in_a_private_file_and_works_once(service: Service) -> None:
    file = service.data_dir / "setup-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(service.data_dir.stat().st_mode) == 0o700
    assert service.request("GET", f"/admin/setup?token={service.setup_token()}").status == 200
    assert service.request("GET", "/admin/setup?token=wrong").status == 403
    assert service.setup_token() not in "".join(line for line in service.lines if "appliance.access" in line)
    made = Program(service.data_dir)(
        "setup", "--admin", "ada", "--password-file", "-", given="long enough phrase"
    )
    assert "ada" in made.out
    assert not file.exists()
    again = ("setup", "--admin", "ada", "--password-file", "-", "--if-none")
    assert "already" in Program(service.data_dir)(*again, given="long enough phrase").out
    # It leads to the sign-in now.
    assert "/admin/sign-in" in service.request("GET", f"/admin/setup?token={service.setup_token()}").body


@pytest.mark.crash
@pytest.mark.parametrize("role", ["web", "engine"])
def test_a_killed_process_is_started_again(service: Service, role: str) -> None:
    service.wait_until(lambda: service.child(role), f"there is a {role} process")
    before = service.child(role)
    other = {"web": "engine", "engine": "web"}[role]
    untouched = service.child(other)
    os.kill(before, signal.SIGKILL)
    service.wait_until(lambda: service.child(role) not in (0, before), f"{role} is there again")
    service.wait_until(service.answers, "it answers")
    assert service.child(other) == untouched
    made = Program(service.data_dir)(
        "connection", "add", "--system", "sandbox", "--name", role, "--json"
    ).json
    total = {"now": 0}

    def synchronized() -> bool:
        try:
            answer = service.request("GET", "/api/eam/assets", token=made["token"])
        except OSError:
            # The worker of a killed server answers until it notices.
            return False
        total["now"] = answer.body["meta"]["total"]
        return total["now"] == 45

    service.wait_until(synchronized, f"the service works after the death of its {role} process")


def test_sigterm_ends_everything_cleanly(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Service(tmp_path_factory.mktemp("ending") / "data") as running:
        assert running.process is not None
        children = [running.child("web"), running.child("engine")]
        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(12) == 0, running.output
        assert time.monotonic() - began < 10
        for child in children:
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)
        assert "Traceback" not in running.output


@pytest.mark.crash
def test_children_end_when_the_supervisor_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Service(tmp_path_factory.mktemp("orphans") / "data") as running:
        assert running.process is not None
        running.process.kill()
        running.process.wait(5)
        running.wait_until(lambda: not serving(running), "nobody listens any more")
        # And the data directory is free for another.
        with Service(running.data_dir) as again:
            assert again.request("GET", "/healthz").status == 200


def serving(service: Service) -> bool:
    try:
        return service.request("GET", "/healthz").status == 200
    except (OSError, subprocess.SubprocessError):
        return False
