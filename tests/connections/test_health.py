"""What answers and failures of a source mean, held against the gateway simulator over real HTTP."""

import pytest

from appliance.app import Appliance
from appliance.connections.lifecycle import Connected
from appliance.engine_room import watch_of
from tests.simulators.gateway import Gateway
from tests.simulators.gateway.access import User
from tests.support.appliance import connect_gateway, synchronize, work
from tests.support.clock import ManualClock
from tests.support.state import everything


@pytest.fixture
def made(appliance: Appliance, gateway: Gateway) -> Connected:
    """A connection with its first run done; nothing of it is due."""
    made = connect_gateway(appliance, gateway)
    work(appliance)
    return made


def status(appliance: Appliance, made: Connected) -> str:
    return appliance.connections.get(made.connection.id).status


def states(appliance: Appliance, made: Connected) -> dict[str, str]:
    told = appliance.standing.describe(appliance.connections.get(made.connection.id))
    return {name: aspect["state"] for name, aspect in told["aspects"].items()}


def codes(appliance: Appliance) -> list[tuple[str, str]]:
    return [(issue.code, issue.entity) for issue in appliance.issues.open_issues()]


def test_a_probe_that_meets_silence_once_changes_no_status(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    watch = watch_of(appliance)
    clock.advance(1000)
    gateway.fail_next(503, times=50)
    assert watch.work_off() == 1
    assert (status(appliance, made), codes(appliance)) == ("connected", [])
    assert states(appliance, made)["reachable"] == "failing"
    gateway._failures.clear()
    clock.advance(30)
    assert watch.work_off() == 1
    assert states(appliance, made)["reachable"] == "proven"


def test_the_second_silence_is_believed(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    watch = watch_of(appliance)
    clock.advance(1000)
    gateway.fail_next(503, times=500)
    watch.work_off()
    assert watch.work_off() == 0, "half a minute is left to it"
    clock.advance(30)
    watch.work_off()
    assert status(appliance, made) == "offline"
    assert codes(appliance) == [("SOURCE_UNREACHABLE", "")]


def test_a_password_that_a_probe_finds_rejected_is_confirmed_by_the_next_and_then_left_alone(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    watch = watch_of(appliance)
    gateway.users["SYNC"] = User("Changed2")
    gateway.clear_counters()
    clock.advance(1000)
    watch.work_off()
    assert (status(appliance, made), gateway.statuses[401]) == ("connected", 1)
    clock.advance(30)
    watch.work_off()
    assert (status(appliance, made), gateway.statuses[401]) == ("reauthorization_required", 2)
    for _ in range(20):
        clock.advance(900)
        assert watch.work_off() == 0
    assert gateway.statuses[401] == 2, "every further sign-in could lock the user"
    assert codes(appliance) == [("SOURCE_CREDENTIALS_REJECTED", "")]


def test_new_credentials_prove_the_sign_in_and_resolve_the_issue(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    gateway.users["SYNC"] = User("Changed2")
    synchronize(appliance, made.connection.id)
    assert states(appliance, made)["authenticated"] == "failing"
    clock.advance(60)
    appliance.connections.reauthorize(made.connection.id, {"password": "Changed2"})
    assert states(appliance, made)["authenticated"] == "proven"
    assert [code for code, entity in codes(appliance) if not entity] == []
    synchronize(appliance, made.connection.id)
    assert codes(appliance) == []
    clock.advance(1000)
    assert watch_of(appliance).work_off() == 1, "it is watched again"


def test_an_entity_that_may_not_be_read_is_told_apart_from_the_sign_in(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    gateway.users["SYNC"] = User("Welcome1", services=frozenset())
    synchronize(appliance, made.connection.id)
    found = states(appliance, made)
    assert (found["reachable"], found["authorized"]) == ("proven", "failing")
    assert ("SOURCE_ACCESS_DENIED", "PurchaseOrder") in codes(appliance)
    gateway.users["SYNC"] = User("Welcome1")
    synchronize(appliance, made.connection.id)
    assert states(appliance, made)["authorized"] == "proven"
    assert codes(appliance) == []


def test_a_source_that_is_used_is_not_probed(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    watch = watch_of(appliance)
    for _ in range(20):
        clock.advance(600)
        synchronize(appliance, made.connection.id)
        gateway.clear_counters()
        assert watch.work_off() == 0 and not gateway.requests
    for _ in range(3):
        clock.advance(910)
        assert watch.work_off() == 1


def test_a_source_that_is_used_is_probed_once_a_day_for_its_certificate(
    appliance: Appliance, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    watch, probed = watch_of(appliance), 0
    for _ in range(2 * 24 * 6):
        clock.advance(600)
        appliance.health.source_answered(made.connection)
        probed += watch.work_off()
    assert probed == 2


def test_an_idle_look_writes_nothing(appliance: Appliance, made: Connected, clock: ManualClock) -> None:
    watch = watch_of(appliance)
    watch.work_off()
    before = everything(appliance.database)
    for _ in range(10):
        clock.advance(30)
        assert watch.work_off() == 0
    assert everything(appliance.database) == before


def test_answers_within_a_minute_are_one_write(
    appliance: Appliance, made: Connected, clock: ManualClock
) -> None:
    clock.advance(120)
    appliance.health.source_answered(made.connection)
    before = everything(appliance.database)
    clock.advance(59)
    for _ in range(10):
        appliance.health.source_answered(made.connection)
    assert everything(appliance.database) == before
    clock.advance(1)
    appliance.health.source_answered(made.connection)
    assert everything(appliance.database) != before


def test_a_test_by_hand_brings_an_offline_connection_back(
    appliance: Appliance, gateway: Gateway, made: Connected
) -> None:
    gateway.fail_next(503, times=500)
    synchronize(appliance, made.connection.id)
    assert status(appliance, made) == "offline"
    gateway._failures.clear()
    assert appliance.connections.test(made.connection.id).failure is None
    assert (status(appliance, made), [code for code, entity in codes(appliance) if not entity]) == (
        "connected",
        [],
    )


def test_an_answer_does_not_undo_that_a_connection_has_to_be_reauthorized(
    appliance: Appliance, made: Connected
) -> None:
    """Such as one that was under way."""
    appliance.health.mark_reauthorization_required(made.connection, "The password has expired.")
    appliance.health.source_answered(made.connection)
    assert status(appliance, made) == "reauthorization_required"
    assert states(appliance, made)["authenticated"] == "failing"
