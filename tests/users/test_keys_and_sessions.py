"""Keys of the account and sessions of the admin page."""

import pytest

from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.users.errors import ApiKeyUnknown
from tests.support.clock import ManualClock
from tests.support.state import holds
from tests.users.conftest import PASSWORD


def test_a_key_works_until_it_is_revoked(appliance: Appliance) -> None:
    key = appliance.api_keys.create("integration")
    assert appliance.api_keys.authenticate(key).name == "integration"
    (listed,) = appliance.api_keys.list()
    assert holds(appliance.database, key) == []
    for _ in range(2):
        appliance.api_keys.revoke(str(listed["id"]))
    with pytest.raises(ApiKeyUnknown):
        appliance.api_keys.authenticate(key)
    with pytest.raises(InvalidInput):
        appliance.api_keys.revoke("key_unknown")


def test_revoking_again_keeps_the_first_time(appliance: Appliance, clock: ManualClock) -> None:
    appliance.api_keys.create("integration")
    key_id = str(appliance.api_keys.list()[0]["id"])
    appliance.api_keys.revoke(key_id)
    first = appliance.api_keys.list()[0]["revoked_at"]
    clock.advance(60)
    appliance.api_keys.revoke(key_id)
    assert appliance.api_keys.list()[0]["revoked_at"] == first


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines"])
def test_a_key_needs_a_name(appliance: Appliance, name: str) -> None:
    with pytest.raises(InvalidInput):
        appliance.api_keys.create(name)


def test_a_session_ends_when_idle_and_when_old(appliance: Appliance, clock: ManualClock) -> None:
    account = appliance.accounts.add("ada", PASSWORD)
    idle = appliance.sessions.open(account)
    clock.advance(30 * 60)
    assert appliance.sessions.find(idle.cookie) is not None
    clock.advance(30 * 60 + 1)
    assert appliance.sessions.find(idle.cookie) is None

    busy = appliance.sessions.open(account)
    for _ in range(12 * 3):
        clock.advance(20 * 60)
        assert appliance.sessions.find(busy.cookie) is not None
    clock.advance(1)
    assert appliance.sessions.find(busy.cookie) is None


def test_a_session_that_was_ended_is_gone_and_its_cookie_is_kept_nowhere(appliance: Appliance) -> None:
    session = appliance.sessions.open(appliance.accounts.add("ada", PASSWORD))
    assert holds(appliance.database, session.cookie) == []
    appliance.sessions.end(session.cookie)
    assert appliance.sessions.find(session.cookie) is None
    assert appliance.sessions.find("") is None
