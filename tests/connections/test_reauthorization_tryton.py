"""The same with a real Tryton, which signs in once and keeps a session: its password is changed under us."""

from collections.abc import Iterator

import pytest

from appliance.app import Appliance
from appliance.connections.errors import ReauthorizationRequired
from tests.real.tryton import DATABASE, Tryton
from tests.support.appliance import synchronize

pytestmark = pytest.mark.real

NEW_PASSWORD = "Another-long-secret-4711"


@pytest.fixture
def changeable(tryton: Tryton) -> Iterator[Tryton]:
    yield tryton
    tryton.wipe()


def change_the_password(tryton: Tryton) -> None:
    (user,) = tryton.call("model.res.user.search", [["login", "=", tryton.user]])
    tryton.call("model.res.user.write", [user], {"password": NEW_PASSWORD})


def test_a_changed_password_asks_for_reauthorization_and_a_new_one_heals_it(
    appliance: Appliance, changeable: Tryton
) -> None:
    made = appliance.connections.connect(
        system="tryton",
        name="Tryton",
        hosting="on_premises",
        fields={
            "url": changeable.url,
            "database": DATABASE,
            "username": changeable.user,
            "password": changeable.password,
        },
    )
    # One entity is enough to show it.
    appliance.planner.end(made.connection.id)
    assert synchronize(appliance, made.connection.id, entities=["Vendor"])["state"] == "completed"
    held = appliance.records.counts(made.connection.id)
    assert held["Vendor"] > 0

    change_the_password(changeable)
    assert synchronize(appliance, made.connection.id, entities=["Vendor"])["state"] == "failed"
    assert appliance.connections.get(made.connection.id).status == "reauthorization_required"
    with pytest.raises(ReauthorizationRequired):
        appliance.connections.tokens.authenticate(made.token)

    again = appliance.connections.reauthorize(made.connection.id, {"password": NEW_PASSWORD})
    assert again.connection.id == made.connection.id
    assert synchronize(appliance, made.connection.id, entities=["Vendor"])["state"] == "completed"
    assert appliance.records.counts(made.connection.id) == held
    assert appliance.ledger.balance().used == 4
