"""What monitoring reads, and what it may not read."""

import re
import time

import pytest

from appliance.app import Appliance
from appliance.operations.exposition import Family, Histogram, written
from appliance.server.wsgi import create_app
from appliance.setting_kinds import Address
from appliance.tally import Tally
from tests.simulators.gateway import Gateway
from tests.support.appliance import Appliances, connect_gateway, connect_sandbox, work
from tests.support.clock import ManualClock

TOKEN = {"Authorization": "Bearer scrape-me"}
SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*\})? (-?[0-9.e+-]+|\+Inf|NaN)')


def samples(text: str) -> dict[str, float]:
    """Every sample by its name and labels; each line has the right form, and none comes twice."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.fullmatch(r"# (HELP [a-z_]+ \S.*|TYPE [a-z_]+ (counter|gauge|histogram))", line), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        name = line.rpartition(" ")[0]
        assert name not in found
        found[name] = float(match[3])
    return found


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, metrics_token="scrape-me", disk_reserve_bytes=1 << 20)


def scrape(appliance: Appliance) -> dict[str, float]:
    return samples(appliance.metrics.text())


def test_totals_of_synchronization_grow_and_outlive_their_runs(
    appliance: Appliance, clock: ManualClock
) -> None:
    connect_sandbox(appliance)
    work(appliance)
    first = scrape(appliance)
    done = first['appliance_sync_passes_total{result="completed"}']
    assert done == appliance.database.value("SELECT count(*) FROM run_entity WHERE state = 'completed'") > 0
    assert first['appliance_sync_rows_fetched_total{result="completed"}'] > 0
    appliance.database.run("DELETE FROM run_entity")
    assert scrape(appliance)['appliance_sync_passes_total{result="completed"}'] == done
    assert first['appliance_connections{status="connected"}'] == 1
    clock.advance(90)
    assert scrape(appliance)["appliance_sync_last_success_seconds"] == 90


def test_answers_and_waits_of_sources_are_counted_over_processes(appliances: Appliances) -> None:
    with Gateway(orders=30, lines=1) as gateway:
        engine = appliances.open()
        connect_gateway(engine, gateway)
        work(engine)
        engine.totals.flush()
        seen = scrape(appliances.open())
        answered = seen['appliance_source_responses_total{status="2xx"}']
        assert answered >= sum(gateway.requests.values()) > 0
        assert seen["appliance_source_request_seconds_count"] == answered
        assert seen['appliance_source_request_seconds_bucket{le="+Inf"}'] == answered


def test_connections_are_labels_only_where_that_is_set(appliances: Appliances) -> None:
    plain = appliances.open(disk_reserve_bytes=1 << 20)
    made = connect_sandbox(plain, 'Plant "North"\\').connection
    work(plain)
    assert made.id not in plain.metrics.text()
    by_connection = scrape(appliances.open(metrics_labels="connection", disk_reserve_bytes=1 << 20))
    assert by_connection[f'appliance_sync_passes_total{{connection="{made.id}",result="completed"}}'] > 0
    name = r"Plant \"North\"\\"
    info = f'appliance_connection_info{{connection="{made.id}",name="{name}",system="sandbox"}}'
    assert by_connection[info] == 1
    by_entity = scrape(appliances.open(metrics_labels="entity", disk_reserve_bytes=1 << 20))
    assert f'appliance_sync_last_success_seconds{{connection="{made.id}",entity="WorkOrder"}}' in by_entity


def test_a_purged_connection_leaves_no_series(appliances: Appliances) -> None:
    appliance = appliances.open(metrics_labels="connection", disk_reserve_bytes=1 << 20)
    made = connect_sandbox(appliance).connection
    work(appliance)
    appliance.connections.disconnect(made.id)
    appliance.connections.purge(made.id)
    assert made.id not in appliance.metrics.text()


def test_metrics_are_off_without_a_setting_and_closed_without_the_token(
    appliances: Appliances, appliance: Appliance
) -> None:
    off = create_app(appliances.open(disk_reserve_bytes=1 << 20)).test_client()
    assert off.get("/metrics").status_code == 404
    client = create_app(appliance).test_client()
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer guess"}).status_code == 401
    client.get("/api/system/v1/connections")
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert samples(answer.text)['appliance_api_requests_total{status="4xx"}'] == 1


def test_the_address_for_metrics_answers_nothing_else(appliances: Appliances) -> None:
    appliance = appliances.open(metrics_listen=Address("127.0.0.1", 9443), disk_reserve_bytes=1 << 20)
    client = create_app(appliance).test_client()
    there = {"SERVER_PORT": "9443"}
    assert client.get("/metrics", environ_overrides=there).status_code == 200
    assert client.get("/admin/", environ_overrides=there).status_code == 404
    assert client.get("/readyz", environ_overrides=there).status_code == 404
    assert client.get("/metrics", base_url="http://localhost:9443").status_code == 200


def test_five_hundred_connections_cost_little(appliance: Appliance) -> None:
    database = appliance.database
    made = connect_sandbox(appliance).connection
    work(appliance)
    columns = [row[1] for row in database.tuples("PRAGMA table_info(connection)")]
    copied = ", ".join({"id": "'con_' || n", "part": "'p' || n"}.get(one, one) for one in columns)
    numbers = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500)"
    database.run(
        f"INSERT INTO connection ({', '.join(columns)}) {numbers} SELECT {copied} FROM connection, c"
    )
    database.run(
        f"INSERT INTO sync_total {numbers} SELECT 'con_' || n, entity, result, passes, milliseconds, fetched,"
        " changed, deleted, rejected, requests, bytes FROM sync_total, c WHERE connection_id = ?",
        (made.id,),
    )
    appliance.metrics.text()
    began = time.perf_counter()
    seen = scrape(appliance)
    assert time.perf_counter() - began < 0.25, "fifty milliseconds on an idle machine"
    assert seen['appliance_connections{status="connected"}'] == 501


def test_the_text_escapes_labels_and_adds_buckets_up() -> None:
    tally = Tally()
    for seconds in (0.01, 0.2, 0.2, 100):
        tally.timed("t", seconds)
    taken = tally.take()
    assert tally.take() == {}
    counts = {label: value for (series, label), value in taken.items() if series == "t_bucket"}
    text = written(
        [
            Family("a_info", "gauge", "What.", [((("name", 'x"\\\ny'),), 1), ((), None)]),
            Histogram("t", "Time.", counts, taken["t_sum", ""]),
        ]
    )
    seen = samples(text)
    assert 'a_info{name="x\\"\\\\\\ny"} 1' in text
    assert (seen['t_bucket{le="0.1"}'], seen['t_bucket{le="0.25"}'], seen['t_bucket{le="60"}']) == (1, 3, 3)
    assert seen['t_bucket{le="+Inf"}'] == seen["t_count"] == 4
    assert seen["t_sum"] == pytest.approx(100.41)
