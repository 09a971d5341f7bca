"""Messages to systemd, for a unit of Type=notify (sd_notify(3)): a datagram to the socket that it names."""

import os
import socket
from collections.abc import MutableMapping

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"


class ServiceManager:
    """Takes the socket's name out of `environ`: the children of this process have nothing to tell."""

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._address = environ.pop(SOCKET_VARIABLE, "").replace("@", "\0", 1)
        self.watchdog_seconds = int(environ.pop(WATCHDOG_VARIABLE, "0")) / 1_000_000
        """How long it waits for a sign of life; 0: it does not."""

    @property
    def listens(self) -> bool:
        return bool(self._address)

    def tell(self, state: str) -> None:
        """Such as `READY=1`. Nobody there, or no room in the socket, is no error: the next message counts."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(state.encode(), self._address)
            except OSError:
                pass
