"""For views: whom the caller, whom the gate has let in, may speak for."""

from flask import g, request

from appliance.api.gate import CONNECTION_HEADER, Caller
from appliance.connections.errors import TokenUnknown
from appliance.connections.lifecycle import Connections
from appliance.connections.tokens import Bearer
from appliance.errors import AuthenticationFailed, InvalidInput
from appliance.users.errors import ApiKeyUnknown


def current_bearer(*_: object) -> Bearer:
    """The connection the request's token speaks for. Raises AuthenticationFailed."""
    caller = _caller("the connection's token")
    if caller.bearer is None:
        raise TokenUnknown("This is for the connection's own token; a key of the account cannot be used.")
    g.connection_id = caller.bearer.connection_id
    return caller.bearer


def current_reader(connections: Connections, *_: object) -> Bearer:
    """Whose records the request may read: those of its token's connection, or for the account those of the
    connection named in the header X-Connection-Id, a disconnected one included.

    Raises AuthenticationFailed, InvalidInput without the header, ConnectionNotFound.
    """
    caller = _caller("the connection's token")
    if caller.bearer is not None:
        g.connection_id = caller.bearer.connection_id
        return caller.bearer
    connection_id = request.headers.get(CONNECTION_HEADER)
    if not connection_id:
        raise InvalidInput(f"With an account key, name the connection in the header {CONNECTION_HEADER}.")
    connection = connections.get(connection_id)
    g.connection_id = connection.id
    return Bearer(caller.id, connection.id, connection.system, connection.part, caller.scope)


def current_account(*_: object) -> Caller:
    """The account key or application of the request. Raises AuthenticationFailed and its kin."""
    caller = _caller("an account key")
    if caller.bearer is not None:
        raise ApiKeyUnknown("This is for a key of the account; a connection's token cannot be used.")
    return caller


current_api_key = current_account


def _caller(what: str) -> Caller:
    caller: Caller | None = g.get("caller")
    if caller is None:
        raise AuthenticationFailed(f"Send the header `Authorization: Bearer …` with {what}.")
    return caller
