"""When the source rejects the credentials: believed only when confirmed, and healed by new credentials."""

import json

import pytest

from appliance.app import Appliance
from appliance.connections.errors import ProbeFailed, ReauthorizationRequired, TokenUnknown
from appliance.connections.lifecycle import Connected
from appliance.sync.errors import NotSynchronizing
from tests.connections.conftest import Account
from tests.simulators.gateway import Gateway
from tests.simulators.gateway.access import User
from tests.support.appliance import connect_gateway, entity_of, synchronize, work
from tests.support.clock import ManualClock
from tests.support.state import everything

ORDERS = "/api/erp/purchase-orders"


@pytest.fixture
def made(appliance: Appliance, gateway: Gateway) -> Connected:
    """A connection with its first run done."""
    made = connect_gateway(appliance, gateway)
    work(appliance)
    assert appliance.records.counts(made.connection.id)["PurchaseOrder"] == 12
    return made


def change_the_password(gateway: Gateway) -> None:
    gateway.users["SYNC"] = User("Changed2")


def status(appliance: Appliance, made: Connected) -> str:
    return appliance.connections.get(made.connection.id).status


def test_a_changed_password_is_confirmed_and_asks_for_reauthorization(
    appliance: Appliance, account: Account, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    change_the_password(gateway)
    gateway.clear_counters()
    run = synchronize(appliance, made.connection.id)
    assert run["state"] == "failed"
    assert entity_of(run, "PurchaseOrder")["error_code"] == "SOURCE_CREDENTIALS_REJECTED"
    assert status(appliance, made) == "reauthorization_required"
    # Asked once by the run and once to confirm: more wrong passwords would lock the user at the source.
    assert gateway.statuses[401] == 2

    answer = account.send("GET", ORDERS, token=made.token)
    assert answer.status_code == 401
    error = answer.get_json()["error"]
    assert (error["code"], error["type"]) == ("REAUTHORIZATION_REQUIRED", "authentication")
    assert error["details"]["connection_id"] == made.connection.id

    assert appliance.ledger.balance().used == 8
    with pytest.raises(NotSynchronizing):
        appliance.planner.request_run(made.connection.id)
    answer = account.send("POST", f"/api/v1/connections/{made.connection.id}/sync", {})
    assert answer.status_code == 409
    gateway.clear_counters()
    clock.advance(7 * 24 * 3600)
    assert appliance.planner.queue_due() == 0
    work(appliance)
    assert not gateway.requests


def test_a_single_refusal_that_the_probe_does_not_confirm_changes_nothing(
    appliance: Appliance, gateway: Gateway, made: Connected
) -> None:
    gateway.fail_next(401)
    assert synchronize(appliance, made.connection.id)["state"] == "failed"
    assert status(appliance, made) == "connected"
    assert appliance.connections.tokens.authenticate(made.token)
    assert synchronize(appliance, made.connection.id)["state"] == "completed"


def test_a_source_that_does_not_answer_is_offline_and_comes_back_by_itself(
    appliance: Appliance, account: Account, gateway: Gateway, made: Connected
) -> None:
    gateway.fail_next(503, times=50)
    assert synchronize(appliance, made.connection.id)["state"] == "failed"
    assert status(appliance, made) == "offline"
    assert account.send("GET", ORDERS, token=made.token).status_code == 200
    assert appliance.ledger.balance().used == 8
    gateway._failures.clear()
    assert synchronize(appliance, made.connection.id)["state"] == "completed"
    assert status(appliance, made) == "connected"


def test_an_entity_the_user_may_no_longer_read_does_not_ask_for_reauthorization(
    appliance: Appliance, gateway: Gateway, made: Connected
) -> None:
    gateway.users["SYNC"] = User("Welcome1", services=frozenset())
    run = synchronize(appliance, made.connection.id)
    assert entity_of(run, "PurchaseOrder")["error_code"] == "SOURCE_ACCESS_DENIED"
    assert status(appliance, made) == "connected"
    assert appliance.connections.tokens.authenticate(made.token)


def test_reauthorizing_keeps_the_connection_and_replaces_the_token(
    appliance: Appliance, account: Account, gateway: Gateway, made: Connected, clock: ManualClock
) -> None:
    connection_id = made.connection.id
    before = appliance.database.rows("SELECT id, key, seq, payload FROM record ORDER BY id")
    watermark = appliance.database.value("SELECT watermark FROM schedule")
    assert watermark
    change_the_password(gateway)
    synchronize(appliance, connection_id)

    answer = account.send(
        "POST",
        f"/api/system/connections/{connection_id}/reauthorize",
        {"credentials": {"password": "Changed2"}},
    )
    assert answer.status_code == 200
    again = answer.get_json()["data"]
    assert (again["id"], again["status"]) == (connection_id, "connected")

    assert appliance.connections.get(connection_id).part == made.connection.part
    assert appliance.database.rows("SELECT id, key, seq, payload FROM record ORDER BY id") == before
    assert appliance.database.value("SELECT watermark FROM schedule") == watermark
    assert appliance.secrets.get(connection_id) == {"password": "Changed2"}
    assert (appliance.ledger.balance().used, again["credits"]) == (8, 8)
    with pytest.raises(TokenUnknown, match="reauthorization"):
        appliance.connections.tokens.authenticate(made.token)
    listed = account.send("GET", ORDERS, token=again["access_token"]).get_json()
    assert listed["meta"]["total"] == 12

    # Everything is due at once, and an incremental pass goes on from the watermark.
    clock.advance(1)
    assert appliance.planner.queue_due() == 1
    work(appliance)
    (run, *_) = appliance.planner.runs.recent(connection_id, 1)
    assert (run["mode"], run["state"], run["inserted"]) == ("incremental", "completed", 0)


def test_a_failed_reauthorization_changes_nothing(
    appliance: Appliance, account: Account, gateway: Gateway, made: Connected
) -> None:
    change_the_password(gateway)
    synchronize(appliance, made.connection.id)
    before = everything(appliance.database)
    with pytest.raises(ProbeFailed):
        appliance.connections.reauthorize(made.connection.id, {"password": "Still-wrong3"})
    assert everything(appliance.database) == before
    with pytest.raises(ReauthorizationRequired):
        appliance.connections.tokens.authenticate(made.token)
    path = f"/api/system/connections/{made.connection.id}/reauthorize"
    answer = account.send("POST", path, {"credentials": {"nonsense": "x"}})
    assert answer.status_code == 400
    assert json.dumps(answer.get_json()).find("Changed2") == -1


def test_a_lost_refusal_of_the_probe_itself_is_no_confirmation(
    appliance: Appliance, gateway: Gateway, made: Connected
) -> None:
    """The run is refused, and then the source does not answer the probe: offline, not reauthorization."""
    gateway.fail_next(401)
    gateway.fail_next(503, times=50)
    synchronize(appliance, made.connection.id)
    assert status(appliance, made) == "offline"


def test_the_host_of_a_connection_is_that_of_its_address_also_when_it_has_moved(
    appliance: Appliance, gateway: Gateway, made: Connected
) -> None:
    address = gateway.service_url().split("/")[2]
    assert made.connection.host == address
    appliance.database.run("UPDATE connection SET host = NULL")
    again = appliance.connections.reauthorize(made.connection.id, {})
    assert again.connection.host == appliance.connections.get(made.connection.id).host == address
