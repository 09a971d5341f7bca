"""An appliance with a connection to the test plant, and a receiver on loopback that verifies what it gets."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

import pytest
import standardwebhooks.webhooks
from standardwebhooks.webhooks import Webhook

from appliance.app import Appliance
from appliance.clock import to_ms
from appliance.engine_room import deliveries_of
from appliance.store.records import Stream
from appliance.webhooks.endpoints import Owner
from tests.support.appliance import Appliances, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant
from tests.support.records import new_record
from tests.transport.authority import Authority
from tests.transport.servers import Exchange, Server, server_context, serving


class Receiver:
    """Takes webhooks over HTTPS. `answer` is what it says: a status, or a function of the exchange.

    `events` are those it took with 2xx, in the order in which they came; `calls` are all, with headers and bytes.
    """

    def __init__(self, server: Server) -> None:
        self.url = f"{server.url}/hooks"
        self.answer: int | Callable[[Exchange], None] = 200
        self.events: list[dict[str, Any]] = []
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self._lock = threading.Lock()
        server.answer = self._take

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]

    def _take(self, exchange: Exchange) -> None:
        with self._lock:
            self.calls.append((dict(exchange.headers), exchange.body))
        if callable(self.answer):
            self.answer(exchange)
            return
        if 200 <= self.answer < 300:
            with self._lock:
                self.events.append(json.loads(exchange.body))
        exchange.reply(self.answer, b"thanks")


@dataclass
class Site:
    """`records` are written as a synchronization writes them, a page in a transaction."""

    appliance: Appliance
    clock: ManualClock
    plant: Plant
    connection_id: str
    token: str
    appliances: Appliances
    opening: dict[str, Any] = field(default_factory=dict)

    def stream(self, entity: str = "WorkOrder") -> Stream:
        return self.appliance.records.stream(self.connection_id, entity)

    def write(self, *keys: str, value: object = 0, entity: str = "WorkOrder") -> None:
        self.appliance.records.write(self.stream(entity), [new_record(key, value) for key in keys])

    def listen(self, url: str, *events: str, **owner: str | None) -> tuple[str, str]:
        """An endpoint of the account, or of whom `owner` says; its id and its secret."""
        made = self.appliance.webhooks.create(
            {"url": url, "events": list(events) or ["*"]}, Owner(**owner), may_be_here=True
        )
        return made.endpoint.id, made.secret

    def deliver(self) -> None:
        """Send all that is due now."""
        while deliveries_of(self.appliance).work_off():
            pass

    def pass_time(self, *, hours: float, step_minutes: float = 5) -> None:
        """Let time pass, delivering as the engine does."""
        end = self.clock.monotonic() + hours * 3600
        while self.clock.monotonic() < end:
            self.clock.advance(min(step_minutes * 60, end - self.clock.monotonic()))
            self.deliver()

    def deliveries(self, endpoint_id: str, state: str | None = None) -> list[dict[str, Any]]:
        """Oldest first."""
        return self.appliance.webhooks.history.page(endpoint_id, 500, state=state)[::-1]

    def reopen(self) -> None:
        """The same data directory in a new process, as it were."""
        self.appliance = self.appliances.open(self.clock, **self.opening)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def receiving(authority: Authority) -> Iterator[Receiver]:
    with serving(lambda exchange: exchange.reply(), server_context(authority.issue("127.0.0.1"))) as server:
        yield Receiver(server)


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with receiving(authority) as found:
        yield found


@pytest.fixture
def site(appliances: Appliances, authority: Authority) -> Site:
    clock = ManualClock()
    opening = {"connectors_dir": CONNECTORS, "ca_files": (authority.ca_file,)}
    appliance = appliances.open(clock, **opening)
    plant = Plant(clock)
    made = connect_plant(appliance, plant)
    work(appliance)
    return Site(appliance, clock, plant, made.connection.id, made.token, appliances, opening)


@pytest.fixture
def verify(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The published library as receiver, by the clock of the site: `verify(secret, headers, body)`."""

    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Now":
            return cls.fromtimestamp(to_ms(site.clock.now()) / 1000, tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Now)

    def verified(secret: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        found: dict[str, Any] = Webhook(secret).verify(body, headers)
        return found

    return verified
