"""Headers that hold for a while: got at first need, renewed when they age or the source refuses them.

One renewal at a time: threads that find the headers stale wait for the one that renews them, and share its
failure, since each attempt with a wrong password brings the user nearer to being locked there. A request is
repeated at most once.
"""

import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.clock import Clock
from appliance.errors import SourceCredentialsRejected
from appliance.runtime.auth.flow import Flow, with_headers
from appliance.runtime.definition import ErrorRule
from appliance.runtime.errors import matching
from appliance.transport.http import Request, Response


@dataclass(frozen=True, slots=True)
class Grant:
    """What a renewal brought: headers of later requests, good for `seconds` (None: until they are refused).

    `login` are the values behind the headers, for a request that ends the session.
    """

    headers: Mapping[str, str]
    seconds: float | None
    login: Mapping[str, Any] = field(default_factory=dict)


Renew = Callable[[], Generator[Request, Response, Grant]]


class RenewedHeaders:
    def __init__(
        self, renew: Renew, clock: Clock, *, expired: Collection[int], rules: Sequence[ErrorRule]
    ) -> None:
        """`expired`: statuses that mean the headers are no longer good, as do rules with `then: reauthorize`."""
        self._renew = renew
        self._clock = clock
        self._expired = frozenset(expired)
        self._rules = rules
        self._one_renewal = threading.Lock()
        self._held: Grant | None = None
        self._until: float | None = None
        self._rejections: list[SourceCredentialsRejected] = []

    def flow(self, request: Request) -> Flow:
        grant = yield from self._current(stale=None)
        response = yield with_headers(request, grant.headers)
        if self._means_expired(response):
            grant = yield from self._current(stale=grant)
            response = yield with_headers(request, grant.headers)
        return response

    def release(self) -> Grant | None:
        """Forget what is held, and return it, so that it can be ended at the source."""
        with self._one_renewal:
            held, self._held = self._held, None
            return held

    def _means_expired(self, response: Response) -> bool:
        if response.status in self._expired:
            return True
        rule = matching(self._rules, response)
        return rule is not None and rule.then == "reauthorize"

    def _current(self, stale: Grant | None) -> Generator[Request, Response, Grant]:
        """A good grant. `stale` is one the source just refused; another thread may have replaced it already."""
        known = len(self._rejections)
        with self._one_renewal:
            held = self._held
            if held is not None and held is not stale and not self._aged():
                return held
            for rejected in self._rejections[known:]:
                raise SourceCredentialsRejected(rejected.message, details=rejected.details)
            self._held = None
            try:
                held = yield from self._renew()
            except SourceCredentialsRejected as rejected:
                self._rejections.append(rejected)
                raise
            self._held = held
            self._until = None if held.seconds is None else self._clock.monotonic() + held.seconds
            return held

    def _aged(self) -> bool:
        return self._until is not None and self._clock.monotonic() >= self._until
