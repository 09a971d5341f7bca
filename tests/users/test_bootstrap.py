"""The one-time link of the first run."""

import stat

import pytest

from appliance.app import Appliance
from appliance.errors import InvalidInput
from appliance.users.errors import AlreadySetUp, BootstrapRefused
from tests.support.clock import ManualClock
from tests.support.state import holds
from tests.users.conftest import PASSWORD


def offered(appliance: Appliance) -> str:
    token = appliance.bootstrap.offer()
    assert token is not None
    return token


def test_the_link_makes_the_administrator_once(appliance: Appliance) -> None:
    token = offered(appliance)
    appliance.bootstrap.check(token)
    appliance.bootstrap.set_up(token, "ada", PASSWORD)
    for call in (
        lambda: appliance.bootstrap.check(token),
        lambda: appliance.bootstrap.set_up(token, "bob", PASSWORD),
    ):
        with pytest.raises(AlreadySetUp):
            call()
    assert appliance.bootstrap.offer() is None


def test_the_link_lives_thirty_minutes(appliance: Appliance, clock: ManualClock) -> None:
    token = offered(appliance)
    clock.advance(30 * 60)
    appliance.bootstrap.check(token)
    clock.advance(0.001)
    for _ in range(2):
        with pytest.raises(BootstrapRefused):
            appliance.bootstrap.set_up(token, "ada", PASSWORD)
    assert not appliance.accounts.any()


def test_a_new_link_ends_the_former_one(appliance: Appliance) -> None:
    former, token = offered(appliance), offered(appliance)
    with pytest.raises(BootstrapRefused):
        appliance.bootstrap.check(former)
    appliance.bootstrap.check(token)


@pytest.mark.parametrize("token", ["", "set_wrong", "ü", "\ud800", "' OR ''='"])
def test_another_token_is_refused(appliance: Appliance, token: str) -> None:
    offered(appliance)
    with pytest.raises(BootstrapRefused):
        appliance.bootstrap.set_up(token, "ada", PASSWORD)


def test_the_file_is_for_its_owner_only_and_gone_afterwards(appliance: Appliance) -> None:
    token = offered(appliance)
    file = appliance.settings.data_dir / "setup-token"
    assert file.read_text().strip() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert holds(appliance.database, token) == []
    appliance.bootstrap.set_up(token, "ada", PASSWORD)
    assert not file.exists()
    assert appliance.database.value("SELECT count(*) FROM bootstrap") == 0


def test_a_set_up_on_the_command_line_ends_the_link_and_its_file(appliance: Appliance) -> None:
    token = offered(appliance)
    appliance.accounts.set_up("ada", PASSWORD)
    with pytest.raises(AlreadySetUp):
        appliance.bootstrap.check(token)
    assert appliance.database.value("SELECT count(*) FROM bootstrap") == 0
    assert appliance.bootstrap.offer() is None
    assert not (appliance.settings.data_dir / "setup-token").exists()


def test_a_link_in_the_way_of_the_file_is_not_followed(appliance: Appliance) -> None:
    file = appliance.settings.data_dir / "setup-token"
    elsewhere = appliance.settings.data_dir / "elsewhere"
    elsewhere.write_text("untouched")
    file.symlink_to(elsewhere)
    offered(appliance)
    assert elsewhere.read_text() == "untouched"
    assert not file.is_symlink()


def test_a_password_that_is_refused_does_not_burn_the_link(appliance: Appliance) -> None:
    token = offered(appliance)
    with pytest.raises(InvalidInput):
        appliance.bootstrap.set_up(token, "ada", "short")
    appliance.bootstrap.set_up(token, "ada", PASSWORD)
