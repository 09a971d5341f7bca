"""The simulated system: its services with their tables, its users, and the settings that change its
behavior.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.clock import Clock

from .access import Access, User
from .odata.filter import Condition
from .odata.metadata import Property, Service, read_service
from .rows.data import Orders
from .rows.masters import rows_of
from .rows.order_tables import order_tables
from .rows.store import RowStore
from .rows.tables import ListTable, Table, select

SERVICES = Path(__file__).parent / "services"
ROOT = "/sap/opu/odata/sap/"
ORDER_SERVICE = "API_PURCHASEORDER_PROCESS_SRV"
_KEPT_SELECTIONS = 32


@dataclass
class Settings:
    """What differs from system to system; may be changed while the gateway runs.

    `page_size`: rows of a page when no $top is given. `max_top`: a larger $top is cut to it, with a next
    link. `internal_base`: scheme and host in the URLs that the system writes, when it does not know its
    outer name. `etag_sets`: sets that demand If-Match; the published purchase orders, suppliers and
    products have none. `html_errors`: every error is an HTML page, as a proxy in front makes it.
    `hollow_page_every`: each n-th page of a paged answer comes without rows but with a next link; 0 for
    never. `unstable_order`: rows of equal order come in another order on every second request, as a
    database may do. `ignored_options`: system query options that the service takes and does not heed, as
    custom-made ones do. `inactive_status`: how a service that is not activated is refused, 403 or 404.
    `max_url`: characters of path and query that the web server takes.
    """

    page_size: int = 100
    max_top: int = 5000
    internal_base: str | None = None
    etag_sets: frozenset[str] = frozenset()
    html_errors: bool = False
    hollow_page_every: int = 0
    unstable_order: bool = False
    ignored_options: frozenset[str] = frozenset()
    inactive_status: int = 403
    max_url: int = 8192
    client: str = "100"
    lock_after: int = 5


class System:
    """Everything behind the web server. `generation` is part of every skip token: raise it and they expire.

    `extra` are further EDMX files to serve with `plain_rows` rows a set; `missing` names properties by set
    that this release does not have. Raises ValueError when an extra file describes the order service.
    """

    def __init__(
        self,
        clock: Clock,
        users: dict[str, User],
        settings: Settings,
        *,
        orders: int,
        lines: int,
        days: int,
        extra: Iterable[Path] = (),
        plain_rows: int = 10,
        missing: Mapping[str, Collection[str]] | None = None,
        store_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.access = Access(users, clock, client=settings.client, lock_after=settings.lock_after)
        self.inactive: set[str] = set()
        self.locks: dict[str, str] = {}  # order number to the user that has it open
        self.warnings: list[str] = []
        self.generation = 1
        self.store = RowStore(store_bytes)
        self.services: dict[str, Service] = {}
        self.tables: dict[str, dict[str, Table]] = {}
        for path in (*sorted(SERVICES.glob("*.edmx")), *extra):
            service = read_service(path, _of_service(path, missing or {}))
            if service.name == ORDER_SERVICE and path.parent != SERVICES:
                raise ValueError(f"{path} would replace the service of the purchase orders")
            self.services[service.name] = service
            if service.name == ORDER_SERVICE:
                self.orders = Orders(service, clock, count=orders, lines=lines, days=days)
                self.tables[service.name] = order_tables(service, self.orders)
            else:
                self.tables[service.name] = {
                    name: ListTable(entity, partial(rows_of, entity, plain_rows))
                    for name, entity in service.sets.items()
                }
        self._selections: OrderedDict[object, Sequence[int]] = OrderedDict()
        self._flipped = False
        self._lock = threading.Lock()

    def flip(self) -> bool:
        """True on every second call."""
        with self._lock:
            self._flipped = not self._flipped
            return not self._flipped

    def selection(
        self, table: Table, condition: Condition | None, order: Sequence[tuple[Property, bool]]
    ) -> Sequence[int]:
        """`select` over a whole set, kept until the table changes, so that a page does not scan it again."""
        if condition is None and not order:
            return table.positions()
        key = (id(table), table.version, condition, tuple(order))
        with self._lock:
            if key in self._selections:
                self._selections.move_to_end(key)
                return self._selections[key]
        found = select(table, condition, order)
        with self._lock:
            self._selections[key] = found
            if len(self._selections) > _KEPT_SELECTIONS:
                self._selections.popitem(last=False)
        return found


def _of_service(path: Path, missing: Mapping[str, Collection[str]]) -> dict[str, Collection[str]]:
    text = path.read_text(encoding="utf-8")
    return {name: names for name, names in missing.items() if f'EntitySet Name="{name}"' in text}
