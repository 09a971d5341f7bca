"""Disconnecting: the token dies, the credits come back once, the credentials are erased, the history stays."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from appliance.app import Appliance
from appliance.connections.errors import ConnectionClosed, ConnectionNotFound, TokenUnknown
from appliance.credits.errors import InsufficientCredits
from appliance.sync.errors import NotSynchronizing
from tests.connections.conftest import Account
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, connect_gateway, connect_sandbox, synchronize, work
from tests.support.clock import ManualClock
from tests.support.state import counts


def test_a_disconnect_returns_exactly_what_was_taken_once(
    appliance: Appliance, account: Account, gateway: Gateway
) -> None:
    made = connect_gateway(appliance, gateway)
    path = f"/api/system/connections/{made.connection.id}"
    first = account.send("DELETE", path).get_json()["data"]
    assert first == {"id": made.connection.id, "status": "disconnected", "credits_returned": 8}
    for _ in range(3):
        again = account.send("DELETE", path)
        assert (again.status_code, again.get_json()["data"]["credits_returned"]) == (200, 0)
    assert appliance.connections.disconnect(made.connection.id) == 0
    kinds = [entry["kind"] for entry in appliance.ledger.entries() if entry["connection_id"]]
    assert kinds == ["return", "take"]
    assert (appliance.ledger.balance().used, appliance.ledger.balance().available) == (0, 20)


def test_many_disconnects_at_once_return_the_credits_once(
    appliance: Appliance, appliances: Appliances, gateway: Gateway, clock: ManualClock
) -> None:
    """Two appliances on one data directory stand for web process and command line."""
    made = connect_gateway(appliance, gateway)
    other = appliances.open(clock, credits_evaluation=20)
    together = Barrier(8)

    def disconnect(number: int) -> int:
        one = (appliance, other)[number % 2]
        together.wait()
        returned = one.connections.disconnect(made.connection.id)
        one.database.release_thread()
        return returned

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(disconnect, range(8))) == [0] * 7 + [8]
    assert appliance.ledger.balance().used == 0


def test_many_connects_at_once_never_take_the_same_last_credits(
    appliance: Appliance, appliances: Appliances, gateway: Gateway, clock: ManualClock
) -> None:
    other = appliances.open(clock, credits_evaluation=20)
    together = Barrier(6)

    def connect(number: int) -> int:
        one = (appliance, other)[number % 2]
        together.wait()
        try:
            return connect_gateway(one, gateway, name=f"Gateway {number}").connection.credits
        except InsufficientCredits:
            return 0
        finally:
            one.database.release_thread()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(connect, range(6))) == [0, 0, 0, 0, 8, 8]
    assert appliance.ledger.balance().used == 16
    assert counts(appliance.database)["connection"] == 2
    assert counts(appliance.database)["secret"] == 2


def test_it_ends_token_schedule_runs_and_credentials(appliance: Appliance, gateway: Gateway) -> None:
    made = connect_gateway(appliance, gateway)
    appliance.connections.disconnect(made.connection.id)

    with pytest.raises(TokenUnknown, match="disconnected"):
        appliance.connections.tokens.authenticate(made.token)
    assert appliance.secrets.get(made.connection.id) == {}
    assert appliance.database.value("SELECT count(*) FROM data_key") == 0
    assert {row["next_due_at"] for row in appliance.planner.schedules.of_connection(made.connection.id)} == {
        None
    }
    (run,) = appliance.planner.runs.recent(made.connection.id, 10)
    assert run["state"] == "cancelled"
    gateway.clear_counters()
    work(appliance)
    assert not gateway.requests
    with pytest.raises(NotSynchronizing):
        appliance.planner.request_run(made.connection.id)
    with pytest.raises(ConnectionClosed):
        appliance.connections.reauthorize(made.connection.id, {})
    with pytest.raises(ConnectionClosed):
        appliance.connections.test(made.connection.id)


def test_the_history_stays_readable_for_the_account(appliance: Appliance, gateway: Gateway) -> None:
    made = connect_gateway(appliance, gateway)
    assert synchronize(appliance, made.connection.id)["state"] == "completed"
    held = appliance.records.counts(made.connection.id)
    assert held["PurchaseOrder"] == 12
    appliance.connections.disconnect(made.connection.id)

    assert appliance.records.counts(made.connection.id) == held
    stream = appliance.records.find_stream(made.connection.id, "PurchaseOrder")
    assert stream is not None
    assert len(appliance.records.by_id(stream, 0, 100).payloads) == 12


def test_a_failure_inside_a_disconnect_leaves_the_connection_whole(
    appliance: Appliance, gateway: Gateway
) -> None:
    made = connect_gateway(appliance, gateway)
    appliance.database.run(
        "CREATE TRIGGER injected BEFORE INSERT ON credit_entry BEGIN SELECT RAISE(ABORT, 'injected failure'); END"
    )
    with pytest.raises(Exception, match="injected failure"):
        appliance.connections.disconnect(made.connection.id)
    assert appliance.connections.get(made.connection.id).status == "connected"
    assert appliance.connections.tokens.authenticate(made.token)
    assert appliance.secrets.get(made.connection.id) == {"password": "Welcome1"}
    appliance.database.run("DROP TRIGGER injected")
    assert appliance.connections.disconnect(made.connection.id) == 8


def test_connecting_again_makes_another_connection_with_another_token_and_other_keys(
    appliance: Appliance, gateway: Gateway
) -> None:
    first = connect_gateway(appliance, gateway)
    appliance.connections.disconnect(first.connection.id)
    second = connect_gateway(appliance, gateway)
    assert second.connection.id != first.connection.id
    assert second.connection.part != first.connection.part
    assert second.token != first.token
    assert appliance.ledger.balance().used == 8


def test_one_connection_of_two_goes_and_the_other_works_on(appliance: Appliance, gateway: Gateway) -> None:
    first, second = connect_gateway(appliance, gateway), connect_sandbox(appliance)
    appliance.connections.disconnect(first.connection.id)
    assert appliance.connections.tokens.authenticate(second.token).connection_id == second.connection.id
    assert synchronize(appliance, second.connection.id)["state"] == "completed"


@pytest.mark.parametrize("method", ["disconnect", "test"])
def test_an_unknown_connection_is_not_found(appliance: Appliance, account: Account, method: str) -> None:
    with pytest.raises(ConnectionNotFound):
        getattr(appliance.connections, method)("con_0000000000000000")
    assert account.send("DELETE", "/api/system/connections/con_00").status_code == 404
    assert account.send("POST", "/api/system/connections/con_00/test").status_code == 404
