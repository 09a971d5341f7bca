"""Answers of reads: the two envelopes of a list, entity tags, compression."""

import gzip
import hashlib
from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, g, request

from appliance.api.records.paging import Paged
from appliance.api.records.query import ListQuery, links

Dialect = Literal["documented", "v1"]

# Smaller bodies fit into a packet as they are.
SMALLEST_COMPRESSED = 1400
# Records repeat the names of their fields; higher levels take several times as long for little.
GZIP_LEVEL = 1


def list_body(dialect: Dialect, query: ListQuery, texts: Sequence[str], page: Paged) -> str:
    """The JSON of a list. The documented envelope has links and meta, that of `/api/v1` the cursor and the total."""
    g.rows = len(texts)
    if dialect == "v1":
        beside: dict[str, Any] = {"next_cursor": page.next_cursor, "total": page.total}
    else:
        beside = {**_links_and_meta(query, len(texts), page), "next_cursor": page.next_cursor}
    tail = msgspec.json.encode(beside).decode()
    return f'{{"data":[{",".join(texts)}],{tail[1:]}'


def _links_and_meta(query: ListQuery, listed: int, page: Paged) -> dict[str, Any]:
    path = request.base_url
    last_page = None if page.total is None else max(1, -(-page.total // query.per_page))
    first = (query.page - 1) * query.per_page + 1 if listed and query.cursor is None else None
    lead = links(path, query.given, query.page, last_page, page.more)
    if query.cursor is not None:
        following = urlencode({**query.given, "cursor": page.next_cursor})
        lead = {**lead, "prev": None, "next": f"{path}?{following}" if page.next_cursor else None}
    return {
        "links": lead,
        "meta": {
            "current_page": query.page,
            "from": first,
            "last_page": last_page,
            "path": path,
            "per_page": query.per_page,
            "to": None if first is None else first + listed - 1,
            "total": page.total,
        },
    }


def tag_of(*parts: Any) -> str:
    """The entity tag of an answer that is the same as long as these parts are, for this address."""
    address = [request.host, request.path, request.query_string]
    said = msgspec.json.encode([*address, *parts])
    return hashlib.blake2b(said, digest_size=12).hexdigest()


def unchanged(tag: str) -> Response | None:
    """The empty answer to a caller that holds this already, None to others."""
    if not request.if_none_match.contains_weak(tag):
        return None
    response = Response(status=304)
    response.set_etag(tag, weak=True)
    return response


def answer(body: str, tag: str | None = None) -> Response:
    """The response; without a tag its own is computed, and compared with what the caller holds."""
    if tag is None:
        tag = hashlib.blake2b(body.encode(), digest_size=12).hexdigest()
        held = unchanged(tag)
        if held is not None:
            return held
    response = Response(body, mimetype="application/json")
    response.set_etag(tag, weak=True)
    return response


def compress(response: Response) -> Response:
    """Compress a body for callers that take gzip."""
    response.headers.add("Vary", "Accept-Encoding")
    if (
        response.status_code != 200
        or response.is_streamed
        or (response.content_length or 0) < SMALLEST_COMPRESSED
        or request.accept_encodings["gzip"] <= 0
    ):
        return response
    response.set_data(gzip.compress(response.get_data(), GZIP_LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    return response


def compressing(routes: Blueprint) -> Blueprint:
    """The blueprint, with its bodies compressed."""
    routes.after_request(compress)
    return routes
