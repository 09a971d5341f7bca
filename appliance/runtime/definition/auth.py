"""Authentication schemes; how each works stands in `runtime/auth`. Texts may hold `${…}` of form fields."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.http import RequestTemplate
from appliance.runtime.definition.node import Node


class NoAuth(Node, frozen=True, kw_only=True, tag="none", tag_field="scheme"):
    """The source asks for nothing, or for nothing but the client certificate of `http.tls`."""


class BasicAuth(Node, frozen=True, kw_only=True, tag="basic", tag_field="scheme"):
    """User name and password in the Authorization header (RFC 7617)."""

    username: Annotated[str, Meta(description="User name.")] = "${username}"
    password: Annotated[str, Meta(description="Password.")] = "${password}"
    header: Annotated[str, Meta(description="Header, where the source has one of its own (maxauth).")] = (
        "Authorization"
    )
    prefix: Annotated[str, Meta(description="What stands before the Base64 text.")] = "Basic "


class HeaderAuth(Node, frozen=True, kw_only=True, tag="header", tag_field="scheme"):
    """A fixed header, such as an API key or a bearer token."""

    header: Annotated[str, Meta(description="Name of the header; a template.")] = "Authorization"
    value: Annotated[str, Meta(description="Its value, such as `Bearer ${api_key}`.")]
    cookies: Annotated[
        bool,
        Meta(
            description="Send back cookies of the source; false where a session would stand before the key."
        ),
    ] = True


class SessionLogin(Node, frozen=True, kw_only=True, tag="session_login", tag_field="scheme"):
    """A login request yields values that later requests carry; an expired session logs in again, once.

    Cookies that the source sets are kept and sent by themselves.
    """

    request: Annotated[RequestTemplate, Meta(description="The login request.")]
    take: Annotated[
        dict[str, str],
        Meta(
            description="Name to place in the login answer: a path of its body, `header:NAME` or `cookie:NAME`;"
            " used as `${login.name}`."
        ),
    ] = {}
    make: Annotated[
        dict[str, str], Meta(description="Values made of those taken, also used as `${login.name}`.")
    ] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers of every later request.")] = {}
    refused: Annotated[
        str,
        Meta(description="A name of `take` that is empty when the password is wrong; else the first one."),
    ] = ""
    expired: Annotated[
        tuple[int, ...],
        Meta(
            description="Statuses that mean: log in again. Error rules with `then: reauthorize` mean it as well."
        ),
    ] = (401,)
    minutes: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Log in again after this long, before the source forgets."),
    ] = None
    expires: Annotated[
        str, Meta(description="Place in the login answer that tells when the session ends, as in `take`.")
    ] = ""
    expires_as: Annotated[
        Literal["seconds", "iso", "unix", "unix_ms"],
        Meta(description="What stands there: seconds from now, or a moment in this format."),
    ] = "seconds"
    logout: Annotated[
        RequestTemplate | None,
        Meta(description="Request that ends the session, sent when the connection is closed."),
    ] = None


class Assertion(Node, frozen=True, kw_only=True):
    """A JSON web token that proves who we are, signed with the private key of a certificate (RFC 7523)."""

    algorithm: Annotated[
        Literal["RS256", "PS256", "ES256"], Meta(description="How the token is signed (RFC 7518).")
    ] = "PS256"
    key: Annotated[str, Meta(description="Private key, PEM.")] = "${private_key}"
    passphrase: Annotated[str, Meta(description="Passphrase of the private key, if it has one.")] = ""
    key_id: Annotated[str, Meta(description="Header `kid`, such as the certificate id of the source.")] = ""
    certificate: Annotated[
        str, Meta(description="Certificate, PEM; its thumbprint goes into the header `thumbprint` names.")
    ] = ""
    thumbprint: Annotated[
        Literal["x5t", "x5t#S256"], Meta(description="Thumbprint of the certificate by SHA-1 or SHA-256.")
    ] = "x5t#S256"
    claims: Annotated[
        dict[str, Any],
        Meta(
            description="Claims beside or instead of iss and sub (the client id), aud (the token address), iat,"
            " exp and jti; null leaves one out."
        ),
    ] = {}
    seconds: Annotated[int, Meta(ge=30, le=3600, description="How long the token is valid.")] = 300


class OAuth2(Node, frozen=True, kw_only=True, tag="oauth2", tag_field="scheme"):
    """An access token from a token endpoint (RFC 6749), renewed before it expires and once when it is refused."""

    token_url: Annotated[
        str, Meta(description="Address of the token endpoint, or its path below `http.base_url`.")
    ]
    grant: Annotated[
        Literal["client_credentials", "refresh_token", "password", "jwt_bearer"],
        Meta(
            description="How the token is asked for; `jwt_bearer` sends `assertion` as the grant (RFC 7523)."
        ),
    ] = "client_credentials"
    client: Annotated[
        Literal["body", "basic", "assertion"],
        Meta(
            description="How the client proves itself: id and secret in the body, in a Basic header, or a signed"
            " `assertion`."
        ),
    ] = "body"
    client_id: Annotated[str, Meta(description="Client id.")] = "${client_id}"
    client_secret: Annotated[str, Meta(description="Client secret; empty for a client without one.")] = (
        "${client_secret}"
    )
    username: Annotated[str, Meta(description="User name of the grant `password`.")] = "${username}"
    password: Annotated[str, Meta(description="Password of the grant `password`.")] = "${password}"
    refresh_token: Annotated[
        str,
        Meta(
            description="Form field of the refresh token of the grant `refresh_token`. When the source hands out"
            " another one, it is stored there before it is used."
        ),
    ] = "refresh_token"
    scope: Annotated[str, Meta(description="Scopes with blanks between; empty: none is sent.")] = ""
    assertion: Annotated[Assertion | None, Meta(description="For `jwt_bearer` and `client: assertion`.")] = (
        None
    )
    params: Annotated[dict[str, Any], Meta(description="Further form parameters of the token request.")] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers of the token request.")] = {}
    token: Annotated[str, Meta(description="Path of the access token in the answer.")] = "access_token"
    expires: Annotated[str, Meta(description="Path of its lifetime in seconds.")] = "expires_in"
    minutes: Annotated[
        Annotated[float, Meta(gt=0)] | None, Meta(description="Its lifetime where the answer does not tell.")
    ] = None
    margin: Annotated[
        float, Meta(ge=0, description="Seconds before its end from which the token is not used any more.")
    ] = 60.0
    header: Annotated[str, Meta(description="Header that carries the token.")] = "Authorization"
    value: Annotated[str, Meta(description="Value of the header; `${login.token}` is the token.")] = (
        "Bearer ${login.token}"
    )
    expired: Annotated[
        tuple[int, ...],
        Meta(
            description="Statuses that mean: get another token. Error rules with `then: reauthorize` mean it too."
        ),
    ] = (401,)


class OAuth1(Node, frozen=True, kw_only=True, tag="oauth1", tag_field="scheme"):
    """Every request is signed with a consumer and a token secret, HMAC-SHA256 (RFC 5849, NetSuite token-based)."""

    consumer_key: Annotated[str, Meta(description="Consumer key.")] = "${consumer_key}"
    consumer_secret: Annotated[str, Meta(description="Consumer secret.")] = "${consumer_secret}"
    token: Annotated[str, Meta(description="Token id.")] = "${token_id}"
    token_secret: Annotated[str, Meta(description="Token secret.")] = "${token_secret}"
    realm: Annotated[
        str, Meta(description="Realm of the header, such as the NetSuite account; not signed.")
    ] = ""


class HmacUrl(Node, frozen=True, kw_only=True, tag="hmac_url", tag_field="scheme"):
    """A header signs the address of each request, exactly as it is sent and without `https://`: HMAC-SHA256, hex."""

    secret: Annotated[str, Meta(description="Secret key, used as UTF-8.")] = "${secret_key}"
    header: Annotated[str, Meta(description="Header of the signature.")] = "Authorization"
    query: Annotated[
        dict[str, str],
        Meta(
            description="Query parameters added to every request before it is signed; `${now|unix_ms}` is the time."
        ),
    ] = {}


class Csrf(Node, frozen=True, kw_only=True, tag="csrf", tag_field="scheme"):
    """Modifying requests carry a token fetched before on the same session; a refused token is fetched again, once."""

    inner: Annotated["Auth", Meta(description="The scheme that signs in.")]
    header: Annotated[str, Meta(description="Header that asks for the token, brings it and carries it.")] = (
        "X-CSRF-Token"
    )
    method: Annotated[Literal["HEAD", "GET"], Meta(description="Method of the request for the token.")] = (
        "HEAD"
    )
    path: Annotated[
        str,
        Meta(
            description="Path of the request for the token; empty: the folder of each request, which is the service"
            " document for an OData entity set."
        ),
    ] = ""


class Windows(Node, frozen=True, kw_only=True, tag="windows", tag_field="scheme"):
    """Windows sign-in to an on-premises system: Negotiate (Kerberos where a ticket can be had, else NTLM) or NTLM."""

    protocol: Annotated[
        Literal["negotiate", "ntlm", "kerberos"], Meta(description="What to offer the source.")
    ] = "negotiate"
    username: Annotated[str, Meta(description="`DOMAIN\\user` or `user@domain`.")] = "${username}"
    password: Annotated[str, Meta(description="Password.")] = "${password}"
    service: Annotated[str, Meta(description="Service class of the Kerberos service principal name.")] = (
        "HTTP"
    )
    host: Annotated[
        str, Meta(description="Host of the service principal name, where it is not that of `http.base_url`.")
    ] = ""


class Choose(Node, frozen=True, kw_only=True, tag="choose", tag_field="scheme"):
    """A form field decides between schemes."""

    field: Annotated[str, Meta(description="Form field of type `choice` that decides.")]
    schemes: Annotated[dict[str, "Auth"], Meta(description="Each value of the field to its scheme.")]


Auth = NoAuth | BasicAuth | HeaderAuth | SessionLogin | OAuth2 | OAuth1 | HmacUrl | Csrf | Windows | Choose
