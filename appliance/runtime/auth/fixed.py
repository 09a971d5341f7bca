"""Schemes that add the same headers to every request: none, basic, header."""

import base64
from collections.abc import Mapping

from appliance.runtime.auth.flow import Flow, SignOff, nothing_to_sign_off, with_headers
from appliance.transport.http import Request


class FixedHeaders:
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def flow(self, request: Request) -> Flow:
        return (yield with_headers(request, self._headers))

    def sign_off(self) -> SignOff:
        return nothing_to_sign_off()


def basic(username: str, password: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
