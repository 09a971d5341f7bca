"""Server-driven paging: skip tokens bound to their query, and the link to the next page."""

import re
import zlib
from dataclasses import dataclass
from urllib.parse import quote

from .errors import bad_request
from .query import Query


@dataclass(frozen=True)
class Progress:
    """How far a client has come: `offset` rows and `page` pages are behind it."""

    offset: int = 0
    page: int = 0


def make_token(progress: Progress, path: str, query: Query, generation: int) -> str:
    """A token that is an offset into the live result, as the Gateway's is: rows that leave the result shift
    it.
    """
    return f"{progress.offset}.{progress.page}.{generation}.{_seal(progress, path, query, generation):08x}"


def read_token(token: str | None, path: str, query: Query, generation: int) -> Progress:
    """The progress in a token. Raises GatewayError 400 for a token of another query, an old one, or a
    forged one.
    """
    if token is None:
        return Progress()
    parts = re.fullmatch(r"(\d{1,12})\.(\d{1,9})\.(\d{1,9})\.([0-9a-f]{8})", token)
    if parts and int(parts[3]) == generation:
        progress = Progress(int(parts[1]), int(parts[2]))
        if int(parts[4], 16) == _seal(progress, path, query, generation):
            return progress
    raise bad_request("The skip token is not valid for this query or has expired", "/IWBEP/CM_MGW_RT/023")


def next_uri(base: str, path: str, query: Query, token: str) -> str:
    """The absolute URL of the next page: the same options plus the token."""
    options = [*query.options, ("$skiptoken", token)]
    return f"{base}{path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in options)


def _seal(progress: Progress, path: str, query: Query, generation: int) -> int:
    options = sorted((name, value) for name, value in query.options if name.startswith("$"))
    return zlib.crc32(repr((progress.offset, progress.page, generation, path, options)).encode())
