"""Writes through the API into a REST service: checked, sent once, read back, and never twice."""

from typing import Any

import msgspec
import pytest

from appliance.writes.service import LOOKED_AFTER_MS
from tests.support.appliance import work
from tests.writes.conftest import Shop

ORDERS = "/api/eam/work-orders"


def created(shop: Shop, body: dict[str, Any], **headers: str) -> Any:
    answer = shop.send("POST", ORDERS, body, **headers)
    assert answer.status_code == 201, answer.text
    return answer.get_json()["data"]


def test_a_new_record_is_sent_as_the_source_wants_it_and_read_back(shop: Shop) -> None:
    asset = shop.key("/api/eam/assets")
    body = {
        "title": "Seal", "assetKey": asset, "severity": "high", "dueAt": "2026-02-01T08:00:00+01:00",
        "customFields": {"x_color": "blue"},
    }  # fmt: skip
    record = created(shop, body)
    (call,) = shop.workshop.calls
    assert call[2]["order"] == {
        "title": "Seal", "asset": 7, "priority": 3, "due": "2026-02-01T07:00:00Z", "x_color": "blue"
    }  # fmt: skip
    assert len(call[2]["external"]) == 20
    assert {**body, "dueAt": "2026-02-01T07:00:00Z"}.items() <= record.items()
    assert shop.send("GET", f"{ORDERS}/{record['key']}").get_json()["data"] == record


def test_an_update_sends_only_what_is_given_and_null_empties(shop: Shop) -> None:
    key = shop.key(ORDERS)
    answer = shop.send("PUT", f"{ORDERS}/{key}", {"title": "Grease all", "notes": None})
    assert answer.status_code == 200
    assert shop.workshop.calls == [("PATCH", "/orders/1", {"title": "Grease all", "note": None})]
    data = answer.get_json()["data"]
    assert (data["title"], data["notes"], data["key"]) == ("Grease all", None, key)


@pytest.mark.parametrize("body", [{"status": "done"}, {"status": "Done"}, {"statusKey": "done"}])
def test_a_status_is_meant_by_key_code_or_name(shop: Shop, body: dict[str, str]) -> None:
    key = shop.key(ORDERS)
    statuses = {
        s["code"]: s["key"] for s in shop.send("GET", "/api/eam/statuses/work-orders").get_json()["data"]
    }
    sent = {name: statuses["done"] if name == "statusKey" else value for name, value in body.items()}
    answer = shop.send("PUT", f"{ORDERS}/{key}/status", sent)
    assert answer.get_json()["data"]["statusKey"] == statuses["done"]
    assert shop.workshop.orders[1]["state"] == "done"


@pytest.mark.parametrize(
    ("method", "below", "body", "problems"),
    [
        ("POST", "", {"title": ""}, {"title": "REQUIRED", "assetKey": "REQUIRED"}),
        ("POST", "", {"title": "x", "assetKey": "03" + "0" * 38}, {"assetKey": "UNKNOWN_KEY"}),
        ("POST", "", {"title": 1.5, "assetKey": "x", "odd": 1},
         {"assetKey": "TYPE", "odd": "UNKNOWN_FIELD"}),
        ("POST", "", {"title": "x", "teamKey": "0" * 40}, {"teamKey": "READ_ONLY", "assetKey": "REQUIRED"}),
        ("PUT", "/{key}", {"dueAt": "soon", "estimatedTime": 3}, {"dueAt": "TYPE", "estimatedTime": "READ_ONLY"}),
        ("PUT", "/{key}", {"customFields": {"x_size": 1}}, {"customFields.x_size": "READ_ONLY"}),
        ("PUT", "/{key}/status", {"status": "open"}, {"status": "STATUS_NOT_ALLOWED"}),
        ("PUT", "/{key}/status", {"title": "x"}, {"title": "UNKNOWN_FIELD"}),
        ("PUT", "/{key}/status", {}, {"statusKey": "REQUIRED"}),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_told_field_by_field_and_nothing_is_sent(
    shop: Shop, method: str, below: str, body: dict[str, Any], problems: dict[str, str]
) -> None:
    answer = shop.send(method, ORDERS + below.replace("{key}", shop.key(ORDERS)), body)
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (422, "VALIDATION_FAILED")
    assert {found["field"]: found["code"] for found in error["details"]["fields"]} == problems
    assert shop.workshop.calls == []


def test_lines_go_with_their_order_and_keys_of_several_parts_are_taken_apart(shop: Shop) -> None:
    vendor = shop.key("/api/erp/vendors")
    lines = [{"quantity": "2.50", "name": "Seal"}, {"quantity": 3}]
    answer = shop.send("POST", "/api/erp/purchase-orders", {"vendorKey": vendor, "lineItems": lines})
    assert answer.status_code == 201 and answer.headers["X-Read-Back"] == "pending"
    raw = shop.workshop.calls[0][2]
    assert raw == {
        "company": "A", "vendor": "07", "lines": [{"quantity": 2.5, "text": "Seal"}, {"quantity": 3}]
    }  # fmt: skip
    refused = shop.send(
        "POST", "/api/erp/purchase-orders", {"vendorKey": vendor, "lineItems": [{"name": "x"}]}
    )
    assert refused.get_json()["error"]["details"]["fields"][0]["field"] == "lineItems.0.quantity"


def test_a_line_is_meant_by_its_key_in_the_record(shop: Shop) -> None:
    vendor = shop.key("/api/erp/vendors")
    lines = [{"quantity": 1, "name": "Seal"}, {"quantity": 2, "name": "Ring"}]
    shop.send("POST", "/api/erp/purchase-orders", {"vendorKey": vendor, "lineItems": lines})
    shop.appliance.planner.request_run(shop.connection_id, entities=["PurchaseOrder"], mode="full")
    work(shop.appliance)
    order = shop.send("GET", "/api/erp/purchase-orders").get_json()["data"][0]
    changed = [{"key": order["lineItems"][1]["key"], "quantity": 5}]
    path = f"/api/erp/purchase-orders/{order['key']}"
    assert shop.send("PUT", path, {"lineItems": changed}).status_code == 200
    assert [line["quantity"] for line in shop.workshop.purchases[1]["lines"]] == [1, 5]
    wrong = shop.send("PUT", path, {"lineItems": [{"key": "15" + "0" * 38, "quantity": 5}]})
    assert wrong.get_json()["error"]["details"]["fields"][0]["field"] == "lineItems.0.key"


def test_the_words_of_the_source_come_with_a_status_that_is_not_repeated(shop: Shop) -> None:
    answer = shop.send("PUT", f"{ORDERS}/{shop.key(ORDERS)}", {"title": "forbidden"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "SOURCE_REJECTED")
    assert "This title is not allowed" in answer.get_json()["error"]["message"]


def test_what_a_system_cannot_do_names_what_it_can(shop: Shop) -> None:
    answer = shop.send("POST", "/api/eam/assets", {"name": "x"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "NOT_SUPPORTED")
    assert "WorkOrder (create, status, update)" in answer.get_json()["error"]["message"]
    assert shop.send("PUT", f"{ORDERS}/{'03' + '0' * 38}", {"title": "x"}).status_code == 404


def test_the_same_key_and_body_is_one_write(shop: Shop) -> None:
    body = {"title": "Seal", "assetKey": shop.key("/api/eam/assets")}
    first = shop.send("POST", ORDERS, body, Idempotency_Key="a")
    again = shop.send("POST", ORDERS, body, Idempotency_Key="a")
    assert again.get_json() == first.get_json() and again.headers["Idempotency-Replayed"] == "true"
    assert len(shop.workshop.calls) == 1
    other = shop.send("POST", ORDERS, {**body, "title": "Other"}, Idempotency_Key="a")
    assert (other.status_code, other.get_json()["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    shop.clock.advance(24 * 3600 + 1)
    assert shop.send("POST", ORDERS, body, Idempotency_Key="a").status_code == 201
    assert len(shop.workshop.calls) == 2


def test_a_broken_answer_is_unknown_and_the_same_key_finds_what_was_made(shop: Shop) -> None:
    body = {"title": "Seal", "assetKey": shop.key("/api/eam/assets")}
    shop.workshop.breaks = 1
    answer = shop.send("POST", ORDERS, body, Idempotency_Key="a")
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (502, "WRITE_OUTCOME_UNKNOWN")
    again = shop.send("POST", ORDERS, body, Idempotency_Key="a")
    assert again.status_code == 201 and again.get_json()["data"]["title"] == "Seal"
    assert len(shop.workshop.orders) == 2


def test_the_engine_finds_out_what_became_of_a_broken_write(shop: Shop) -> None:
    shop.workshop.breaks = 1
    body = {"title": "Seal", "assetKey": shop.key("/api/eam/assets")}
    task = shop.send("POST", ORDERS, body).get_json()["error"]["details"]["task"]
    assert shop.appliance.writes.work_off() == 0
    shop.clock.advance(61)
    assert shop.appliance.writes.work_off() == 1
    told = shop.send("GET", f"/api/v1/tasks/{task}").get_json()["data"]
    assert told["state"] == "done" and told["data"]["title"] == "Seal"
    assert len(shop.workshop.orders) == 2 and shop.send("GET", f"{ORDERS}/{told['key']}").status_code == 200


def test_a_write_that_cannot_be_found_stays_unknown_and_is_not_looked_for_for_ever(shop: Shop) -> None:
    body = {"title": "Seal", "assetKey": shop.key("/api/eam/assets")}
    shop.workshop.breaks = 1
    task = shop.send("POST", ORDERS, body).get_json()["error"]["details"]["task"]
    shop.workshop.external.clear()
    for pause in (*LOOKED_AFTER_MS, LOOKED_AFTER_MS[-1]):
        shop.clock.advance(pause / 1000 + 1)
        shop.appliance.writes.work_off()
    told = shop.send("GET", f"/api/v1/tasks/{task}").get_json()["data"]
    assert told["state"] == "unknown" and "Look in the source" in told["error"]["message"]
    assert shop.appliance.writes.work_off() == 0


def test_an_update_without_an_answer_shows_what_the_source_has(shop: Shop) -> None:
    key = shop.key(ORDERS)
    shop.workshop.breaks = 1
    assert shop.send("PUT", f"{ORDERS}/{key}", {"title": "Changed"}).status_code == 502
    shop.clock.advance(61)
    shop.appliance.writes.work_off()
    assert shop.send("GET", f"{ORDERS}/{key}").get_json()["data"]["title"] == "Changed"


def test_an_update_that_never_came_is_not_told_as_done(shop: Shop) -> None:
    key = shop.key(ORDERS)
    shop.workshop.breaks = 1
    answer = shop.send("PUT", f"{ORDERS}/{key}", {"title": "Changed"})
    task = answer.get_json()["error"]["details"]["task"]
    shop.workshop.orders[1]["title"] = "Grease"
    for pause in (*LOOKED_AFTER_MS, LOOKED_AFTER_MS[-1]):
        shop.clock.advance(pause / 1000 + 1)
        shop.appliance.writes.work_off()
    told = shop.send("GET", f"/api/v1/tasks/{task}").get_json()["data"]
    assert told["state"] == "unknown" and "does not show the change" in told["error"]["message"]
    assert shop.send("GET", f"{ORDERS}/{key}").get_json()["data"]["title"] == "Grease"


def test_a_write_may_be_left_to_the_engine(shop: Shop) -> None:
    body = {"title": "Seal", "assetKey": shop.key("/api/eam/assets")}
    answer = shop.send("POST", ORDERS, body, Prefer="respond-async")
    assert answer.status_code == 202 and answer.get_json()["data"]["state"] == "queued"
    assert shop.workshop.calls == []
    shop.appliance.writes.work_off()
    told = shop.send("GET", answer.headers["Location"]).get_json()["data"]
    assert told["state"] == "done" and told["data"]["title"] == "Seal"
    assert shop.send("GET", "/api/v1/tasks/wrt_0").status_code == 404


def test_a_process_that_died_in_a_write_leaves_it_to_be_looked_for(shop: Shop) -> None:
    body = {"title": "Seal", "assetKey": shop.key("/api/eam/assets")}
    table = shop.appliance.writes.table
    answer = shop.send("POST", ORDERS, body, Prefer="respond-async")
    task = answer.get_json()["data"]["id"]
    now = shop.clock.now_ms()
    # Sent, and then the power went.
    assert table.claim(task, ("queued",), now, now + 300_000)
    order = table.find(task)
    assert order is not None
    shop.workshop.orders[2] = {"id": 2, "title": "Seal", "asset": 7, "state": "open"}
    shop.workshop.external[order.reference[:20]] = 2
    assert shop.appliance.writes.work_off() == 0
    shop.clock.advance(301)
    assert shop.appliance.writes.work_off() == 1
    found = table.find(task)
    assert found is not None and found.state == "done" and shop.workshop.calls == []


def test_a_batch_has_an_outcome_for_each(shop: Shop) -> None:
    asset = shop.key("/api/eam/assets")
    items = [{"title": "One", "assetKey": asset}, {"title": "Two"}, {"title": "Three", "assetKey": asset}]
    answer = shop.send("POST", f"{ORDERS}/batch", {"items": items})
    told = answer.get_json()
    assert answer.status_code == 207 and told["meta"] == {"succeeded": 2, "failed": 1}
    assert [item["status"] for item in told["data"]] == [201, 422, 201]
    assert told["data"][2]["data"]["title"] == "Three"
    assert shop.send("POST", f"{ORDERS}/batch", {"items": []}).status_code == 400
    assert shop.send("POST", f"{ORDERS}/batch", {"items": [{}] * 51}).status_code == 400


def test_the_next_synchronization_changes_nothing_after_a_write(shop: Shop) -> None:
    record = created(shop, {"title": "Seal", "assetKey": shop.key("/api/eam/assets")})
    sequence = shop.appliance.database.value("SELECT value FROM counter WHERE name = 'seq'")
    run = shop.appliance.planner.request_run(shop.connection_id, entities=["WorkOrder"], mode="full")
    work(shop.appliance)
    assert shop.appliance.planner.describe_run(run)["state"] == "completed"
    assert shop.appliance.database.value("SELECT value FROM counter WHERE name = 'seq'") == sequence
    assert shop.send("GET", f"{ORDERS}/{record['key']}").get_json()["data"] == record


def test_exact_numbers_reach_the_source_exactly(shop: Shop) -> None:
    vendor = shop.key("/api/erp/vendors")
    number = "0.10000000000000000001"
    raw = msgspec.json.encode({"vendorKey": vendor, "lineItems": [{"quantity": number}]})
    sent = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    shop.client.post("/api/erp/purchase-orders", data=raw, headers=sent, base_url="https://localhost")
    assert f'"quantity":{number}'.encode() in shop.workshop.sent


@pytest.mark.parametrize("body", [b"[1]", b"{", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(shop: Shop, body: bytes) -> None:
    sent = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    answer = shop.client.post(ORDERS, data=body, headers=sent, base_url="https://localhost")
    assert answer.status_code == 422 and answer.get_json()["error"]["details"]["fields"][0]["field"] == "body"


def test_purging_a_connection_leaves_nothing_that_went_over_it(shop: Shop) -> None:
    created(shop, {"title": "Seal 4711", "assetKey": shop.key("/api/eam/assets")})
    shop.appliance.mappings.change(shop.connection_id, "WorkOrder", {"map": {"notes": {"const": "4711"}}})
    shop.appliance.passthrough.open_for(shop.connection_id, ["GET /**"], by="tests")
    shop.send("POST", "/api/passthrough", {"method": "get", "path": "/orders/4711"})
    shop.appliance.connections.disconnect(shop.connection_id)
    assert shop.appliance.connections.purge(shop.connection_id) > 0
    database = shop.appliance.database
    for table in ("write_order", "mapping_version", "remapping", "passthrough_rule", "passthrough_call"):
        assert database.value(f"SELECT count(*) FROM {table}") == 0, table
    logged = database.rows("SELECT connection_id FROM request_log WHERE connection_id IS NOT NULL")
    assert logged == []
