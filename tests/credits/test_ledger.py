"""The ledger: append-only, and sums that hold."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.credits.errors import InsufficientCredits
from tests.support.appliance import Appliances
from tests.support.clock import ManualClock
from tests.support.state import everything


@pytest.fixture
def appliance(tmp_path: Path) -> Iterator[Appliance]:
    with Appliances(tmp_path) as appliances:
        yield appliances.open(ManualClock(), credits_evaluation=10)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE credit_entry SET amount = 0",
        "UPDATE credit_entry SET note = 'mended' WHERE id = 1",
        "DELETE FROM credit_entry",
        "DELETE FROM credit_entry WHERE kind = 'take'",
        "INSERT OR REPLACE INTO credit_entry (id, at, kind, amount, note) VALUES (1, 0, 'grant', 99, '')",
        "INSERT OR REPLACE INTO credit_entry (at, kind, amount, connection_id, note)"
        " VALUES (0, 'take', 0, 'con_a', '')",
        "UPDATE OR REPLACE credit_entry SET id = 1 WHERE id = 2",
    ],
)
def test_the_database_refuses_to_change_what_is_in_the_ledger(appliance: Appliance, statement: str) -> None:
    with appliance.database.write():
        appliance.ledger.take("con_a", 4, "test")
    before = everything(appliance.database)
    with pytest.raises(Exception, match="append-only"):
        appliance.database.run(statement)
    assert everything(appliance.database) == before


def test_a_connection_takes_once_and_returns_once_even_by_hand(appliance: Appliance) -> None:
    with appliance.database.write():
        appliance.ledger.take("con_a", 4, "test")
    with pytest.raises(Exception, match="append-only"):
        appliance.ledger.take("con_a", 4, "again")
    assert appliance.ledger.give_back("con_a") == 4
    assert appliance.ledger.give_back("con_a") == 0
    assert appliance.ledger.give_back("con_unknown") == 0
    assert appliance.ledger.balance().available == 10


def test_what_is_missing_is_said(appliance: Appliance) -> None:
    appliance.ledger.take("con_a", 8, "test")
    with pytest.raises(InsufficientCredits) as refused:
        appliance.ledger.take("con_b", 4, "test")
    assert refused.value.details == {"needed": 4, "available": 2, "missing": 2}
    assert "2 missing" in refused.value.message
    assert appliance.ledger.balance().used == 8


def test_the_pages_of_the_ledger_are_newest_first_and_complete(appliance: Appliance) -> None:
    for number in range(7):
        appliance.ledger.take(f"con_{number}", 1, "test")
    seen: list[int] = []
    before = None
    while page := appliance.ledger.entries(limit=3, before=before):
        seen += [entry["id"] for entry in page]
        before = page[-1]["id"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 8


def test_a_smaller_evaluation_pool_takes_nothing_from_connections(tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        appliances.open(credits_evaluation=10).ledger.take("con_a", 8, "test")
    with Appliances(tmp_path) as appliances:
        ledger = appliances.open(credits_evaluation=4).ledger
        balance = ledger.balance()
        assert (balance.granted, balance.used, balance.available) == (4, 8, 0)
        with pytest.raises(InsufficientCredits):
            ledger.take("con_b", 1, "test")
        assert ledger.give_back("con_a") == 8
        assert ledger.balance().available == 4
