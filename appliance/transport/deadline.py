"""Sockets that respect the total time of the request being served, not only the time between two bytes.

A server that drips one byte a second never runs into a read timeout and would hold a worker for hours.
"""

import math
import socket
import ssl
import threading
from typing import Any

from appliance.clock import Clock


class Deadline(threading.local):
    """When the request of the calling thread must be over, in monotonic seconds; one per client."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = math.inf

    def remaining(self) -> float:
        """Seconds left. Raises TimeoutError when there are none."""
        left = self.at - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the total time for the request is used up")
        return left


def _narrow(sock: socket.socket, deadline: Deadline) -> None:
    left = deadline.remaining()
    step = sock.gettimeout()
    if step is None or left < step:
        sock.settimeout(left)


class TimedSocket(socket.socket):
    deadline: Deadline | None = None

    def recv_into(self, *args: Any) -> int:
        if self.deadline is not None:
            _narrow(self, self.deadline)
        return super().recv_into(*args)


class TimedTlsSocket(ssl.SSLSocket):
    deadline: Deadline | None = None

    def recv(self, *args: Any) -> bytes:
        if self.deadline is not None:
            _narrow(self, self.deadline)
        return super().recv(*args)

    def recv_into(self, *args: Any) -> int:
        if self.deadline is not None:
            _narrow(self, self.deadline)
        return super().recv_into(*args)


def bind(sock: object, deadline: Deadline) -> None:
    """Let `sock` obey `deadline`; for TLS inside TLS its outer socket, which does the reading."""
    inner = getattr(sock, "socket", sock)
    if isinstance(inner, TimedSocket | TimedTlsSocket):
        inner.deadline = deadline
