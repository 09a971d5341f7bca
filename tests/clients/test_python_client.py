"""The Python client against the running application, over real sockets."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from appliance_client import (
    AuthenticationError,
    Client,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    UnreachableError,
)
from appliance_client.records import PATHS, Asset, PurchaseOrder, Task, Vendor, WorkOrder
from werkzeug.serving import make_server

from appliance.api.openapi.client_records import records
from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.model.entity import load_model
from appliance.server.wsgi import create_app
from tests.api.conftest import UNLIMITED
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.quick import quick as quick

ROOT = Path(__file__).parent.parent.parent
RECORDS = ROOT / "clients" / "python" / "appliance_client" / "records.py"


class Served:
    def __init__(self, appliance: Appliance, clock: ManualClock, made: Connected, url: str) -> None:
        self.appliance, self.clock, self.made, self.url = appliance, clock, made, url
        self.waits: list[float] = []

    def client(self, token: str | None = None, **given: Any) -> Client:
        return Client(self.url, self.made.token if token is None else token, sleep=self.waits.append, **given)


def serve(appliances: Appliances, **settings: Any) -> Iterator[Served]:
    clock = ManualClock(auto=True)
    appliance = appliances.open(clock, **{**UNLIMITED, **settings})
    made = connect_sandbox(appliance)
    work(appliance)
    server = make_server("127.0.0.1", 0, create_app(appliance), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(appliance, clock, made, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Iterator[Served]:
    with Appliances(tmp_path_factory.mktemp("served")) as appliances:
        yield from serve(appliances)


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    served.waits.clear()
    with served.client() as opened:
        yield opened


def test_its_types_are_those_of_the_model() -> None:
    assert RECORDS.read_text("utf-8") == records(load_model()), (
        "run: appliance reference client --out clients/python/appliance_client/records.py"
    )
    assert len(PATHS) > 30


def test_records_come_through_all_pages_once(client: Client) -> None:
    assets = list(client.records(Asset, per_page="7"))
    assert len({asset["key"] for asset in assets}) == len(assets) == 45
    page = client.page(Asset, per_page=10)
    assert (len(page.records), page.total) == (10, 45)
    assert client.page(Asset, per_page=10, cursor=page.next_cursor).records == assets[10:20]


def test_a_record_is_read_by_its_key(client: Client) -> None:
    order = next(client.records(PurchaseOrder))
    assert client.get(PurchaseOrder, str(order["key"])) == order
    assert client.get(Vendor, str(order["vendorKey"]))["name"]


def test_a_key_of_the_account_names_the_connection(served: Served) -> None:
    key = served.appliance.api_keys.create("client")
    with served.client(key, connection_id=served.made.connection.id) as client:
        assert client.page(Asset).total == 45


def test_it_synchronizes_and_follows(served: Served, client: Client) -> None:
    run = client.synchronize(["Asset"])
    assert run["state"] == "queued"
    work(served.appliance)
    assert client.run(run["id"])["state"] == "completed"
    assert client.sync_status()["status"] == "completed"


def test_a_write_is_answered_as_in_production(client: Client) -> None:
    asset = next(client.records(Asset))
    body = {"title": "Replace the seal", "assetKey": asset["key"], "siteKey": asset["siteKey"]}
    made = client.create(WorkOrder, body, idempotency_key="client-test-0001")
    assert made["title"] == "Replace the seal"
    assert client.create(WorkOrder, body, idempotency_key="client-test-0001") == made


def test_what_is_refused_is_an_exception_with_code_and_request_id(served: Served, client: Client) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.get(Asset, "none/../none")
    assert missing.value.status == 404
    assert str(missing.value.request_id).startswith("req_")
    with pytest.raises(InvalidRequestError, match="UNKNOWN_ENTITY"):
        client.synchronize(["Nothing"])
    with served.client("apl_wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.page(Asset)
    with pytest.raises(ValueError, match="no list"):
        client.page(Task)
    assert served.waits == []


def test_a_limit_is_waited_for_as_long_as_it_says(tmp_path: Path, quick: None) -> None:
    waits: list[float] = []
    with Appliances(tmp_path) as appliances:
        for served in serve(appliances, limits_token_per_minute=2):

            def wait(seconds: float, served: Served = served) -> None:
                waits.append(seconds)
                served.clock.advance(seconds)

            with Client(served.url, served.made.token, sleep=wait) as client:
                for _ in range(3):
                    client.page(Asset)
            assert len(waits) == 1
            assert 1 <= waits[0] <= 60
            with (
                Client(served.url, served.made.token, sleep=lambda _: None) as hasty,
                pytest.raises(RateLimitError) as refused,
            ):
                for _ in range(3):
                    hasty.page(Asset)
            assert refused.value.retry_after is not None


def test_without_an_answer_only_what_is_safe_is_repeated(served: Served) -> None:
    waits: list[float] = []
    with Client("http://127.0.0.1:1", "apl_x", timeout=1, sleep=waits.append) as client:
        with pytest.raises(UnreachableError):
            client.page(Asset)
        assert waits == [1.0, 2.0, 4.0]
        with pytest.raises(UnreachableError):
            client.create(Asset, {})
        assert len(waits) == 3
        with pytest.raises(UnreachableError):
            client.create(Asset, {}, idempotency_key="client-test-0002")
        assert len(waits) == 6
