"""Requests over HTTP, what their answers mean, and the probe."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node


class XmlRpcCall(Node, frozen=True, kw_only=True):
    """A call of XML-RPC."""

    method: Annotated[str, Meta(description="Name of the method; a template.")]
    params: Annotated[tuple[Any, ...], Meta(description="Parameters in order; templates.")] = ()


class RequestTemplate(Node, frozen=True, kw_only=True):
    """One HTTP request. Every part may hold `${…}` of form fields, `vars`, `since`, `since_local` and `page`.

    `since_local` is the time of `since` in the zone of the form field `time_zone`, for sources that stamp without one.
    """

    method: Annotated[Literal["GET", "POST", "PUT", "PATCH", "DELETE"], Meta(description="HTTP method.")] = (
        "GET"
    )
    path: Annotated[str, Meta(description="Joined to `http.base_url`.")] = ""
    query: Annotated[dict[str, Any], Meta(description="Query parameters; a list repeats the name.")] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers beside those of `http.headers`.")] = {}
    json: Annotated[Any, Meta(description="JSON body.")] = None
    form: Annotated[dict[str, Any] | None, Meta(description="Form-encoded body.")] = None
    multipart: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Form in several parts; `${record.file}` becomes a part with the file's name and type."
        ),
    ] = None
    xml: Annotated[
        str | None, Meta(description="XML body as text; values of `${…}` are escaped as XML text.")
    ] = None
    xmlrpc: Annotated[XmlRpcCall | None, Meta(description="XML-RPC call; sent as POST.")] = None


class Learned(Node, frozen=True, kw_only=True):
    """A value asked for once a connection, such as the user's number, which later requests carry in their bodies."""

    request: Annotated[RequestTemplate, Meta(description="The request that is answered with it.")]
    path: Annotated[str, Meta(description="Path of the value in the answer; empty: the answer itself.")] = ""
    when: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Asked for only when these form fields have one of these values."),
    ] = {}


class CallWindow(Node, frozen=True, kw_only=True):
    """At most `calls` in any span of `seconds`."""

    calls: Annotated[int, Meta(ge=1, description="Calls in the span.")]
    seconds: Annotated[float, Meta(gt=0, description="Length of the span: 60 a minute, 86400 a day.")]


class HostBudget(Node, frozen=True, kw_only=True):
    """Limits of the source's host, whoever asks."""

    windows: Annotated[
        tuple[CallWindow, ...], Meta(description="Calls of all connections to the host together.")
    ] = ()
    concurrency: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Requests at a time of all connections to the host together."),
    ] = None


class LimitAnswer(Node, frozen=True, kw_only=True):
    """Headers in which the source tells what is left of its call limit. At none left, the connection waits."""

    remaining: Annotated[str, Meta(description="Header with the calls left.")]
    reset: Annotated[str, Meta(description="Header that tells when there are calls again.")]
    reset_as: Annotated[
        Literal["seconds", "epoch", "epoch_ms"],
        Meta(description="What it holds: seconds from now, seconds or milliseconds since 1970."),
    ] = "seconds"
    limit: Annotated[
        str, Meta(description="Header with the calls of a whole span; with it the reserve is kept as well.")
    ] = ""


class CallBudget(Node, frozen=True, kw_only=True):
    """How often a connection may ask its source. All limits hold at once."""

    windows: Annotated[tuple[CallWindow, ...], Meta(description="Calls of one connection.")] = ()
    concurrency: Annotated[int, Meta(ge=1, description="Requests at a time of one connection.")] = 4
    host: Annotated[HostBudget, Meta(description="Limits for all connections to one host together.")] = (
        HostBudget()
    )
    reserve: Annotated[
        float, Meta(ge=0, lt=1, description="Share kept back for calls a person waits for.")
    ] = 0.1
    headers: Annotated[
        LimitAnswer | None, Meta(description="Headers in which the source tells what is left.")
    ] = None


class Http(Node, frozen=True, kw_only=True):
    """How to reach the source over HTTP."""

    base_url: Annotated[str, Meta(description="Address every path is joined to.")]
    headers: Annotated[dict[str, str], Meta(description="Headers of every request.")] = {}
    query: Annotated[dict[str, str], Meta(description="Query parameters of every request.")] = {}
    budget: Annotated[CallBudget, Meta(description="How often the source may be asked.")] = CallBudget()
    tls: Annotated[
        tuple[Literal["client_certificate", "ca", "minimum"], ...],
        Meta(
            description="TLS fields to add to the form: a client certificate with its key, a certificate authority"
            " of the source, the lowest TLS version."
        ),
    ] = ()
    timeout: Annotated[float, Meta(gt=0, description="Seconds for one request.")] = 60.0
    learn: Annotated[
        dict[str, Learned],
        Meta(
            description="Values of a sign-in, `${learned.name}` in requests for rows and in the probe; false or"
            " nothing means that the credentials are wrong."
        ),
    ] = {}


class ErrorRule(Node, frozen=True, kw_only=True):
    """The first rule that matches an answer says what it means. Rules stand before the built-in ones by status."""

    then: Annotated[
        Literal[
            "credentials",
            "reauthorize",
            "denied",
            "throttled",
            "unavailable",
            "fail",
            "restart",
            "end",
            "end_of_pages",
            "cannot_filter",
            "ignore",
        ],
        Meta(
            description="`reauthorize`: the session has ended, sign in again, once. `restart`: the page position"
            " has expired, begin the pass again. `end`: there are no more rows. `end_of_pages`: so too, but a failure"
            " on the first page. `cannot_filter`: try the `fallback` of the read. `ignore`: the answer is a good one."
        ),
    ]
    status: Annotated[tuple[int, ...], Meta(description="Statuses of the answer; empty: every one.")] = ()
    path: Annotated[str, Meta(description="Path into the JSON body that must be present.")] = ""
    contains: Annotated[str, Meta(description="Text the value at `path` (or the body) must hold.")] = ""
    advice: Annotated[str, Meta(description="What to do about it, for the message.")] = ""
    wait: Annotated[
        str, Meta(description="For `throttled`: path of the milliseconds to wait, where no header tells.")
    ] = ""


class Probe(Node, frozen=True, kw_only=True):
    """A cheap request that succeeds only with valid credentials."""

    request: Annotated[RequestTemplate, Meta(description="The request; a read that changes nothing.")]
    path: Annotated[str, Meta(description="Path that must be present in the answer.")] = ""
    choose: Annotated[str, Meta(description="Form field that may choose another request.")] = ""
    ways: Annotated[dict[str, RequestTemplate], Meta(description="Value of that field to its request.")] = {}
