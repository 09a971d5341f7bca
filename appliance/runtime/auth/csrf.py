"""A token against cross-site requests, fetched on the session and sent with everything that may modify (SAP)."""

import threading
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from appliance.runtime.auth.flow import Authenticator, Flow, SignOff, with_headers
from appliance.runtime.definition import Csrf, Http
from appliance.runtime.request import join
from appliance.runtime.template import compile_template
from appliance.transport.http import Request, Response

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class CsrfAuthenticator:
    """The cookies that belong to the token are kept by the HTTP client; `inner` signs every request in."""

    def __init__(
        self, auth: Csrf, inner: Authenticator, http: Http, fields: Mapping[str, Any], *, where: str
    ) -> None:
        self._auth = auth
        self._inner = inner
        self._url = ""
        if auth.path:
            base = compile_template(http.base_url, where=f"{where}.base_url")(fields)
            path = compile_template(auth.path, where=f"{where}.path")(fields)
            self._url = join(str(base), str(path))
        self._query = [
            (name, str(value))
            for name, value in compile_template(http.query, where=f"{where}.query")(fields).items()
            if value not in (None, "")
        ]
        self._one_fetch = threading.Lock()
        # By the address asked for a token: a session may have one for each service.
        self._tokens: dict[str, str] = {}

    def flow(self, request: Request) -> Flow:
        if request.method in _READS:
            return (yield from self._inner.flow(request))
        token, failure = yield from self._current(request, stale=None)
        if failure is not None:
            return failure
        response = yield from self._inner.flow(self._carrying(request, token))
        if self._wants_token(response):
            token, failure = yield from self._current(request, stale=token)
            if failure is not None:
                return failure
            response = yield from self._inner.flow(self._carrying(request, token))
        return response

    def sign_off(self) -> SignOff:
        return self._inner.sign_off()

    def _carrying(self, request: Request, token: str) -> Request:
        # A source that gave no token asks for none.
        return with_headers(request, {self._auth.header: token} if token else {})

    def _wants_token(self, response: Response) -> bool:
        return response.status == 403 and (response.header(self._auth.header) or "").lower() == "required"

    def _current(
        self, request: Request, stale: str | None
    ) -> Generator[Request, Response, tuple[str, Response | None]]:
        """A token, or the answer that refused to give one. `stale` is a token the source just refused."""
        address = self._url or _folder(request.url)
        with self._one_fetch:
            token = self._tokens.get(address)
            if token is None or token == stale:
                self._tokens.pop(address, None)
                response = yield from self._inner.flow(self._fetch(request, address))
                if response.status >= 400:
                    return "", response
                token = self._tokens[address] = response.header(self._auth.header) or ""
            return token, None

    def _fetch(self, request: Request, address: str) -> Request:
        asking = {"Accept": "application/json", self._auth.header: "Fetch"}
        return Request(
            self._auth.method,
            address,
            params=self._query,
            headers=asking,
            safe=True,
            timeout=request.timeout,
        )


def _folder(url: str) -> str:
    """Where the document of the service is: before the last name, or before the first that has a key behind it.

    The slash at the end is needed: some gateways give a token only there.
    """
    parts = urlsplit(url)
    names = parts.path.split("/")[:-1]
    keyed = next((place for place, name in enumerate(names) if "(" in name), len(names))
    path = "/".join(names[:keyed]) + "/"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
