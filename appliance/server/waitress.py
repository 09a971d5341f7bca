"""The other HTTP server, behind a proxy that ends TLS: waitress, with threads in one process."""

import signal
from collections.abc import Callable
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer, create_server
from waitress.task import ErrorTask

from appliance.clock import Clock
from appliance.server.refusals import refusal
from appliance.settings import Settings

# As gunicorn has them.
STOP_SECONDS = 8.0
HEADER_BYTES = 64 * 1024
# A proxy keeps its connections; the usual one for 60 seconds.
IDLE_SECONDS = 75
CONNECTIONS = 1000
# Besides the document itself, what a form has around it.
AROUND_BYTES = 1024 * 1024


class _Refusal(ErrorTask):  # type: ignore[misc]
    """In place of a page that names the server."""

    def execute(self) -> None:
        error = self.request.error
        headers, body = refusal(error.code, error.reason, str(error.body))
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend(headers)
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _Refusal


class WebServer:
    """One process; the threads are the server's own."""

    def __init__(self, settings: Settings, make_app: Callable[[], Flask], clock: Clock) -> None:
        self._settings = settings
        self._make_app = make_app
        self._clock = clock
        self._ends = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; what is being answered then is answered to its end, for some seconds."""
        settings = self._settings
        sockets: dict[int, Any] = {}
        create_server(
            self._make_app(),
            map=sockets,
            listen=" ".join(
                str(one) for one in (settings.listen, settings.metrics_listen) if one is not None
            ),
            threads=settings.web_threads,
            # What answers is nobody's business.
            ident="appliance",
            # TLS ends in the proxy. Whom its headers are believed from is decided in the application.
            url_scheme="https",
            clear_untrusted_proxy_headers=False,
            max_request_header_size=HEADER_BYTES,
            max_request_body_size=settings.documents_max_bytes + AROUND_BYTES,
            channel_timeout=IDLE_SECONDS,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=hasattr(wasyncore.select, "poll"),
        )
        listeners = [one for one in sockets.values() if isinstance(one, BaseWSGIServer)]
        for listener in listeners:
            listener.channel_class = _Channel

        def end(number: int, frame: object) -> None:
            self._ends = True
            listeners[0].pull_trigger()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        while not self._ends:
            _work(sockets, 1.0)
        for listener in listeners:
            # The socket alone: threads wake this one through the rest of it.
            wasyncore.dispatcher.close(listener)
        last = self._clock.monotonic() + STOP_SECONDS
        while _answering(listeners) and self._clock.monotonic() < last:
            _work(sockets, 0.1)
        listeners[0].task_dispatcher.shutdown(timeout=0.1)


def _work(sockets: dict[int, Any], seconds: float) -> None:
    wasyncore.loop(timeout=seconds, use_poll=hasattr(wasyncore.select, "poll"), map=sockets, count=1)


def _answering(listeners: list[Any]) -> bool:
    return any(
        channel.requests or channel.total_outbufs_len
        for listener in listeners
        for channel in list(listener.active_channels.values())
    )
