"""The process ends at a statement of a run, at each of them in turn: the same run then loses and doubles nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from appliance.store.database import Database
from tests.support.appliance import entity_of, work
from tests.support.plant import Killed, Plant, connect_plant, stored


class Counted:
    """Lets so many writing statements through and ends the process at the next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._left: int | None = None
        for name in ("run", "run_many"):
            monkeypatch.setattr(Database, name, self._counting(getattr(Database, name)))

    def let_through(self, number: int | None) -> None:
        self._left = number

    def _counting(self, real: Callable[..., int]) -> Callable[..., int]:
        def statement(*arguments: Any) -> int:
            if self._left is not None:
                self._left -= 1
                if self._left < 0:
                    raise Killed
            return real(*arguments)

        return statement


def test_a_run_that_ends_at_any_statement_loses_and_doubles_nothing(
    site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(monkeypatch)
    # So that pages are not joined, and a checkpoint stands between them.
    monkeypatch.setattr("appliance.sync.passes.ahead.ROWS_TOGETHER", 1)
    allowed, survived = 0, False
    while not survived:
        name = f"plant {allowed}"
        plant = Plant(site.clock, page_size=4)
        plant.fill("Vendor", 11)
        plant.fill("PurchaseOrder", 3)
        site.connection_id = connect_plant(site.appliance, plant, name).connection.id
        counted.let_through(allowed)
        try:
            work(site.appliance)
            survived = True
        except Killed:
            pass
        counted.let_through(None)
        work(site.appliance)
        run = site.last_run()
        assert run["state"] == "completed", f"after {allowed} statements"
        for entity in ("Vendor", "PurchaseOrder"):
            held = stored(site.appliance, site.connection_id, entity)
            assert held == plant.rows[entity], f"after {allowed} statements"
            done = entity_of(run, entity)
            assert done["inserted"] == len(held), f"after {allowed} statements"
        assert site.schedule("Vendor")["watermark"] is not None
        allowed += 1
    assert allowed > 30, "else statements were not counted"
