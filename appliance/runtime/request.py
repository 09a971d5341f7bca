"""Request templates of a definition to requests of the transport."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from appliance.errors import ConfigurationError
from appliance.runtime.definition import Http, RequestTemplate
from appliance.runtime.select import encode
from appliance.runtime.template import compile_template
from appliance.transport.http import Request

Prepare = Callable[[Mapping[str, Any]], Request]


def compile_request(template: RequestTemplate, http: Http, *, where: str, safe: bool) -> Prepare:
    """Compile to a function of a context that gives the request; `safe` requests may be repeated by the transport."""
    base = compile_template(http.base_url, where=f"{where}.base_url")
    path = compile_template(template.path, where=f"{where}.path")
    query = compile_template({**http.query, **template.query}, where=f"{where}.query")
    headers = compile_template({**http.headers, **template.headers}, where=f"{where}.headers")
    json_body = None if template.json is None else compile_template(template.json, where=f"{where}.json")
    form_body = None if template.form is None else compile_template(template.form, where=f"{where}.form")

    def prepare(context: Mapping[str, Any]) -> Request:
        body = None
        sent = {
            "Accept": "application/json",
            **{name: str(value) for name, value in headers(context).items() if value is not None},
        }
        if json_body is not None:
            body = encode(json_body(context))
            sent.setdefault("Content-Type", "application/json")
        elif form_body is not None:
            body = urlencode(list(_flat(form_body(context)))).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        return Request(
            method=template.method,
            url=join(str(base(context)), str(path(context))),
            params=list(_flat(query(context))),
            headers=sent,
            body=body,
            safe=safe,
            timeout=http.timeout,
        )

    return prepare


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
