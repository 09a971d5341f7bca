"""Hands every request of the API to the request log, after it was answered."""

import time

from flask import Flask, Request, Response, g, request
from werkzeug.datastructures import Headers

from appliance.audit.request_log import Body, Entry, RequestLog
from appliance.clock import Clock

REQUEST_HEADERS = (
    *(
        "Accept",
        "Accept-Encoding",
        "Content-Type",
        "Content-Length",
        "If-None-Match",
        "Idempotency-Key",
        "Origin",
    ),
    *("Prefer", "User-Agent", "X-Connection-Id"),
)
RESPONSE_HEADERS = (
    *("Content-Type", "Content-Encoding", "Content-Length", "ETag", "Location", "Retry-After"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-Sandbox", "X-Write-Id", "Idempotency-Replayed"),
)
"""All others are left out, whatever they hold."""

LONGEST_HEADER = 500
_KEPT_TYPES = ("application/json", "application/x-www-form-urlencoded", "")


class Recorder:
    def __init__(self, requests: RequestLog, clock: Clock) -> None:
        self._log = requests
        self._clock = clock

    def install(self, app: Flask) -> None:
        app.before_request(self.keep_body)
        app.after_request(self.record)

    def keep_body(self) -> None:
        """Read a small body once, so that it is still there when it is logged."""
        if (
            _is_recorded(request)
            and not _is_delivery(request)
            and 0 < (request.content_length or 0) <= self._log.body_bytes
        ):
            request.get_data(cache=True)

    def record(self, response: Response) -> Response:
        request_id = g.get("request_id", "")
        if _is_recorded(request) and self._log.wants(request.method, response.status_code, request_id):
            self._log.add(self._entry(request_id, response))
        return response

    def _entry(self, request_id: str, response: Response) -> Entry:
        caller = g.get("caller")
        milliseconds = (time.perf_counter() - g.get("started", time.perf_counter())) * 1000
        size = response.calculate_content_length() or 0
        kept = (
            not _is_delivery(request)
            and not response.is_streamed
            and not response.direct_passthrough
            and size <= self._log.body_bytes
            and response.headers.get("Content-Encoding", "gzip") == "gzip"
        )
        return Entry(
            request_id=request_id,
            at=self._clock.now_ms() - round(milliseconds),
            method=request.method,
            path=request.path,
            query="" if _is_delivery(request) else request.query_string.decode("utf-8", "replace"),
            status=response.status_code,
            milliseconds=milliseconds,
            error_code=g.get("error_code"),
            caller=None if caller is None else f"{caller.kind} {caller.id}",
            connection_id=g.get("connection_id"),
            address=g.get("address"),
            request=Body(
                _headers(request.headers, REQUEST_HEADERS),
                request.mimetype,
                request.content_length or 0,
                self._sent(),
            ),
            response=Body(
                _headers(response.headers, RESPONSE_HEADERS),
                response.mimetype or "",
                size,
                response.get_data() if kept else None,
                gzipped="Content-Encoding" in response.headers,
            ),
        )

    def _sent(self) -> bytes | None:
        small = 0 < (request.content_length or 0) <= self._log.body_bytes
        if not small or request.mimetype not in _KEPT_TYPES or _is_delivery(request):
            return None
        return request.get_data(cache=True)


def _is_recorded(request: Request) -> bool:
    return request.path.startswith(("/api/", "/link/", "/hooks/")) or request.path == "/sync-status"


def _is_delivery(request: Request) -> bool:
    """Of a delivery of a source only the fact is kept: its query and its body hold what the source keeps secret."""
    return request.path.startswith("/hooks/")


def _headers(headers: Headers, names: tuple[str, ...]) -> dict[str, str]:
    return {name: headers[name][:LONGEST_HEADER] for name in names if name in headers}
