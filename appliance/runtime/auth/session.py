"""A login request whose answer (body, headers or cookies) opens a session, and a logout that ends it."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from appliance.clock import Clock, to_ms
from appliance.errors import SourceAnswerInvalid, SourceCredentialsRejected
from appliance.runtime.auth.flow import Flow, SignOff
from appliance.runtime.auth.renewed import Grant, RenewedHeaders
from appliance.runtime.definition import ErrorRule, Http, SessionLogin
from appliance.runtime.document import read_document
from appliance.runtime.errors import raise_for
from appliance.runtime.mapping.transforms import number, time_parser
from appliance.runtime.request import compile_request
from appliance.runtime.select import dig, steps
from appliance.runtime.template import compile_template
from appliance.transport.http import Request, Response

LOGOUT_SECONDS = 10.0
"""Closing a connection waits no longer than this for the source to end the session."""


class SessionAuthenticator:
    def __init__(
        self,
        auth: SessionLogin,
        http: Http,
        fields: Mapping[str, Any],
        clock: Clock,
        *,
        rules: Sequence[ErrorRule],
        secrets: Sequence[str],
        where: str,
    ) -> None:
        self._rules = rules
        self._secrets = secrets
        self._auth = auth
        self._fields = fields
        self._clock = clock
        self._login = compile_request(auth.request, http, where=f"{where}.request", safe=True)
        self._logout = None
        if auth.logout is not None:
            self._logout = compile_request(auth.logout, http, where=f"{where}.logout", safe=False)
        self._make = compile_template(auth.make, where=f"{where}.make")
        self._render = compile_template(auth.headers, where=f"{where}.headers")
        self._headers = RenewedHeaders(self._sign_in, clock, expired=auth.expired, rules=rules)

    def flow(self, request: Request) -> Flow:
        return self._headers.flow(request)

    def sign_off(self) -> SignOff:
        held = self._headers.release()
        if held is None or self._logout is None:
            return
        request = self._logout({**self._fields, "login": held.login})
        yield replace(request, headers={**request.headers, **held.headers}, timeout=LOGOUT_SECONDS)

    def _sign_in(self) -> Generator[Request, Response, Grant]:
        response = yield self._login(self._fields)
        raise_for(response, self._rules, secrets=self._secrets)
        answer = _Answer(response)
        taken = {name: answer.at(place) for name, place in self._auth.take.items()}
        required = self._auth.refused or next(iter(self._auth.take), "")
        if required and not taken.get(required):
            raise SourceCredentialsRejected(
                "The source rejects the credentials. Check user name and password, "
                "and that the user is not locked in the source."
            )
        made = self._make({**self._fields, "login": taken})
        login = {**taken, **made}
        headers = self._render({**self._fields, "login": login})
        return Grant({name: str(value) for name, value in headers.items()}, self._lifetime(answer), login)

    def _lifetime(self, answer: "_Answer") -> float | None:
        """Seconds the session is good for: the shorter of what the definition and the answer say."""
        spans = [] if self._auth.minutes is None else [self._auth.minutes * 60]
        told = answer.at(self._auth.expires) if self._auth.expires else None
        if told is not None:
            spans.append(self._told(told))
        return min(spans, default=None)

    def _told(self, value: Any) -> float:
        try:
            if self._auth.expires_as == "seconds":
                return float(number(value) or 0)
            moment = time_parser(self._auth.expires_as)(value) or 0
        except (ValueError, TypeError) as failure:
            raise SourceAnswerInvalid(
                f"The login answer tells the end of the session in an unexpected way: {failure}."
            ) from None
        return (moment - to_ms(self._clock.now())) / 1000


class _Answer:
    """A login answer in JSON, XML or XML-RPC; its body is decoded only when a value of it is wanted."""

    def __init__(self, response: Response) -> None:
        self._response = response
        self._body: Any = None

    def at(self, place: str) -> Any:
        """The value at a path of the body, of `header:NAME` or of `cookie:NAME`; None when there is none."""
        kind, colon, name = place.partition(":")
        if colon and kind == "header":
            return self._response.header(name)
        if colon and kind == "cookie":
            return self._response.cookies.get(name)
        if self._body is None:
            self._body = read_document(self._response.body)
        return dig(self._body, steps(place))
