"""Hands a request on to the source with the connection's sign-in, and gives its answer unjudged."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from appliance.errors import ConfigurationError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols.sql.values import row_text
from appliance.runtime.request import join
from appliance.transport.http import Request, Response

# What a caller may say. Sign-in, host and the framing of messages are ours.
SENT_HEADERS = frozenset(
    ("accept", "accept-language", "content-type", "if-match", "if-none-match", "prefer", "soapaction")
)
_KEPT_BACK = frozenset(
    (
        *(
            "set-cookie",
            "www-authenticate",
            "authorization",
            "proxy-authenticate",
            "connection",
            "keep-alive",
        ),
        *("transfer-encoding", "content-encoding", "content-length", "trailer", "upgrade"),
    )
)
_PLACE = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|(?<!:):(\w+)")


def forward(
    connector: Connector,
    method: str,
    path: str,
    *,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes | None,
) -> Response:
    """`path` lies below the connection's address. Raises SourceUnreachable and what the transport refuses."""
    source = connector.source
    http = source.definition.http
    if http is None:
        raise ConfigurationError(f"{connector.definition.name} is not reached over HTTP.")
    sent = {name: value for name, value in headers.items() if name.lower() in SENT_HEADERS}
    request = Request(
        method=method,
        url=join(source.base_url, path),
        params=list(query),
        headers={"Accept": "*/*", **sent},
        body=body,
        safe=method == "GET",
        timeout=http.timeout,
    )
    return source.exchange(request, interactive=True)


def told_headers(response: Response) -> dict[str, str]:
    """Headers of an answer that may be shown: no cookies, nothing of the connection."""
    return {name: value for name, value in response.headers.items() if name.lower() not in _KEPT_BACK}


def query_rows(
    connector: Connector, statement: str, parameters: Mapping[str, Any], *, most: int
) -> list[msgspec.Raw]:
    """Rows of a SELECT with `:name` places, each as JSON text.

    Raises ConfigurationError for anything but one query that only reads.
    """
    database = connector.source.database
    if database is None:
        raise ConfigurationError(f"{connector.definition.name} is no database.")
    names: list[str] = []

    def placed(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0]
        if name not in parameters:
            raise ConfigurationError(f"The query names :{name[:60]}, which is not among `parameters`.")
        if name not in names:
            names.append(name)
        return f":p__{names.index(name)}"

    prepared = _PLACE.sub(placed, statement)
    with database.rows(prepared, [parameters[name] for name in names], most=most) as rows:
        return [msgspec.Raw(row_text(dict(zip(rows.columns, row, strict=True)))) for row in rows.values]
