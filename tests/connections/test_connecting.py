"""Connecting a system: checked field by field, probed stage by stage, then made whole or not at all."""

import hashlib
from typing import Any

import peewee
import pytest
from sqlcipher3 import dbapi2

from appliance.app import Appliance
from appliance.connections.errors import ProbeFailed
from appliance.credits.errors import InsufficientCredits
from appliance.errors import InvalidInput
from appliance.runtime.catalog import UnknownSystem
from tests.connections.conftest import Account
from tests.simulators.gateway import Gateway
from tests.simulators.gateway.access import User
from tests.support.appliance import connect_gateway, connect_sandbox, gateway_fields
from tests.support.clock import ManualClock
from tests.support.state import counts, everything, holds

ADDRESS = "http://127.0.0.1:9/sap"
GOOD = {"url": ADDRESS, "username": "SYNC", "password": "Welcome1"}

WRONG_FIELDS = {
    "no address": ({"url": None}, "url"),
    "an address of another scheme": ({"url": "ftp://host.example"}, "url"),
    "an address without a host": ({"url": "https://"}, "url"),
    "a password inside the address": ({"url": "https://a:b@host.example"}, "url"),
    "a query in the address": ({"url": "https://host.example/?x=1"}, "url"),
    "a port that is none": ({"url": "https://host.example:99999"}, "url"),
    "no user": ({"username": ""}, "username"),
    "a line break in the user": ({"username": "SY\nNC"}, "username"),
    "a list for a user": ({"username": ["SYNC"]}, "username"),
    "a user far too long": ({"username": "x" * 5000}, "username"),
    "no password": ({"password": None}, "password"),
    "a field that is not there": ({"passwort": "Welcome1"}, "passwort"),
}


@pytest.mark.parametrize("case", WRONG_FIELDS)
def test_a_wrong_field_is_named_with_its_reason(appliance: Appliance, account: Account, case: str) -> None:
    change, field = WRONG_FIELDS[case]
    before = everything(appliance.database)
    fields = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(InvalidInput) as refused:
        appliance.connections.connect(system="generic_odata", name="Orders", hosting="cloud", fields=fields)
    assert set(refused.value.details["fields"]) == {field}

    answer = account.connect(
        {"provider": "generic_odata", "name": "Orders", "hosting": "cloud", "credentials": fields}
    )
    assert answer.status_code == 400
    error = answer.get_json()["error"]
    assert error["type"] == "validation"
    assert error["details"]["fields"][field]
    assert everything_but_key_use(appliance) == without_key_use(before)


def test_every_wrong_field_is_told_at_once(appliance: Appliance) -> None:
    with pytest.raises(InvalidInput) as refused:
        appliance.connections.connect(
            system="generic_odata", name="Orders", hosting="cloud", fields={"url": "nowhere", "extra": "1"}
        )
    assert set(refused.value.details["fields"]) == {"url", "username", "password", "extra"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": 7}, "name"),
        ({"provider": ""}, "provider"),
        ({"credentials": None}, "credentials"),
        ({"credentials": "SYNC:Welcome1"}, "credentials"),
        ({"hosting": "moon"}, "hosting"),
        ({"hosting": None}, "hosting"),
        ({"historical_days": 0}, "historical_days"),
        ({"historical_days": 36501}, "historical_days"),
        ({"historical_days": True}, "historical_days"),
        ({"historical_days": "90"}, "historical_days"),
        ({"email": 5}, "email"),
        ({"email": "x" * 5000}, "email"),
        ({"email": "no address"}, "email"),
    ],
)
def test_what_stands_beside_the_form_is_checked_too(
    account: Account, appliance: Appliance, change: dict[str, Any], field: str
) -> None:
    body = {"provider": "generic_odata", "name": "Orders", "hosting": "cloud", "credentials": GOOD, **change}
    answer = account.connect(body)
    assert answer.status_code == 400
    assert field in answer.get_json()["error"]["details"]["fields"]
    assert counts(appliance.database).get("connection") is None


def test_an_unknown_system_names_those_there_are(appliance: Appliance, account: Account) -> None:
    with pytest.raises(UnknownSystem) as refused:
        appliance.connections.connect(system="sap", name="Orders", fields={})
    assert "sandbox" in refused.value.details["systems"]
    answer = account.connect({"provider": "sap", "name": "Orders", "credentials": {}})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "UNKNOWN_SYSTEM")


def refuse_logon(gateway: Gateway) -> dict[str, str]:
    return gateway_fields(gateway, password="wrong")


def refuse_authorization(gateway: Gateway) -> dict[str, str]:
    gateway.users["SYNC"] = User("Welcome1", services=frozenset())
    return gateway_fields(gateway)


def show_a_logon_page(gateway: Gateway) -> dict[str, str]:
    gateway.fail_next(200, times=50)
    return gateway_fields(gateway)


def be_down(gateway: Gateway) -> dict[str, str]:
    gateway.fail_next(503, times=50)
    return gateway_fields(gateway)


def be_nowhere(gateway: Gateway) -> dict[str, str]:
    return gateway_fields(gateway, url="http://127.0.0.1:9/sap/opu/odata/sap/X")


def have_no_name(gateway: Gateway) -> dict[str, str]:
    return gateway_fields(gateway, url="http://no-such-host.invalid/x")


@pytest.mark.parametrize(
    ("prepare", "stage", "cause"),
    [
        (refuse_logon, "read PurchaseOrder", "SOURCE_CREDENTIALS_REJECTED"),
        (refuse_authorization, "read PurchaseOrder", "SOURCE_ACCESS_DENIED"),
        (show_a_logon_page, "read PurchaseOrder", "SOURCE_ANSWER_INVALID"),
        (be_down, "read PurchaseOrder", "SOURCE_UNREACHABLE"),
        (be_nowhere, "connect", "SOURCE_UNREACHABLE"),
        (have_no_name, "resolve", "SOURCE_UNREACHABLE"),
    ],
)
def test_a_failed_stage_leaves_nothing_behind(
    appliance: Appliance, account: Account, gateway: Gateway, prepare: Any, stage: str, cause: str
) -> None:
    fields = prepare(gateway)
    appliance.api_keys.authenticate(account.key)
    before = everything(appliance.database)

    with pytest.raises(ProbeFailed) as failed:
        appliance.connections.connect(
            system="generic_odata", name="Orders", hosting="on_premises", fields=fields
        )
    assert (failed.value.details["stage"], failed.value.details["cause"]) == (stage, cause)

    answer = account.connect(
        {"provider": "generic_odata", "name": "Orders", "hosting": "on_premises", "credentials": fields}
    )
    assert answer.status_code == 422
    error = answer.get_json()["error"]
    assert error["code"] == "CONNECTION_TEST_FAILED"
    assert error["details"]["stages"][-1]["state"] in ("failed", "warning")
    assert "Welcome1" not in answer.text

    assert everything(appliance.database) == before
    assert not (appliance.ledger.balance().used)


def test_success_takes_the_credits_and_queues_the_first_run(
    appliance: Appliance, account: Account, gateway: Gateway
) -> None:
    answer = account.connect(
        {
            "provider": "generic_odata",
            "name": "Orders",
            "email": "ops@plant.example",
            "hosting": "on_premises",
            "credentials": gateway_fields(gateway),
        }
    )
    assert answer.status_code == 201
    made = answer.get_json()["data"]
    assert made["credits"] == 8
    assert [stage["state"] for stage in made["stages"]].count("failed") == 0
    assert appliance.ledger.balance().used == 8

    connection = appliance.connections.get(made["id"])
    assert (connection.status, connection.email, connection.historical_days) == (
        "connected",
        "ops@plant.example",
        90,
    )
    (run,) = appliance.planner.runs.recent(connection.id, 10)
    assert (run["mode"], run["trigger"], run["state"]) == ("full", "initial", "queued")
    assert appliance.planner.schedules.entities(connection.id) == ["PurchaseOrder"]


def test_the_token_is_shown_once_and_only_its_hash_is_kept(appliance: Appliance, account: Account) -> None:
    made = account.connect({"provider": "sandbox", "name": "Sandbox", "credentials": {}}).get_json()["data"]
    tokens = (made["access_token"], made["connection_token"])
    kept = appliance.database.tuples("SELECT hash FROM token WHERE connection_id = ?", (made["id"],))
    assert {bytes(one) for (one,) in kept} == {hashlib.sha256(token.encode()).digest() for token in tokens}
    listed = account.send("GET", "/api/system/connections")
    for token in (*tokens, made["refresh_token"]):
        assert holds(appliance.database, token) == []
        assert token not in listed.text
    for token in tokens:
        assert appliance.connections.tokens.authenticate(token).connection_id == made["id"]


def test_secrets_are_sealed_and_appear_nowhere(
    appliance: Appliance, account: Account, gateway: Gateway
) -> None:
    gateway.users["SYNC"].password = "Geheim-4711-not-elsewhere"
    made = connect_gateway(appliance, gateway)
    assert holds(appliance.database, "Geheim-4711") == []
    assert appliance.secrets.get(made.connection.id) == {"password": "Geheim-4711-not-elsewhere"}
    assert "Geheim-4711" not in account.send("GET", "/api/system/connections").text
    for file in appliance.settings.data_dir.rglob("*"):
        if file.is_file():
            assert b"Geheim-4711" not in file.read_bytes(), file


WRITTEN = (
    "INSERT ON connection",
    "INSERT ON credit_entry",
    "INSERT ON data_key",
    "INSERT ON secret",
    "INSERT ON token",
    "INSERT ON stream",
    "INSERT ON schedule",
    "INSERT ON run",
    "INSERT ON run_entity",
    "UPDATE ON schedule",
    "INSERT ON probe_plan",
    "INSERT ON proof",
)


@pytest.mark.parametrize("statement", WRITTEN)
def test_a_failure_at_any_statement_rolls_everything_back(
    appliance: Appliance, account: Account, gateway: Gateway, statement: str
) -> None:
    appliance.api_keys.authenticate(account.key)
    appliance.database.run(
        f"CREATE TRIGGER injected BEFORE {statement} BEGIN SELECT RAISE(ABORT, 'injected failure'); END"
    )
    before = everything(appliance.database)
    with pytest.raises((peewee.IntegrityError, dbapi2.IntegrityError), match="injected failure"):
        connect_gateway(appliance, gateway)
    answer = account.connect(
        {
            "provider": "generic_odata",
            "name": "Orders",
            "hosting": "on_premises",
            "credentials": gateway_fields(gateway),
        }
    )
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert "injected" not in answer.text
    assert everything(appliance.database) == before

    appliance.database.run("DROP TRIGGER injected")
    assert connect_gateway(appliance, gateway).connection.credits == 8


def test_the_trigger_list_names_every_table_that_connecting_writes(
    appliance: Appliance, gateway: Gateway
) -> None:
    """Guards the test above: a table written in future must be added to it."""
    before = counts(appliance.database)
    connect_gateway(appliance, gateway)
    after = counts(appliance.database)
    grown = {name for name in after if after[name] != before.get(name, 0)} - {"sqlite_sequence"}
    assert grown == {statement.split()[-1] for statement in WRITTEN}


def test_too_few_credits_refuse_before_anything_is_asked_of_the_source(
    appliance: Appliance, account: Account, gateway: Gateway
) -> None:
    first, second = connect_gateway(appliance, gateway), connect_gateway(appliance, gateway)
    gateway.clear_counters()
    before = everything(appliance.database)
    with pytest.raises(InsufficientCredits) as refused:
        connect_gateway(appliance, gateway)
    assert refused.value.details == {"needed": 8, "available": 4, "missing": 4}
    assert everything(appliance.database) == before

    answer = account.connect(
        {
            "provider": "generic_odata",
            "name": "Orders",
            "hosting": "on_premises",
            "credentials": gateway_fields(gateway),
        }
    )
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (409, "INSUFFICIENT_CREDITS")
    assert error["details"] == {"needed": 8, "available": 4, "missing": 4}
    assert not gateway.requests
    for made in (first, second):
        assert appliance.connections.tokens.authenticate(made.token).connection_id == made.connection.id


def test_the_cloud_costs_half_and_still_fits(appliance: Appliance, gateway: Gateway) -> None:
    connect_gateway(appliance, gateway), connect_gateway(appliance, gateway)
    made = appliance.connections.connect(
        system="generic_odata", name="Cloud", hosting="cloud", fields=gateway_fields(gateway)
    )
    assert made.connection.credits == 4
    assert appliance.ledger.balance().available == 0


def test_the_sandbox_costs_nothing_even_when_no_credit_is_left(
    appliance: Appliance, gateway: Gateway, clock: ManualClock
) -> None:
    for _ in range(2):
        connect_gateway(appliance, gateway)
    made = connect_sandbox(appliance)
    assert made.connection.credits == 0
    assert made.connection.created_at == clock.now_ms()


def without_key_use(state: dict[str, Any]) -> dict[str, Any]:
    """The state without the account key's time of last use, which every API call may move."""
    return {name: rows for name, rows in state.items() if name != "api_key"}


def everything_but_key_use(appliance: Appliance) -> dict[str, Any]:
    return without_key_use(everything(appliance.database))
