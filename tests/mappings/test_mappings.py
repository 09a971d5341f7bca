"""Mappings of a connection: what is shown, tried, refused, applied to what is there, and taken back."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.app import Appliance
from appliance.mappings.service import AT_ONCE_PAGES, ROWS_AT_ONCE
from appliance.server.wsgi import create_app
from appliance.store.records import NewRecord, Records
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, connect_plant
from tests.support.plant import Plant as Source
from tests.support.quick import quick as quick


class Caller:
    def __init__(self, appliance: Appliance, token: str, connection_id: str) -> None:
        self.appliance = appliance
        self.connection_id = connection_id
        self._client = create_app(appliance).test_client()
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.open(
            path, method=method, json=body, headers=self._headers, base_url="https://localhost"
        )
        return (
            answer.get_json()
            if answer.status_code == 200
            else (answer.status_code, answer.get_json()["error"])
        )

    def data(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.send(method, path, body)
        assert isinstance(answer, dict), answer
        return answer["data"]

    def order(self) -> Any:
        return self.data("GET", "/api/erp/purchase-orders?per_page=1")[0]


@pytest.fixture
def caller(tmp_path: Path, quick: None) -> Iterator[Caller]:
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(ManualClock(auto=True))
        made = connect_sandbox(appliance)
        work(appliance)
        yield Caller(appliance, made.token, made.connection.id)


def test_the_fields_of_the_source_are_shown_with_kinds_and_samples(caller: Caller) -> None:
    shown = caller.data("GET", "/api/v1/mappings/PurchaseOrder")
    fields = {field["path"]: field for field in shown["source_fields"]}
    assert fields["vendor"]["kinds"] == ["text"] and 1 <= len(fields["vendor"]["samples"]) <= 3
    assert any(path.startswith("lines[].") for path in fields)
    assert shown["map"]["vendorKey"] == "vendor" and shown["versions"] == []
    overview = {one["entity"]: one for one in caller.data("GET", "/api/v1/mappings")}
    assert overview["PurchaseOrder"] == {"entity": "PurchaseOrder", "changed": False, "remapping": None}


def test_a_change_is_applied_to_what_is_there_without_asking_the_source(caller: Caller) -> None:
    before = caller.order()
    change = {"map": {"terms": {"const": "30 days"}}, "custom": {"buyer": "vendor"}, "note": "terms of ours"}
    version = caller.data("PUT", "/api/v1/mappings/PurchaseOrder", change)
    assert (version["version"], version["in_force"], version["note"]) == (1, True, "terms of ours")
    after = caller.order()
    assert after["terms"] == "30 days" and after["customFields"]["buyer"].startswith("V")
    assert {**after, "terms": before["terms"], "customFields": before["customFields"]} == before
    assert set(before["customFields"] or {}) <= set(after["customFields"])


def test_what_comes_later_is_mapped_so_too_and_nothing_is_written_twice(caller: Caller) -> None:
    caller.data("PUT", "/api/v1/mappings/PurchaseOrder", {"map": {"terms": {"const": "30 days"}}})
    counter = "SELECT value FROM counter WHERE name = 'seq'"
    sequence = caller.appliance.database.value(counter)
    run = caller.appliance.planner.request_run(caller.connection_id, entities=["PurchaseOrder"], mode="full")
    work(caller.appliance)
    assert caller.appliance.planner.describe_run(run)["state"] == "completed"
    assert caller.appliance.database.value(counter) == sequence
    assert caller.order()["terms"] == "30 days"


def test_a_preview_shows_records_as_they_would_be_and_changes_nothing(caller: Caller) -> None:
    before = caller.order()
    shown = caller.data(
        "POST", "/api/v1/mappings/PurchaseOrder/preview", {"map": {"title": "vendor", "terms": None}}
    )
    assert len(shown) == 10 and all("title" in one["changed"] for one in shown)
    assert shown[0]["then"]["title"].startswith("V") and shown[0]["now"]["title"] != shown[0]["then"]["title"]
    assert caller.order() == before and caller.data("GET", "/api/v1/mappings/PurchaseOrder")["versions"] == []


def test_rows_that_a_change_cannot_map_are_told_in_the_preview(caller: Caller) -> None:
    shown = caller.data(
        "POST", "/api/v1/mappings/PurchaseOrder/preview", {"map": {"totalNetValue": "vendor"}}
    )
    assert "does not fit PurchaseOrder" in shown[0]["rejected"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"map": {"nothing": "vendor"}}, "nothing"),
        ({"map": {"title": {"path": "a", "odd": 1}}}, "does not go with odd"),
        ({"map": {"vendorKey": {"each": "x"}}}, "vendorKey"),
        ({"maps": {}}, "maps"),
        ({"map": []}, "map"),
        ({"custom": {"x": {"$if": 1}}}, "exactly one of"),
        ({"map": {"title": {"first": [{"path": "a", "match": "(a+)+$"}]}}}, "for connectors only"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_nothing_is_kept(
    caller: Caller, change: Any, said: str
) -> None:
    status, error = caller.send("PUT", "/api/v1/mappings/PurchaseOrder", change)
    assert (status, error["code"]) == (400, "MAPPING_INVALID") and said in error["message"]
    assert caller.data("GET", "/api/v1/mappings/PurchaseOrder")["versions"] == []


def test_versions_are_kept_and_one_can_go_back_to_each(caller: Caller) -> None:
    original = caller.order()
    for terms in ("30 days", "60 days"):
        caller.data("PUT", "/api/v1/mappings/PurchaseOrder", {"map": {"terms": {"const": terms}}})
    back = caller.data("POST", "/api/v1/mappings/PurchaseOrder/rollback", {"version": 1})
    assert back["version"] == 3 and caller.order()["terms"] == "30 days"
    caller.data("POST", "/api/v1/mappings/PurchaseOrder/rollback", {"version": 0})
    assert caller.order() == original
    versions = caller.data("GET", "/api/v1/mappings/PurchaseOrder")["versions"]
    assert [version["in_force"] for version in versions] == [True, False, False, False]
    assert caller.send("POST", "/api/v1/mappings/PurchaseOrder/rollback", {"version": 9})[0] == 404


def test_another_connection_of_the_same_system_keeps_its_mapping(caller: Caller) -> None:
    made = connect_sandbox(caller.appliance, "Other")
    work(caller.appliance)
    other = Caller(caller.appliance, made.token, made.connection.id)
    before = other.order()
    caller.data("PUT", "/api/v1/mappings/PurchaseOrder", {"map": {"terms": {"const": "30 days"}}})
    assert other.order() == before


def test_what_is_not_served_has_no_mapping(caller: Caller) -> None:
    assert caller.send("GET", "/api/v1/mappings/Shipment")[0] == 404
    assert caller.send("PUT", "/api/v1/mappings/Shipment", {"map": {}})[0] == 404


def test_many_records_are_mapped_by_the_engine_and_a_killed_one_goes_on(tmp_path: Path, quick: None) -> None:
    clock = ManualClock(auto=True)
    with Appliances(tmp_path) as appliances:
        appliance = appliances.open(clock, connectors_dir=CONNECTORS)
        source = Source(clock, page_size=1000)
        source.fill("Vendor", ROWS_AT_ONCE * AT_ONCE_PAGES + 700)
        made = connect_plant(appliance, source)
        work(appliance)
        asked = len(source.asked)
        mappings = appliance.mappings
        mappings.change(made.connection.id, "Vendor", {"map": {"code": {"const": "new"}}})
        job = mappings.table.remapping(made.connection.id, "Vendor")
        assert job is not None and job.mapped == ROWS_AT_ONCE * AT_ONCE_PAGES
        other = appliances.open(clock, connectors_dir=CONNECTORS)
        while other.mappings.work_off():
            pass
        assert mappings.table.remapping(made.connection.id, "Vendor") is None
        stream = appliance.records.find_stream(made.connection.id, "Vendor")
        assert stream is not None
        codes = appliance.database.value(
            "SELECT count(*) FROM record WHERE stream_id = ? AND payload ->> 'code' = 'new'",
            (stream.id,),
        )
        assert codes == ROWS_AT_ONCE * AT_ONCE_PAGES + 700 and len(source.asked) == asked


def test_a_run_that_began_before_the_change_is_waited_for(caller: Caller) -> None:
    caller.appliance.planner.request_run(caller.connection_id, entities=["PurchaseOrder"], mode="full")
    caller.data("PUT", "/api/v1/mappings/PurchaseOrder", {"map": {"terms": {"const": "30 days"}}})
    table = caller.appliance.mappings.table
    waiting = table.remapping(caller.connection_id, "PurchaseOrder")
    assert waiting is not None and waiting.due_at > caller.appliance.clock.now_ms()
    work(caller.appliance)
    caller.appliance.clock.advance(31)  # type: ignore[attr-defined]
    while caller.appliance.mappings.work_off():
        pass
    assert table.remapping(caller.connection_id, "PurchaseOrder") is None


def test_a_newer_row_that_a_run_writes_meanwhile_is_not_overwritten(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page is mapped from is read where it is written: a run comes before that or after it."""
    records = caller.appliance.records
    stream = records.stream(caller.connection_id, "PurchaseOrder")
    read, writers = Records.rows_after, []

    def run_writes_now(self: Records, *arguments: Any) -> Any:
        rows = read(self, *arguments)
        if rows and not writers:
            key, raw = rows[0].key, rows[0].raw or b""
            newer = NewRecord(key, b"newer", b'{"key":"newer"}', 1, raw.replace(b"{", b'{"newer":1,', 1))
            writers.append(threading.Thread(target=records.write, args=(stream, [newer])))
            writers[0].start()
            writers[0].join(0.3)
        return rows

    monkeypatch.setattr(Records, "rows_after", run_writes_now)
    caller.data("PUT", "/api/v1/mappings/PurchaseOrder", {"map": {"terms": {"const": "30 days"}}})
    writers[0].join()
    held = [raw for _, _, raw in records.newest(stream, 1000) if b'"newer":1' in raw]
    assert len(held) == 1
