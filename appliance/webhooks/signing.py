"""Signatures over the exact bytes that are sent, in two ways at once.

Standard Webhooks: `webhook-signature` holds `v1,` and the base64 of an HMAC-SHA256 over `id.timestamp.body`, keyed
with the bytes that the secret spells in base64; during a rotation one for each secret. `X-Webhook-Signature` is the
base64 of an HMAC-SHA256 over the body alone, keyed with the text of the secret as it was shown; during a rotation it
is that of the former secret, which receivers still hold, and `X-Webhook-Signature-Next` that of the new one.
"""

import base64
import hmac
import secrets
from typing import NamedTuple

PREFIX = "whsec_"


class Secrets(NamedTuple):
    """`former` only while a rotation lasts."""

    current: str
    former: str | None = None


def new_secret() -> str:
    """A new secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def hint_of(secret: str) -> str:
    """What may be shown of a secret later on."""
    return f"{PREFIX}…{secret[-5:].rstrip('=')}"


def headers(event_id: str, at_ms: int, body: bytes, held: Secrets) -> dict[str, str]:
    """The headers of a delivery that is sent at `at_ms`, milliseconds since 1970."""
    seconds = str(at_ms // 1000)
    known = [held.current] if held.former is None else [held.former, held.current]
    signed = b".".join((event_id.encode(), seconds.encode(), body))
    found = {
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_base64(_decoded(one), signed)}" for one in known),
        "X-Webhook-Id": event_id,
        "X-Webhook-Timestamp": seconds,
        "X-Webhook-Signature": _base64(known[0].encode(), body),
    }
    if held.former is not None:
        found["X-Webhook-Signature-Next"] = _base64(held.current.encode(), body)
    return found


def _decoded(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))


def _base64(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode()
