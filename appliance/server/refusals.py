"""What a request gets that is none: the server refuses it before the application sees it, in the same words."""

import logging
import secrets
from typing import Any

import msgspec
from gunicorn import util

from appliance.audit.redaction import redact_text

log = logging.getLogger(__name__)

_TOO_LARGE = (413, 414, 431)


def write_refusal(connection: Any, status: int, reason: str, message: str) -> None:
    """Answer on the raw connection, in place of the server's own HTML. `message` holds what was sent: only logged."""
    request_id = f"req_{secrets.token_hex(8)}"
    log.warning("request %s refused by the server: %d %s", request_id, status, reason)
    log.debug("request %s: %r", request_id, redact_text(message[:200]))
    code = (
        "INTERNAL_ERROR"
        if status == 500
        else "REQUEST_TOO_LARGE"
        if status in _TOO_LARGE
        else "INVALID_REQUEST"
    )
    error: dict[str, Any] = {
        "code": code,
        "type": "internal" if status == 500 else "validation",
        "message": f"{reason}. The request cannot be understood as HTTP.",
        "request_id": request_id,
        "details": {},
        "documentation": f"/docs/errors#{code}",
    }
    body = msgspec.json.encode({"error": error})
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-Id: {request_id}\r\nX-API-Version: v1\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
    )
    util.write_nonblock(connection, head.encode("latin-1") + body)
