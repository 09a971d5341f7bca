"""How far back is read: the historical period, documents that are not finished, and a period that is made longer."""

from datetime import timedelta
from typing import Any

import pytest

from appliance.errors import InvalidInput, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Page
from appliance.runtime.select import encode
from tests.support.appliance import entity_of, work
from tests.support.plant import Reader

DAYS = timedelta(days=1)


class Unfinished(Reader):
    """Orders that are open, whenever they changed."""

    def fetch(self, *arguments: Any, **named: Any) -> Page:
        rows = [row for row in self._plant.rows["PurchaseOrder"].values() if row.get("state") == "open"]
        return Page([encode(row) for row in rows], None, len(rows))


@pytest.fixture
def orders(site, monkeypatch) -> Any:
    def open_pages(self: Connector, entity: str, *, only_keys: bool = False) -> Reader | None:
        return Unfinished(self.source, entity, {}) if entity == "PurchaseOrder" else None

    monkeypatch.setattr(Connector, "open_pages", open_pages)
    now = site.clock.now()
    site.plant.put("PurchaseOrder", "old and open", changed=now - 200 * DAYS, state="open")
    site.plant.put("PurchaseOrder", "old and done", changed=now - 200 * DAYS, state="done")
    site.plant.put("PurchaseOrder", "new", changed=now - 2 * DAYS, state="done")
    return site


def test_documents_that_are_not_finished_come_in_however_old_they_are(orders) -> None:
    orders.connected()
    assert orders.stored("PurchaseOrder").keys() == {"old and open", "new"}
    orders.plant.asked.clear()
    orders.synchronize(entities=["PurchaseOrder"])
    assert len(orders.plant.asked) == 1, "a pass over changes need not look for them again"
    run = orders.synchronize(entities=["PurchaseOrder"], mode="full")
    assert entity_of(run, "PurchaseOrder")["deleted"] == 0


def test_a_source_that_refuses_to_be_asked_so_keeps_nothing_else_back(orders, monkeypatch) -> None:
    def refuse(self: Unfinished, *arguments: Any, **named: Any) -> Page:
        raise SourceError("No such field.", details={"status": 400})

    monkeypatch.setattr(Unfinished, "fetch", refuse)
    orders.connect()
    work(orders.appliance)
    done = entity_of(orders.last_run(), "PurchaseOrder")
    assert (done["state"], done["inserted"]) == ("completed", 1)
    assert "unfinished documents" in done["notices"][0]


def test_a_longer_period_fetches_the_missing_span_alone(orders) -> None:
    orders.connected()
    orders.clock.advance(10 * 86400)
    connection = orders.appliance.connections.get(orders.connection_id)
    orders.plant.asked.clear()
    run_id = orders.appliance.history.change(connection, 300)
    assert run_id is not None
    work(orders.appliance)
    run = orders.appliance.planner.describe_run(run_id)
    assert (run["state"], run["mode"]) == ("completed", "backfill")
    assert [entity["entity"] for entity in run["entities"]] == ["PurchaseOrder"], "master data are never cut"
    assert orders.stored("PurchaseOrder").keys() == {"old and open", "old and done", "new"}
    first = orders.plant.asked[0]
    assert first.since == orders.clock.now() - 300 * DAYS
    assert first.until == orders.clock.now() - 10 * DAYS - 90 * DAYS

    watermark = orders.schedule("PurchaseOrder")["watermark"]
    assert orders.appliance.history.change(connection, 30) is None, "a shorter one deletes nothing"
    assert orders.appliance.history.change(connection, 300) is None, "all of it is there"
    assert orders.schedule("PurchaseOrder")["watermark"] == watermark
    assert len(orders.stored("PurchaseOrder")) == 3


@pytest.mark.parametrize("days", [0, -1, 40_000, True, "30", 1.5, None])
def test_a_period_that_is_none_is_refused(orders, days) -> None:
    orders.connected()
    connection = orders.appliance.connections.get(orders.connection_id)
    with pytest.raises(InvalidInput, match="whole number of days"):
        orders.appliance.history.change(connection, days)
