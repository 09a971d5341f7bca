"""The link flow behind the consent page: codes, pairs, rotation, and what is stolen is noticed."""

import base64
import hashlib

import pytest

from appliance.app import Appliance
from appliance.connections.errors import ConnectionClosed, GrantInvalid, TokenUnknown
from appliance.connections.lifecycle import Connected
from appliance.errors import InvalidInput
from appliance.users.applications import Application
from appliance.users.errors import ScopeExceeded
from appliance.users.scopes import Scope, Wanted
from tests.support.appliance import Appliances, connect_sandbox
from tests.support.clock import ManualClock
from tests.support.state import holds

BACK = "https://portal.example/back"
VERIFIER = "a" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(auto=True)


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock)


@pytest.fixture
def application(appliance: Appliance) -> Application:
    return appliance.applications.create("portal", redirects=[BACK, f"{BACK}/other"])[0]


@pytest.fixture
def made(appliance: Appliance) -> Connected:
    return connect_sandbox(appliance)


def consent(
    appliance: Appliance, application: Application, made: Connected, challenge: str | None = CHALLENGE
) -> str:
    return appliance.links.consent(application, made.connection.id, BACK, challenge=challenge)


def is_dead(appliance: Appliance, token: str) -> bool:
    try:
        appliance.connections.tokens.authenticate(token)
    except TokenUnknown:
        return True
    return False


def test_the_challenge_of_the_standard_is_met_by_its_verifier(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    """The example of RFC 7636, appendix B."""
    code = consent(appliance, application, made, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert appliance.links.exchange(application, code, BACK, verifier).connection_id == made.connection.id


def test_a_code_becomes_a_pair_that_reads_the_connection(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    code = consent(appliance, application, made)
    pair = appliance.links.exchange(application, code, BACK, VERIFIER)
    assert pair.expires_in == 30 * 86_400
    bearer = appliance.connections.tokens.authenticate(pair.access_token)
    assert bearer.connection_id == made.connection.id
    for secret in (code, pair.access_token, pair.refresh_token):
        assert holds(appliance.database, secret) == []


@pytest.mark.parametrize(
    "verifier", [None, "", "b" * 43, VERIFIER[:-1], VERIFIER + "=", "a" * 129, CHALLENGE]
)
def test_a_wrong_verifier_gets_nothing_and_spoils_the_code(
    appliance: Appliance, application: Application, made: Connected, verifier: str | None
) -> None:
    code = consent(appliance, application, made)
    for given in (verifier, VERIFIER):
        with pytest.raises(GrantInvalid):
            appliance.links.exchange(application, code, BACK, given)


def test_a_code_without_challenge_takes_no_verifier(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    with pytest.raises(GrantInvalid):
        appliance.links.exchange(application, consent(appliance, application, made, None), BACK, VERIFIER)
    assert appliance.links.exchange(application, consent(appliance, application, made, None), BACK, None)


def test_a_code_is_for_its_application_and_address_and_for_a_minute(
    appliance: Appliance, application: Application, made: Connected, clock: ManualClock
) -> None:
    other = appliance.applications.create("other", redirects=[BACK])[0]
    code = consent(appliance, application, made)
    with pytest.raises(GrantInvalid):
        appliance.links.exchange(other, code, BACK, VERIFIER)
    # Another application's try does not spoil it.
    appliance.links.exchange(application, code, BACK, VERIFIER)
    with pytest.raises(GrantInvalid):
        appliance.links.exchange(
            application, consent(appliance, application, made), f"{BACK}/other", VERIFIER
        )
    late = consent(appliance, application, made)
    clock.advance(60)
    with pytest.raises(GrantInvalid):
        appliance.links.exchange(application, late, BACK, VERIFIER)


def test_a_code_that_comes_twice_ends_what_it_gave(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    code = consent(appliance, application, made)
    pair = appliance.links.exchange(application, code, BACK, VERIFIER)
    with pytest.raises(GrantInvalid):
        appliance.links.exchange(application, code, BACK, VERIFIER)
    assert is_dead(appliance, pair.access_token)
    with pytest.raises(GrantInvalid):
        appliance.links.refresh(application, pair.refresh_token)
    # The connection itself has nothing to do with it.
    assert not is_dead(appliance, made.token)


class TestRefreshing:
    def test_every_pair_replaces_the_former_one(
        self, appliance: Appliance, application: Application, made: Connected, clock: ManualClock
    ) -> None:
        pair = appliance.links.exchange(application, consent(appliance, application, made), BACK, VERIFIER)
        for _ in range(5):
            # The former access token would have lived on.
            clock.advance(20 * 86_400)
            newer = appliance.links.refresh(application, pair.refresh_token)
            assert is_dead(appliance, pair.access_token)
            assert not is_dead(appliance, newer.access_token)
            pair = newer

    def test_a_refresh_token_used_twice_ends_the_whole_grant(
        self, appliance: Appliance, application: Application, made: Connected
    ) -> None:
        first = appliance.links.exchange(application, consent(appliance, application, made), BACK, VERIFIER)
        second = appliance.links.refresh(application, first.refresh_token)
        third = appliance.links.refresh(application, second.refresh_token)
        with pytest.raises(GrantInvalid):
            appliance.links.refresh(application, first.refresh_token)
        assert is_dead(appliance, third.access_token)
        with pytest.raises(GrantInvalid):
            appliance.links.refresh(application, third.refresh_token)

    def test_it_lasts_31_days_and_belongs_to_its_application(
        self, appliance: Appliance, application: Application, made: Connected, clock: ManualClock
    ) -> None:
        other = appliance.applications.create("other")[0]
        pair = appliance.links.exchange(application, consent(appliance, application, made), BACK, VERIFIER)
        for stranger in (other, None):
            with pytest.raises(GrantInvalid):
                appliance.links.refresh(stranger, pair.refresh_token)
        clock.advance(31 * 86_400)
        with pytest.raises(GrantInvalid):
            appliance.links.refresh(application, pair.refresh_token)

    def test_disconnecting_reauthorizing_and_revoking_end_it(
        self, appliance: Appliance, application: Application
    ) -> None:
        ends = (
            lambda made: appliance.connections.disconnect(made.connection.id),
            lambda made: appliance.connections.reauthorize(made.connection.id, {}),
            lambda made: appliance.applications.revoke(application.id),
        )
        for end in ends:
            made = connect_sandbox(appliance)
            pair = appliance.links.exchange(
                application, consent(appliance, application, made), BACK, VERIFIER
            )
            end(made)
            assert is_dead(appliance, pair.access_token)
            with pytest.raises(GrantInvalid):
                appliance.links.refresh(application, pair.refresh_token)


def test_either_token_of_a_pair_can_be_revoked_by_its_application_only(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    other = appliance.applications.create("other")[0]
    for which in ("access_token", "refresh_token"):
        pair = appliance.links.exchange(application, consent(appliance, application, made), BACK, VERIFIER)
        appliance.links.revoke(other, getattr(pair, which))
        assert not is_dead(appliance, pair.access_token)
        appliance.links.revoke(application, getattr(pair, which))
        assert is_dead(appliance, pair.access_token)
        with pytest.raises(GrantInvalid):
            appliance.links.refresh(application, pair.refresh_token)
    assert not is_dead(appliance, made.token)


def test_what_was_agreed_to_limits_the_tokens(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    scope = Scope.of({"entities": ["Asset"]}, appliance.model.entities)
    code = appliance.links.consent(application, made.connection.id, BACK, challenge=CHALLENGE, scope=scope)
    pair = appliance.links.exchange(application, code, BACK, VERIFIER)
    for _ in range(2):
        with pytest.raises(ScopeExceeded):
            appliance.connections.tokens.authenticate(pair.access_token).scope.check(Wanted("read", "Vendor"))
        pair = appliance.links.refresh(application, pair.refresh_token)


@pytest.mark.parametrize(
    ("redirect", "challenge", "method"),
    [
        ("https://portal.example/back/", CHALLENGE, "S256"),
        ("https://evil.example/", CHALLENGE, "S256"),
        (BACK, CHALLENGE, "plain"),
        (BACK, VERIFIER + "!", "S256"),
        (BACK, "short", "S256"),
    ],
)
def test_consent_is_given_to_registered_addresses_with_s256_only(
    appliance: Appliance,
    application: Application,
    made: Connected,
    redirect: str,
    challenge: str,
    method: str,
) -> None:
    with pytest.raises(InvalidInput):
        appliance.links.consent(application, made.connection.id, redirect, challenge=challenge, method=method)


def test_there_is_no_consent_for_a_connection_that_ended(
    appliance: Appliance, application: Application, made: Connected
) -> None:
    appliance.connections.disconnect(made.connection.id)
    with pytest.raises(ConnectionClosed):
        consent(appliance, application, made)


def test_codes_and_refresh_tokens_do_not_pile_up(
    appliance: Appliance, application: Application, made: Connected, clock: ManualClock
) -> None:
    for _ in range(4):
        pair = appliance.links.exchange(application, consent(appliance, application, made), BACK, VERIFIER)
        for _ in range(3):
            clock.advance(20 * 86_400)
            pair = appliance.links.refresh(application, pair.refresh_token)
    assert appliance.database.value("SELECT count(*) FROM link_refresh") <= 8
    assert appliance.database.value("SELECT count(*) FROM link_code") <= 4
    assert appliance.database.value("SELECT count(*) FROM token WHERE kind = 'access'") <= 8
