"""One HTTP request and its answer, free of sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

JSON = "application/json"
ATOM = "application/atom+xml;type=feed"
XML = "application/xml"


@dataclass(frozen=True)
class Request:
    """`path` is the raw path without the query; header names are in lower case; `base` is like `http://host:port`."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base: str

    @property
    def effective_method(self) -> str:
        """POST may tunnel another verb in X-HTTP-Method, as old proxies need it."""
        tunneled = self.headers.get("x-http-method")
        return tunneled.upper() if self.method == "POST" and tunneled else self.method


@dataclass
class Response:
    """The answer. Status 0 means that the connection is closed without one."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)
