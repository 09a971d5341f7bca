"""Webhooks as the real systems send them: what they sign, and how; from their published sources and descriptions.

Written apart from the product: nothing of its verifier is used, so that a fault there shows.
"""

import base64
import hashlib
import hmac
import json
from typing import Any, NamedTuple


class Sent(NamedTuple):
    """What a system posts; `query` is what its administrator wrote behind the address."""

    body: bytes
    headers: dict[str, str]
    query: str = ""


def maintainx(event: str, secret: str, now_ms: int, **members: Any) -> Sent:
    """One subscription for each type of event; the signature covers the time and the body, and another the address."""
    body = json.dumps({"orgId": 12, "occurredAt": "2026-01-05T08:00:00.000Z", **members}).encode()
    stamp = str(now_ms // 1000)
    signature = _hmac(secret.encode(), stamp.encode() + b"." + body).hex()
    header = f"t={stamp},v1={signature}"
    return Sent(
        body,
        {
            "Content-Type": "application/json",
            "x-maintainx-webhook-body-signature": header,
            "x-maintainx-webhook-uri-signature": f"t={stamp},v1={'0' * 64}",
        },
        f"event={event}",
    )


def limble(category: str, status: str, secret: str, now_ms: int, **members: int) -> Sent:
    """The hexadecimal SHA-256 of the API key signs the time and a random text; the body is not covered."""
    stamp, token = str(now_ms // 1000), "9f86d081884c7d65"
    key = hashlib.sha256(secret.encode()).hexdigest().encode()
    body = {**members, "status": status, "category": category, "user": "bob@plant.example"}
    return Sent(
        json.dumps(body).encode(),
        {
            "Content-Type": "application/json",
            "timestamp": stamp,
            "token": token,
            "signature": _hmac(key, f"{stamp}{token}".encode()).hex(),
        },
    )


def atlas(event: str, secret: str, now_ms: int, **members: Any) -> Sent:
    """The body alone is signed; the time in milliseconds stands beside it."""
    body = json.dumps({**members, "companyId": 1, "occurredAt": now_ms}, separators=(",", ":")).encode()
    return Sent(
        body,
        {
            "Content-Type": "application/json",
            "X-Webhook-Signature": _hmac(secret.encode(), body).hex(),
            "X-Webhook-Timestamp": str(now_ms),
            "X-Webhook-Id": "0b9c3c5e-0000-4000-8000-000000000001",
            "X-Webhook-Event": event,
        },
    )


def frappe(doctype: str, name: str, event: str, secret: str) -> Sent:
    """The JSON as `json.dumps` writes it, signed in Base64; no content type unless the administrator adds one."""
    body = json.dumps({"doctype": doctype, "name": name, "event": event}).encode()
    signature = base64.b64encode(_hmac(secret.encode(), body)).decode()
    return Sent(body, {"X-Frappe-Webhook-Signature": signature})


def business_central(company: str, resource: str, change: str, client_state: str) -> Sent:
    """Notifications are gathered and not signed; each repeats the client state of its subscription."""
    one = {
        "subscriptionId": "s1",
        "clientState": client_state,
        "expirationDateTime": "2026-01-08T07:52:31Z",
        "resource": f"api/v2.0/companies({company})/{resource}",
        "changeType": change,
        "lastModifiedDateTime": "2026-01-05T07:52:01Z",
    }
    return Sent(json.dumps({"value": [one]}).encode(), {"Content-Type": "application/json"})


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()
