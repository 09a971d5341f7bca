"""Signs the address of each request exactly as it is sent (Fiix)."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from appliance.clock import Clock
from appliance.runtime.auth.flow import Flow, SignOff, nothing_to_sign_off
from appliance.runtime.definition import HmacUrl
from appliance.runtime.template import compile_template
from appliance.transport.http import Request


class HmacUrlAuthenticator:
    def __init__(self, auth: HmacUrl, fields: Mapping[str, Any], clock: Clock, *, where: str) -> None:
        self._header = auth.header
        self._secret = str(compile_template(auth.secret, where=f"{where}.secret")(fields)).encode()
        self._query = compile_template(auth.query, where=f"{where}.query")
        self._fields = fields
        self._clock = clock

    def flow(self, request: Request) -> Flow:
        added = self._query({**self._fields, "now": self._clock.now()})
        params = [*request.params, *((name, str(value)) for name, value in added.items())]
        return (yield replace(request, params=params, sign=self._sign))

    def sign_off(self) -> SignOff:
        return nothing_to_sign_off()

    def _sign(self, method: str, url: str) -> Mapping[str, str]:
        return {self._header: signature(self._secret, url)}


def signature(secret: bytes, url: str) -> str:
    """HMAC-SHA256 of `url` without its scheme, in lower-case hex."""
    return hmac.new(secret, url.partition("://")[2].encode(), hashlib.sha256).hexdigest()
