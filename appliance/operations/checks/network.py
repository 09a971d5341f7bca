"""Checks of the way out: the names of sources, and the proxy. Without a network they end after some seconds."""

import threading
from collections.abc import Callable, Iterator, Sequence

from appliance.clock import Clock
from appliance.errors import ApplianceError
from appliance.operations.checks import Finding

MOST_NAMES = 20
# A resolver without a network may take half a minute to give up.
PATIENCE_SECONDS = 8.0


def proxy(answers: Callable[[], str | None]) -> Iterator[Finding]:
    """`answers` says that the proxy does, None where there is none. Raises ApplianceError."""
    said = answers()
    yield Finding("ok", said or "No proxy is set.")


def names(hosts: Sequence[str], resolve: Callable[[str], object], clock: Clock) -> Iterator[Finding]:
    """Whether the hosts of sources can be resolved, MOST_NAMES at most, all at once."""
    outcomes: dict[str, str | None] = {}

    def ask(host: str) -> None:
        try:
            resolve(host)
        except ApplianceError as failure:
            outcomes[host] = failure.message
        else:
            outcomes[host] = None

    asked = list(hosts[:MOST_NAMES])
    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in asked]
    for thread in threads:
        thread.start()
    deadline = clock.monotonic() + PATIENCE_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - clock.monotonic()))
    wrong = 0
    for host in asked:
        said = outcomes.get(host, f"The resolver does not answer for {host}.")
        if said is not None:
            wrong += 1
            yield Finding("warn", said, f"getent hosts {host}; cat /etc/resolv.conf")
    if not wrong:
        yield Finding("ok", f"The names of {len(asked)} sources are known.")
