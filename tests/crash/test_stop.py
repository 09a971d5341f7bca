"""SIGTERM: the page in hand is finished, the checkpoint written, and the program gone in under ten seconds."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators.gateway import Gateway
from tests.support.appliance import connect_gateway
from tests.support.program import Program, descendants, wait_until

LONGEST = 10.0

pytestmark = pytest.mark.crash


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=4000, lines=1, latency=0.05) as running:
        yield running


@pytest.fixture(params=["engine alone", "whole service"])
def running(request: pytest.FixtureRequest, gateway: Gateway, program: Program) -> Program:
    """The program in the middle of a first run."""
    with program.opened() as appliance:
        connection = connect_gateway(appliance, gateway).connection
        if request.param == "engine alone":
            program.start_engine()
        else:
            program.start_service()
        stream = appliance.records.stream(connection.id, "PurchaseOrder")
        wait_until(lambda: appliance.records.count(stream) > 0)
    return program


def state_and_place(program: Program) -> tuple[str, bool, int]:
    """State of the only run, whether it has a checkpoint, and how many records there are."""
    with program.opened() as appliance:
        row = appliance.database.row(
            "SELECT r.state, e.checkpoint, e.fetched FROM run r JOIN run_entity e ON e.run_id = r.id"
        )
        assert row is not None
        live = appliance.database.value("SELECT count(*) FROM record")
        assert row["fetched"] == live
        return row["state"], row["checkpoint"] is not None, live


def test_a_stop_in_the_middle_of_a_run_leaves_it_to_go_on(running: Program) -> None:
    status, seconds = running.terminate()
    print(f"ended in {seconds:.2f} s")
    assert (status, seconds < LONGEST) == (0, True)
    state, has_checkpoint, live = state_and_place(running)
    assert (state, has_checkpoint) == ("interrupted", True)
    assert 0 < live < 4000


def test_a_stop_does_not_wait_for_a_source_that_hangs(running: Program, gateway: Gateway) -> None:
    gateway.latency = 40.0
    gateway.clear_counters()
    wait_until(lambda: gateway.requests)
    # What arrived before is written now, then the program waits for the source.
    time.sleep(0.3)
    children = descendants(running.process.pid)
    status, seconds = running.terminate()
    print(f"ended in {seconds:.2f} s")
    assert (status, seconds < LONGEST) == (0, True)
    assert state_and_place(running)[:2] == ("interrupted", True)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children), "nothing is left behind"


def test_a_second_service_on_the_same_data_directory_is_refused(program: Program) -> None:
    program.start_service()
    wait_until(lambda: program.child("engine"))
    refused = program.run("serve")
    assert refused.returncode == 1
    assert "already works on" in refused.stderr
    assert program.process.poll() is None
    assert program.terminate()[0] == 0


def test_a_second_engine_waits_until_the_first_is_gone(
    gateway: Gateway, program: Program, tmp_path: Path
) -> None:
    first = program
    with Program(tmp_path) as second, first.opened() as appliance:
        connect_gateway(appliance, gateway)

        def owner() -> object:
            return appliance.database.value("SELECT lease_owner FROM run WHERE state = 'running'")

        first.start_engine()
        wait_until(owner)
        second.start_engine()
        time.sleep(1.5)
        assert owner() == f"engine-{first.process.pid}"
        assert second.process.poll() is None
        first.kill()
        wait_until(lambda: owner() == f"engine-{second.process.pid}")
        assert second.terminate()[0] == 0
