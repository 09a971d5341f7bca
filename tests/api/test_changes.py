"""`GET /api/v1/changes`: one feed over all entities, with opaque positions."""

from typing import Any

import pytest

from tests.api.conftest import Plant
from tests.support.clock import ManualClock as ManualClock
from tests.support.filled import new_records

PATH = "/api/v1/changes"


def read(plant: Plant, since: str | None, limit: int = 50, **more: Any) -> tuple[list[dict[str, Any]], str]:
    """Everything after a position, and the position then."""
    found: list[dict[str, Any]] = []
    going = True
    while going:
        given = {"limit": str(limit), **({"since": since} if since else {}), **more}
        body = plant.json(PATH, query_string=given)
        assert list(body) == ["data", "position", "more", "epoch"]
        found += body["data"]
        since, going = body["position"], body["more"]
    assert since is not None
    return found, since


def test_from_the_start_it_is_everything_once(plant: Plant) -> None:
    found, _ = read(plant, None)
    assert len(found) == len({change["key"] for change in found})
    counts = plant.appliance.records.counts(plant.one.connection.id)
    assert len(found) == sum(counts.values())
    assert {change["entity"] for change in found} == set(counts)
    for change in found:
        assert list(change) == ["entity", "key", "change", "at", "record"]
        assert change["change"] == "inserted" and change["record"]["key"] == change["key"]
    whole = plant.json("/api/erp/vendors")["data"]
    assert [change["record"] for change in found if change["entity"] == "Vendor"] == whole


def test_then_it_is_what_changed_in_the_order_it_did(full: Plant) -> None:
    model, records, part = full.appliance.model, full.appliance.records, full.one.connection.part
    _, position = read(full, None)
    assert read(full, position)[0] == []
    vendors = records.stream(full.one.connection.id, "Vendor")
    sites = records.stream(full.one.connection.id, "Site")
    (vendor,) = new_records(model, model.entities["Vendor"], part, range(70, 71))
    (site,) = new_records(model, model.entities["Site"], part, range(1, 2))
    records.write(vendors, [vendor])
    records.write(sites, [site._replace(payload=site.payload.replace(b"name 01", b"renamed"))])
    found, later = read(full, position)
    assert [(c["entity"], c["change"]) for c in found] == [("Vendor", "inserted"), ("Site", "updated")]
    records.mark_deleted(vendors, [vendor.key], 1_767_600_000_000)
    (gone,), _ = read(full, later)
    assert gone == {
        "entity": "Vendor",
        "key": vendor.key,
        "change": "deleted",
        "at": "2026-01-05T08:00:00Z",
        "record": None,
    }


def test_latest_is_the_position_from_now_on(plant: Plant) -> None:
    body = plant.json(f"{PATH}?since=latest")
    assert (body["data"], body["more"]) == ([], False)
    assert read(plant, body["position"])[0] == []


def test_entities_are_chosen_by_name_or_path(plant: Plant) -> None:
    found, _ = read(plant, None, entities="vendors,Asset")
    assert {change["entity"] for change in found} == {"Vendor", "Asset"}
    answer = plant.get(f"{PATH}?entities=vendor")
    assert answer.get_json()["error"]["details"]["nearest"]


def test_a_restore_is_noticed(full: Plant) -> None:
    _, position = read(full, None)
    full.appliance.feed.begin_epoch()
    answer = full.get(f"{PATH}?since={position}")
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (409, "FEED_RESTARTED")
    found, later = read(full, None)
    assert found and read(full, later)[0] == []
    assert full.json(PATH)["epoch"] == error["details"]["epoch"]


def test_cursors_end_with_the_epoch_too(full: Plant) -> None:
    cursor = full.json("/api/erp/vendors?per_page=1")["next_cursor"]
    assert full.get(f"/api/erp/vendors?per_page=1&cursor={cursor}").status_code == 200
    full.appliance.feed.begin_epoch()
    answer = full.get(f"/api/erp/vendors?per_page=1&cursor={cursor}")
    assert answer.get_json()["error"]["code"] == "CURSOR_INVALID"


def test_a_position_is_of_its_connection(plant: Plant) -> None:
    position = plant.json(f"{PATH}?limit=5")["position"]
    answer = plant.get(f"{PATH}?since={position}", token=plant.other.token)
    assert answer.get_json()["error"]["code"] == "CURSOR_INVALID"


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "since=x", "since=AAAA", "page=1", "entities=Nothing", "limit=1&since=-1"]
)
def test_what_is_wrong_is_refused(plant: Plant, query: str) -> None:
    assert plant.get(f"{PATH}?{query}").status_code == 400


def test_a_limit_over_the_largest_is_cut(plant: Plant) -> None:
    assert plant.get(f"{PATH}?limit=9999").status_code == 200
