"""The gateway as tests hold it: started on a free port, driven and observed in process."""

import base64
import re
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appliance.clock import Clock, SystemClock

from .access import User
from .answer import answer
from .control import PREFIX, control
from .exchange import Request, Response
from .odata.metadata import Service
from .odata.wire import Value, parse_sent
from .render import html_page
from .rows.data import MAX_LINES, NewLine
from .rows.tables import find
from .server import WebServer, self_signed, tls_context
from .system import ORDER_SERVICE, ROOT, Settings, System

_NEXT = re.compile(rb'"__next":"([^"]+)"')


@dataclass
class Failure:
    """How the next `times` requests fail whose path contains `path`.

    `status` 0 drops the connection; 200 answers with an HTML logon page, as single sign-on does on the
    wrong host. `after_commit`: the request takes effect first, and only then its answer is lost.
    """

    status: int
    times: int = 1
    retry_after: int | None = None
    path: str = ""
    after_commit: bool = False


class Gateway:
    """A running simulator; a context manager that starts and stops it.

    `users` are passwords by name (every service allowed) or `User`s. `settings` may be changed while it runs.
    `extra` are further EDMX files to serve, `missing` properties by set that this release lacks. `latency` in
    seconds is added to every answer. `requests` counts by method and path below the OData root; `statuses`
    by status. Orders are named by number (`4500000000` is the first). Values of `touch`, `touch_line` and
    `insert` are given as in a JSON body, or typed as in `odata.wire`.
    """

    def __init__(
        self,
        *,
        orders: int = 1000,
        lines: int = 3,
        days: int = 365,
        users: Mapping[str, str | User] | None = None,
        settings: Settings | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        certificate: tuple[bytes, bytes] | None = None,
        zipped: bool = False,
        latency: float = 0.0,
        controllable: bool = False,
        extra: Iterable[Path] = (),
        plain_rows: int = 10,
        missing: Mapping[str, Collection[str]] | None = None,
        store_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.clock = clock or SystemClock()
        self.settings = settings or Settings()
        self.latency = latency
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        known = users if users is not None else {"SYNC": "Welcome1"}
        self.system = System(
            self.clock,
            {name: User(user) if isinstance(user, str) else user for name, user in known.items()},
            self.settings,
            orders=orders,
            lines=lines,
            days=days,
            extra=extra,
            plain_rows=plain_rows,
            missing=missing,
            store_bytes=store_bytes,
        )
        self.certificate: bytes | None = None
        context = None
        if tls or certificate:
            self.certificate, key = certificate or self_signed(self.clock, host)
            context = tls_context(self.certificate, key)
        self._controllable = controllable
        self._failures: list[Failure] = []
        self._lock = threading.Lock()
        self._server = WebServer((host, port), self._answer, tls=context, zipped=zipped)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        host, port = self._server.server_address[:2]
        return f"{self._server.scheme}://{host!s}:{port}"

    @property
    def users(self) -> dict[str, User]:
        return self.system.access.users

    @property
    def inactive(self) -> set[str]:
        """Services that are not activated; add a name and it is refused."""
        return self.system.inactive

    @property
    def locks(self) -> dict[str, str]:
        """Order numbers that are open on a screen, with the user who has them."""
        return self.system.locks

    @property
    def warnings(self) -> list[str]:
        """Texts that the next successful writes carry in `sap-message`, one each."""
        return self.system.warnings

    def service_url(self, service: str = ORDER_SERVICE) -> str:
        """The root of a service, with the slash at the end."""
        return f"{self.url}{ROOT}{service}/"

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self.system.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def touch(self, order: str, **changes: Any) -> None:
        """Change an order; LastChangeDateTime moves to now unless it is among the changes."""
        self.system.orders.change(self._position(order), self._typed("A_PurchaseOrder", changes))

    def touch_line(self, order: str, item: str, *, moves_header: bool = False, **changes: Any) -> None:
        """Change a line; as with a goods receipt the header's time stamp stays unless `moves_header`."""
        table = self.system.tables[ORDER_SERVICE]["A_PurchaseOrderItem"]
        position = find(table, {"PurchaseOrder": order, "PurchaseOrderItem": item})
        if position is None:
            raise LookupError(f"no line {item} in order {order}")
        values = self._typed("A_PurchaseOrderItem", changes)
        self.system.orders.change_line(*divmod(position, MAX_LINES), values, moves_header=moves_header)

    def insert(self, items: Sequence[Mapping[str, Any]] = ({},), **values: Any) -> str:
        """Create an order as of now, with unset fields at their usual values; returns its number."""
        header = {"PurchaseOrderType": "NB", "Supplier": "0010300000", **values}
        lines = [NewLine(self._typed("A_PurchaseOrderItem", {"Plant": "1010", **item})) for item in items]
        return self._number(self.system.orders.insert(self._typed("A_PurchaseOrder", header), lines))

    def delete(self, order: str) -> None:
        """Flag an order and its lines as deleted."""
        self.system.orders.flag_deleted(self._position(order))

    def archive(self, order: str) -> None:
        """Make an order disappear, as archiving does."""
        self.system.orders.archive(self._position(order))

    def order_numbers(self) -> list[str]:
        """The numbers of all orders that are there, ascending."""
        return [self._number(position) for position in self.system.orders.positions()]

    def fail_next(
        self,
        status: int,
        times: int = 1,
        retry_after: int | None = None,
        *,
        path: str = "",
        after_commit: bool = False,
    ) -> None:
        """Let the next requests fail; see `Failure`."""
        with self._lock:
            self._failures.append(Failure(status, times, retry_after, path, after_commit))

    def warm(self, user: str, query: str, set_name: str = "A_PurchaseOrder") -> int:
        """Render the rows of a query of the order service into the store; returns the number of pages.

        Clients that ask with the same $select and $expand, whatever their filter, are then answered fast.
        """
        credentials = base64.b64encode(f"{user}:{self.users[user].password}".encode()).decode()
        headers = {"authorization": f"Basic {credentials}"}
        path, pages = f"{ROOT}{ORDER_SERVICE}/{set_name}", 0
        while query:
            response = answer(self.system, Request("GET", path, query, headers, b"", self.url))
            if response.status != 200:
                raise ValueError(f"{response.status} {response.body.decode()}")
            pages += 1
            following = _NEXT.search(response.body, max(0, len(response.body) - 10_000))
            query = following[1].decode().partition("?")[2] if following else ""
        return pages

    def expire_skiptokens(self) -> None:
        """Make every skip token given so far invalid."""
        self.system.generation += 1

    def expire_sessions(self) -> None:
        """End every session, and with it its CSRF token."""
        self.system.access.expire_sessions()

    def clear_counters(self) -> None:
        with self._lock:
            self.requests.clear()
            self.statuses.clear()

    def _answer(self, request: Request) -> Response:
        if self._controllable and request.path.startswith(PREFIX):
            return control(self, request)
        with self._lock:
            self.requests[f"{request.effective_method} {request.path.removeprefix(ROOT)}"] += 1
            failure = self._take_failure(request.path)
        if self.latency:
            self.clock.wait(threading.Event(), self.latency)
        response = None if failure and not failure.after_commit else answer(self.system, request)
        if response is None or (failure and failure.after_commit):
            assert failure is not None
            response = _failed(failure)
        with self._lock:
            self.statuses[response.status] += 1
        return response

    def _take_failure(self, path: str) -> Failure | None:
        failure = next((each for each in self._failures if each.path in path), None)
        if failure:
            failure.times -= 1
            if failure.times <= 0:
                self._failures.remove(failure)
        return failure

    def _position(self, order: str) -> int:
        position = self.system.orders.position(order)
        if position is None:
            raise LookupError(f"no order {order}")
        return position

    def _number(self, position: int) -> str:
        return self.system.orders.header(position)["PurchaseOrder"][1:-1]

    def _typed(self, set_name: str, values: Mapping[str, Any]) -> dict[str, Value]:
        service: Service = self.system.services[ORDER_SERVICE]
        properties = service.sets[set_name].properties
        return {
            name: parse_sent(value, properties[name]) if isinstance(value, str) else value
            for name, value in values.items()
        }


def _failed(failure: Failure) -> Response:
    headers = {} if failure.retry_after is None else {"Retry-After": str(failure.retry_after)}
    title = "Logon" if failure.status == 200 else f"{failure.status} Service Error"
    return Response(
        failure.status, html_page(title, "Please try again later.").encode(), "text/html", headers
    )
