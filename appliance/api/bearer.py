"""Who calls: the bearer token of a connection, or a key of the account."""

from flask import g, request

from appliance.connections.lifecycle import Connections
from appliance.connections.tokens import Bearer, Tokens
from appliance.errors import AuthenticationFailed, InvalidInput
from appliance.users.api_keys import PREFIX as API_KEY_PREFIX
from appliance.users.api_keys import ApiKey, ApiKeys

LONGEST = 200
CONNECTION_HEADER = "X-Connection-Id"


def current_bearer(tokens: Tokens) -> Bearer:
    """The connection the request's token speaks for. Raises AuthenticationFailed and its kin."""
    bearer = tokens.authenticate(_token("the connection's token"))
    g.connection_id = bearer.connection_id
    return bearer


def current_reader(connections: Connections, api_keys: ApiKeys) -> Bearer:
    """Whose records the request may read: those of its token's connection, or with an account key those of the
    connection named in the header X-Connection-Id, a disconnected one included.

    Raises AuthenticationFailed and its kin, InvalidInput without the header, ConnectionNotFound.
    """
    token = _token("the connection's token")
    if not token.startswith(f"{API_KEY_PREFIX}_"):
        return current_bearer(connections.tokens)
    key = api_keys.authenticate(token)
    connection_id = request.headers.get(CONNECTION_HEADER)
    if not connection_id:
        raise InvalidInput(f"With an account key, name the connection in the header {CONNECTION_HEADER}.")
    connection = connections.get(connection_id)
    g.connection_id = connection.id
    return Bearer(key.id, connection.id, connection.system, connection.part)


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
