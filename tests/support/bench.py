"""A source over REST that tells of its changes by signed deliveries, connected as a customer's own folder.

Open the appliance with `connectors_dir=CONNECTORS` of `tests/support/plant.py`.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from appliance.app import Appliance
from appliance.runtime.push import Delivery
from appliance.sync.pushes.service import Opened
from tests.transport.servers import Exchange, serving

Row = dict[str, Any]


@dataclass
class Bench:
    """`before` is called with the path before a request is answered, `after` when the rows of its answer are taken."""

    orders: dict[int, Row] = field(default_factory=dict)
    assets: dict[str, Row] = field(default_factory=dict)
    vendors: dict[int, Row] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    before: Callable[[str], None] = lambda path: None
    after: Callable[[str], None] = lambda path: None
    url: str = ""

    def put(self, number: int, title: str, state: str = "open") -> None:
        self.orders[number] = {"id": number, "title": title, "state": state}

    def answer(self, exchange: Exchange) -> None:
        self.asked.append(exchange.path)
        self.before(exchange.path)
        found = self._found(exchange.path)
        self.after(exchange.path)
        status = self.status if self.status != 200 else 404 if found is None else 200
        exchange.reply(status, json.dumps(found).encode(), Content_Type="application/json")

    def _found(self, target: str) -> Any:
        parts = urlsplit(target)
        match parts.path.strip("/").split("/"):
            case ["orders", number]:
                return self.orders.get(int(number))
            case ["assets", "by-id", number]:
                return self.assets.get(number)
            case [name]:
                rows = [row for _, row in sorted(getattr(self, name).items())]
                start = int(parse_qs(parts.query).get("offset", ["0"])[0])
                return rows[start : start + 2] if name == "orders" else rows
        return None


@contextmanager
def running(bench: Bench) -> Iterator[Bench]:
    with serving(bench.answer) as server:
        bench.url = server.url
        yield bench


def connect_bench(appliance: Appliance, bench: Bench, name: str = "Bench") -> str:
    """Connect a bench; its first run is queued and not yet done. The id of the connection."""
    made = appliance.connections.connect(system="bench", name=name, fields={"url": bench.url})
    return made.connection.id


def headers_of(body: bytes, key: str, now_ms: int) -> dict[str, str]:
    """The headers of a delivery as the bench signs it, written without the product's own verifier."""
    stamp = str(now_ms // 1000)
    signature = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Bench-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"}


def body_of(*events: Row) -> bytes:
    return json.dumps({"events": list(events)}).encode()


def deliver(appliance: Appliance, opened: Opened, *events: Row) -> None:
    """Take a genuine delivery, without HTTP."""
    assert opened.signing_key is not None
    body = body_of(*events)
    headers = headers_of(body, opened.signing_key, appliance.clock.now_ms())
    lowered = {name.lower(): value for name, value in headers.items()}
    appliance.pushes.take(appliance.pushes.find(opened.secret), Delivery(body, lowered, {}))
