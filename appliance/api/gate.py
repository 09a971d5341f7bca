"""Before every call of the API: who calls, from where, how often, and whether the scope covers it.
In maintenance it is closed.

It stands before all views, so that a route added anywhere is behind it. What cannot be told apart by method and path
is closed to limited keys.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, g, request

from appliance.api.address import address_of
from appliance.api.limits import Limits
from appliance.api.problems import whole_seconds
from appliance.api.wanted import Paths
from appliance.app import Appliance
from appliance.connections.tokens import Bearer
from appliance.errors import AuthenticationFailed, InvalidInput
from appliance.users.api_keys import PREFIX as API_KEY_PREFIX
from appliance.users.applications import TOKEN_PREFIX as ACCOUNT_TOKEN_PREFIX
from appliance.users.scopes import Scope

LONGEST_TOKEN = 200
CONNECTION_HEADER = "X-Connection-Id"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `bearer` is the connection that a token speaks for; keys and applications are the account's."""

    kind: Literal["token", "key", "application"]
    id: str
    name: str
    scope: Scope
    bearer: Bearer | None = None


class Gate:
    def __init__(self, appliance: Appliance) -> None:
        settings = appliance.settings
        self._tokens = appliance.connections.tokens
        self._api_keys = appliance.api_keys
        self._applications = appliance.applications
        self._paths = Paths(appliance.model)
        self._trusted = settings.trusted_proxies
        self._maintenance = appliance.maintenance
        self._limits = Limits(
            appliance.clock,
            per_token=settings.limits_token_per_minute,
            per_account=settings.limits_account_per_minute,
            per_address=settings.limits_address_per_minute,
        )

    def install(self, app: Flask) -> None:
        app.before_request(self.open)
        app.after_request(self.tell_limits)

    def open(self) -> None:
        """Set `g.caller`, or leave it out without a token. Raises when the gate stays closed."""
        g.address = address_of(request, self._trusted)
        if _is_gated(request.path) or request.path.startswith("/link/"):
            self._maintenance.check()
        if request.path.startswith("/link/"):
            self._limits.take_unknown(g.address or "")
        if not _is_gated(request.path) or request.url_rule is None:
            return
        header = request.headers.get("Authorization")
        if header is None:
            self._limits.take_unknown(g.address or "")
            return
        try:
            caller = self._authenticate(_token(header))
        except AuthenticationFailed:
            self._limits.take_unknown(g.address or "")
            raise
        g.caller = caller
        g.allowance = self._limits.take(caller.id)
        self._check_scope(caller)
        _check_query(request.query_string)

    def tell_limits(self, response: Response) -> Response:
        """The headers with what is left of the tighter limit."""
        allowance = g.get("allowance")
        if allowance is not None:
            response.headers["X-RateLimit-Limit"] = str(allowance.limit)
            response.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
            response.headers["X-RateLimit-Reset"] = whole_seconds(allowance.reset)
        elif response.status_code == 429 and "limit" in g.get("error_details", {}):
            response.headers["X-RateLimit-Limit"] = str(g.error_details["limit"])
            response.headers["X-RateLimit-Remaining"] = "0"
            response.headers["X-RateLimit-Reset"] = response.headers["Retry-After"]
        return response

    def _authenticate(self, token: str) -> Caller:
        if token.startswith(f"{API_KEY_PREFIX}_"):
            key = self._api_keys.authenticate(token)
            return Caller("key", key.id, key.name, key.scope)
        if token.startswith(f"{ACCOUNT_TOKEN_PREFIX}_"):
            application = self._applications.authenticate_token(token)
            return Caller("application", application.id, application.name, application.scope)
        bearer = self._tokens.authenticate(token)
        return Caller("token", bearer.token_id, bearer.token_id, bearer.scope, bearer)

    def _check_scope(self, caller: Caller) -> None:
        caller.scope.check_address(g.address)
        connection_id = _connection_of(caller)
        if caller.bearer is None:
            # What every valid token may read of its own connection is not for every key of the account.
            caller.scope.check_connection(connection_id)
        wanted = self._paths.wanted(request.method, request.path, connection_id)
        if wanted is not None:
            caller.scope.check(wanted)
        self._paths.check_expand(caller.scope, request.path, request.args.get("expand", ""))


def _is_gated(path: str) -> bool:
    return path.startswith("/api/") or path == "/sync-status"


def _check_query(query: bytes) -> None:
    """Raises InvalidInput for what is no UTF-8, of which a filter would otherwise be made that nobody meant."""
    try:
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError:
        raise InvalidInput("The query string is not UTF-8, percent-encoded.") from None


def _connection_of(caller: Caller) -> str | None:
    if caller.bearer is not None:
        return caller.bearer.connection_id
    in_path: str | None = (request.view_args or {}).get("connection_id")
    return in_path or request.headers.get(CONNECTION_HEADER)


def _token(header: str) -> str:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed(
            "Send the header `Authorization: Bearer …` with a token or an account key."
        )
    if len(token) > LONGEST_TOKEN:
        raise AuthenticationFailed("The bearer token is longer than any of ours.")
    return token.strip()
