"""`/link/token` and `/link/revoke`: the OAuth 2.0 endpoints of applications (RFC 6749, 7009).

What an OAuth client sees of a refusal is what those documents prescribe, `error` and `error_description`; our own
code, request id and documentation stand beside them.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from flask import Blueprint, Response, g, request

from appliance.api.bodies import read_json
from appliance.api.problems import documentation_of
from appliance.app import Appliance
from appliance.clock import iso
from appliance.connections.errors import ConnectionClosed, GrantInvalid
from appliance.connections.link import Pair
from appliance.errors import ApplianceError, InvalidInput
from appliance.users.applications import Application
from appliance.users.errors import ClientRejected

LONGEST_FIELD = 2000


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("link", __name__)

    @routes.post("/link/oauth/token", endpoint="oauth_token")
    @routes.post("/link/token")
    def token() -> Response:
        """Tokens for client credentials, a code of the link flow, or a refresh token."""
        try:
            fields = _fields()
            match fields.get("grant_type", ""):
                case "client_credentials":
                    return _account_token(fields)
                case "authorization_code":
                    return _pair(
                        appliance.links.exchange(
                            _client(fields),
                            _needed(fields, "code"),
                            _needed(fields, "redirect_uri"),
                            fields.get("code_verifier"),
                        )
                    )
                case "refresh_token":
                    client = _client(fields) if _names_client(fields) else None
                    return _pair(appliance.links.refresh(client, _needed(fields, "refresh_token")))
            return _refusal("unsupported_grant_type", UnsupportedGrant(_GRANTS), 400)
        except ClientRejected as refused:
            return _refusal("invalid_client", refused, 401)
        except (GrantInvalid, ConnectionClosed) as refused:
            return _refusal("invalid_grant", refused, 400)
        except InvalidInput as refused:
            return _refusal("invalid_request", refused, 400)

    @routes.post("/link/revoke")
    def revoke() -> Response:
        """End an account token, or everything that followed from one consent. Answers 200 for unknown tokens, too."""
        try:
            fields = _fields()
            client, ended = _client(fields), _needed(fields, "token")
        except ClientRejected as refused:
            return _refusal("invalid_client", refused, 401)
        except InvalidInput as refused:
            return _refusal("invalid_request", refused, 400)
        appliance.applications.revoke_token(client, ended)
        appliance.links.revoke(client, ended)
        return _uncached({})

    def _client(fields: Mapping[str, str]) -> Application:
        basic = _basic()
        if basic is not None and fields.get("client_secret"):
            raise InvalidInput("Send the client secret in one way: in the header or in the body.")
        name, secret = basic or (fields.get("client_id", ""), fields.get("client_secret", ""))
        return appliance.applications.authenticate(name, secret)

    def _account_token(fields: Mapping[str, str]) -> Response:
        made = appliance.applications.issue(_client(fields))
        return _uncached(
            {
                "access_token": made.token,
                "token_type": "bearer",
                "expires_in": made.expires_in,
                "expires_at": iso(made.expires_at),
            }
        )

    return routes


_GRANTS = "grant_type is client_credentials, authorization_code or refresh_token."


class UnsupportedGrant(InvalidInput):
    """The token endpoint does not know the grant type."""

    code = "GRANT_TYPE_UNSUPPORTED"


def _fields() -> dict[str, str]:
    """The fields of a form or of a JSON object. Raises InvalidInput, also for one that is given twice."""
    if request.mimetype == "application/x-www-form-urlencoded":
        twice = [name for name in request.form if len(request.form.getlist(name)) > 1]
        given: Any = request.form.to_dict()
    else:
        twice, given = [], read_json({})
    if twice:
        raise InvalidInput(f"{twice[0][:60]} is given more than once.")
    if not isinstance(given, dict):
        raise InvalidInput("Send the fields as a form or as a JSON object.")
    fields = {name: value for name, value in given.items() if value is not None}
    for name, value in fields.items():
        if not isinstance(value, str) or len(value) > LONGEST_FIELD:
            raise InvalidInput(f"{name[:60]} is text of at most {LONGEST_FIELD} characters.")
    return fields


def _needed(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name):
        raise InvalidInput(f"{name} is required.", details={"fields": {name: "required"}})
    return fields[name]


def _names_client(fields: Mapping[str, str]) -> bool:
    return "client_id" in fields or "client_secret" in fields or "Authorization" in request.headers


def _basic() -> tuple[str, str] | None:
    """Client id and secret of the header `Authorization: Basic …`, each form-encoded (RFC 6749, 2.3.1)."""
    scheme, _, content = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    try:
        if scheme.lower() != "basic":
            raise ValueError
        name, colon, secret = base64.b64decode(content, validate=True).decode().partition(":")
        if not colon:
            raise ValueError
    except (binascii.Error, ValueError):
        raise ClientRejected("The header Authorization is not `Basic` with client id and secret.") from None
    return unquote_plus(name), unquote_plus(secret)


def _pair(pair: Pair) -> Response:
    return _uncached(
        {
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "token_type": "bearer",
            "expires_in": pair.expires_in,
            "expires_at": iso(pair.expires_at),
            "connection_id": pair.connection_id,
        }
    )


def _refusal(error: str, failure: ApplianceError, status: int) -> Response:
    response = _uncached(
        {
            "error": error,
            "error_description": failure.message,
            "error_uri": documentation_of(failure.code),
            "code": failure.code,
            "request_id": g.get("request_id"),
        },
        status,
    )
    g.error_code = failure.code
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="appliance"'
    return response


def _uncached(body: Any, status: int = 200) -> Response:
    response = Response(msgspec.json.encode(body), status=status, mimetype="application/json")
    # `no-store` is on every answer; this one is for clients of HTTP/1.0, and prescribed.
    response.headers["Pragma"] = "no-cache"
    return response
