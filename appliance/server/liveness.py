"""Whether web and engine work, as seen from outside of them, and telling it to the service manager."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from appliance.clock import Clock
from appliance.server.notify import ServiceManager
from appliance.settings import Settings

ANSWER_SECONDS = 5.0
# A tick of the engine may wait for the database, whose lock another process holds for some seconds.
ENGINE_SILENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 10.0
_QUESTION = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - what to ask instead


def web_answers(settings: Settings) -> bool:
    """Whether a request to our own address gets an answer of HTTP, whatever it says, within 5 seconds."""
    host = _EVERY_ADDRESS.get(settings.listen.host, settings.listen.host)
    try:
        with socket.create_connection((host, settings.listen.port), ANSWER_SECONDS) as plain:
            if settings.tls_mode == "proxy":
                return _asked(plain)
            context = ssl.create_default_context()
            # It is this machine; whether others trust the certificate is not the question.
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with context.wrap_socket(plain) as encrypted:
                return _asked(encrypted)
    except OSError:
        return False


def _asked(connection: socket.socket) -> bool:
    connection.sendall(_QUESTION)
    return connection.recv(16).startswith(b"HTTP/1.")


class EngineBeat:
    """The engine works while the time on its lock file changes. Its value does not matter: a clock may jump."""

    def __init__(self, lock: Path, clock: Clock) -> None:
        self._lock = lock
        self._clock = clock
        self._seen = self._stamp()
        self._changed: float | None = None

    def works(self) -> bool:
        """True when it has changed since this object was made, and did so within the last 60 seconds."""
        stamp, now = self._stamp(), self._clock.monotonic()
        if stamp != self._seen:
            self._seen, self._changed = stamp, now
        return self._changed is not None and now - self._changed < ENGINE_SILENCE_SECONDS

    def _stamp(self) -> int:
        try:
            return self._lock.stat().st_mtime_ns
        except OSError:
            return 0


class LifeSigns:
    """Tells the service manager that the service is ready once, and that it lives as long as every check holds."""

    def __init__(self, manager: ServiceManager, clock: Clock, checks: dict[str, Callable[[], bool]]) -> None:
        self._manager = manager
        self._clock = clock
        self._checks = checks

    def give(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        self._manager.tell("STATUS=Starting")
        pause, ready, said = LOOK_SECONDS, False, ""
        while not self._clock.wait(stop, pause):
            silent = [name for name, holds in self._checks.items() if not holds()]
            if not silent and not ready:
                ready = True
                pause = min(LONGEST_LOOK_SECONDS, (self._manager.watchdog_seconds or 40.0) / 4)
                self._manager.tell("READY=1\nWATCHDOG=1")
            elif not silent:
                self._manager.tell("WATCHDOG=1")
            status = f"STATUS=Waiting for {' and '.join(silent)}" if silent else "STATUS=Web and engine work"
            if status != said:
                self._manager.tell(status)
                said = status
        self._manager.tell("STOPPING=1\nSTATUS=Stopping")
