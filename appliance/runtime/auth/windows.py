"""Windows sign-in (NTLM, Kerberos, Negotiate): a handshake of several round trips that holds for one connection.

Each request in flight has a connection of its own, pinned; one that has signed in is used again without another
handshake until the source asks for it.
"""

import base64
import binascii
import re
import threading
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from appliance.errors import SourceAnswerInvalid, SourceCredentialsRejected
from appliance.runtime.auth.flow import Flow, SignOff, nothing_to_sign_off, with_headers
from appliance.runtime.definition import Http, Windows
from appliance.runtime.template import compile_template
from appliance.transport.http import Request, Response
from appliance.transport.messages import Pin
from appliance.transport.windows_login import WindowsLogin

# Negotiate needs two, NTLM two, NTLM inside Negotiate three.
_MOST_ROUNDS = 4


class WindowsAuthenticator:
    def __init__(self, auth: Windows, http: Http, fields: Mapping[str, Any], *, where: str) -> None:
        def value(name: str) -> str:
            rendered = compile_template(getattr(auth, name), where=f"{where}.{name}")(fields)
            return "" if rendered is None else str(rendered)

        base = str(compile_template(http.base_url, where=f"{where}.base_url")(fields))
        self._protocol = auth.protocol
        self._schemes = ("NTLM",) if auth.protocol == "ntlm" else ("Negotiate", "NTLM")
        if auth.protocol == "kerberos":
            self._schemes = ("Negotiate",)
        self._username, self._password = value("username"), value("password")
        self._service, self._host = auth.service, value("host") or urlsplit(base).hostname or ""
        self._free: deque[Pin] = deque()
        self._first = threading.Lock()
        self._proven = False
        self._rejections: list[SourceCredentialsRejected] = []

    def flow(self, request: Request) -> Flow:
        # Noted before the request, which may wait for its turn while another thread's sign-in is refused.
        known = len(self._rejections)
        pin = self._free.pop() if self._free else Pin()
        request = replace(request, pin=pin)
        response = yield request
        if response.status == 401:
            response = yield from self._sign_in(request, response, known)
        # A connection on which something went wrong before here is in an unknown state and is not used again.
        self._free.append(pin)
        return response

    def sign_off(self) -> SignOff:
        return nothing_to_sign_off()

    def _sign_in(self, request: Request, refused: Response, known: int) -> Flow:
        """The first sign-in of all is alone: a wrong password is tried once, not by every thread.

        `known` are the rejections there were when the request began; a later one is its own, too.
        """
        with nullcontext() if self._proven else self._first:
            for rejected in self._rejections[known:]:
                raise SourceCredentialsRejected(rejected.message, details=rejected.details)
            try:
                response = yield from self._handshake(request, refused)
            except SourceCredentialsRejected as rejected:
                self._rejections.append(rejected)
                raise
            self._proven = True
            return response

    def _handshake(self, request: Request, refused: Response) -> Flow:
        scheme = next((name for name in self._schemes if _offer(refused, name) is not None), None)
        if scheme is None:
            raise SourceAnswerInvalid(
                f"The source does not offer {' or '.join(self._schemes)}, but "
                f"{refused.header('WWW-Authenticate') or 'nothing'}. Choose another way to sign in."
            )
        login = WindowsLogin(
            "ntlm" if scheme == "NTLM" else self._protocol,
            self._username,
            self._password,
            service=self._service,
            host=self._host,
            certificate=refused.certificate,
        )
        return (yield from self._exchange(request, scheme, login))

    def _exchange(
        self, request: Request, scheme: str, login: WindowsLogin
    ) -> Generator[Request, Response, Response]:
        challenge: bytes | None = None
        for _ in range(_MOST_ROUNDS):
            token = login.step(challenge)
            if token is None:
                break
            carried = {"Authorization": f"{scheme} {base64.b64encode(token).decode('ascii')}"}
            # Not repeated by the transport: on another connection the token means nothing.
            response = yield with_headers(replace(request, safe=False), carried)
            if response.status != 401:
                return response
            challenge = _offer(response, scheme)
            if not challenge:
                break
            if (response.header("Connection") or "").lower() == "close":
                raise SourceAnswerInvalid(
                    "The source, or a proxy before it, closes the connection in the middle of the Windows sign-in. "
                    "Let it keep connections open, or choose another way to sign in."
                )
        raise SourceCredentialsRejected(
            "The source rejects the Windows sign-in. Check user name with its domain, the password, and that the "
            "user is not locked.",
            details={"status": 401},
        )


def _offer(response: Response, scheme: str) -> bytes | None:
    """The token beside `scheme` in WWW-Authenticate, empty when it stands alone, None when it does not stand there."""
    offered = response.header("WWW-Authenticate") or ""
    found = re.search(rf"(?i)(?:^|,)\s*{scheme}(?:\s+([A-Za-z0-9+/]+=*))?\s*(?:,|$)", offered)
    if found is None:
        return None
    try:
        return base64.b64decode(found[1] or "", validate=True)
    except binascii.Error:
        return b""
