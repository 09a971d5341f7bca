"""What makes an event, who hears of it, and that it is never written without what it tells of."""

import json
from typing import Any

import pytest

from appliance.engine_room import deliveries_of
from appliance.errors import ApplianceError, SourceAnswerInvalid, SourceUnreachable
from appliance.store.changes import Changes
from appliance.store.records import Stream
from appliance.webhooks.events import KEYS_TOGETHER, OTHERS
from tests.support.appliance import connect_sandbox, work
from tests.support.plant import Plant, connect_plant
from tests.support.records import new_record
from tests.webhooks.conftest import Receiver, Site

NOWHERE = "https://receiver.plant.example/hooks"


def told(site: Site, endpoint_id: str) -> list[dict[str, Any]]:
    """The bodies that wait for an endpoint, oldest first."""
    history = site.appliance.webhooks.history
    return [json.loads(history.find(endpoint_id, one["id"])["body"]) for one in site.deliveries(endpoint_id)]


def names(site: Site, endpoint_id: str) -> list[str]:
    return [one["event"] for one in site.deliveries(endpoint_id)]


class TestRecords:
    def test_new_changed_and_deleted_records_make_one_event_each_with_their_keys(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)
        site.write("a", "b")
        site.write("b", "c", value=1)
        site.appliance.records.mark_deleted(site.stream(), ["a", "none"], site.clock.now_ms())
        found = [(body["event"], body["body"]) for body in told(site, endpoint)]
        assert found == [
            ("work-orders.inserted", ["a", "b"]),
            ("work-orders.inserted", ["c"]),
            ("work-orders.updated", ["b"]),
            ("work-orders.deleted", ["a"]),
        ]

    def test_what_did_not_change_makes_no_event(self, site: Site) -> None:
        site.write("a")
        endpoint, _ = site.listen(NOWHERE)
        site.write("a")
        site.appliance.records.mark_deleted(site.stream(), ["none"], 1)
        assert names(site, endpoint) == []

    def test_a_record_that_was_deleted_and_is_there_again_is_new(self, site: Site) -> None:
        site.write("a")
        site.appliance.records.mark_deleted(site.stream(), ["a"], 1)
        endpoint, _ = site.listen(NOWHERE)
        site.write("a")
        assert names(site, endpoint) == ["work-orders.inserted"]
        assert site.appliance.records.count(site.stream()) == 1

    def test_every_entity_has_all_three_events(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)
        expected = set()
        for entity in site.appliance.model.entities.values():
            if entity.path is None:
                continue
            site.write("a", entity=entity.name)
            site.write("a", entity=entity.name, value=1)
            site.appliance.records.mark_deleted(site.stream(entity.name), ["a"], 1)
            expected |= {f"{entity.path}.{kind}" for kind in ("inserted", "updated", "deleted")}
        assert len(expected) > 120
        assert set(names(site, endpoint)) == expected
        assert expected | set(OTHERS) == set(site.appliance.webhooks.events.sentences)

    def test_many_keys_make_several_events(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)
        keys = [f"key-{number:04}" for number in range(KEYS_TOGETHER * 2 + 1)]
        site.write(*keys)
        bodies = told(site, endpoint)
        assert [len(body["body"]) for body in bodies] == [KEYS_TOGETHER, KEYS_TOGETHER, 1]
        assert [key for body in bodies for key in body["body"]] == keys
        assert [body["data"]["count"] for body in bodies] == [KEYS_TOGETHER, KEYS_TOGETHER, 1]

    def test_tables_of_a_customer_are_no_entities_and_make_no_events(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)
        site.write("a", entity="custom.shifts")
        assert names(site, endpoint) == []


class TestAtomicity:
    def test_a_page_that_is_rolled_back_leaves_no_event(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)

        class Failed(Exception):
            pass

        with pytest.raises(Failed), site.appliance.database.write():
            site.write("a")
            assert len(names(site, endpoint)) == 1
            raise Failed
        assert names(site, endpoint) == []
        assert site.appliance.database.value("SELECT count(*) FROM webhook_event") == 0
        assert deliveries_of(site.appliance).work_off() == 0
        site.write("a")
        assert names(site, endpoint) == ["work-orders.inserted"]

    def test_an_event_that_cannot_be_written_takes_its_page_with_it(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site.listen(NOWHERE)

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("disk full")

        monkeypatch.setattr("appliance.webhooks.queue.DeliveryQueue.put", fail)
        with pytest.raises(RuntimeError):
            site.write("a")
        assert site.appliance.records.count(site.stream()) == 0


class TestWhoHears:
    def test_of_a_connection_only_its_own_endpoints_and_those_of_the_account(self, site: Site) -> None:
        other = connect_plant(site.appliance, Plant(site.clock), "Other").connection.id
        account, _ = site.listen(NOWHERE)
        mine, _ = site.listen(NOWHERE, connection_id=site.connection_id)
        theirs, _ = site.listen(NOWHERE, connection_id=other)
        site.write("a")
        assert [names(site, one) for one in (account, mine, theirs)] == [["work-orders.inserted"]] * 2 + [[]]

    def test_an_application_hears_of_the_connections_it_made_until_it_is_revoked(self, site: Site) -> None:
        applications = site.appliance.applications
        application, _ = applications.create("Portal")
        endpoint, _ = site.listen(NOWHERE, "work-orders.*", application_id=application.id)
        site.write("a")
        assert names(site, endpoint) == []
        site.appliance.database.run(
            "UPDATE connection SET application_id = ? WHERE id = ?", (application.id, site.connection_id)
        )
        site.write("b")
        (body,) = told(site, endpoint)
        assert body["application_id"] == application.id
        applications.revoke(application.id)
        site.write("c")
        assert len(names(site, endpoint)) == 1

    @pytest.mark.parametrize(
        ("choice", "heard"),
        [
            ("work-orders.inserted", ["work-orders.inserted"]),
            ("work-orders.*", ["work-orders.inserted", "work-orders.deleted"]),
            ("*.deleted", ["work-orders.deleted", "purchase-orders.line-items.deleted"]),
            ("purchase-orders.*", []),
            ("purchase-orders.line-items.*", ["purchase-orders.line-items.deleted"]),
            ("assets.*", []),
        ],
    )
    def test_what_was_chosen_and_nothing_else(self, site: Site, choice: str, heard: list[str]) -> None:
        endpoint, _ = site.listen(NOWHERE, choice)
        stream = site.stream()
        site.appliance.outbox.changed(stream, Changes(["a"], [], ["b"]))
        lines = Stream(stream.id, stream.connection_id, "LineItem")
        site.appliance.outbox.changed(lines, Changes([], [], ["c"]))
        assert names(site, endpoint) == heard

    def test_an_endpoint_that_is_off_hears_nothing_and_what_waited_is_undelivered(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)
        site.write("a")
        site.appliance.webhooks.change(endpoint, {"enabled": False}, may_be_here=True)
        site.write("b")
        (only,) = site.deliveries(endpoint)
        assert (only["state"], only["error"]) == ("undelivered", "It was turned off.")
        assert deliveries_of(site.appliance).work_off() == 0

    def test_where_nobody_listens_one_query_is_all(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        said: list[str] = []
        database = site.appliance.database
        for name in ("rows", "row", "tuples", "value", "run", "run_many"):
            real = getattr(type(database), name)

            def noted(self: object, sql: str, *rest: Any, _real: Any = real) -> Any:
                said.append(sql)
                return _real(self, sql, *rest)

            monkeypatch.setattr(type(database), name, noted)
        changes = Changes([str(number) for number in range(400)], [str(number) for number in range(400)], [])
        site.appliance.outbox.changed(site.stream(), changes)
        said.clear()
        site.appliance.outbox.changed(site.stream(), changes)
        assert len([sql for sql in said if "webhook" in sql]) == 1
        assert deliveries_of(site.appliance).work_off() == 0
        assert not [sql for sql in said if not sql.startswith("SELECT")], "an idle tick writes nothing"


class TestOtherEvents:
    def test_the_end_of_a_run_is_told_with_its_counts(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE, "sync.*")
        site.plant.fill("Vendor", 3)
        site.appliance.planner.request_run(site.connection_id)
        work(site.appliance)
        (body,) = told(site, endpoint)
        assert body["event"] == body["type"] == "sync.completed"
        vendors = next(one for one in body["data"]["entities"] if one["entity"] == "Vendor")
        assert (vendors["state"], vendors["inserted"]) == ("completed", 3)
        assert body["data"]["finished_at"] and body["body"] == []

    def test_a_run_of_which_an_entity_failed_is_told_as_failed(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE, "sync.*")
        site.plant.failures["Vendor"] = SourceAnswerInvalid("It is not JSON.")
        site.appliance.planner.request_run(site.connection_id)
        work(site.appliance)
        (body,) = told(site, endpoint)
        assert (body["event"], body["data"]["state"]) == ("sync.failed", "partially_failed")
        vendors = next(one for one in body["data"]["entities"] if one["entity"] == "Vendor")
        assert vendors["error_message"] == "It is not JSON."

    def test_a_status_is_told_each_time_it_changes_and_not_when_it_stays(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE, "connection.*")
        for _ in range(2):
            site.plant.failures["Vendor"] = SourceUnreachable("It is down.")
            site.appliance.planner.request_run(site.connection_id, entities=["Vendor"])
            work(site.appliance)
        site.plant.failures.clear()
        site.appliance.planner.request_run(site.connection_id, entities=["Vendor"])
        work(site.appliance)
        found = [(body["data"]["previous_status"], body["data"]["status"]) for body in told(site, endpoint)]
        assert found == [("connected", "offline"), ("offline", "connected")]

    def test_a_connection_that_waits_to_be_reauthorized_is_told_by_an_event_of_its_own(
        self, site: Site
    ) -> None:
        endpoint, _ = site.listen(NOWHERE, "connection.*")
        connection = site.appliance.connections.get(site.connection_id)
        site.appliance.health.mark_reauthorization_required(connection, "Wrong password.")
        found = told(site, endpoint)
        assert [body["event"] for body in found] == [
            "connection.status_changed",
            "connection.reauthorization_required",
        ]
        assert found[1]["data"]["reason"] == "Wrong password."

    def test_a_connection_that_is_made_and_ended_is_told(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE, "connection.status_changed")
        made = connect_sandbox(site.appliance).connection
        site.appliance.connections.disconnect(made.id)
        found = [(one["data"]["previous_status"], one["data"]["status"]) for one in told(site, endpoint)]
        assert found == [(None, "connected"), ("connected", "disconnected")]

    def test_a_connect_that_fails_tells_nothing(self, site: Site) -> None:
        endpoint, _ = site.listen(NOWHERE)
        with pytest.raises(ApplianceError):
            site.appliance.connections.connect(system="plant", name="No plant", fields={"plant": ""})
        assert names(site, endpoint) == []


def test_a_purge_erases_the_events_and_endpoints_of_a_connection(site: Site, receiver: Receiver) -> None:
    account, _ = site.listen(receiver.url)
    mine, _ = site.listen(receiver.url, connection_id=site.connection_id)
    site.write("a")
    site.deliver()
    site.appliance.connections.disconnect(site.connection_id)
    site.appliance.connections.purge(site.connection_id)
    assert site.deliveries(account) == []
    assert site.appliance.webhooks.table.find(mine) is None
    for table in ("webhook_event", "webhook_attempt", "webhook_delivery"):
        assert site.appliance.database.value(f"SELECT count(*) FROM {table}") == 0
    assert site.appliance.secrets.get(mine) == {} and site.appliance.secrets.get(account)


def test_old_events_are_erased_in_parts_but_not_what_still_waits(site: Site, receiver: Receiver) -> None:
    endpoint, _ = site.listen(receiver.url)
    for number in range(5):
        site.write(f"key-{number}")
    site.deliver()
    receiver.answer = 503
    site.write("waits")
    site.deliver()
    site.clock.advance(3600)
    site.appliance.records.write(site.stream(), [new_record("young")])
    history = site.appliance.webhooks.history
    limit = site.clock.now_ms() - 1
    assert [history.erase_before(limit, 3) for _ in range(3)] == [3, 2, 0]
    assert [one["state"] for one in site.deliveries(endpoint)] == ["waiting", "waiting"]
    assert site.appliance.database.value("SELECT count(*) FROM webhook_attempt") == 1
