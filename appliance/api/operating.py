"""For monitoring and load balancers: /healthz, /readyz and /metrics."""

import hmac
import ipaddress

from flask import Blueprint, Response, g, jsonify, request

from appliance.app import Appliance
from appliance.errors import AuthenticationFailed, NotFound
from appliance.operations.exposition import CONTENT_TYPE


def blueprint(appliance: Appliance) -> Blueprint:
    found = Blueprint("operating", __name__)
    settings, readiness = appliance.settings, appliance.readiness

    @found.before_app_request
    def keep_to_metrics() -> None:
        """On the address for metrics there is nothing else. Raises NotFound."""
        if _is_metrics_address(appliance) and request.path != "/metrics":
            raise NotFound("This address is for /metrics only.")

    @found.get("/healthz")
    def healthz() -> Response:
        return Response('{"status":"ok"}\n', mimetype="application/json")

    @found.get("/readyz")
    def readyz() -> tuple[Response, int]:
        checks = readiness.checks()
        passed = all(check.passed for check in checks)
        body: dict[str, object] = {"status": "ready" if passed else "not_ready"}
        if _may_see_details(appliance):
            body["checks"] = {
                check.name: {"status": "ok" if check.passed else "failing", "message": check.message}
                for check in checks
            }
        return jsonify(body), 200 if passed else 503

    @found.get("/metrics")
    def metrics() -> Response:
        token = settings.metrics_token
        if token is None and not _is_metrics_address(appliance):
            raise NotFound("Metrics are off. Set metrics.token or metrics.listen in the settings.")
        if token is not None:
            given = request.headers.get("Authorization", "").partition(" ")[2]
            if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
                raise AuthenticationFailed("Send the header `Authorization: Bearer …` with metrics.token.")
        return Response(appliance.metrics.text(), content_type=CONTENT_TYPE)

    return found


def _is_metrics_address(appliance: Appliance) -> bool:
    listen = appliance.settings.metrics_listen
    # What the server itself says of the socket; the header Host says something else.
    return listen is not None and request.environ.get("SERVER_PORT") == str(listen.port)


def _may_see_details(appliance: Appliance) -> bool:
    """From this machine itself, or with an account key."""
    header = request.headers.get("Authorization", "")
    if header:
        try:
            appliance.api_keys.authenticate(header.partition(" ")[2].strip())
        except AuthenticationFailed:
            return False
        return True
    # Behind a proxy that nobody has named in trusted_proxies everybody seems to be on this machine.
    if "X-Forwarded-For" in request.headers and not appliance.settings.trusted_proxies:
        return False
    try:
        return ipaddress.ip_address(g.get("address") or "").is_loopback
    except ValueError:
        return False
