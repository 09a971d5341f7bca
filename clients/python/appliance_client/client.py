"""The client: one connection to the appliance, kept open, safe to use from one thread at a time."""

import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit

from appliance_client.errors import CLASSES, ApiError, UnreachableError
from appliance_client.records import PATHS

ATTEMPTS = 4
LONGEST_WAIT = 60.0

R = TypeVar("R", bound=Mapping[str, Any])
"""A class of `appliance_client.records`."""


class Run(TypedDict, total=False):
    """A synchronization; `state` is queued, running, interrupted, completed, partially_failed, failed or cancelled."""

    id: str
    connection_id: str
    mode: str
    state: str
    entities: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """`next_cursor` is None on the last page, `total` where it was not counted."""

    records: list[R]
    next_cursor: str | None
    total: int | None


class Client:
    """`token` is a connection's token, or a key of the account with the `connection_id` that is meant.

    `ca_file` is the certificate (PEM) to trust in place of the system's, such as the appliance's own. `sleep` is
    what waits between two attempts. Every method raises ApiError.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        connection_id: str | None = None,
        ca_file: str | None = None,
        timeout: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the url is one such as https://appliance.plant.example:8443")
        self._prefix = parts.path.rstrip("/")
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca_file)
            self._http: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout, context=context
            )
        else:
            self._http = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if connection_id is not None:
            self._headers["X-Connection-Id"] = connection_id
        self._sleep = sleep

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def page(
        self, entity: type[R], *, cursor: str | None = None, per_page: int | None = None, **query: str
    ) -> Page[R]:
        """One page of an entity, such as `Asset`. `query` are further parameters, such as `modified_after`."""
        size = None if per_page is None else str(per_page)
        return self._page(entity, {**query, "cursor": cursor, "per_page": size})

    def records(self, entity: type[R], **query: str) -> Iterator[R]:
        """All records of an entity, page after page; none is skipped or given twice while others are changed."""
        cursor: str | None = None
        while True:
            page = self._page(entity, {**query, "cursor": cursor})
            yield from page.records
            cursor = page.next_cursor
            if cursor is None:
                return

    def get(self, entity: type[R], key: str) -> R:
        """One record. Raises NotFoundError."""
        return cast(R, self.call("GET", _path(entity, key))["data"])

    def create(self, entity: type[R], body: Mapping[str, Any], *, idempotency_key: str | None = None) -> R:
        """Create a record in the source system."""
        return cast(R, self._write("POST", _path(entity), body, idempotency_key))

    def update(
        self, entity: type[R], key: str, body: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> R:
        """Change a record in the source system."""
        return cast(R, self._write("PUT", _path(entity, key), body, idempotency_key))

    def set_status(self, entity: type[R], key: str, status: str, *, idempotency_key: str | None = None) -> R:
        """Set the status of a record, by the key or the code of the status."""
        return cast(
            R, self._write("PUT", f"{_path(entity, key)}/status", {"status": status}, idempotency_key)
        )

    def synchronize(self, entities: Sequence[str] | None = None, *, mode: str = "incremental") -> Run:
        """Ask for a synchronization of the token's connection; a run that does it already is joined."""
        body: dict[str, Any] = {"mode": mode}
        if entities is not None:
            body["entities"] = list(entities)
        return cast(Run, self.call("POST", "/api/v1/sync", body=body)["data"])

    def run(self, run_id: str) -> Run:
        return cast(Run, self.call("GET", f"/api/v1/sync/{quote(run_id, safe='')}")["data"])

    def sync_status(self) -> dict[str, Any]:
        """Last success, next time and errors, of the connection and of each entity."""
        return cast(dict[str, Any], self.call("GET", "/api/v1/sync-status")["data"])

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Any call of the API; the decoded body of its answer, None for an empty one."""
        target = self._prefix + path + (f"?{urlencode(query)}" if query else "")
        sent = None if body is None else json.dumps(body).encode()
        given = {**self._headers, **(headers or {})}
        if sent is not None:
            given["Content-Type"] = "application/json"
        repeatable = method in ("GET", "HEAD", "PUT", "DELETE") or "Idempotency-Key" in given
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(method, target, sent, given)
            except UnreachableError:
                # Whether it was done is not known.
                if attempt == ATTEMPTS or not repeatable:
                    raise
                self._sleep(2.0 ** (attempt - 1))
            except ApiError as failure:
                wait = failure.retry_after
                if (
                    wait is None
                    or attempt == ATTEMPTS
                    or wait > LONGEST_WAIT
                    or failure.status not in (429, 503)
                ):
                    raise
                self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _page(self, entity: type[R], query: Mapping[str, str | None]) -> Page[R]:
        given = {name: value for name, value in query.items() if value is not None}
        body = self.call("GET", _path(entity), query=given)
        return Page(body["data"], body.get("next_cursor"), body.get("meta", {}).get("total"))

    def _write(self, method: str, path: str, body: Mapping[str, Any], key: str | None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.call(method, path, body=body, headers=headers)["data"]

    def _once(self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        try:
            self._http.request(method, target, body, dict(headers))
            answer = self._http.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as failure:
            self._http.close()
            raise UnreachableError(f"no answer: {failure}") from failure
        decoded = _decoded(content)
        if answer.status >= 400:
            raise _error(answer, decoded)
        return decoded


def _path(entity: type[Any], key: str | None = None) -> str:
    try:
        path = f"/api/{PATHS[entity.__name__]}"
    except KeyError:
        raise ValueError(f"{entity.__name__} has no list of its own") from None
    return path if key is None else f"{path}/{quote(key, safe='')}"


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return None


def _error(answer: http.client.HTTPResponse, body: Any) -> ApiError:
    told = body.get("error", {}) if isinstance(body, dict) else {}
    told = (
        told if isinstance(told, dict) else {"code": str(told), "message": body.get("error_description", "")}
    )
    seconds = answer.getheader("Retry-After", "")
    return CLASSES.get(told.get("type", ""), ApiError)(
        told.get("message") or answer.reason,
        code=told.get("code", ""),
        kind=told.get("type", ""),
        status=answer.status,
        request_id=answer.getheader("X-Request-Id"),
        details=told.get("details"),
        retry_after=float(seconds) if seconds.isdigit() else None,
    )
