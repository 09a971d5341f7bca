"""Which run is next: manual ones, then the oldest, below the ceilings of hosts and connections."""

from typing import Any

import pytest

from appliance.clock import new_id
from appliance.sync.runs.claims import Ceilings
from appliance.sync.runs.tables import Mode
from tests.support.appliance import work
from tests.support.plant import Plant, connect_plant


def claim(site) -> str | None:
    """The connection of the next run, by its name."""
    now = site.clock.now_ms()
    taken = site.appliance.planner.claims.claim("engine-1", now + 60_000, now)
    return None if taken is None else site.appliance.connections.get(taken.connection_id).name


def connect(site, name: str, host: str | None) -> str:
    connection_id = connect_plant(site.appliance, Plant(site.clock), name).connection.id
    site.appliance.database.run("UPDATE connection SET host = ? WHERE id = ?", (host, connection_id))
    site.clock.advance(0.001)
    return connection_id


def ask(site, connection_id: str, *entities: str, mode: Mode = "incremental") -> str:
    site.clock.advance(0.001)
    run_id: str = site.appliance.planner.request_run(connection_id, entities=entities or None, mode=mode)
    return run_id


def test_of_all_connections_to_one_host_two_run_at_the_same_time(site) -> None:
    for number in range(3):
        connect(site, f"a{number}", "a:443")
    connect(site, "b0", "b:443")
    assert [claim(site) for _ in range(4)] == ["a0", "a1", "b0", None]
    site.appliance.planner.runs.interrupt_orphans()
    site.appliance.planner.claims.ceilings = Ceilings(per_host=1, per_connection=1)
    assert [claim(site) for _ in range(3)] == ["a0", "b0", None]


def test_connections_without_a_host_do_not_hold_each_other_back(site) -> None:
    for number in range(4):
        connect(site, f"f{number}", None)
    assert [claim(site) for _ in range(5)] == ["f0", "f1", "f2", "f3", None]


def test_a_run_that_ends_makes_room_for_the_next_one(site) -> None:
    for number in range(3):
        connect(site, f"a{number}", "a:443")
    assert [claim(site) for _ in range(3)] == ["a0", "a1", None]
    (first,) = site.appliance.database.rows(
        "SELECT r.id FROM run r JOIN connection c ON c.id = r.connection_id WHERE c.name = 'a0'"
    )
    site.appliance.planner.runs.interrupt(first["id"], "engine-1")
    site.appliance.planner.runs.cancel(site.appliance.planner.describe_run(first["id"])["connection_id"], 0)
    assert claim(site) == "a2"


def test_manual_runs_go_first_then_the_oldest(site) -> None:
    site.reload(sync_reconcile_hours=0)
    ids = [connect(site, f"c{number}", None) for number in range(4)]
    work(site.appliance)
    site.clock.advance(3600)
    site.appliance.planner.queue_due()
    site.appliance.planner.runs.cancel(ids[2], 0)
    ask(site, ids[2])
    first = [claim(site) for _ in range(4)]
    assert first[0] == "c2"
    assert sorted(first[1:]) == ["c0", "c1", "c3"]


def test_a_connection_may_run_more_than_once_where_it_is_allowed_but_never_twice_with_an_entity(site) -> None:
    site.connected()
    site.appliance.planner.claims.ceilings = Ceilings(per_host=2, per_connection=2)
    ask(site, site.connection_id, "Vendor")
    ask(site, site.connection_id, "Team")
    both = ask(site, site.connection_id, "Vendor", "PurchaseOrder")
    assert claim(site) is not None
    assert claim(site) is not None
    assert claim(site) is None, "Vendor is in hand"
    site.appliance.planner.claims.ceilings = Ceilings(per_host=2, per_connection=3)
    assert claim(site) is None
    vendor = site.appliance.database.value(
        "SELECT run_id FROM run_entity WHERE entity = 'Vendor' AND state = 'queued' AND run_id <> ?", (both,)
    )
    site.appliance.planner.runs.cancel(site.connection_id, 0, vendor)
    assert site.appliance.planner.claims.next() == both


def test_a_call_joins_the_run_that_does_all_it_wants(site) -> None:
    site.connected()
    running = ask(site, site.connection_id, "Vendor", "Team")
    claim(site)
    assert ask(site, site.connection_id, "Team") == running
    assert ask(site, site.connection_id, "Team", mode="full") != running


def test_a_call_of_which_a_part_is_under_way_gets_one_run_of_all_that_waits_for_it(site) -> None:
    site.connected()
    running = ask(site, site.connection_id, "Vendor")
    claim(site)
    whole = ask(site, site.connection_id, "Vendor", "Team")
    assert whole != running
    described = site.appliance.planner.describe_run(whole)
    assert [e["entity"] for e in described["entities"]] == ["Vendor", "Team"]
    assert claim(site) is None
    assert ask(site, site.connection_id, "Team") == whole, "who asks next joins it"
    site.appliance.planner.runs.interrupt_orphans()
    work(site.appliance)
    assert {site.appliance.planner.describe_run(run)["state"] for run in (running, whole)} == {"completed"}


def test_the_schedule_tells_that_the_host_is_at_its_ceiling(site) -> None:
    for number in range(2):
        connect(site, f"a{number}", "a:443")
    last = connect(site, "a2", "a:443")
    assert [claim(site) for _ in range(3)] == ["a0", "a1", None]
    shown = site.appliance.schedules.describe(last)["entities"]
    assert {row["why_not_now"]["reason"] for row in shown} == {"ceiling"}


def fill_history(database: Any, connection_ids: list[str], number: int) -> None:
    """Runs that are over, of three entities each."""
    ids = [new_id("run") for _ in range(number)]
    database.run_many(
        "INSERT INTO run (id, connection_id, mode, trigger, state, created_at, started_at, finished_at)"
        " VALUES (?, ?, 'incremental', 'schedule', 'completed', ?, ?, ?)",
        [(run, connection_ids[n % len(connection_ids)], n, n, n) for n, run in enumerate(ids)],
    )
    database.run_many(
        "INSERT INTO run_entity (run_id, entity, position, state) VALUES (?, ?, ?, 'completed')",
        [(run, entity, n) for run in ids for n, entity in enumerate(("Vendor", "Team", "PurchaseOrder"))],
    )


@pytest.mark.parametrize("analyzed", [False, True])
def test_claiming_and_planning_read_no_run_that_is_over(
    site, analyzed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [connect(site, f"c{number}", f"h{number % 3}:443") for number in range(30)]
    database = site.appliance.database
    fill_history(database, ids, 2000)
    if analyzed:
        database.run("ANALYZE")
    said: dict[str, Any] = {}
    for name in ("value", "row", "rows", "run"):
        real = getattr(database, name)

        def note(sql: str, parameters: Any = (), real: Any = real) -> Any:
            said[sql] = parameters
            return real(sql, parameters)

        monkeypatch.setattr(database, name, note)
    claims, now = site.appliance.planner.claims, site.clock.now_ms()
    claims.take_back(now)
    assert claims.has_expired(now) is False
    assert claims.claim("engine-1", now + 1000, now) is not None
    claims.held_back(ids[0])
    site.clock.advance(3600)
    assert site.appliance.planner.queue_due() == 0, "all have a run that waits"
    monkeypatch.undo()
    assert len(said) >= 8
    for sql, parameters in said.items():
        plan = [step[3] for step in database.tuples(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        if "_at <= ?" in sql:
            # What is due first, never all connections to see whether something of theirs is.
            assert plan[0].startswith(
                ("SEARCH s USING INDEX schedule_due", "SEARCH s USING INDEX schedule_rec")
            )
        for step in plan:
            if step.startswith("SCAN"):
                table = step.split()[1]
                small = table in ("json_each", "busy", "b", "full_host", "full_connection", "CONSTANT")
                partial = "run_waiting" in step or "run_running" in step
                assert small or partial, (sql, plan)
