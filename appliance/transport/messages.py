"""What is sent and what comes back."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

_CHARSET = re.compile(r"charset=\"?([A-Za-z0-9._:-]+)", re.IGNORECASE)

# What OData servers like to see as it is.
QUERY_SAFE = "$,:@/()'*!"

Sign = Callable[[str, str], Mapping[str, str]]
"""Method and final URL of a request to the headers that sign it."""


class Pin:
    """Stands for one kept connection: requests with the same pin go over it, one at a time, and no others.

    When the connection is lost the next request opens another one. It is closed when nobody holds the pin.
    """

    __slots__ = ("__weakref__",)


@dataclass(slots=True)
class Request:
    """`safe`: may be repeated (reads, also read-only POSTs). `timeout`: total seconds, None: the default.

    `sign` is called for every attempt with the URL exactly as it is sent, so that a repeated request carries
    a fresh timestamp and nonce. `pin`: over which connection, for sign-ins that hold for a connection.
    `cookies`: send those the source has set.
    """

    method: str
    url: str
    params: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    safe: bool = False
    timeout: float | None = None
    sign: Sign | None = None
    pin: Pin | None = None
    cookies: bool = True

    def full_url(self) -> str:
        """`url` with `params` appended. Spaces become %20 and `$` stays, as OData servers like it."""
        if not self.params:
            return self.url
        query = urlencode(self.params, quote_via=quote, safe=QUERY_SAFE)
        parts = urlsplit(self.url)
        joined = f"{parts.query}&{query}" if parts.query else query
        return urlunsplit((parts.scheme, parts.netloc, parts.path, joined, ""))


@dataclass(slots=True)
class Response:
    """`headers` is case-insensitive, repeated ones joined with a comma; `body` is decompressed.

    `url` is what was asked for (redirects are not followed); `seconds` is the time of the last exchange.
    `cookies` are those this answer set. `certificate` (DER) is the server's, for a pinned request over TLS.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    seconds: float
    cookies: Mapping[str, str] = field(default_factory=dict)
    certificate: bytes | None = None

    def header(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name, default)

    def text(self, limit: int | None = None) -> str:
        """The body as text in its declared charset (UTF-8 otherwise), at most `limit` characters."""
        found = _CHARSET.search(self.headers.get("Content-Type", ""))
        # Four bytes is the longest character of any charset in use; a cut one is replaced and cut again.
        raw = self.body if limit is None else self.body[: limit * 4]
        try:
            text = raw.decode(found[1] if found else "utf-8", "replace")
        except LookupError:
            text = raw.decode("utf-8", "replace")
        return text if limit is None else text[:limit]


def loggable(url: str) -> str:
    """`url` without user, password, fragment and query values, which may be secrets."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        names = "&".join(f"{quote(name)}=…" for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return "(unreadable URL)"
    return urlunsplit((parts.scheme, host, parts.path, names, ""))
