"""Request templates of a definition to requests of the transport."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from appliance.errors import ConfigurationError
from appliance.runtime.definition import Http, RequestTemplate
from appliance.runtime.select import encode
from appliance.runtime.template import compile_template, compile_xml, without_marks
from appliance.runtime.writing.upload import Upload
from appliance.runtime.xmlrpc import encode_call
from appliance.transport.http import Request
from appliance.transport.multipart import FilePart, encode_form

Prepare = Callable[[Mapping[str, Any]], Request]


def compile_request(
    template: RequestTemplate, http: Http, *, where: str, safe: bool, omit: bool = False
) -> Prepare:
    """Compile to a function of a context that gives the request; `safe` requests may be repeated by the transport.

    With `omit` what has no value is left out of the body.
    """
    base = compile_template(http.base_url, where=f"{where}.base_url")
    path = compile_template(template.path, where=f"{where}.path")
    query = compile_template({**http.query, **template.query}, where=f"{where}.query")
    headers = compile_template({**http.headers, **template.headers}, where=f"{where}.headers")
    write_body = _compile_body(template, where, omit)

    def prepare(context: Mapping[str, Any]) -> Request:
        content_type, body = write_body(context)
        sent = {
            "Accept": "application/json" if template.xml is None and template.xmlrpc is None else "text/xml",
            **{name: str(value) for name, value in headers(context).items() if value is not None},
        }
        if content_type:
            sent.setdefault("Content-Type", content_type)
        return Request(
            method="POST" if template.xmlrpc is not None else template.method,
            url=join(str(base(context)), str(path(context))),
            params=list(_flat(query(context))),
            headers=sent,
            body=body,
            safe=safe,
            timeout=http.timeout,
        )

    return prepare


def _compile_body(
    template: RequestTemplate, where: str, omit: bool
) -> Callable[[Mapping[str, Any]], tuple[str, bytes | None]]:
    """A function of a context that gives content type and body; both empty for a request without one."""
    if template.json is not None:
        content = compile_template(template.json, where=f"{where}.json", omit=omit)
        return lambda context: ("application/json", encode(without_marks(content(context))))
    if template.form is not None:
        fields = compile_template(template.form, where=f"{where}.form", omit=omit)
        return lambda context: (
            "application/x-www-form-urlencoded",
            urlencode(list(_flat(without_marks(fields(context))))).encode(),
        )
    if template.multipart is not None:
        parts = compile_template(template.multipart, where=f"{where}.multipart", omit=omit)
        return lambda context: _multipart(without_marks(parts(context)))
    if template.xml is not None:
        text = compile_xml(template.xml, where=f"{where}.xml")
        return lambda context: ("text/xml; charset=utf-8", text(context).encode())
    if template.xmlrpc is not None:
        method = compile_template(template.xmlrpc.method, where=f"{where}.xmlrpc.method")
        params = compile_template(list(template.xmlrpc.params), where=f"{where}.xmlrpc.params", omit=omit)
        return lambda context: (
            "text/xml; charset=utf-8",
            encode_call(str(method(context)), without_marks(params(context))),
        )
    return lambda context: ("", None)


def _multipart(parts: Mapping[str, Any]) -> tuple[str, bytes]:
    fields: dict[str, str | FilePart] = {
        name: (value.name, value.read(), value.content_type) if isinstance(value, Upload) else _text(value)
        for name, value in parts.items()
        if value is not None
    }
    return encode_form(fields)


def join(base: str, path: str) -> str:
    """A path below a base address, with exactly one slash between; an empty path is the base itself."""
    return f"{base.rstrip('/')}/{path.lstrip('/')}" if path else base


def follow_link(base: str, link: str) -> str:
    """A next-page link on the configured host.

    Sources behind a reverse proxy hand out internal host names, and credentials go to no other host than the
    configured one: scheme and host always come from `base`.
    """
    origin = urlsplit(base)
    target = urlsplit(urljoin(base, link))
    if not origin.netloc:
        raise ConfigurationError(
            f"The address {base!r} has no host name. Write it as https://host:port/path."
        )
    return urlunsplit((origin.scheme, origin.netloc, target.path, target.query, ""))


def _flat(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        for single in value if isinstance(value, list) else [value]:
            if single is not None and single != "":
                pairs.append((name, _text(single)))
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
