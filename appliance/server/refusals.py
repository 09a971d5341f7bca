"""What a request gets that is none: the server refuses it before the application sees it, in the same words."""

import logging
import secrets
from typing import Any

import msgspec

from appliance.audit.redaction import redact_text

log = logging.getLogger(__name__)

_TOO_LARGE = (413, 414, 431)


def refusal(status: int, reason: str, message: str) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body in place of the server's own page. `message` may hold what was sent: it is only logged."""
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
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("X-Request-Id", request_id),
        ("X-API-Version", "v1"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return headers, body
