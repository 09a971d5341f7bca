"""Accounts: passwords, the lock after five wrong ones, and the first administrator, who is made once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from appliance.app import Appliance
from appliance.errors import Conflict, InvalidInput
from appliance.users.errors import AccountLocked, AlreadySetUp, SignInRefused
from tests.support.clock import ManualClock
from tests.support.state import holds
from tests.users.conftest import PASSWORD


def test_the_first_administrator_is_made_once(appliance: Appliance) -> None:
    appliance.accounts.set_up("ada", PASSWORD)
    with pytest.raises(AlreadySetUp):
        appliance.accounts.set_up("bob", PASSWORD)
    assert appliance.accounts.sign_in("ada", PASSWORD).role == "administrator"


def test_two_who_set_up_at_once_make_one_administrator(appliance: Appliance) -> None:
    together = Barrier(4)

    def set_up(number: int) -> bool:
        together.wait()
        try:
            appliance.accounts.set_up(f"admin{number}", PASSWORD)
            return True
        except AlreadySetUp:
            return False
        finally:
            appliance.database.release_thread()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(set_up, range(4))) == [False, False, False, True]


@pytest.mark.parametrize(
    "password", ["", "short", "elevenchars", "aaaaaaaaaaaaaaa", "ADA-and-more-of-it", "x" * 1025]
)
def test_a_weak_password_is_refused_and_says_why(appliance: Appliance, password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        appliance.accounts.set_up("ada", password)
    assert "password" in refused.value.details["fields"]
    assert password not in refused.value.message or not password
    assert not appliance.accounts.any()


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "two\nlines", "nul\0"])
def test_a_name_that_is_none_is_refused(appliance: Appliance, name: str) -> None:
    with pytest.raises(InvalidInput):
        appliance.accounts.set_up(name, PASSWORD)


def test_a_name_is_taken_once(appliance: Appliance) -> None:
    appliance.accounts.add("ada", PASSWORD)
    with pytest.raises(Conflict):
        appliance.accounts.add("ada", PASSWORD + "!")
    with pytest.raises(Conflict):
        appliance.accounts.add("  ada ", PASSWORD)


def test_only_the_hash_of_a_password_is_kept(appliance: Appliance) -> None:
    appliance.accounts.add("ada", PASSWORD)
    assert holds(appliance.database, PASSWORD) == []
    assert holds(appliance.database, "$argon2id$") == ["account"]


def test_five_wrong_passwords_lock_for_five_minutes(appliance: Appliance, clock: ManualClock) -> None:
    appliance.accounts.add("ada", PASSWORD)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            appliance.accounts.sign_in("ada", "wrong")
    with pytest.raises(AccountLocked) as locked:
        appliance.accounts.sign_in("ada", PASSWORD)
    assert locked.value.retry_after == 300
    clock.advance(299)
    with pytest.raises(AccountLocked):
        appliance.accounts.sign_in("ada", PASSWORD)
    clock.advance(1)
    assert appliance.accounts.sign_in("ada", PASSWORD).name == "ada"


def test_a_right_password_forgets_the_wrong_ones_before(appliance: Appliance) -> None:
    appliance.accounts.add("ada", PASSWORD)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(SignInRefused):
                appliance.accounts.sign_in("ada", "wrong")
        assert appliance.accounts.sign_in("ada", PASSWORD)


def test_an_unknown_name_and_a_wrong_password_are_told_alike(appliance: Appliance) -> None:
    appliance.accounts.add("ada", PASSWORD)
    messages = set()
    for name in ("ada", "nobody"):
        with pytest.raises(SignInRefused) as refused:
            appliance.accounts.sign_in(name, "wrong")
        messages.add(refused.value.message)
    assert len(messages) == 1


def test_a_new_password_ends_sessions_and_lifts_the_lock(appliance: Appliance) -> None:
    account = appliance.accounts.add("ada", PASSWORD)
    session = appliance.sessions.open(account)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            appliance.accounts.sign_in("ada", "wrong")
    appliance.accounts.set_password("ada", "another long passphrase")
    assert appliance.sessions.find(session.cookie) is None
    assert appliance.accounts.sign_in("ada", "another long passphrase")
    with pytest.raises(SignInRefused):
        appliance.accounts.sign_in("ada", PASSWORD)
    with pytest.raises(InvalidInput):
        appliance.accounts.set_password("nobody", PASSWORD)
