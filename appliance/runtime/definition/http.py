"""Requests over HTTP, what their answers mean, and the probe."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node


class XmlRpcCall(Node, frozen=True, kw_only=True):
    """A call of XML-RPC."""

    method: str
    params: Annotated[tuple[Any, ...], Meta(description="Parameters in order; templates.")] = ()


class RequestTemplate(Node, frozen=True, kw_only=True):
    """One HTTP request. Every part may hold `${…}` of form fields, `vars`, `since` and `page`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Annotated[str, Meta(description="Joined to `http.base_url`.")] = ""
    query: Annotated[dict[str, Any], Meta(description="Query parameters; a list repeats the name.")] = {}
    headers: dict[str, str] = {}
    json: Annotated[Any, Meta(description="JSON body.")] = None
    form: Annotated[dict[str, Any] | None, Meta(description="Form-encoded body.")] = None
    xml: Annotated[
        str | None, Meta(description="XML body as text; values of `${…}` are escaped as XML text.")
    ] = None
    xmlrpc: Annotated[XmlRpcCall | None, Meta(description="XML-RPC call; sent as POST.")] = None


class Http(Node, frozen=True, kw_only=True):
    """How to reach the source over HTTP."""

    base_url: str
    headers: dict[str, str] = {}
    query: Annotated[dict[str, str], Meta(description="Query parameters of every request.")] = {}
    concurrency: Annotated[int, Meta(ge=1, description="Requests at a time to this host.")] = 4
    timeout: Annotated[float, Meta(gt=0, description="Seconds for one request.")] = 60.0


class ErrorRule(Node, frozen=True, kw_only=True):
    """The first rule that matches an answer says what it means. Rules stand before the built-in ones by status."""

    then: Annotated[
        Literal["credentials", "denied", "throttled", "unavailable", "fail", "restart", "end", "ignore"],
        Meta(
            description="`restart`: the page position has expired, begin the pass again. `end`: there are no more"
            " rows. `ignore`: the answer is a good one."
        ),
    ]
    status: tuple[int, ...] = ()
    path: Annotated[str, Meta(description="Path into the JSON body that must be present.")] = ""
    contains: Annotated[str, Meta(description="Text the value at `path` (or the body) must hold.")] = ""
    advice: str = ""


class Probe(Node, frozen=True, kw_only=True):
    """A cheap request that succeeds only with valid credentials."""

    request: RequestTemplate
    path: Annotated[str, Meta(description="Path that must be present in the answer.")] = ""
