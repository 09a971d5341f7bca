"""Log lines to a syslog server: RFC 5424 over UDP, TCP or TLS, without ever holding up who logs.

Lines wait in a queue of MOST_WAITING; while the server is away the oldest are dropped, and how many is said when it
answers again. Over TCP and TLS each message is preceded by its length (RFC 6587, RFC 5425).
"""

import os
import socket
import threading
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from appliance.clock import Clock
from appliance.errors import PermissionDenied, SourceError
from appliance.transport.egress import Egress
from appliance.transport.stages import dial, resolve
from appliance.transport.trust import Trust

MOST_WAITING = 10_000
# What a receiver has to take by RFC 5424 is 2048; over UDP more would be cut in pieces.
LARGEST_DATAGRAM = 2048
LARGEST_MESSAGE = 32_768
CONNECT_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 60.0
FLUSH_SECONDS = 1.0
FACILITY_DAEMON = 3
PORTS = {"udp": 514, "tcp": 601, "tls": 6514}


@dataclass(frozen=True, slots=True)
class Line:
    """`severity` is 0 (emergency) to 7 (debug); `at` seconds since 1970; `about` such as ("run_id", "run_5f…")."""

    severity: int
    at: float
    logger: str
    text: str
    about: tuple[str, str] | None = None


def message(line: Line, host: str, process: int, largest: int = LARGEST_MESSAGE) -> bytes:
    """A line as RFC 5424 writes it."""
    moment = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # 32473 is the enterprise number that RFC 5612 sets aside for such use.
    data = f'[appliance@32473 {line.about[0]}="{_escaped(line.about[1])}"]' if line.about else "-"
    logger = "".join(c for c in line.logger if "!" <= c <= "~")[:32] or "-"
    head = f"<{FACILITY_DAEMON * 8 + line.severity}>1 {moment} {host} appliance {process} {logger} {data} "
    text = "\\n".join(line.text.splitlines())
    content = head.encode() + b"\xef\xbb\xbf" + text.encode("utf-8", "replace")
    # Not in the middle of a letter.
    return content if len(content) <= largest else content[:largest].decode("utf-8", "ignore").encode()


class SyslogSender:
    """`url` such as `tls://siem.plant.example:6514`. One thread a process, begun with the first line."""

    def __init__(self, url: str, egress: Egress, trust: Trust, clock: Clock) -> None:
        parts = urlsplit(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or ""
        self._port = parts.port or PORTS[parts.scheme]
        self._egress = egress
        self._trust = trust
        self._clock = clock
        self._name = "".join(c for c in socket.gethostname() if "!" <= c <= "~")[:255] or "-"
        self._begin()

    def _begin(self) -> None:
        self._process = os.getpid()
        self._waiting: deque[Line] = deque(maxlen=MOST_WAITING)
        self._dropped = 0
        self._wake = threading.Condition()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def put(self, line: Line) -> None:
        """Let a line wait to be sent."""
        if os.getpid() != self._process:
            # After a fork the thread is not here, and the stream belongs to the parent.
            self._begin()
        with self._wake:
            self._dropped += len(self._waiting) == MOST_WAITING
            self._waiting.append(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="syslog", daemon=True)
                self._thread.start()
            self._wake.notify()

    def flush(self) -> None:
        """Wait until everything is sent, FLUSH_SECONDS at most."""
        end = self._clock.monotonic() + FLUSH_SECONDS
        with self._wake:
            while self._thread is not None and self._waiting and self._clock.monotonic() < end:
                self._wake.wait(0.05)

    def _work(self) -> None:
        failures = 0
        idle = threading.Event()
        while True:
            with self._wake:
                while not self._waiting:
                    self._wake.wait()
                line = self._waiting[0]
            try:
                self._send(line)
            except (OSError, SourceError, PermissionDenied):
                self._close()
                failures += 1
                self._clock.wait(idle, min(LONGEST_PAUSE_SECONDS, 2.0 ** min(failures, 6) / 2))
                continue
            failures = 0
            with self._wake:
                # It may have been dropped meanwhile.
                if self._waiting and self._waiting[0] is line:
                    self._waiting.popleft()
                self._tell_dropped(line)
                self._wake.notify_all()

    def _tell_dropped(self, after: Line) -> None:
        if self._dropped:
            text = f"{self._dropped} lines were dropped while this receiver was away"
            self._dropped = 0
            self._waiting.appendleft(Line(4, after.at, __name__, text))

    def _send(self, line: Line) -> None:
        """Raises OSError, SourceUnreachable, EgressRefused."""
        largest = LARGEST_DATAGRAM if self._scheme == "udp" else LARGEST_MESSAGE
        content = message(line, self._name, self._process, largest)
        if self._socket is None:
            self._socket = self._open()
        if self._scheme == "udp":
            self._socket.send(content)
        else:
            self._socket.sendall(b"%d %s" % (len(content), content))

    def _open(self) -> socket.socket:
        if self._scheme == "udp":
            address = resolve(self._host)[0]
            self._egress.check(self._host, address)
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect((address, self._port))
            return sock
        stream: socket.socket = dial(self._host, self._port, self._egress, CONNECT_SECONDS)
        if self._scheme == "tls":
            try:
                stream = self._trust.client().context.wrap_socket(stream, server_hostname=self._host)
            except BaseException:
                stream.close()
                raise
        return stream

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
