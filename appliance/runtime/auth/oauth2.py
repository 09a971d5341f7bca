"""Access tokens from a token endpoint (RFC 6749, RFC 7523)."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus, urlencode

from appliance.clock import Clock
from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceCredentialsRejected
from appliance.runtime.auth.assertion import Assertions
from appliance.runtime.auth.fixed import basic
from appliance.runtime.auth.flow import Credentials, Flow, SignOff, nothing_to_sign_off
from appliance.runtime.auth.renewed import Grant, RenewedHeaders
from appliance.runtime.definition import ErrorRule, Http, OAuth2
from appliance.runtime.errors import raise_for, source_message
from appliance.runtime.mapping.transforms import number
from appliance.runtime.request import join
from appliance.runtime.select import decode, dig, steps
from appliance.runtime.template import compile_template
from appliance.transport.http import Request, Response

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# Error codes of RFC 6749 and OpenID Connect that speak of the credentials and not of the request.
_REJECTED = (
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "access_denied",
    "interaction_required",
)

_JWT_CLIENT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class OAuth2Authenticator:
    """`credentials` keeps a rotated refresh token; without it one that rotates is lost with this object."""

    def __init__(
        self,
        auth: OAuth2,
        http: Http,
        fields: Mapping[str, Any],
        clock: Clock,
        *,
        rules: Sequence[ErrorRule],
        secrets: Sequence[str],
        credentials: Credentials | None,
        where: str,
    ) -> None:
        self._secrets = secrets
        self._auth = auth
        self._fields = dict(fields)
        self._where = where
        self._credentials = credentials
        base = str(compile_template(http.base_url, where=f"{where}.base_url")(fields))
        address = self._value("token_url")
        self._url = address if address.startswith(("http://", "https://")) else join(base, address)
        self._timeout = http.timeout
        self._assertions = None
        if auth.assertion is not None:
            self._assertions = Assertions(auth.assertion, fields, clock, where=f"{where}.assertion")
        self._render = compile_template(auth.value, where=f"{where}.value")
        self._params = compile_template(auth.params, where=f"{where}.params")(fields)
        self._headers = compile_template(auth.headers, where=f"{where}.headers")(fields)
        self._refresh_token = str(fields.get(auth.refresh_token) or "")
        self._not_kept = False
        self._renewed = RenewedHeaders(self._fetch, clock, expired=auth.expired, rules=rules)

    def flow(self, request: Request) -> Flow:
        return self._renewed.flow(request)

    def sign_off(self) -> SignOff:
        return nothing_to_sign_off()

    def _fetch(self) -> Generator[Request, Response, Grant]:
        self._read_refresh_token()
        answer = yield from self._ask()
        token = dig(answer, steps(self._auth.token))
        if not isinstance(token, str) or not token:
            raise SourceAnswerInvalid(
                f"The token endpoint answered without a token at {self._auth.token!r}. "
                "Check its address and the grant."
            )
        if self._auth.grant == "refresh_token":
            self._keep_refresh_token(answer.get("refresh_token"))
        header = str(self._render({**self._fields, "login": {"token": token}}))
        return Grant({self._auth.header: header}, self._lifetime(answer))

    def _ask(self) -> Generator[Request, Response, Any]:
        response = yield self._request()
        # A refresh token that came later is none of the form's secrets.
        secrets = [secret for secret in (*self._secrets, self._refresh_token) if secret]
        if _rejects(response):
            said = source_message(response, secrets)
            raise SourceCredentialsRejected(
                f"The token endpoint rejects the credentials. {self._advice()}"
                + (f" It said: {said}" if said else ""),
                details={"status": response.status, "source_message": said},
            )
        raise_for(response, (), secrets=secrets)
        answer = decode(response.body)
        if not isinstance(answer, dict):
            raise SourceAnswerInvalid("The token endpoint answered no JSON object. Check its address.")
        return answer

    def _request(self) -> Request:
        form = {**self._grant_params(), "scope": self._value("scope")}
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
            **{name: str(value) for name, value in self._headers.items()},
        }
        client_id, secret = self._value("client_id"), self._value("client_secret")
        match self._auth.client:
            case "body":
                form |= {"client_id": client_id, "client_secret": secret}
            case "basic":
                # Both are form-encoded first (RFC 6749, 2.3.1).
                headers["Authorization"] = basic(quote_plus(client_id), quote_plus(secret))
            case "assertion":
                form |= {
                    "client_id": client_id,
                    "client_assertion_type": _JWT_CLIENT,
                    "client_assertion": self._assertion(),
                }
        form |= self._params
        body = urlencode({name: value for name, value in form.items() if value not in (None, "")})
        # A refresh token or an assertion may be good for one use only, and that may have come to pass.
        repeatable = self._assertions is None and self._auth.grant != "refresh_token"
        return Request(
            "POST", self._url, headers=headers, body=body.encode(), safe=repeatable, timeout=self._timeout
        )

    def _grant_params(self) -> dict[str, Any]:
        match self._auth.grant:
            case "client_credentials":
                return {"grant_type": "client_credentials"}
            case "password":
                login = {"username": self._value("username"), "password": self._value("password")}
                return {"grant_type": "password", **login}
            case "refresh_token":
                return {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
            case "jwt_bearer":
                return {"grant_type": _JWT_BEARER, "assertion": self._assertion()}

    def _assertion(self) -> str:
        if self._assertions is None:
            raise ConfigurationError(f"{self._where} needs `assertion`.")
        return self._assertions.make(self._value("client_id"), self._url)

    def _read_refresh_token(self) -> None:
        if self._credentials is None or self._auth.grant != "refresh_token":
            return
        if self._not_kept:
            self._store()
        else:
            # Another process may have rotated it since.
            self._refresh_token = self._credentials.read(self._auth.refresh_token) or self._refresh_token

    def _keep_refresh_token(self, rotated: Any) -> None:
        """Store another refresh token before anything is done with what came with it."""
        if not isinstance(rotated, str) or rotated in ("", self._refresh_token):
            return
        self._refresh_token = rotated
        self._not_kept = True
        self._store()

    def _store(self) -> None:
        if self._credentials is not None:
            self._credentials.keep(self._auth.refresh_token, self._refresh_token)
        self._not_kept = False

    def _lifetime(self, answer: Mapping[str, Any]) -> float | None:
        try:
            told = number(dig(answer, steps(self._auth.expires))) if self._auth.expires else None
        except ValueError:
            told = None
        if told is None and self._auth.minutes is None:
            return None
        seconds = float(told) if told is not None else (self._auth.minutes or 0) * 60
        # A token of a shorter life than the margin is still good for half of it.
        return max(seconds - self._auth.margin, seconds / 2)

    def _advice(self) -> str:
        match self._auth.grant:
            case "refresh_token":
                return (
                    "The permission may have been withdrawn or has expired: authorize the connection again."
                )
            case "password":
                return "Check user name, password, client id and secret."
            case _:
                return "Check client id and secret, or the certificate and its mapping in the source."

    def _value(self, name: str) -> str:
        rendered = compile_template(getattr(self._auth, name), where=f"{self._where}.{name}")(self._fields)
        return "" if rendered is None else str(rendered)


def _rejects(response: Response) -> bool:
    if response.status == 401:
        return True
    try:
        answer = decode(response.body)
    except SourceAnswerInvalid:
        return False
    return 400 <= response.status < 500 and dig(answer, ("error",)) in _REJECTED
