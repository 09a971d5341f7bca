"""The real program is killed at random moments of a synchronization, again and again.

At the end every order is there once and as the source has it, and nothing in between was ever untrue for longer
than a start takes. APPLIANCE_TEST_KILLS sets how often.
"""

import json
import os
import random
import time
from collections.abc import Iterator

import pytest

from appliance.app import Appliance
from appliance.sync.passes.table import PassTable
from tests.simulators.gateway import Gateway
from tests.support.appliance import connect_gateway
from tests.support.program import Program, wait_until

KILLS = int(os.environ.get("APPLIANCE_TEST_KILLS", "30"))
# Most kills hit the engine alone, which starts faster.
SERVICE_KILLS = max(1, KILLS // 5)
ORDERS = 4000

pytestmark = pytest.mark.crash


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=ORDERS, lines=1, latency=0.03) as running:
        yield running


class Plan:
    """What is done to gateway and program; `seed` is printed when something fails."""

    def __init__(self, gateway: Gateway, program: Program) -> None:
        self.seed = random.randrange(10**9)
        print(f"seed {self.seed}")
        self.draw = random.Random(self.seed)
        self.gateway = gateway
        self.program = program
        self.killed_running = 0
        with program.opened() as appliance:
            self.connection_id = connect_gateway(appliance, gateway).connection.id

    def change_the_source(self) -> None:
        numbers = self.gateway.order_numbers()
        for number in self.draw.sample(numbers, 20):
            self.gateway.touch(number, CorrespncExternalReference=f"c{self.draw.randrange(10**6)}")
        self.gateway.insert(CorrespncExternalReference="inserted")

    def after_a_kill(self) -> None:
        """What must hold while nothing runs; and there is something to do for the next start."""
        with self.program.opened() as appliance:
            active = self.active(appliance)
            self.killed_running += any(run["state"] == "running" for run in active)
            for run in active:
                for one in PassTable(appliance.database).of_run(run["id"]):
                    if one.checkpoint and one.checkpoint["leg"] == "rows":
                        assert one.checkpoint["at"]["link"], "the page to go on with"
            live = appliance.records.counts(self.connection_id).get("PurchaseOrder", 0)
            assert live == appliance.database.value("SELECT count(*) FROM record WHERE deleted_at IS NULL")
            if not active:
                mode = self.draw.choice(["full", "full", "full", "incremental"])
                appliance.planner.request_run(self.connection_id, mode=mode)
        if self.draw.random() < 0.5:
            self.change_the_source()

    def wait_for_the_truth(self, engine: int) -> None:
        """After a start: no run is said to be running but by the engine that lives. Far below the lease of 60 s."""
        with self.program.opened() as appliance:
            mine = {f"engine-{engine}"}
            wait_until(lambda: self.owners(appliance) == mine or not self.active(appliance))

    def owners(self, appliance: Appliance) -> set[str]:
        rows = appliance.database.rows("SELECT lease_owner FROM run WHERE state = 'running'")
        return {row["lease_owner"] for row in rows}

    def active(self, appliance: Appliance) -> list[dict[str, object]]:
        runs = appliance.planner.runs.recent(self.connection_id, 50)
        return [run for run in runs if run["state"] in ("queued", "running", "interrupted")]

    def at_the_end(self) -> None:
        """Let everything finish, stop, and compare with the source."""
        with self.program.opened() as appliance:
            wait_until(lambda: not self.active(appliance), 60)
            appliance.planner.request_run(self.connection_id)
            wait_until(lambda: not self.active(appliance), 60)
        status, _ = self.program.terminate()
        assert status == 0
        with self.program.opened() as appliance:
            states = [run["state"] for run in appliance.planner.runs.recent(self.connection_id, 500)]
            assert set(states) == {"completed"}, states
            rows = appliance.database.rows("SELECT key, payload FROM record WHERE deleted_at IS NULL")
            found = [json.loads(row["payload"]) for row in rows]
            orders = self.gateway.system.orders
            source = {}
            for number in self.gateway.order_numbers():
                position = orders.position(number)
                assert position is not None
                source[number] = json.loads(orders.header(position)["CorrespncExternalReference"]) or None
            assert len(found) == len(source), "every order once"
            assert {order["orderNo"]: order.get("title") or None for order in found} == source
            assert appliance.records.counts(self.connection_id) == {"PurchaseOrder": len(source)}
            numbers = appliance.database.tuples("SELECT seq FROM record")
            assert len(numbers) == len(set(numbers))
            appliance.database.checkpoint()
            assert appliance.database.value("PRAGMA integrity_check") == "ok"
            assert appliance.database.rows("PRAGMA foreign_key_check") == []
            assert appliance.database.rows("PRAGMA cipher_integrity_check") == []


def test_killing_the_engine_loses_and_doubles_nothing(gateway: Gateway, program: Program) -> None:
    plan = Plan(gateway, program)
    for _ in range(KILLS - SERVICE_KILLS):
        plan.program.start_engine()
        if plan.draw.random() < 0.6:
            plan.wait_for_the_truth(plan.program.process.pid)
            time.sleep(plan.draw.uniform(0, 0.45))
        else:
            time.sleep(plan.draw.uniform(0.2, 1.6))
        plan.program.kill()
        plan.after_a_kill()
    print(f"{plan.killed_running} of {KILLS - SERVICE_KILLS} kills hit a running synchronization")
    assert plan.killed_running >= 3, "else the kills hit nothing"
    plan.program.start_engine()
    plan.wait_for_the_truth(plan.program.process.pid)
    plan.at_the_end()


def test_killing_the_whole_service_loses_and_doubles_nothing(gateway: Gateway, program: Program) -> None:
    plan = Plan(gateway, program)
    for _ in range(SERVICE_KILLS):
        plan.program.start_service()
        time.sleep(plan.draw.uniform(1.2, 3.0))
        plan.program.kill()
        plan.after_a_kill()
    plan.program.start_service()
    wait_until(lambda: plan.program.child("engine"))
    engine = plan.program.child("engine")
    assert engine is not None
    plan.wait_for_the_truth(engine)
    plan.at_the_end()


def test_a_killed_engine_is_started_again_by_the_service_and_goes_on(
    gateway: Gateway, program: Program
) -> None:
    gateway.latency = 0.05
    plan = Plan(gateway, program)
    plan.program.start_service()
    with plan.program.opened() as appliance:
        stream = appliance.records.stream(plan.connection_id, "PurchaseOrder")
        wait_until(lambda: appliance.records.count(stream) > 0)
        first = plan.program.child("engine")
        assert first is not None
        os.kill(first, 9)
        wait_until(lambda: plan.program.child("engine") not in (None, first))
        second = plan.program.child("engine")
        assert second is not None
        wait_until(lambda: plan.owners(appliance) == {f"engine-{second}"})
    plan.at_the_end()
