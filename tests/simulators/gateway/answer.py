"""One request through the stations of a real system: web server, logon, CSRF, service activation,
authorization, OData.
"""

from urllib.parse import unquote

from appliance.clock import iso

from .exchange import JSON, XML, Request, Response
from .odata.errors import GatewayError, PlainRefusal
from .odata.query import read_options, wants_json
from .reads import read
from .render import error_json, error_xml, html_page
from .system import ROOT, System
from .writes import write


def answer(system: System, request: Request) -> Response:
    """The answer to a request; never raises for what a client did wrong."""
    cookies: list[str] = []
    headers: dict[str, str] = {}
    try:
        response = _answer(system, request, cookies, headers)
    except PlainRefusal as refusal:
        response = Response(
            refusal.status, refusal.body.encode(), refusal.content_type, dict(refusal.headers)
        )
    except GatewayError as error:
        response = _error(system, request, error)
    response.headers = {**headers, **response.headers}
    response.cookies = cookies
    return response


def _answer(system: System, request: Request, cookies: list[str], headers: dict[str, str]) -> Response:
    if len(request.path) + len(request.query) > system.settings.max_url:
        raise PlainRefusal(414, html_page("414 Request-URI Too Long", "The URL is too long."))
    if not request.path.startswith(ROOT):
        raise PlainRefusal(404, html_page("404 Not Found", "The requested resource does not exist."))
    options = read_options(request.query)
    user = system.access.log_on(request.headers.get("authorization", ""), options.get("sap-client"))
    session, is_new = system.access.session(request.headers.get("cookie", ""), user)
    if is_new:
        cookies += [
            f"{system.access.cookie_name}={session.identity}; path=/; HttpOnly",
            f"sap-usercontext=sap-client={system.access.client}; path=/",
        ]
    segment, slash, rest = request.path[len(ROOT) :].partition("/")
    fetches = request.headers.get("x-csrf-token", "").lower() == "fetch"
    reading = request.method in ("GET", "HEAD")
    if not reading:
        system.access.check_token(session, request.headers.get("x-csrf-token"))
    elif fetches and slash:
        # Without the slash after the service name some systems give no token; clients must ask with it.
        headers["x-csrf-token"] = system.access.fetch_token(session)
    name, _, version = unquote(segment).partition(";v=")
    service = system.services.get(name)
    if service is None or name in system.inactive or version.lstrip("0") not in ("", "1"):
        raise GatewayError(
            system.settings.inactive_status,
            "/IWFND/MED/170",
            f"No service found for namespace , name {name}, version {(version or '1').zfill(4)}",
        )
    allowed = system.access.users[user].services
    if allowed is not None and name not in allowed:
        raise GatewayError(403, "/IWFND/CM_CONSUMER/101", f"No authorization to access Service '{name}'")
    if reading:
        return read(system, service, rest, request, options)
    return write(system, service, rest, request, options)


def _error(system: System, request: Request, error: GatewayError) -> Response:
    if system.settings.html_errors:
        body = html_page(f"{error.status} Application Server Error", error.message).encode()
        return Response(error.status, body, "text/html", dict(error.headers))
    try:
        as_json = wants_json(read_options(request.query), request.headers.get("accept", ""))
    except GatewayError:
        as_json = False
    if as_json:
        service = request.path[len(ROOT) :].partition("/")[0]
        body = error_json(error, service, str(iso(system.clock.now_ms())))
        return Response(error.status, body, JSON, dict(error.headers))
    return Response(error.status, error_xml(error), XML, dict(error.headers))
