"""Deliveries of a source, from the secret address to the record as the source has it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.engine_room import push_reading_of
from appliance.errors import ApplianceError, InvalidInput
from appliance.runtime.push import Delivery, Named
from appliance.sync.errors import PushAddressUnknown, PushIsOff, PushNotSupported, PushRefused
from appliance.sync.pushes.service import Opened
from appliance.sync.pushes.tables import KEPT, MOST_WAITING
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.bench import Bench, body_of, connect_bench, deliver, headers_of, running
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS

READ_ORDER = "/orders/1"


@dataclass
class Shop:
    appliance: Appliance
    bench: Bench
    clock: ManualClock
    connection_id: str
    opened: Opened

    def tell(self, *events: dict[str, Any]) -> None:
        deliver(self.appliance, self.opened, *events)

    def read(self) -> int:
        return push_reading_of(self.appliance).work_off()

    def titles(self) -> dict[str, str]:
        records = self.appliance.records
        stream = records.find_stream(self.connection_id, "WorkOrder")
        assert stream is not None
        payloads = [json.loads(payload) for payload in records.by_id(stream, 0, 100).payloads]
        return {one["code"]: one["title"] for one in payloads}

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.appliance.pushes.show(self.connection_id)["recent"]
        return found

    def last(self) -> tuple[str, str]:
        return self.events()[0]["state"], self.events()[0]["outcome"]


@pytest.fixture
def clock() -> ManualClock:
    # The transport waits between its tries.
    return ManualClock(auto=True)


@pytest.fixture
def shop(appliances: Appliances, clock: ManualClock) -> Iterator[Shop]:
    with running(Bench()) as bench:
        for number in (1, 2, 3):
            bench.put(number, f"old {number}")
        bench.vendors[1] = {"id": 1, "name": "Seals"}
        bench.assets["a7"] = {"number": "P-7", "name": "Pump"}
        appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        connection_id = connect_bench(appliance, bench)
        work(appliance)
        bench.asked.clear()
        yield Shop(appliance, bench, clock, connection_id, appliance.pushes.open_address(connection_id))


def changed(number: Any = 1, kind: str = "changed") -> dict[str, Any]:
    return {"event": "order.changed", "id": number, "kind": kind}


def touched(number: int = 1) -> dict[str, Any]:
    return {"event": "order.touched", "id": number}


class TestAddress:
    def test_a_connection_takes_no_deliveries_until_an_address_is_made(self, shop: Shop) -> None:
        other = connect_bench(shop.appliance, shop.bench, "Other")
        assert shop.appliance.pushes.show(other)["enabled"] is False
        with pytest.raises(PushIsOff):
            shop.appliance.pushes.set_signing_keys(other, ["abc"])

    def test_neither_address_nor_signing_key_can_be_had_again(self, shop: Shop) -> None:
        assert shop.opened.secret.startswith("whk_") and len(shop.opened.secret) == 47
        shown = json.dumps(shop.appliance.pushes.show(shop.connection_id))
        assert shop.opened.secret not in shown
        assert str(shop.opened.signing_key) not in shown
        stored = shop.appliance.database.rows("SELECT * FROM push_address")
        assert shop.opened.secret not in str(stored)

    def test_a_new_address_voids_the_former_one_and_its_signing_key(self, shop: Shop) -> None:
        again = shop.appliance.pushes.open_address(shop.connection_id)
        with pytest.raises(PushAddressUnknown):
            shop.tell(changed())
        with pytest.raises(PushRefused):
            deliver(shop.appliance, Opened(again.secret, shop.opened.signing_key), changed())
        deliver(shop.appliance, again, changed())

    def test_a_closed_address_forgets_what_was_not_read(self, shop: Shop) -> None:
        shop.tell(changed())
        assert shop.appliance.pushes.close(shop.connection_id)
        assert shop.read() == 0
        with pytest.raises(PushAddressUnknown):
            shop.tell(changed())

    def test_disconnecting_ends_the_address_and_destroys_the_signing_key(self, shop: Shop) -> None:
        shop.tell(changed())
        shop.appliance.connections.disconnect(shop.connection_id)
        with pytest.raises(PushAddressUnknown):
            shop.tell(changed())
        assert shop.appliance.secrets.get(f"push {shop.connection_id}") == {}
        assert shop.read() == 0
        shop.appliance.connections.purge(shop.connection_id)
        assert shop.events() == []

    def test_any_of_several_signing_keys_of_the_source_counts(self, shop: Shop) -> None:
        shop.appliance.pushes.set_signing_keys(shop.connection_id, ["first", "second"])
        for key in ("first", "second"):
            deliver(shop.appliance, Opened(shop.opened.secret, key), changed())
        with pytest.raises(PushRefused):
            shop.tell(changed())
        shop.appliance.pushes.set_signing_keys(shop.connection_id, [])
        with pytest.raises(PushRefused):
            deliver(shop.appliance, Opened(shop.opened.secret, "first"), changed())

    @pytest.mark.parametrize("keys", [[""], ["x" * 501], ["x"] * 51])
    def test_signing_keys_are_bounded(self, shop: Shop, keys: list[str]) -> None:
        with pytest.raises(InvalidInput):
            shop.appliance.pushes.set_signing_keys(shop.connection_id, keys)

    def test_a_system_without_deliveries_says_so(self, shop: Shop) -> None:
        sandbox = connect_sandbox(shop.appliance).connection.id
        assert shop.appliance.pushes.show(sandbox)["supported"] is False
        with pytest.raises(PushNotSupported):
            shop.appliance.pushes.open_address(sandbox)


class TestReading:
    def test_a_record_that_was_named_is_read_alone(self, shop: Shop) -> None:
        shop.bench.put(1, "new 1")
        shop.bench.put(2, "new 2, of which nothing was told")
        shop.tell(changed(1))
        assert shop.read() == 1
        assert shop.titles() == {"1": "new 1", "2": "old 2", "3": "old 3"}
        assert shop.bench.asked == [READ_ORDER]
        assert shop.last() == ("done", "updated")

    def test_a_new_record_is_inserted_and_an_unchanged_one_left_alone(self, shop: Shop) -> None:
        shop.bench.put(4, "new")
        shop.tell(changed(4), changed(2))
        shop.read()
        assert shop.titles()["4"] == "new"
        assert {event["outcome"] for event in shop.events()} == {"inserted", "unchanged"}

    def test_what_is_told_many_times_while_it_waits_is_read_once(self, shop: Shop) -> None:
        for _ in range(5):
            shop.tell(changed(1), changed(1))
        assert len(shop.events()) == 1
        assert shop.read() == 1
        assert shop.read() == 0
        assert shop.bench.asked == [READ_ORDER]

    def test_a_deletion_is_believed_when_the_source_says_the_same(self, shop: Shop) -> None:
        del shop.bench.orders[1]
        shop.tell(changed(1, "gone"))
        shop.read()
        assert "1" not in shop.titles()
        assert shop.last() == ("done", "deleted")

    def test_a_deletion_that_the_source_does_only_later_is_found_by_another_look(self, shop: Shop) -> None:
        shop.tell(changed(1, "gone"))
        shop.read()
        assert "1" in shop.titles()
        del shop.bench.orders[1]
        shop.clock.advance(21)
        shop.read()
        assert "1" not in shop.titles()

    def test_a_deletion_of_what_the_source_keeps_deletes_nothing(self, shop: Shop) -> None:
        shop.tell(changed(1, "gone"))
        for _ in range(8):
            shop.read()
            shop.clock.advance(61)
        assert "1" in shop.titles()
        assert shop.last()[0] == "done"

    def test_a_missing_record_of_which_no_deletion_was_told_stays(self, shop: Shop) -> None:
        del shop.bench.orders[1]
        shop.tell(changed(1))
        for _ in range(8):
            shop.read()
            shop.clock.advance(61)
        assert "1" in shop.titles()
        assert shop.last() == ("done", "The source does not have it; the next full run decides.")

    def test_where_events_do_not_tell_two_readings_decide(self, shop: Shop) -> None:
        del shop.bench.orders[1]
        shop.tell(touched(1))
        shop.read()
        assert "1" in shop.titles(), "one reading may have come too early"
        shop.clock.advance(21)
        shop.read()
        assert "1" not in shop.titles()

    def test_a_record_named_by_something_else_than_its_key_is_found(self, shop: Shop) -> None:
        shop.bench.assets["a7"]["name"] = "Pump, repaired"
        shop.tell({"event": "asset.changed", "id": "a7"})
        shop.read()
        stream = shop.appliance.records.find_stream(shop.connection_id, "Asset")
        assert stream is not None
        assert [json.loads(one)["name"] for one in shop.appliance.records.by_id(stream, 0, 9).payloads] == [
            "Pump, repaired"
        ]

    def test_an_answer_about_another_record_is_not_stored(self, shop: Shop) -> None:
        shop.bench.orders[1] = {"id": 2, "title": "wrong", "state": "open"}
        shop.tell(changed(1))
        shop.read()
        assert shop.titles()["2"] == "old 2"
        assert shop.last()[0] == "failed"

    def test_an_unknown_status_gets_a_record(self, shop: Shop) -> None:
        shop.bench.put(1, "new", state="parked")
        shop.tell(changed(1))
        shop.read()
        stream = shop.appliance.records.find_stream(shop.connection_id, "Status")
        assert stream is not None
        assert shop.appliance.records.with_value(stream, "code", "parked")

    def test_events_of_unknown_kind_or_entity_are_counted_and_left_alone(self, shop: Shop) -> None:
        shop.tell({"event": "weather.changed", "id": 1}, {"event": "order.changed", "id": {"a": 1}})
        shown = shop.appliance.pushes.show(shop.connection_id)
        assert (shown["deliveries"], shown["ignored_events"], shown["waiting"]) == (1, 2, 0)


class TestWholeEntities:
    def test_an_entity_without_single_records_is_read_by_one_run_after_half_a_minute(
        self, shop: Shop
    ) -> None:
        shop.bench.vendors[1]["name"] = "Seals Ltd"
        for _ in range(3):
            shop.tell({"event": "vendor.changed"})
            shop.clock.advance(9)
        assert shop.read() == 0
        shop.clock.advance(4)
        assert shop.read() == 1
        run = shop.appliance.planner.runs.recent(shop.connection_id, 1)[0]
        assert (run["trigger"], run["mode"], run["entities"]) == ("push", "incremental", 1)
        work(shop.appliance)
        assert shop.appliance.planner.describe_run(run["id"])["entities"][0]["updated"] == 1

    def test_a_run_that_waits_is_joined(self, shop: Shop) -> None:
        waiting = shop.appliance.planner.request_run(shop.connection_id)
        shop.tell({"event": "vendor.changed"})
        shop.clock.advance(31)
        shop.read()
        assert shop.last() == ("done", f"run {waiting}")

    def test_a_flood_becomes_one_reading_of_the_entity(self, shop: Shop) -> None:
        for start in range(0, MOST_WAITING + 100, 100):
            shop.tell(*(changed(number) for number in range(start, start + 100)))
        assert shop.appliance.pushes.show(shop.connection_id)["waiting"] < 100
        shop.read()
        outcomes = {event["outcome"] for event in shop.events() if not event["key"]}
        assert any(str(outcome).startswith("run ") for outcome in outcomes)


class TestFailures:
    def test_a_source_that_is_down_is_tried_again_and_nothing_is_lost(self, shop: Shop) -> None:
        shop.bench.put(1, "new 1")
        shop.bench.status = 503
        shop.tell(changed(1), changed(2))
        shop.read()
        asked = len(shop.bench.asked)
        assert shop.read() == 0, "it rests"
        probed = "/orders"
        assert {READ_ORDER, probed} == {*shop.bench.asked[:asked]}, "the second was not even tried"
        assert shop.appliance.connections.get(shop.connection_id).status == "offline"
        shop.bench.status = 200
        shop.clock.advance(31)
        shop.read()
        assert shop.titles()["1"] == "new 1"
        assert shop.appliance.connections.get(shop.connection_id).status == "connected"

    def test_events_wait_while_the_connection_asks_to_be_reauthorized(self, shop: Shop) -> None:
        shop.tell(changed(1))
        connection = shop.appliance.connections.get(shop.connection_id)
        shop.appliance.health.mark_reauthorization_required(connection, "Wrong password.")
        shop.tell(changed(2))
        assert shop.read() == 0
        shop.appliance.connections.reauthorize(shop.connection_id, {})
        assert shop.read() == 2

    def test_a_record_that_cannot_be_read_is_left_to_a_run_in_the_end(self, shop: Shop) -> None:
        shop.bench.status = 422
        shop.tell(changed(1))
        for _ in range(8):
            shop.read()
            shop.clock.advance(1000)
        state, outcome = shop.last()
        assert state == "failed" and "run run_" in outcome

    def test_what_is_over_is_kept_only_for_a_while(self, shop: Shop) -> None:
        events = shop.appliance.pushes.events
        for first in range(1000, 1000 + KEPT + 50, 50):
            events.add(
                shop.connection_id, [Named("WorkOrder", (first + n,), "changed") for n in range(50)], 0
            )
            for event in events.due(shop.clock.now_ms(), 50):
                events.finish(event, "done", "unchanged", 0)
        shop.tell(changed(2))
        shop.read()
        assert sum(shop.appliance.pushes.events.counts(shop.connection_id).values()) <= KEPT + 1

    def test_an_idle_look_writes_nothing(self, shop: Shop) -> None:
        before = shop.appliance.database.value("SELECT total_changes()")
        assert shop.read() == 0
        assert shop.appliance.database.value("SELECT total_changes()") == before


class TestRaces:
    def test_an_event_that_comes_while_its_record_is_read_has_it_read_again(self, shop: Shop) -> None:
        shop.bench.put(1, "first")

        def change_meanwhile(path: str) -> None:
            shop.bench.after = lambda path: None
            shop.bench.put(1, "second")
            shop.tell(changed(1))

        shop.bench.after = change_meanwhile
        shop.tell(changed(1))
        shop.read()
        assert shop.titles()["1"] == "first"
        shop.read()
        assert shop.titles()["1"] == "second"
        assert shop.read() == 0

    def test_what_was_written_between_reading_and_writing_is_not_overwritten(self, shop: Shop) -> None:
        shop.bench.put(1, "first")

        def run_meanwhile(path: str) -> None:
            shop.bench.after = lambda path: None
            shop.bench.put(1, "second")
            shop.appliance.planner.request_run(shop.connection_id, entities=["WorkOrder"])
            work(shop.appliance)

        shop.bench.after = run_meanwhile
        shop.tell(changed(1))
        shop.read()
        assert shop.titles()["1"] == "second", "the run read later than the event was read"
        shop.read()
        assert shop.titles()["1"] == "second"

    def test_a_pass_that_read_before_the_event_does_not_bring_the_old_row_back(self, shop: Shop) -> None:
        """The first page is in the hands of the pass when the event comes, and is written after the event was read."""
        shop.bench.put(1, "as the pass read it")

        def tell_after_the_first_page(path: str) -> None:
            if path.startswith("/orders?"):
                shop.bench.after = lambda path: None
                # The answer with the old row is on its way.
                shop.bench.put(1, "as it is now")
                shop.tell(changed(1))
                shop.read()
                assert shop.titles()["1"] == "as it is now"
                assert shop.events()[0]["state"] == "again"
                assert shop.read() == 0, "it waits for the end of the pass"

        shop.bench.after = tell_after_the_first_page
        shop.appliance.planner.request_run(shop.connection_id, entities=["WorkOrder"])
        work(shop.appliance)
        assert shop.titles()["1"] == "as the pass read it", "else this shows nothing"
        assert shop.read() == 1
        assert shop.titles()["1"] == "as it is now"
        assert shop.last()[0] == "done"


def test_a_delivery_that_cannot_be_read_notes_nothing(shop: Shop) -> None:
    key = str(shop.opened.signing_key)
    address = shop.appliance.pushes.find(shop.opened.secret)
    for body in (b"", b"[", b"[" * 100_000, b"\xff", body_of(*[changed(n) for n in range(1001)])):
        headers = {name.lower(): value for name, value in headers_of(body, key, shop.clock.now_ms()).items()}
        with pytest.raises(ApplianceError):
            shop.appliance.pushes.take(address, Delivery(body, headers, {}))
    assert shop.events() == []
