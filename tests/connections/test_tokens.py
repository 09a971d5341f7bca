"""Tokens: one speaks for one connection, and stops at once when it is to stop."""

import pytest

from appliance.app import Appliance
from appliance.connections.errors import TokenUnknown
from tests.connections.conftest import Account
from tests.support.appliance import connect_sandbox
from tests.support.clock import ManualClock

STATUS = "/api/v1/sync-status"


def code_of(account: Account, token: str) -> tuple[int, str]:
    answer = account.send("GET", STATUS, token=token)
    return answer.status_code, answer.get_json().get("error", {}).get("code", "")


@pytest.mark.parametrize("token", ["apl_wrong", "apl_" + "A" * 43, "x", "ünïcode", "' OR 1=1 --"])
def test_a_wrong_token_is_refused(account: Account, token: str) -> None:
    assert code_of(account, token) == (401, "TOKEN_INVALID")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "apl_without_scheme", "Bearer " + "x" * 201]
)
def test_a_request_without_a_usable_header_says_what_to_send(account: Account, header: str) -> None:
    answer = account.client.get(STATUS, headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "AUTHENTICATION_FAILED")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert header.removeprefix("Bearer ").strip() not in answer.text or len(header) < 10


def test_the_hash_itself_is_no_token(appliance: Appliance, account: Account) -> None:
    made = connect_sandbox(appliance)
    (kept,) = appliance.database.tuples("SELECT hash FROM token")[0]
    assert code_of(account, bytes(kept).hex()) == (401, "TOKEN_INVALID")
    assert code_of(account, made.token)[0] == 200


def test_an_expired_token_is_refused_from_its_last_second_on(
    appliance: Appliance, account: Account, clock: ManualClock
) -> None:
    made = connect_sandbox(appliance)
    appliance.database.run("UPDATE token SET expires_at = ?", (clock.now_ms() + 1000,))
    assert code_of(account, made.token)[0] == 200
    clock.advance(1)
    assert code_of(account, made.token) == (401, "TOKEN_INVALID")
    with pytest.raises(TokenUnknown, match="expired"):
        appliance.connections.tokens.authenticate(made.token)


def test_an_account_key_is_no_connection_token_and_the_other_way_round(
    appliance: Appliance, account: Account
) -> None:
    made = connect_sandbox(appliance)
    refused = account.send("POST", "/api/v1/sync", token=account.key)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (401, "TOKEN_INVALID")
    answer = account.send("GET", "/api/system/connections", token=made.token)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "API_KEY_INVALID")


def test_use_of_a_token_is_noted_once_a_minute(
    appliance: Appliance, account: Account, clock: ManualClock
) -> None:
    made = connect_sandbox(appliance)
    used = []
    for _ in range(4):
        assert code_of(account, made.token)[0] == 200
        used.append(appliance.database.value("SELECT last_used_at FROM token"))
        clock.advance(31)
    assert used[0] == used[1] < used[2] == used[2]
    assert used[2] - used[0] == 62_000


def test_the_hint_tells_a_token_apart_without_giving_it_away(appliance: Appliance) -> None:
    made = connect_sandbox(appliance)
    hint = appliance.connections.tokens.hint(made.connection.id)
    assert hint is not None
    start, _, end = hint.partition("…")
    assert made.token.startswith(start) and made.token.endswith(end)
    assert len(hint) < 15
