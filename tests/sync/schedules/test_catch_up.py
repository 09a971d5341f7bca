"""After a downtime everything that was missed comes once, spread over minutes, and no host is overrun."""

from appliance.sync.schedules.rule import FOR_GOOD
from tests.support.appliance import work
from tests.support.plant import Plant, connect_plant

HOUR, DAY = 3600, 86_400


def connect(site, number: int, host: str) -> str:
    connection_id = connect_plant(site.appliance, Plant(site.clock), f"plant {number}").connection.id
    site.appliance.database.run("UPDATE connection SET host = ? WHERE id = ?", (host, connection_id))
    return connection_id


def due(site, ids: list[str]) -> dict[str, set[int]]:
    """Seconds from now until entities are due, by connection."""
    now = site.clock.now_ms()
    return {
        one: {
            (row["next_due_at"] - now) // 1000
            for row in site.appliance.planner.schedules.of_connection(one)
            if row["next_due_at"] is not None
        }
        for one in ids
    }


def test_what_was_missed_comes_once_and_spread_over_five_minutes(site) -> None:
    ids = [connect(site, number, "a:443" if number % 2 else "b:443") for number in range(20)]
    work(site.appliance)
    site.clock.advance(3 * DAY)
    site.appliance.planner.catch_up()
    times = due(site, ids)
    assert all(len(seconds) == 1 for seconds in times.values()), "the entities of one come in one run"
    assert sorted(min(seconds) for seconds in times.values()) == [15 * number for number in range(20)]
    queued = 0
    for _ in range(10):
        site.clock.advance(30)
        queued += site.appliance.planner.queue_due()
        work(site.appliance)
    assert queued >= 20
    modes = [run["mode"] for run in site.appliance.planner.runs.recent(None, 200)]
    assert modes.count("incremental") == queued, "keys are compared when the rest is caught up"
    runs = site.appliance.database.rows(
        "SELECT connection_id, count(*) AS number FROM run WHERE trigger = 'schedule' GROUP BY connection_id"
    )
    # The hour goes on, so a few are due by their schedule in these five minutes as well.
    assert sum(row["number"] == 1 for row in runs) >= 14


def test_the_span_is_a_third_of_the_shortest_interval(site) -> None:
    ids = [connect(site, number, "a:443") for number in range(3)]
    work(site.appliance)
    site.connection_id = ids[0]
    site.reload(sync_shortest_seconds=60)
    site.rule({"every_seconds": 90})
    site.clock.advance(DAY)
    site.appliance.planner.catch_up()
    assert sorted(min(seconds) for seconds in due(site, ids).values()) == [0, 10, 20]


def test_keys_that_were_not_compared_for_nights_are_compared_in_the_hour_after(site) -> None:
    ids = [connect(site, number, "a:443") for number in range(10)]
    work(site.appliance)
    site.clock.advance(3 * DAY)
    site.appliance.planner.catch_up()
    now = site.clock.now_ms()
    planned = [
        row["next_reconcile_at"] - now
        for one in ids
        for row in site.appliance.planner.schedules.of_connection(one)
        if row["next_reconcile_at"] is not None
    ]
    assert len(planned) == 20
    assert all(300_000 <= wait < 300_000 + HOUR * 1000 for wait in planned)


def test_what_is_paused_or_in_quiet_hours_stays_so(site) -> None:
    ids = [connect(site, number, "a:443") for number in range(3)]
    work(site.appliance)
    site.appliance.schedules.pause(ids[0], until=FOR_GOOD, by="test")
    site.connection_id = ids[1]
    site.clock.advance(3 * DAY)
    site.appliance.database.run(
        "INSERT INTO schedule_rule (connection_id, entity, rule, changed_at, changed_by) VALUES (?, '', ?, 0, 'test')",
        (ids[1], '{"quiet": [{"from": "00:00", "to": "12:00"}]}'),
    )
    site.appliance.planner.catch_up()
    times = due(site, ids)
    assert times[ids[0]] == set()
    assert 4 * HOUR <= min(times[ids[1]]) < 4 * HOUR + 300
    assert min(times[ids[2]]) < 300


def test_a_short_restart_moves_nothing(site) -> None:
    ids = [connect(site, number, "a:443") for number in range(3)]
    work(site.appliance)
    first = min(min(seconds) for seconds in due(site, ids).values())
    site.clock.advance(first + 30)
    before = due(site, ids)
    site.appliance.planner.catch_up()
    assert due(site, ids) == before
