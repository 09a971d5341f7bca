"""Schemes that add the same headers to every request: none, basic, header."""

import base64
from collections.abc import Mapping
from dataclasses import replace

from appliance.runtime.auth.flow import Flow, SignOff, nothing_to_sign_off, with_headers
from appliance.transport.http import Request


class FixedHeaders:
    def __init__(self, headers: Mapping[str, str], *, cookies: bool = True) -> None:
        """Without `cookies` those the source has set are not sent back."""
        self._headers = dict(headers)
        self._cookies = cookies

    def flow(self, request: Request) -> Flow:
        return (yield replace(with_headers(request, self._headers), cookies=self._cookies))

    def sign_off(self) -> SignOff:
        return nothing_to_sign_off()


def basic(username: str, password: str, prefix: str = "Basic ") -> str:
    """The value of an Authorization header (RFC 7617), or of one like it with another prefix."""
    return prefix + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
