"""Requests of tests, and many of them at once."""

import threading
from collections.abc import Callable

from appliance.errors import ApplianceError
from appliance.runtime.source import Source
from appliance.transport.http import Request, Response


def get(source: Source, path: str = "/vendors") -> Response:
    return source.send(Request("GET", source.base_url + path, safe=True))


def post(source: Source, path: str = "/vendors", body: bytes = b"{}") -> Response:
    return source.send(Request("POST", source.base_url + path, body=body))


def at_once(count: int, ask: Callable[[], Response]) -> list[Response | ApplianceError]:
    """What `count` threads got that ask at the same moment."""
    found: list[Response | ApplianceError] = []
    start = threading.Barrier(count)

    def run() -> None:
        start.wait()
        try:
            found.append(ask())
        except ApplianceError as failure:
            found.append(failure)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return found
