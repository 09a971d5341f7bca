"""The HTTPS server on Linux: gunicorn run from the program, one worker with threads."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.http import wsgi

from appliance.server.refusals import refusal
from appliance.server.tls import server_context
from appliance.settings import Settings


class WebServer(BaseApplication):  # type: ignore[misc]
    """`make_app` runs in the worker, after the fork: an SQLite connection must not cross one."""

    def __init__(
        self, settings: Settings, certificate: tuple[Path, Path] | None, make_app: Callable[[], Flask]
    ) -> None:
        self._settings = settings
        self._certificate = certificate
        self._make_app = make_app
        super().__init__()

    def load_config(self) -> None:
        settings = self._settings
        values: dict[str, Any] = {
            "bind": [
                f"{one.host}:{one.port}"
                for one in (settings.listen, settings.metrics_listen)
                if one is not None
            ],
            "workers": 1,
            "worker_class": "gthread",
            "threads": settings.web_threads,
            "timeout": 120,
            "graceful_timeout": 8,
            "keepalive": 15,
            "control_socket_disable": True,
            "preload_app": False,
            "proc_name": "appliance-web",
            "loglevel": "warning",
            "limit_request_line": 8190,
        }
        if Path("/dev/shm").is_dir():  # noqa: S108 - gunicorn's heartbeat file, emptied at once
            values["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        if self._certificate is not None:
            certificate, key = self._certificate
            values["certfile"], values["keyfile"] = str(certificate), str(key)

            def ssl_context(config: Any, default: Any) -> ssl.SSLContext:
                return server_context(certificate, key)

            values["ssl_context"] = ssl_context
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        # What answers is nobody's business; gunicorn has no setting for the header `Server`.
        wsgi.SERVER = "appliance"
        util.write_error = _write_refusal
        return self._make_app()


def _write_refusal(connection: Any, status: int, reason: str, message: str) -> None:
    headers, body = refusal(status, reason, message)
    lines = [
        f"HTTP/1.1 {status} {reason}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers),
    ]
    util.write_nonblock(connection, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)
