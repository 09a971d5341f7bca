"""Authentication schemes; how each works stands in `runtime/auth`."""

from typing import Annotated

from msgspec import Meta

from appliance.runtime.definition.http import RequestTemplate
from appliance.runtime.definition.node import Node


class NoAuth(Node, frozen=True, kw_only=True, tag="none", tag_field="scheme"):
    """The source asks for nothing."""


class BasicAuth(Node, frozen=True, kw_only=True, tag="basic", tag_field="scheme"):
    """User name and password in the Authorization header (RFC 7617)."""

    username: str = "${username}"
    password: str = "${password}"  # noqa: S105 - a template


class HeaderAuth(Node, frozen=True, kw_only=True, tag="header", tag_field="scheme"):
    """A fixed header, such as an API key or a bearer token."""

    header: str = "Authorization"
    value: str


class SessionLogin(Node, frozen=True, kw_only=True, tag="session_login", tag_field="scheme"):
    """A login request yields values that later requests carry; an expired session logs in again, once."""

    request: RequestTemplate
    take: Annotated[
        dict[str, str], Meta(description="Name to path inside the login answer; used as `${login.name}`.")
    ]
    make: Annotated[
        dict[str, str], Meta(description="Values made of those taken, also used as `${login.name}`.")
    ] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers of every later request.")] = {}
    refused: Annotated[
        str, Meta(description="A path of `take` that is empty when the password is wrong.")
    ] = ""
    expired: Annotated[tuple[int, ...], Meta(description="Statuses that mean: log in again.")] = (401,)
    minutes: Annotated[
        int | None, Meta(description="Log in again after this long, before the source forgets.")
    ] = None


Auth = NoAuth | BasicAuth | HeaderAuth | SessionLogin
