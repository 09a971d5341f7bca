"""The engine as it serves: its ticker, its workers and its end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from appliance.engine_room import engine_of
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, connect_gateway, entity_of, synchronize
from tests.support.plant import CONNECTORS, Plant, connect_plant


def sleepers(site) -> int:
    """The ticker, and a thread for each work beside it."""
    return 1 + len(engine_of(site.appliance)._beside)


@contextmanager
def serving(appliance) -> Iterator[threading.Event]:
    """The engine in a thread of its own until the end of the block, or until the event is set."""
    stop = threading.Event()

    def serve() -> None:
        engine_of(appliance).serve(stop)
        appliance.database.release_thread()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)
    assert not thread.is_alive()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 15
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def tick(site) -> None:
    """Let the engine of a clock that stands still look around once."""
    site.clock.wait_for_sleepers(sleepers(site))
    site.clock.advance(1)


def state(appliance, connection_id: str) -> str:
    found: str = appliance.planner.runs.recent(connection_id, 1)[0]["state"]
    return found


def test_a_stop_finishes_the_page_in_hand_and_the_run_goes_on_at_the_next_start(
    appliances: Appliances,
) -> None:
    with Gateway(orders=3000, lines=1, latency=0.02) as gateway:
        appliance = appliances.open()
        connection = connect_gateway(appliance, gateway).connection
        stream = appliance.records.stream(connection.id, "PurchaseOrder")
        with serving(appliance) as stop:
            until(lambda: appliance.records.count(stream) > 0)
            stop.set()
        interrupted = appliance.records.count(stream)
        assert 0 < interrupted < 3000
        assert state(appliance, connection.id) == "interrupted"
        gateway.clear_counters()
        with serving(appliance):
            until(lambda: state(appliance, connection.id) == "completed")
        assert appliance.records.count(stream) == 3000
        asked = sum(n for path, n in gateway.requests.items() if path.endswith("A_PurchaseOrder"))
        assert asked <= (3000 - interrupted) // 100 + 1, "it went on, it did not begin again"


def test_tokens_that_the_gateway_forgot_begin_the_pass_again(appliances: Appliances) -> None:
    with Gateway(orders=3000, lines=1, latency=0.02) as gateway:
        appliance = appliances.open()
        connection = connect_gateway(appliance, gateway).connection
        stream = appliance.records.stream(connection.id, "PurchaseOrder")
        with serving(appliance) as stop:
            until(lambda: appliance.records.count(stream) > 0)
            stop.set()
        gateway.expire_skiptokens()
        gateway.latency = 0
        with serving(appliance):
            until(lambda: state(appliance, connection.id) == "completed")
        assert appliance.records.count(stream) == 3000


def test_an_engine_that_ends_while_a_source_hangs_says_the_run_is_interrupted(
    appliances: Appliances, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.sync.engine.STOP_SECONDS", 0.2)
    appliance = appliances.open(connectors_dir=CONNECTORS)
    plant, hanging, over = Plant(appliance.clock), threading.Event(), threading.Event()
    plant.fill("Vendor", 30)

    def hang(asked: object) -> None:
        hanging.set()
        over.wait(20)

    plant.before_page = hang
    connection = connect_plant(appliance, plant).connection
    try:
        with serving(appliance) as stop:
            assert hanging.wait(10)
            stop.set()
        assert state(appliance, connection.id) == "interrupted"
    finally:
        over.set()


def test_more_runs_than_workers_are_done_without_a_further_tick(site) -> None:
    ids = [connect_plant(site.appliance, Plant(site.clock), f"plant {n}").connection.id for n in range(12)]
    with serving(site.appliance):
        tick(site)
        until(lambda: all(state(site.appliance, one) == "completed" for one in ids))


def test_a_run_in_hand_is_not_handed_out_again_when_its_lease_ran_out(site) -> None:
    """As after a pause of the whole machine: the ticker wakes up before it has renewed anything."""
    site.connect()
    hanging, over = threading.Event(), threading.Event()

    def hang(asked: object) -> None:
        hanging.set()
        over.wait(20)

    site.plant.before_page = hang
    try:
        with serving(site.appliance):
            tick(site)
            assert hanging.wait(10)
            asked = len(site.plant.asked)
            connection = connect_plant(site.appliance, Plant(site.clock), "other").connection
            site.clock.wait_for_sleepers(sleepers(site))
            site.clock.advance(3600)
            until(lambda: state(site.appliance, connection.id) == "completed")
            assert len(site.plant.asked) == asked
            over.set()
            until(lambda: state(site.appliance, site.connection_id) == "completed")
        attempts = site.appliance.database.value(
            "SELECT attempts FROM run WHERE connection_id = ?", (site.connection_id,)
        )
        assert attempts == 1
    finally:
        over.set()


def test_an_unexpected_error_ends_the_run_with_where_to_look(
    appliances: Appliances, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    appliance = appliances.open(connectors_dir=CONNECTORS)
    plant = Plant(appliance.clock)
    plant.fill("Vendor", 3)
    monkeypatch.setattr(type(appliance.records), "write", lambda *_: 1 / 0)
    connection = connect_plant(appliance, plant).connection
    with serving(appliance):
        until(lambda: state(appliance, connection.id) == "failed")
    run = appliance.planner.describe_run(appliance.planner.runs.recent(connection.id, 1)[0]["id"])
    assert run["id"] in entity_of(run, "Vendor")["error_message"]
    assert f"run {run['id']} failed unexpectedly" in caplog.text
    monkeypatch.undo()
    assert synchronize(appliance, connection.id)["state"] == "completed"


def test_orders_changed_while_the_gateway_is_read_are_stored_as_they_are_after_the_next_run(
    appliances: Appliances,
) -> None:
    with Gateway(orders=1500, lines=1, latency=0.01) as gateway:
        appliance = appliances.open()
        connection = connect_gateway(appliance, gateway).connection
        over = threading.Event()
        numbers = gateway.order_numbers()

        def change() -> None:
            step = 0
            while not over.is_set():
                step += 1
                gateway.touch(numbers[step * 7 % 1500], CorrespncExternalReference=f"change {step}"[:12])
                if step % 50 == 0:
                    gateway.insert(CorrespncExternalReference="inserted")
                over.wait(0.001)

        changing = threading.Thread(target=change)
        changing.start()
        with serving(appliance):
            until(lambda: state(appliance, connection.id) == "completed")
        over.set()
        changing.join()
        run = synchronize(appliance, connection.id)
        assert entity_of(run, "PurchaseOrder")["updated"] > 0, "else nothing changed behind the reader"
        stream = appliance.records.stream(connection.id, "PurchaseOrder")
        rows = appliance.database.tuples(
            "SELECT payload ->> '$.orderNo', payload ->> '$.title' FROM record WHERE stream_id = ?",
            (stream.id,),
        )
        orders = gateway.system.orders
        positions = {number: orders.position(number) for number in gateway.order_numbers()}
        source = {
            number: orders.header(position)["CorrespncExternalReference"].strip('"') or None
            for number, position in positions.items()
            if position is not None
        }
        assert len(rows) == len(source) > 1500
        assert {number: title or None for number, title in rows} == source
