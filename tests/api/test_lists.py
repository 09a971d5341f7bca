"""Lists: the envelope, pages, cursors and filters by time."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.api.conftest import Plant

ASSETS = "/api/eam/assets"  # 45 of them
ORDERS = "/api/erp/purchase-orders"  # 60
ALLOWED = [
    *("page", "per_page", "pageSize", "cursor", "count", "modified_after", "modified_before"),
    *("filter[…]", "filterMatch", "sort", "sort[…]", "deleted"),
    *("activated_after", "activated_before", "deactivated_after", "deactivated_before"),
    *("created_after", "created_before", "updated_after", "updated_before"),
    *("deleted_after", "deleted_before", "fields", "include", "expand"),
]


def keys(body: Any) -> list[str]:
    return [record["key"] for record in body["data"]]


def test_the_envelope_is_exact(plant: Plant) -> None:
    body = plant.json(f"{ASSETS}?per_page=20&page=2")
    assert list(body) == ["data", "links", "meta", "next_cursor"]
    assert len(body["data"]) == 20
    path = f"https://localhost{ASSETS}"
    assert body["links"] == {
        "first": f"{path}?per_page=20&page=1",
        "last": f"{path}?per_page=20&page=3",
        "prev": f"{path}?per_page=20&page=1",
        "next": f"{path}?per_page=20&page=3",
    }
    assert body["meta"] == {
        "current_page": 2,
        "from": 21,
        "last_page": 3,
        "path": path,
        "per_page": 20,
        "to": 40,
        "total": 45,
    }
    assert isinstance(body["next_cursor"], str)


def test_the_first_and_the_last_page_end_their_links(plant: Plant) -> None:
    first, last = plant.json(f"{ASSETS}?per_page=20"), plant.json(f"{ASSETS}?per_page=20&page=3")
    assert first["links"]["prev"] is None
    assert last["links"]["next"] is None
    assert (last["meta"]["from"], last["meta"]["to"], last["next_cursor"]) == (41, 45, None)
    assert not set(keys(first)) & set(keys(last))


def test_a_page_after_the_last_is_empty_and_says_so(plant: Plant) -> None:
    body = plant.json(f"{ASSETS}?per_page=20&page=9")
    assert (body["data"], body["next_cursor"]) == ([], None)
    assert (body["meta"]["from"], body["meta"]["to"], body["meta"]["total"]) == (None, None, 45)


def test_an_entity_without_records_is_an_empty_list(plant: Plant) -> None:
    body = plant.json("/api/erp/rfq")
    assert body["data"] == []
    assert (body["meta"]["total"], body["meta"]["last_page"], body["next_cursor"]) == (0, 1, None)


def test_the_links_lead_through_everything_once(plant: Plant) -> None:
    seen: list[str] = []
    address = f"{ASSETS}?per_page=7"
    while address:
        body = plant.json(address)
        seen += keys(body)
        following = body["links"]["next"]
        address = following.removeprefix("https://localhost") if following else ""
    assert len(seen) == len(set(seen)) == 45


@pytest.mark.parametrize("filtered", ["", "&modified_after=2020-01-01"])
def test_cursors_lead_through_everything_once(plant: Plant, filtered: str) -> None:
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        body = plant.json(f"{ASSETS}?per_page=8{filtered}" + (f"&cursor={cursor}" if cursor else ""))
        seen += keys(body)
        cursor = body["next_cursor"]
    assert len(seen) == len(set(seen)) == 45


def test_the_cursor_of_a_counted_page_goes_on_after_it(plant: Plant) -> None:
    second = plant.json(f"{ASSETS}?per_page=10&page=2")
    third = plant.json(f"{ASSETS}?per_page=10&page=3")
    assert keys(plant.json(f"{ASSETS}?per_page=10&cursor={second['next_cursor']}")) == keys(third)


def test_the_default_page_and_both_names_of_its_size(plant: Plant) -> None:
    assert plant.json(ASSETS)["meta"]["per_page"] == 100
    assert keys(plant.json(f"{ASSETS}?per_page=9")) == keys(plant.json(f"{ASSETS}?pageSize=9"))
    assert plant.json(f"{ASSETS}?pageSize=9")["meta"]["per_page"] == 9


def test_a_page_size_over_the_limit_of_the_entity_is_cut_to_it(plant: Plant) -> None:
    limits = {ASSETS: "Asset", ORDERS: "PurchaseOrder"}
    for path, entity in limits.items():
        limit = plant.appliance.model.entities[entity].page_limit
        assert plant.json(f"{path}?per_page=9999")["meta"]["per_page"] == limit
        assert plant.json(f"{path}?per_page={limit}")["meta"]["per_page"] == limit


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=abc", "page"),
        ("page=%C2%B2", "page"),  # a superscript two is a digit to Python
        ("page=1000001", "page"),
        ("page=99999999999999999999", "page"),
        ("per_page=0", "per_page"),
        ("per_page=x", "per_page"),
        ("per_page=10001", "per_page"),
        ("pageSize=-5", "per_page"),
        ("modified_after=yesterday", "modified_after"),
        ("modified_after=2024-13-01", "modified_after"),
        ("modified_after=2024-01-01T99:00:00Z", "modified_after"),
        ("modified_after=" + "1" * 8000, "modified_after"),
        ("page=1&page=2", "page"),
        ("modified_after=2026-01-01&modified_after=2020-01-01", "modified_after"),
    ],
)
def test_a_parameter_that_is_not_right_is_named(plant: Plant, query: str, parameter: str) -> None:
    answer = plant.get(f"{ASSETS}?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["error"]["details"]["parameter"] == parameter


@pytest.mark.parametrize("name", ["limit", "Page", "filter", "offset", "orderby", "page ", "due_after"])
def test_an_unknown_parameter_lists_those_there_are(plant: Plant, name: str) -> None:
    answer = plant.get(ASSETS, query_string={name: "1"})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["code"]) == (400, "INVALID_REQUEST")
    assert error["details"] == {"parameter": name, "allowed": ALLOWED}


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/api/eam/statuses/work-orders", {"page": "1"}),
        (f"{ASSETS}/some-key", {"expand": "all"}),
        ("/api/v1/sync-status", {"verbose": "1"}),
    ],
)
def test_where_there_are_no_parameters_one_is_refused_or_harmless(
    plant: Plant, path: str, parameters: dict[str, str]
) -> None:
    assert plant.get(path, query_string=parameters).status_code in (200, 400, 404)


FORMS = (
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.000Z",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00",
    "2026-01-01T01:00:00+01:00",
    "2025-12-31T18:30:00-05:30",
    "20260101T000000Z",
)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_moment_means_the_same(plant: Plant, form: str) -> None:
    escaped = plant.get(ORDERS, query_string={"modified_after": form}).get_json()
    expected = plant.json(f"{ORDERS}?modified_after=2026-01-01")
    assert 0 < expected["meta"]["total"] < 60
    assert escaped["meta"]["total"] == expected["meta"]["total"]
    assert keys(escaped) == keys(expected)


@pytest.mark.parametrize(
    ("form", "total"), [("0001-01-01T00:00:00%2B23:59", 60), ("9999-12-31T23:59:59-23:59", 0)]
)
def test_the_ends_of_time_are_moments_too(plant: Plant, form: str, total: int) -> None:
    assert plant.json(f"{ORDERS}?modified_after={form}")["meta"]["total"] == total


def test_a_plus_sign_that_was_not_escaped_is_understood(plant: Plant) -> None:
    plain = plant.json(f"{ORDERS}?modified_after=2026-01-01T01:00:00+01:00")
    assert plain["meta"]["total"] == plant.json(f"{ORDERS}?modified_after=2026-01-01")["meta"]["total"]


def test_the_filter_keeps_what_was_changed_since_and_is_in_the_links(plant: Plant) -> None:
    every = plant.json(ORDERS)["data"]
    since = "2026-01-02T00:00:00Z"
    body = plant.json(f"{ORDERS}?modified_after={since}&per_page=5")
    assert body["meta"]["total"] == sum(1 for record in every if record["updatedAt"] >= since)
    assert all(record["updatedAt"] >= since for record in body["data"])
    changed = [record["updatedAt"] for record in body["data"]]
    assert changed == sorted(changed)
    assert dict(parse_qsl(urlsplit(body["links"]["first"]).query))["modified_after"] == since
    assert plant.json(f"{ORDERS}?modified_after=2099-01-01")["meta"]["total"] == 0


class TestACursorIsBoundToItsList:
    def cursor(self, plant: Plant, path: str = f"{ASSETS}?per_page=5", **given: Any) -> str:
        found = plant.json(path, **given)["next_cursor"]
        assert isinstance(found, str)
        return found

    def refused(self, plant: Plant, path: str, **given: Any) -> None:
        answer = plant.get(path, **given)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "CURSOR_INVALID")

    def test_of_another_connection(self, plant: Plant) -> None:
        self.refused(plant, f"{ASSETS}?cursor={self.cursor(plant)}", token=plant.other.token)

    def test_of_another_entity(self, plant: Plant) -> None:
        self.refused(plant, f"{ORDERS}?cursor={self.cursor(plant)}")

    def test_of_another_filter(self, plant: Plant) -> None:
        self.refused(plant, f"{ASSETS}?modified_after=2020-01-01&cursor={self.cursor(plant)}")
        with_filter = self.cursor(plant, f"{ASSETS}?per_page=5&modified_after=2020-01-01")
        self.refused(plant, f"{ASSETS}?cursor={with_filter}")
        self.refused(plant, f"{ASSETS}?modified_after=2020-01-02&cursor={with_filter}")

    def test_changed(self, plant: Plant) -> None:
        cursor = self.cursor(plant)
        for place in range(len(cursor)):
            changed = "A" if cursor[place] != "A" else "B"
            # The last character may hold bits that base64 does not use.
            if place < len(cursor) - 1:
                self.refused(plant, f"{ASSETS}?cursor={cursor[:place]}{changed}{cursor[place + 1 :]}")

    @pytest.mark.parametrize("text", ["x", "...", "%00", "A" * 5000, "[1,2]", "%F0%9F%98%80", "' OR 1=1"])
    def test_made_up(self, plant: Plant, text: str) -> None:
        self.refused(plant, f"{ASSETS}?cursor={text}")

    def test_but_not_to_the_page_size_or_the_category(self, plant: Plant) -> None:
        cursor = self.cursor(plant, "/api/eam/purchase-orders?per_page=5")
        assert len(plant.json(f"{ORDERS}?per_page=3&cursor={cursor}")["data"]) == 3


def test_pages_by_cursor_survive_inserts_and_deletes(plant: Plant) -> None:
    database = plant.appliance.database
    first = plant.json(f"{ASSETS}?per_page=10")
    gone, held = keys(first)[3], keys(plant.json(f"{ASSETS}?per_page=100"))
    database.run("UPDATE record SET deleted_at = 1 WHERE key = ?", (gone,))
    try:
        second = plant.json(f"{ASSETS}?per_page=10&cursor={first['next_cursor']}")
        assert keys(second) == held[10:20]
        assert gone not in keys(plant.json(f"{ASSETS}?per_page=100"))
        assert plant.get(f"{ASSETS}/{gone}").status_code == 404
    finally:
        database.run("UPDATE record SET deleted_at = NULL WHERE key = ?", (gone,))
