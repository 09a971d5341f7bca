"""The web application: API and admin page in one, with what every request has."""

import logging
import re
import secrets
import time
from pathlib import Path

from flask import Flask, Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from appliance import log_context
from appliance.admin import pages
from appliance.api import link, operating, problems, reference, system
from appliance.api.connection import (
    health,
    hooks,
    mapping,
    passthrough,
    push,
    quarantine,
    removals,
    schedules,
    synchronizing,
    webhooks,
)
from appliance.api.gate import Gate
from appliance.api.recording import Recorder
from appliance.api.records import capabilities, changes, raw, unified, writing
from appliance.api.records.documents import ApplianceRequest
from appliance.app import Appliance
from appliance.audit.redaction import shown_path
from appliance.server.routing import Route

log = logging.getLogger("appliance.access")

LARGEST_REQUEST = 2 * 1024 * 1024
API_VERSION = "v1"
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,80}")

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Application(Flask):
    request_class = ApplianceRequest
    url_rule_class = Route


def create_app(appliance: Appliance) -> Flask:
    app = Application(
        "appliance", root_path=str(Path(pages.__file__).parent), static_url_path="/admin/static"
    )
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_REQUEST, MAX_FORM_MEMORY_SIZE=LARGEST_REQUEST)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(unified.blueprint(appliance))
    app.register_blueprint(writing.blueprint(appliance))
    app.register_blueprint(mapping.blueprint(appliance))
    app.register_blueprint(passthrough.blueprint(appliance))
    app.register_blueprint(quarantine.blueprint(appliance))
    app.register_blueprint(changes.blueprint(appliance))
    app.register_blueprint(raw.blueprint(appliance))
    app.register_blueprint(capabilities.blueprint(appliance))
    app.register_blueprint(system.blueprint(appliance))
    app.register_blueprint(synchronizing.blueprint(appliance))
    app.register_blueprint(removals.blueprint(appliance))
    app.register_blueprint(webhooks.blueprint(appliance))
    app.register_blueprint(health.blueprint(appliance))
    app.register_blueprint(push.blueprint(appliance))
    app.register_blueprint(hooks.blueprint(appliance))
    app.register_blueprint(schedules.blueprint(appliance))
    app.register_blueprint(link.blueprint(appliance))
    app.register_blueprint(reference.blueprint(appliance))
    app.register_blueprint(pages.blueprint(appliance))
    problems.install(app, pages.error_page)

    @app.get("/")
    def front() -> AnyResponse:
        return redirect("/admin/")

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(8)}"
        g.started = time.perf_counter()
        log_context.begin("request_id", g.request_id)
        g.base_url = (appliance.settings.public_url or request.host_url).rstrip("/")

    # After the beginning: what it turns away has a request id, too.
    app.register_blueprint(operating.blueprint(appliance))

    @app.teardown_request
    def end(failure: BaseException | None) -> None:
        log_context.end()

    # In this order: what the gate refuses is logged, too.
    Recorder(appliance.request_log, appliance.clock).install(app)
    Gate(appliance).install(app)

    @app.after_request
    def finish(response: Response) -> Response:
        headers = response.headers
        headers["X-Request-Id"] = g.get("request_id", "")
        headers["X-API-Version"] = API_VERSION
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Content-Security-Policy"] = _CONTENT_SECURITY_POLICY
        headers["Strict-Transport-Security"] = "max-age=31536000"
        if not request.path.startswith("/admin/static/"):
            headers["Cache-Control"] = "no-store"
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        if request.path.startswith("/api/"):
            appliance.tally.add("api_responses", f"{response.status_code // 100}xx")
            appliance.tally.timed("api_seconds", seconds)
        log.log(
            # Asked every few seconds, by the service itself too.
            logging.DEBUG if request.path == "/healthz" else logging.INFO,
            "%s %s %d %.1f ms %s",
            request.method,
            shown_path(request.path),
            response.status_code,
            seconds * 1000,
            g.get("request_id", ""),
        )
        return response

    return app
