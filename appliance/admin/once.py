"""Forms that may be sent once: a reloaded answer, or a second click, does not do it again."""

import secrets
import threading
from collections import OrderedDict

KEPT = 5_000
FIELD = "ticket"


class Tickets:
    """Tickets of forms that were shown and not yet sent. Kept in this process: after a restart they are void."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def issue(self) -> str:
        ticket = secrets.token_urlsafe(16)
        with self._lock:
            self._open[ticket] = None
            while len(self._open) > KEPT:
                self._open.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> bool:
        """True the first time, False for one that was used or never issued."""
        with self._lock:
            return self._open.pop(ticket, self) is not self
