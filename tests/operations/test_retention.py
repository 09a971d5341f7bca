"""What is deleted when, and what never is."""

from typing import Any

import msgspec
import pytest

from appliance.app import Appliance
from appliance.operations.retention import ROWS_AT_ONCE, Retention, Rule
from appliance.server.wsgi import create_app
from appliance.store.records import NewRecord
from appliance.sync.passes.table import PassTable
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant

DAY = 86_400


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, connectors_dir=CONNECTORS, disk_reserve_bytes=1 << 20)


def ids(appliance: Appliance, table: str, column: str = "id") -> set[Any]:
    return {row[0] for row in appliance.database.tuples(f"SELECT {column} FROM {table}")}


def pass_through_all(retention: Retention) -> int:
    """Steps of the engine until nothing is due."""
    steps = 1
    while retention.work_off():
        steps += 1
    return steps


class TestRuns:
    def test_old_runs_go_with_their_notices_but_never_the_last_of_a_connection_or_an_active_one(
        self, appliance: Appliance, plant: Plant, clock: ManualClock
    ) -> None:
        plant.fill("PurchaseOrder", 3)
        connection_id = connect_plant(appliance, plant).connection.id
        work(appliance)
        first = ids(appliance, "run")
        PassTable(appliance.database).add_notices(*first, "PurchaseOrder", ["look"], clock.now_ms())
        clock.advance(10)
        active = appliance.planner.request_run(connection_id)
        clock.advance(10)
        appliance.planner.runs.insert("run_last", connection_id, "full", "manual", ["Vendor"], clock.now_ms())
        appliance.planner.runs.cancel(connection_id, clock.now_ms(), "run_last")
        clock.advance(89 * DAY)
        assert appliance.retention.run_all()["runs"] == 0
        clock.advance(2 * DAY)
        assert appliance.retention.run_all()["runs"] == 1
        assert ids(appliance, "run") == {active, "run_last"}
        assert not first & ids(appliance, "run_entity", "run_id")
        assert ids(appliance, "run_notice", "run_id") == set()


class TestTombstones:
    def test_records_deleted_long_ago_go_for_good_and_what_is_there_stays(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        stream = appliance.records.stream("con_1", "MaterialItem")
        appliance.records.write(stream, [record(n, workOrderKey="03a") for n in range(5)])
        appliance.records.mark_deleted(stream, ["k1"], clock.now_ms())
        clock.advance(100 * DAY)
        appliance.records.mark_deleted(stream, ["k2"], clock.now_ms())
        clock.advance(81 * DAY)
        assert appliance.retention.run_all()["tombstones"] == 1
        assert ids(appliance, "record", "key") == {"k0", "k2", "k3", "k4"}
        assert len(ids(appliance, "record_link", "record_id")) == 4
        assert appliance.records.count(stream) == 3

    def test_a_reader_of_the_feed_that_missed_an_erased_deletion_is_told_to_begin_anew(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        made = connect_sandbox(appliance)
        client = create_app(appliance).test_client()
        headers = {"Authorization": f"Bearer {made.token}"}

        def read(since: str | None) -> Any:
            query = "" if since is None else f"&since={since}"
            return client.get(f"/api/v1/changes?limit=2{query}", headers=headers)

        stream = appliance.records.stream(made.connection.id, "Vendor")
        appliance.records.write(stream, [record(n) for n in range(6)])
        behind = read(None).get_json()["position"]
        clock.advance(DAY)
        appliance.records.mark_deleted(stream, ["k5"], clock.now_ms())
        latest = read("latest").get_json()["position"]
        clock.advance(181 * DAY)
        begins = read(None).get_json()["position"]
        assert read(behind).status_code == 200
        assert appliance.retention.run_all()["tombstones"] == 1

        refused = read(behind)
        assert (refused.status_code, refused.get_json()["error"]["code"]) == (409, "POSITION_TOO_OLD")
        assert read(latest).status_code == 200
        # Who begins with nothing never had the record; neither who was just beginning when it was erased.
        for position in (None, begins):
            keys, more = [], True
            while more:
                answer = read(position)
                assert answer.status_code == 200
                page = answer.get_json()
                keys += [change["key"] for change in page["data"]]
                position, more = page["position"], page["more"]
            assert set(keys) >= {"k2", "k3", "k4"} and "k5" not in keys


class TestRawRows:
    def written(self, appliance: Appliance, clock: ManualClock, entity: str = "PurchaseOrder") -> Any:
        made = connect_sandbox(appliance)
        stream = appliance.records.stream(made.connection.id, entity)
        now = clock.now_ms()
        old = [record(n, at=now - 100 * DAY * 1000) for n in range(3)]
        appliance.records.write(stream, [*old, record(3, at=now)])
        return made, stream

    def test_they_are_kept_for_ever_unless_told_otherwise(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        _, stream = self.written(appliance, clock)
        clock.advance(5000 * DAY)
        assert "raw_rows" not in appliance.retention.run_all()
        assert appliance.records.raw(stream, "k0") == b'{"id":0}'

    def test_emptied_ones_read_as_null_everywhere_and_come_back_with_the_next_change(
        self, appliances: Appliances, clock: ManualClock
    ) -> None:
        appliance = appliances.open(clock, retention_raw_days=90, disk_reserve_bytes=1 << 20)
        made, stream = self.written(appliance, clock)
        assert appliance.retention.run_all()["raw_rows"] == 3
        assert appliance.retention.run_all()["raw_rows"] == 0
        records = appliance.records
        assert records.raw(stream, "k0") is None
        assert records.raws(stream, ["k0", "k3"]) == {"k3": b'{"id":3}'}
        assert [key for key, _, _ in records.newest(stream, 10)] == ["k3"]
        row = records.row(stream, "k0", deleted="exclude", with_raw=True)
        assert row is not None and row.raw is None

        client = create_app(appliance).test_client()
        headers = {"Authorization": f"Bearer {made.token}"}
        orders = client.get("/api/erp/purchase-orders?include=raw&per_page=4", headers=headers).get_json()[
            "data"
        ]
        assert [order["raw"] for order in orders] == [None, None, None, {"id": 3}]
        table = client.get("/api/raw/tables/PurchaseOrder/data?sort[id]=1", headers=headers).get_json()[
            "data"
        ]
        assert table == [{"id": 3}, None, None, None]

        records.write(stream, [record(0, at=clock.now_ms(), title="new")])
        assert records.raw(stream, "k0") == b'{"id":0}'

    def test_those_of_master_data_stay_since_writes_need_their_keys(
        self, appliances: Appliances, clock: ManualClock
    ) -> None:
        appliance = appliances.open(clock, retention_raw_days=90)
        self.written(appliance, clock, "Vendor")
        assert appliance.retention.run_all()["raw_rows"] == 0

    def test_a_changed_mapping_leaves_such_records_as_they_are_and_says_how_many(
        self, appliances: Appliances, clock: ManualClock
    ) -> None:
        appliance = appliances.open(clock, retention_raw_days=90)
        made = connect_sandbox(appliance)
        work(appliance)
        entity = "PurchaseOrder"
        stream = appliance.records.stream(made.connection.id, entity)
        total = appliance.records.count(stream)
        appliance.database.run(
            "UPDATE record SET modified_at = ? WHERE id IN (SELECT id FROM record WHERE stream_id = ? LIMIT 3)",
            (clock.now_ms() - 100 * DAY * 1000, stream.id),
        )
        assert appliance.retention.run_all()["raw_rows"] == 3
        before = appliance.database.tuples("SELECT key, payload FROM record WHERE length(raw) = 0")
        appliance.mappings.change(
            made.connection.id, entity, {"map": {}, "custom": {"note": {"const": "x"}}}, note="", author=""
        )
        while appliance.mappings.work_off():
            pass
        assert appliance.mappings.table.versions(made.connection.id, entity)[0].without_row == 3
        after = appliance.database.tuples("SELECT key, payload FROM record WHERE length(raw) = 0")
        assert after == before
        assert total > 3


class TestAccess:
    def test_tokens_and_grants_go_a_while_after_they_ended(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        made = connect_sandbox(appliance)
        appliance.links.open(made.connection.id, None)
        appliance.connections.tokens.issue(made.connection.id, kind="issued", seconds=60)
        clock.advance(31 * DAY + 60)
        appliance.retention.run_all()
        assert len(ids(appliance, "token")) == 3 and len(ids(appliance, "link_grant")) == 1
        assert ids(appliance, "link_refresh", "grant_id") == set()
        clock.advance(90 * DAY)
        appliance.retention.run_all()
        assert len(ids(appliance, "token")) == 1, "the connection's own token has no end"
        assert ids(appliance, "link_grant") == set()
        assert appliance.connections.tokens.authenticate(made.token).connection_id == made.connection.id

    def test_sessions_and_codes_go_when_they_have_expired(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        account = appliance.accounts.set_up("anna", "correct horse battery staple")
        appliance.sessions.open(account)
        application, _ = appliance.applications.create("app", redirects=["https://app.example/cb"])
        appliance.applications.issue(application)
        assert appliance.retention.run_all()["expired"] == 0
        clock.advance(2 * DAY)
        assert appliance.retention.run_all()["expired"] == 2


class TestTheRest:
    def test_writes_that_are_over_go_and_those_that_wait_stay(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        made = connect_sandbox(appliance)
        for name, state, due in (
            ("a", "done", None),
            ("b", "unknown", None),
            ("c", "unknown", 1),
            ("d", "queued", 1),
        ):
            appliance.database.insert(
                "write_order",
                id=name,
                connection_id=made.connection.id,
                entity="Vendor",
                operation="create",
                body="{}",
                reference="r",
                fingerprint=b"f",
                state=state,
                created_at=clock.now_ms(),
                changed_at=clock.now_ms(),
                due_at=due,
            )
        clock.advance(401 * DAY)
        assert appliance.retention.run_all()["writes"] == 2
        assert ids(appliance, "write_order") == {"c", "d"}

    def test_the_newest_versions_of_a_mapping_and_the_one_in_force_stay(
        self, appliances: Appliances, clock: ManualClock
    ) -> None:
        appliance = appliances.open(clock, retention_mapping_versions=2)
        made = connect_sandbox(appliance)
        for number in range(5):
            appliance.mappings.change(
                made.connection.id, "Vendor", {"map": {}, "custom": {"n": {"const": str(number)}}}
            )
        assert appliance.retention.run_all()["mapping_versions"] == 2
        assert ids(appliance, "mapping_version", "number") == {3, 4, 5}

    def test_logged_requests_go_also_where_no_new_ones_come(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        create_app(appliance).test_client().get("/api/system/credits")
        assert appliance.request_log.flush() == 1
        clock.advance(31 * DAY)
        assert appliance.retention.run_all()["requests"] == 1
        assert appliance.storage.describe()["contents"][6] == {"name": "requests", "rows": 0, "bytes": 0}


class TestInTheEngine:
    def rules(self, left: list[int], calls: list[int]) -> list[Rule]:
        def erase(before: int, limit: int) -> int:
            calls.append(before)
            done = min(left[0], limit)
            left[0] -= done
            return done

        return [Rule("things", "Things", "x.days", 10, erase), Rule("off", "Off", "y.days", 0, pytest.fail)]

    def test_once_an_hour_in_short_transactions_and_then_it_asks_nothing(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        calls: list[int] = []
        left = [2 * ROWS_AT_ONCE + 1]
        rules = self.rules(left, calls)
        retention = Retention(appliance.database, clock, rules, is_busy=lambda: False)
        began = clock.now_ms()
        assert pass_through_all(retention) == 4
        assert calls == [began - 10 * DAY * 1000] * 4
        assert retention.describe()[0]["erased"] == 2 * ROWS_AT_ONCE + 1
        appliance.database.close()
        clock.advance(3599)
        assert retention.work_off() == 0
        assert len(calls) == 4
        clock.advance(1)
        pass_through_all(retention)
        assert len(calls) == 5
        assert retention.describe()[0]["erased"] == 0
        again = Retention(appliance.database, clock, rules, is_busy=lambda: False)
        assert again.work_off() == 0 and len(calls) == 5, "a restart is no reason to begin anew"

    def test_it_rests_after_each_step_while_runs_are_at_work(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        calls: list[int] = []
        retention = Retention(
            appliance.database, clock, self.rules([ROWS_AT_ONCE * 2], calls), is_busy=lambda: True
        )
        assert [retention.work_off() for _ in range(3)] == [0, 0, 0]
        assert len(calls) == 3
        assert retention.describe()[0]["erased"] == ROWS_AT_ONCE * 2

    def test_a_rule_that_fails_does_not_keep_the_others_from_their_turn(
        self, appliance: Appliance, clock: ManualClock
    ) -> None:
        def broken(before: int, limit: int) -> int:
            raise ZeroDivisionError

        calls: list[int] = []
        rules = [Rule("broken", "Broken", "z.days", 1, broken), *self.rules([5], calls)]
        retention = Retention(appliance.database, clock, rules, is_busy=lambda: False)
        with pytest.raises(ZeroDivisionError):
            retention.work_off()
        pass_through_all(retention)
        described = {rule["rule"]: rule["erased"] for rule in retention.describe()}
        assert described == {"broken": None, "things": 5, "off": None}


def record(number: int, at: int = 0, **fields: Any) -> NewRecord:
    payload = msgspec.json.encode({"key": f"k{number}", **fields})
    return NewRecord(f"k{number}", b"h" * 16, payload, at, msgspec.json.encode({"id": number}))
