"""Errors as responses: one body, one place where a type of error becomes a status."""

import logging
from typing import Any

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from appliance.api.error_codes import HTTP_CODES, status_of
from appliance.errors import ApplianceError, LimitExceeded, SourceThrottled
from appliance.operations.upgrades.maintenance import InMaintenance

log = logging.getLogger(__name__)


def documentation_of(code: str) -> str:
    """Where this appliance describes a code."""
    return f"{g.get('base_url', '')}/docs/errors#{code}"


def problem(
    code: str, kind: str, message: str, status: int, *, details: Any = None, retry_after: float | None = None
) -> Response:
    """The error response. `details` is plain data."""
    error = {
        "code": code,
        "type": kind,
        "message": message,
        "request_id": g.get("request_id"),
        "details": details or {},
        "documentation": documentation_of(code),
    }
    g.error_code, g.error_details = code, error["details"]
    response = Response(msgspec.json.encode({"error": error}), status=status, mimetype="application/json")
    if retry_after is not None:
        response.headers["Retry-After"] = whole_seconds(retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def whole_seconds(seconds: float) -> str:
    """For `Retry-After`: never too short, at least one."""
    return str(max(1, -int(-seconds // 1)))


def render(failure: ApplianceError) -> Response:
    status = status_of(failure)
    retry_after = None
    if isinstance(failure, LimitExceeded | SourceThrottled | InMaintenance):
        retry_after = failure.retry_after
    if status >= 500:
        log.warning("request %s: %s: %s", g.get("request_id"), failure.code, failure.message)
    return problem(
        failure.code, failure.type, failure.message, status, details=failure.details, retry_after=retry_after
    )


def install(app: Flask, page_of_error: Any) -> None:
    """Register the handlers. `page_of_error(status, title, message)` renders errors of the admin page."""

    def is_api() -> bool:
        return not request.path.startswith("/admin")

    @app.errorhandler(ApplianceError)
    def expected(failure: ApplianceError) -> Any:
        if is_api():
            return render(failure)
        return page_of_error(status_of(failure), failure.code, failure.message)

    @app.errorhandler(HTTPException)
    def refused(failure: HTTPException) -> Any:
        status = failure.code or 500
        if status < 400:
            return failure
        if not is_api():
            return page_of_error(status, str(failure.name), str(failure.description))
        code, kind = HTTP_CODES.get(status, ("INVALID_REQUEST", "validation"))
        response = problem(code, kind, str(failure.description), status)
        if isinstance(failure, MethodNotAllowed) and failure.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(failure.valid_methods))
        return response

    @app.errorhandler(Exception)
    def unexpected(failure: Exception) -> Any:
        request_id = g.get("request_id")
        log.error("request %s failed unexpectedly", request_id, exc_info=failure)
        message = f"An unexpected error on our side. Tell an administrator the request id {request_id}."
        if is_api():
            return problem("INTERNAL_ERROR", "internal", message, 500)
        return page_of_error(500, "INTERNAL_ERROR", message)
