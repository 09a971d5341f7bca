"""Tables of a source beside its entities: tried before they are kept, synchronized at once, read as raw tables."""

from typing import Any

import pytest

from tests.support.appliance import work
from tests.writes.conftest import Shop
from tests.writes.conftest import quick as quick
from tests.writes.conftest import shop as shop

TABLES = "/api/v1/tables"
ROOMS = {"read": {"protocol": "http", "request": {"path": "rooms"}}, "key": ["building", "number"]}


def account(shop: Shop, method: str, path: str, body: Any = None) -> Any:
    """As the account, which alone may say what is asked of a source."""
    key = shop.appliance.api_keys.create("tests")
    return shop.send(method, path, body, Authorization=f"Bearer {key}", X_Connection_Id=shop.connection_id)


def put(shop: Shop, document: Any, name: str = "rooms") -> Any:
    return account(shop, "PUT", f"{TABLES}/{name}", document)


def test_a_connections_token_cannot_say_what_is_asked_of_the_source(shop: Shop, rooms: list[Any]) -> None:
    asked = len(shop.workshop.calls)
    assert shop.send("PUT", f"{TABLES}/rooms", ROOMS).status_code == 401
    put(shop, ROOMS)
    assert shop.send("DELETE", f"{TABLES}/rooms").status_code == 401
    assert len(shop.workshop.calls) == asked


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "delete"])
def test_a_table_is_only_read(shop: Shop, method: str) -> None:
    request = {"method": method, "path": "orders/1"}
    plain = {"read": {"protocol": "http", "request": request}, "key": ["id"]}
    detail = {**ROOMS, "read": {**ROOMS["read"], "detail": {"request": {"path": "x", "method": method}}}}  # type: ignore[dict-item]
    bare = {"read": {"protocol": "http", "request": {"method": method}}, "key": ["id"]}
    for document in (plain, detail, bare):
        assert put(shop, document).status_code == 400
    assert shop.workshop.calls == [] and 1 in shop.workshop.orders


@pytest.fixture
def rooms(shop: Shop) -> list[dict[str, Any]]:
    shop.workshop.rooms = {n: {"building": "A", "number": n, "area": 12.50} for n in range(3)}  # type: ignore[attr-defined]
    return list(shop.workshop.rooms.values())  # type: ignore[attr-defined]


def test_a_table_is_tried_and_synchronized_at_once(shop: Shop, rooms: list[dict[str, Any]]) -> None:
    told = put(shop, ROOMS).get_json()["data"]
    assert told == {"name": "rooms", "table": "custom.rooms", "sample": rooms[0]}
    work(shop.appliance)
    answer = shop.send("GET", "/api/raw/tables/custom.rooms/data?sort=number").get_json()
    assert [row["number"] for row in answer["data"]] == [0, 1, 2]
    assert shop.send("GET", TABLES).get_json()["data"][0]["rows"] == 3
    tables = {one["name"] for one in shop.send("GET", "/api/raw/tables").get_json()["data"]}
    assert "custom.rooms" in tables


def test_it_is_synchronized_again_by_schedule_and_seen_in_the_feed(shop: Shop, rooms: list[Any]) -> None:
    put(shop, ROOMS)
    work(shop.appliance)
    shop.workshop.rooms[9] = {"building": "B", "number": 9}  # type: ignore[attr-defined]
    shop.clock.advance(3 * 3600)
    shop.appliance.planner.queue_due()
    work(shop.appliance)
    assert shop.send("GET", TABLES).get_json()["data"][0]["rows"] == 4


def test_a_table_that_is_taken_out_is_gone_and_may_come_back(shop: Shop, rooms: list[Any]) -> None:
    put(shop, ROOMS)
    work(shop.appliance)
    assert account(shop, "DELETE", f"{TABLES}/rooms").get_json()["data"] == {"erased": 3}
    assert shop.send("GET", TABLES).get_json()["data"] == []
    assert account(shop, "DELETE", f"{TABLES}/rooms").status_code == 404
    shop.clock.advance(3 * 3600)
    shop.appliance.planner.queue_due()
    work(shop.appliance)
    assert shop.appliance.records.counts(shop.connection_id)["custom.rooms"] == 0
    put(shop, ROOMS)
    work(shop.appliance)
    assert len(shop.send("GET", "/api/raw/tables/custom.rooms/data").get_json()["data"]) == 3


def test_the_entities_and_writes_go_on_beside_it(shop: Shop, rooms: list[Any]) -> None:
    put(shop, ROOMS)
    asset = shop.key("/api/eam/assets")
    answer = shop.send("POST", "/api/eam/work-orders", {"title": "Seal", "assetKey": asset})
    assert answer.status_code == 201
    assert shop.send("GET", "/api/v1/capabilities").status_code == 200
    assert shop.send("GET", "/api/v1/openapi.json").status_code == 200
    assert shop.send("GET", "/api/v1/mappings").status_code == 200
    assert shop.send("GET", "/api/v1/mappings/custom.rooms").status_code == 404


@pytest.mark.parametrize(
    ("name", "document", "status"),
    [
        ("Rooms", ROOMS, 400),
        ("rooms", {**ROOMS, "map": {}}, 400),
        ("rooms", {"key": ["id"]}, 400),
        ("rooms", {**ROOMS, "key": ["nothing"]}, 400),
        ("rooms", {**ROOMS, "read": {"protocol": "http", "request": {"path": "nowhere/at/all"}}}, 502),
        ("rooms", {**ROOMS, "read": {"protocol": "sql", "table": "x"}}, 400),
    ],
)
def test_what_cannot_be_read_is_not_kept(
    shop: Shop, rooms: list[Any], name: str, document: Any, status: int
) -> None:
    answer = put(shop, document, name)
    assert answer.status_code == status, answer.text
    assert shop.send("GET", TABLES).get_json()["data"] == []
