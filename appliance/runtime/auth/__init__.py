"""Authentication as generators: a flow yields a request, is sent the response, and may yield again.

No caller knows which scheme it has. One flow object serves a connection; what it learns (a session) is kept in it
and guarded by a lock, so that one login happens at a time.
"""

import base64
import threading
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from appliance.clock import Clock
from appliance.errors import SourceCredentialsRejected
from appliance.runtime.definition import (
    BasicAuth,
    Definition,
    ErrorRule,
    HeaderAuth,
    Http,
    NoAuth,
    SessionLogin,
)
from appliance.runtime.document import read_document
from appliance.runtime.errors import raise_for
from appliance.runtime.request import compile_request
from appliance.runtime.select import dig, steps
from appliance.runtime.template import compile_template
from appliance.transport.http import Request, Response

Flow = Generator[Request, Response, Response]


class Authenticator(Protocol):
    def flow(self, request: Request) -> Flow:
        """Yield requests, receive their responses, return the response to `request`."""
        ...


def authenticator(
    definition: Definition, http: Http, fields: Mapping[str, Any], clock: Clock
) -> Authenticator:
    """The authenticator of a connection; `fields` are the values of its form."""
    auth, where = definition.auth, f"{definition.system}.auth"
    match auth:
        case NoAuth():
            return FixedHeaders({})
        case BasicAuth():
            name = compile_template(auth.username, where=where)(fields)
            password = compile_template(auth.password, where=where)(fields)
            pair = base64.b64encode(f"{name}:{password}".encode()).decode()
            return FixedHeaders({"Authorization": f"Basic {pair}"})
        case HeaderAuth():
            return FixedHeaders({auth.header: str(compile_template(auth.value, where=where)(fields))})
        case SessionLogin():
            return SessionAuthenticator(auth, http, fields, clock, rules=definition.errors, where=where)


class FixedHeaders:
    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def flow(self, request: Request) -> Flow:
        return (yield _with_headers(request, self._headers))


class SessionAuthenticator:
    """Logs in before the first request and again when the session has expired; never twice for one request."""

    def __init__(
        self,
        auth: SessionLogin,
        http: Http,
        fields: Mapping[str, Any],
        clock: Clock,
        *,
        rules: Sequence[ErrorRule],
        where: str,
    ) -> None:
        self._rules = rules
        self._auth = auth
        self._fields = fields
        self._clock = clock
        self._login = compile_request(auth.request, http, where=f"{where}.request", safe=True)
        self._make = compile_template(auth.make, where=f"{where}.make")
        self._render = compile_template(auth.headers, where=f"{where}.headers")
        self._one_login = threading.Lock()
        self._headers: dict[str, str] | None = None
        self._since = 0.0

    def flow(self, request: Request) -> Flow:
        headers = yield from self._session(stale=None)
        response = yield _with_headers(request, headers)
        if response.status in self._auth.expired:
            headers = yield from self._session(stale=headers)
            response = yield _with_headers(request, headers)
        return response

    def _session(self, stale: dict[str, str] | None) -> Generator[Request, Response, dict[str, str]]:
        """The headers of a live session. `stale` are headers the source just refused."""
        with self._one_login:
            held = self._headers
            if held is not None and held is not stale and not self._aged():
                return held
            response = yield self._login(self._fields)
            self._headers = self._read_login(response)
            self._since = self._clock.monotonic()
            return self._headers

    def _aged(self) -> bool:
        minutes = self._auth.minutes
        return minutes is not None and self._clock.monotonic() - self._since > minutes * 60

    def _read_login(self, response: Response) -> dict[str, str]:
        raise_for(response, self._rules)
        answer = read_document(response.body)
        taken = {name: dig(answer, steps(path)) for name, path in self._auth.take.items()}
        required = self._auth.refused or next(iter(self._auth.take))
        if not taken.get(required):
            raise SourceCredentialsRejected(
                "The source rejects the credentials. Check user name and password, "
                "and that the user is not locked in the source."
            )
        made = self._make({**self._fields, "login": taken})
        headers = self._render({**self._fields, "login": {**taken, **made}})
        return {name: str(value) for name, value in headers.items()}


def _with_headers(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})
