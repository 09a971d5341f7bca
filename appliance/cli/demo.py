"""`appliance demo`: from nothing to real API answers in one command, with the sandbox's sample data."""

import argparse
import os
import secrets
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from appliance.app import Appliance
from appliance.cli.serve import base_url, certificate_paths, service_lock
from appliance.cli.shell import Subparsers, add_common, setting_flags, settings_of
from appliance.clock import SystemClock
from appliance.connections.lifecycle import Connected
from appliance.errors import ApplianceError, ConfigurationError, SourceUnreachable
from appliance.server.supervisor import program
from appliance.settings import Settings
from appliance.sync.runs.tables import ACTIVE
from appliance.transport.egress import Egress
from appliance.transport.http import HttpOptions, Request
from appliance.transport.outbound import Outbound, Terms
from appliance.transport.proxy import ProxyRules
from appliance.transport.trust import TlsOptions, Trust

ADMINISTRATOR = "admin"
LOG_NAME = "demo.log"
START_SECONDS = 30.0
SYNC_SECONDS = 60.0
STOP_SECONDS = 15.0
LOOK_SECONDS = 0.1
MOST_ITEMS = 1

SAMPLES = (
    ("Work orders", "/api/eam/work-orders?per_page=1"),
    ("Purchase orders with their lines", "/api/erp/purchase-orders?per_page=1"),
    ("Vendors", "/api/erp/vendors?per_page=1"),
)


class _Prepared(NamedTuple):
    """What was made before the start. `password` is None when there was an administrator."""

    password: str | None
    connected: Connected
    is_new: bool
    run_id: str


def register(commands: Subparsers) -> None:
    parser = commands.add_parser(
        "demo", help="start here: serve, connect the sandbox, synchronize, show API answers"
    )
    add_common(parser, json_output=False)
    parser.add_argument("--once", action="store_true", help="stop the service and return after the answers")
    parser.set_defaults(command=demo)


def demo(arguments: argparse.Namespace) -> int:
    """Runs until Ctrl-C or SIGTERM, or with --once until the answers are printed."""
    settings = settings_of(arguments)
    clock = SystemClock()
    _refuse_a_taken_port(base_url(settings), clock)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    prepared = _prepare(settings)
    _say(f"Appliance demo, data in {settings.data_dir}", "")
    flags = setting_flags(arguments)
    with _service(settings, flags, prepared.connected.token, stop, clock) as api:
        if not api.wait_until_healthy() or not _show(api, prepared, flags):
            return 130
        if not arguments.once:
            _say("", "The service runs until Ctrl-C.")
            while not clock.wait(stop, 0.5):
                api.check_service()
    _say("The service is stopped.")
    return 0


def _prepare(settings: Settings) -> _Prepared:
    """Administrator, sandbox connection and its queued run, before the service starts."""
    appliance = Appliance.open(settings)
    try:
        # Only a look; `serve` itself takes the lock.
        service_lock(settings).release()
        password = None
        if not appliance.accounts.any():
            password = "-".join(secrets.token_hex(2) for _ in range(6))
            appliance.accounts.set_up(ADMINISTRATOR, password)
            appliance.bootstrap.withdraw()
        connected, is_new = _connect_sandbox(appliance)
        run_id = appliance.planner.request_run(connected.connection.id)
        return _Prepared(password, connected, is_new, run_id)
    finally:
        appliance.close()


def _connect_sandbox(appliance: Appliance) -> tuple[Connected, bool]:
    """A sandbox connection with a token: the one there is gets a new token, which ends its former one."""
    for connection in appliance.connections.table.all():
        if connection.system == "sandbox" and connection.is_open:
            return appliance.connections.reauthorize(connection.id, {}), False
    return appliance.connections.connect(system="sandbox", name="Sandbox", fields={}), True


@dataclass(frozen=True, slots=True)
class _Api:
    """The API of the service, called as any client would: over HTTPS, trusting the appliance's certificate.

    `stop` ends every wait. `process` is the service, `log` the file of its output.
    """

    url: str
    certificate: Path | None
    token: str
    clock: SystemClock
    stop: threading.Event
    process: "subprocess.Popen[bytes]"
    log: Path

    def get(self, path: str) -> Any:
        """The decoded answer. Raises ApplianceError."""
        # A client a request: its circuit would open while the service is still starting.
        client = _outbound(self.certificate, self.clock).client(self.url, "demo", Terms())
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = client.send(Request("GET", self.url + path, headers=headers), stop=self.stop)
        finally:
            client.close()
        if answer.status != 200:
            raise ConfigurationError(f"GET {path} answered {answer.status}: {answer.text(300)}")
        return msgspec.json.decode(answer.body)

    def wait_until_healthy(self) -> bool:
        """False when told to stop. Raises ConfigurationError when the service does not answer in time."""

        def healthy() -> bool:
            try:
                return bool(self.get("/healthz"))
            except ApplianceError:
                return False

        return self._wait(healthy, START_SECONDS, "does not answer")

    def wait_for_run(self, run_id: str) -> dict[str, Any] | None:
        """The run when it has ended; None when told to stop. Raises ApplianceError."""
        run: dict[str, Any] = {}

        def ended() -> bool:
            run.update(self.get(f"/api/v1/sync/{run_id}")["data"])
            return run["state"] not in ACTIVE

        return run if self._wait(ended, SYNC_SECONDS, "did not finish the first synchronization") else None

    def check_service(self) -> None:
        """Raises ConfigurationError when the service has ended by itself."""
        if self.process.poll() is not None:
            raise ConfigurationError(f"The service ended. Its last lines ({self.log}):\n{_tail(self.log)}")

    def _wait(self, done: Callable[[], bool], seconds: float, failing: str) -> bool:
        deadline = self.clock.monotonic() + seconds
        while not self.stop.is_set():
            self.check_service()
            if done():
                return True
            if self.clock.monotonic() > deadline:
                raise ConfigurationError(
                    f"The service {failing} within {seconds:.0f} s. Its last lines ({self.log}):\n{_tail(self.log)}"
                )
            self.clock.wait(self.stop, LOOK_SECONDS)
        return False

    def curl(self, path: str) -> str:
        trusting = "" if self.certificate is None else '--cacert "$CERT" '
        return f'curl {trusting}-H "Authorization: Bearer $TOKEN" "$APPLIANCE{path}"'


@contextmanager
def _service(
    settings: Settings, flags: list[str], token: str, stop: threading.Event, clock: SystemClock
) -> Iterator[_Api]:
    """`appliance serve` as a child, ended with the block."""
    pair = certificate_paths(settings)
    log = settings.data_dir / LOG_NAME
    with _private(log) as output:
        process = subprocess.Popen(
            [*program(), "serve", "--parent", str(os.getpid()), *flags],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C of the terminal is ours; the service is told by us, once.
            start_new_session=True,
        )
    try:
        yield _Api(base_url(settings), None if pair is None else pair[0], token, clock, stop, process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _show(api: _Api, prepared: _Prepared, flags: list[str]) -> bool:
    """Print what there is and real answers; False when told to stop in between."""
    connection = prepared.connected.connection
    _say(f"Service        {api.url}")
    if prepared.password is None:
        _say("Administrator  is there already; its password is not shown again")
    else:
        _say(f"Administrator  {ADMINISTRATOR}, password {prepared.password}   (shown this once)")
    kept = (
        "new" if prepared.is_new else "kept from before, with a new token: the former one is no longer valid"
    )
    _say(f"Connection     {connection.name} {connection.id}, {connection.credits} credits ({kept})")
    run = api.wait_for_run(prepared.run_id)
    if run is None:
        return False
    rows = sum(entity["fetched"] for entity in run["entities"])
    _say(f"First sync     {run['state']}: {rows} rows of {len(run['entities'])} entities", "")
    _say("For the commands below:", f"  export APPLIANCE={api.url}")
    if api.certificate is not None:
        _say(f"  export CERT={api.certificate}")
    _say(f"  export TOKEN={prepared.connected.token}")
    _say("", "One record of each; empty fields and further lines are left out here:")
    for title, path in SAMPLES:
        _say("", f"{title}:", f"  {api.curl(path)}", *_excerpt(api.get(path)))
    _say(
        "",
        f"Admin page: {api.url}/admin/ (a browser warns of a certificate that the appliance made itself)",
        "Go on with:",
        *(f"  {api.curl(path)}" for path in ("/api/v1/sync-status", "/api/eam/assets?per_page=5")),
        f"  {api.curl('/api/v1/sync').replace('curl ', 'curl -X POST ')}",
        f"  {shlex.join(['appliance', 'connection', 'list', *flags])}",
    )
    return True


def _excerpt(answer: dict[str, Any]) -> list[str]:
    """The first record of a list, without empty fields and further lines, and the total, as indented lines."""
    shown = {"data": _trimmed(answer["data"]), "meta": {"total": answer["meta"]["total"]}}
    lines = msgspec.json.format(msgspec.json.encode(shown), indent=2).decode().splitlines()
    return ["  " + line for line in lines]


def _trimmed(value: Any) -> Any:
    if isinstance(value, dict):
        trimmed = {name: _trimmed(item) for name, item in value.items()}
        return {name: item for name, item in trimmed.items() if item not in (None, [], {}, "")}
    if isinstance(value, list):
        return [_trimmed(item) for item in value[:MOST_ITEMS]]
    return value


def _refuse_a_taken_port(url: str, clock: SystemClock) -> None:
    try:
        _outbound(None, clock).reach(url, TlsOptions()).connect()
    except SourceUnreachable:
        return
    raise ConfigurationError(
        f"Something answers at {url} already. Stop it, or choose another port: --set listen=127.0.0.1:9443"
    )


def _outbound(certificate: Path | None, clock: SystemClock) -> Outbound:
    return Outbound(
        HttpOptions(attempts=1, read_timeout=10.0),
        egress=Egress(),
        proxies=ProxyRules(),
        trust=Trust(() if certificate is None else (certificate,)),
        clock=clock,
    )


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that only its owner reads."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        yield file


def _tail(path: Path) -> str:
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-8:])


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)
