"""Requests signed with HMAC-SHA256 by OAuth 1.0a (RFC 5849)."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, urlsplit

from appliance.clock import Clock, new_secret
from appliance.runtime.auth.flow import Flow, SignOff, nothing_to_sign_off
from appliance.transport.http import Request


@dataclass(frozen=True, slots=True)
class Tokens:
    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str
    realm: str = ""


class OAuth1Authenticator:
    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    def flow(self, request: Request) -> Flow:
        form = _form(request)

        # The transport signs each attempt anew: a nonce seen before is refused.
        def sign(method: str, url: str) -> Mapping[str, str]:
            seconds = self._clock.now_ms() // 1000
            nonce = new_secret("n").removeprefix("n_")
            return {"Authorization": authorization(self._tokens, method, url, form, seconds, nonce)}

        return (yield replace(request, sign=sign))

    def sign_off(self) -> SignOff:
        return nothing_to_sign_off()


def authorization(
    tokens: Tokens, method: str, url: str, form: Iterable[tuple[str, str]], seconds: int, nonce: str
) -> str:
    """The Authorization header. `form`: the decoded pairs of a form-encoded body, which are signed too."""
    protocol = {
        "oauth_consumer_key": tokens.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(seconds),
        "oauth_token": tokens.token,
        "oauth_version": "1.0",
    }
    base = base_string(method, url, [*protocol.items(), *form])
    key = f"{_escape(tokens.consumer_secret)}&{_escape(tokens.token_secret)}"
    digest = hmac.digest(key.encode(), base.encode(), hashlib.sha256)
    protocol["oauth_signature"] = base64.b64encode(digest).decode("ascii")
    pairs = {"realm": tokens.realm, **protocol} if tokens.realm else protocol
    return "OAuth " + ", ".join(f'{name}="{_escape(value)}"' for name, value in pairs.items())


def base_string(method: str, url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The text that is signed (RFC 5849, 3.4.1). `pairs` join those of the query of `url`."""
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port not in (None, default):
        host = f"{host}:{parts.port}"
    address = f"{parts.scheme.lower()}://{host}{parts.path or '/'}"
    query = parse_qsl(parts.query, keep_blank_values=True)
    escaped = sorted((_escape(name), _escape(value)) for name, value in [*query, *pairs])
    normalized = "&".join(f"{name}={value}" for name, value in escaped)
    return f"{method.upper()}&{_escape(address)}&{_escape(normalized)}"


def _form(request: Request) -> list[tuple[str, str]]:
    kinds = [value for name, value in request.headers.items() if name.lower() == "content-type"]
    if not request.body or not kinds or not kinds[0].startswith("application/x-www-form-urlencoded"):
        return []
    return parse_qsl(request.body.decode(), keep_blank_values=True)


def _escape(text: str) -> str:
    return quote(text, safe="-._~")
