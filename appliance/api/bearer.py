"""Who calls: the bearer token of a connection, or a key of the account."""

from flask import g, request

from appliance.connections.tokens import Bearer, Tokens
from appliance.errors import AuthenticationFailed
from appliance.users.api_keys import ApiKey, ApiKeys

LONGEST = 200


def current_bearer(tokens: Tokens) -> Bearer:
    """The connection the request's token speaks for. Raises AuthenticationFailed and its kin."""
    bearer = tokens.authenticate(_token("the connection's token"))
    g.connection_id = bearer.connection_id
    return bearer


def current_api_key(api_keys: ApiKeys) -> ApiKey:
    """The account key of the request. Raises AuthenticationFailed and its kin."""
    return api_keys.authenticate(_token("an account key"))


def _token(what: str) -> str:
    header = request.headers.get("Authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed(f"Send the header `Authorization: Bearer …` with {what}.")
    if len(token) > LONGEST:
        raise AuthenticationFailed("The bearer token is longer than any of ours.")
    return token.strip()
