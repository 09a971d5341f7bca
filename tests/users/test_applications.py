"""Applications and the account tokens they get for their secret."""

import pytest

from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.users.errors import ApiKeyUnknown, ApplicationNotFound, ClientRejected
from tests.support.clock import ManualClock
from tests.support.state import holds


def test_a_secret_opens_until_it_is_replaced_or_the_application_revoked(appliance: Appliance) -> None:
    applications = appliance.applications
    made, secret = applications.create("portal", redirects=["https://portal.example/back"])
    assert applications.authenticate(made.id, secret) == made
    assert holds(appliance.database, secret) == []

    newer = applications.new_secret(made.id)
    with pytest.raises(ClientRejected):
        applications.authenticate(made.id, secret)
    applications.authenticate(made.id, newer)

    applications.revoke(made.id)
    applications.revoke(made.id)
    with pytest.raises(ClientRejected):
        applications.authenticate(made.id, newer)
    with pytest.raises(ApplicationNotFound):
        applications.new_secret(made.id)
    with pytest.raises(ApplicationNotFound):
        applications.revoke("app_unknown")


def test_wrong_id_and_wrong_secret_are_told_alike(appliance: Appliance) -> None:
    made, secret = appliance.applications.create("portal")
    told = set()
    for name, given in ((made.id, "aps_wrong"), ("app_unknown", secret), ("", ""), (made.id, "\ud800")):
        with pytest.raises(ClientRejected) as refused:
            appliance.applications.authenticate(name, given)
        told.add(refused.value.message)
    assert len(told) == 1


def test_account_tokens_live_an_hour_and_are_forgotten_then(appliance: Appliance, clock: ManualClock) -> None:
    made, _ = appliance.applications.create("portal")
    first = appliance.applications.issue(made)
    assert holds(appliance.database, first.token) == []
    clock.advance(3599)
    assert appliance.applications.authenticate_token(first.token).id == made.id
    clock.advance(1)
    with pytest.raises(ApiKeyUnknown):
        appliance.applications.authenticate_token(first.token)
    appliance.applications.issue(made)
    assert appliance.database.value("SELECT count(*) FROM account_token") == 1


def test_revoking_ends_the_tokens_too(appliance: Appliance) -> None:
    made, _ = appliance.applications.create("portal")
    for end in (appliance.applications.new_secret, appliance.applications.revoke):
        token = appliance.applications.issue(made).token
        end(made.id)
        with pytest.raises(ApiKeyUnknown):
            appliance.applications.authenticate_token(token)


def test_one_application_cannot_end_the_token_of_another(appliance: Appliance) -> None:
    one, _ = appliance.applications.create("one")
    other, _ = appliance.applications.create("other")
    token = appliance.applications.issue(one).token
    appliance.applications.revoke_token(other, token)
    appliance.applications.authenticate_token(token)
    appliance.applications.revoke_token(one, token)
    with pytest.raises(ApiKeyUnknown):
        appliance.applications.authenticate_token(token)


@pytest.mark.parametrize(
    "address",
    [
        "http://portal.example/back",
        "https://portal.example/back#part",
        "https://user@portal.example/",
        "javascript:alert(1)",
        "https:///back",
        "/back",
        "",
        "https://portal.example/a b",
        "https://portal.example:99999/",
        "http://localhost.evil.example/",
        "https://portal.example/" + "x" * 500,
    ],
)
def test_an_address_that_is_not_safe_to_return_to_is_refused(appliance: Appliance, address: str) -> None:
    with pytest.raises(InvalidInput):
        appliance.applications.create("portal", redirects=[address])


@pytest.mark.parametrize(
    "address",
    [
        "https://portal.example/back?x=1",
        "http://localhost:3000/back",
        "http://127.0.0.1:3000/",
        "http://[::1]/",
    ],
)
def test_addresses_to_return_to(appliance: Appliance, address: str) -> None:
    made, _ = appliance.applications.create("portal", redirects=[address, address])
    assert made.redirects == (address,)
