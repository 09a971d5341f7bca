"""What of records is answered: chosen fields, followed references, source rows, deleted ones; tags and compression."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from appliance.store.database import Database
from appliance.users.scopes import Scope
from tests.api.conftest import Plant
from tests.support.appliance import connect_sandbox
from tests.support.filled import new_records

ASSETS = "/api/eam/assets"
ORDERS = "/api/erp/purchase-orders"


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that runs inside."""
    said: list[str] = []
    with monkeypatch.context() as patch:
        for name in ("rows", "row", "tuples", "value"):
            real = getattr(Database, name)

            def noted(self: Database, sql: str, parameters: Any = (), real: Any = real) -> Any:
                said.append(sql)
                return real(self, sql, parameters)

            patch.setattr(Database, name, noted)
        yield said


class TestChosenFields:
    def test_come_with_the_key_and_nothing_else(self, plant: Plant) -> None:
        every = plant.json(f"{ASSETS}?per_page=3")["data"]
        some = plant.json(f"{ASSETS}?per_page=3&fields=name,siteKey")["data"]
        assert some == [{name: one[name] for name in ("key", "name", "siteKey")} for one in every]

    def test_reach_into_lists_and_custom_fields(self, plant: Plant) -> None:
        (order,) = plant.json(f"{ORDERS}?per_page=1&fields=lineItems.price,customFields.x_project")["data"]
        (whole,) = plant.json(f"{ORDERS}?per_page=1")["data"]
        assert order["lineItems"] == [{"price": line["price"]} for line in whole["lineItems"]]
        assert order["customFields"] == {"x_project": whole["customFields"]["x_project"]}

    def test_what_was_chosen_as_a_whole_stays_whole(self, plant: Plant) -> None:
        (whole,) = plant.json(f"{ORDERS}?per_page=1")["data"]
        for fields in ("lineItems,lineItems.price", "lineItems.price,lineItems"):
            (order,) = plant.json(f"{ORDERS}?per_page=1&fields={fields}")["data"]
            assert order["lineItems"] == whole["lineItems"]

    def test_numbers_keep_all_their_digits(self, full: Plant) -> None:
        path = "/api/wms/stocks?fields=quantity,minLevel&per_page=1"
        assert '"quantity":0.25' in full.get(path).text

    def test_of_one_record(self, plant: Plant) -> None:
        key = plant.json(f"{ASSETS}?per_page=1")["data"][0]["key"]
        assert list(plant.json(f"{ASSETS}/{key}?fields=name")["data"]) == ["key", "name"]

    @pytest.mark.parametrize("fields", ["nme", "name.x", "lineItems", "siteKey.name", "a.b.c.d.e.f"])
    def test_that_are_not_there_are_refused(self, plant: Plant, fields: str) -> None:
        assert plant.get(f"{ASSETS}?fields={fields}").status_code == 400


class TestFollowedReferences:
    def test_stand_beside_the_record(self, plant: Plant) -> None:
        body = plant.json(f"{ORDERS}?expand=vendor,lineItems.materialKey&per_page=5")
        for order in body["data"]:
            vendor = plant.json(f"/api/erp/vendors/{order['vendorKey']}")["data"]
            assert order["expanded"] == {"vendorKey": vendor}
            for line in order["lineItems"]:
                part = plant.json(f"/api/erp/materials/{line['materialKey']}")["data"]
                assert line["expanded"] == {"materialKey": part}

    def test_go_three_deep_and_no_deeper(self, plant: Plant) -> None:
        body = plant.json("/api/eam/work-orders?expand=asset.site.organization&per_page=1")
        asset = body["data"][0]["expanded"]["assetKey"]
        assert asset["expanded"]["siteKey"]["expanded"]["organizationKey"]["name"] == "Sample Plants"
        answer = plant.get("/api/eam/work-orders?expand=asset.site.organization.currency")
        assert answer.get_json()["error"]["details"]["deepest"] == 3

    def test_of_lists_of_keys_are_lists(self, plant: Plant) -> None:
        (user, *_) = plant.json("/api/eam/users?expand=sites")["data"]
        assert [site["key"] for site in user["expanded"]["siteKeys"]] == user["siteKeys"]

    def test_that_lead_nowhere_are_null(self, plant: Plant) -> None:
        body = plant.json(f"{ASSETS}?expand=parentKey&filter[parentKey]=")
        assert body["data"] and all(one["expanded"] == {"parentKey": None} for one in body["data"])

    def test_take_one_query_each_whatever_the_page(
        self, plant: Plant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = f"{ORDERS}?expand=vendorKey,siteKey.organizationKey,lineItems.materialKey"
        counts = set()
        for size in (1, 60):
            with statements(monkeypatch) as said:
                plant.json(f"{asked}&per_page={size}")
            counts.add(len(said))
        assert len(counts) == 1

    @pytest.mark.parametrize("expand", ["name", "vendor.name", "nothing", "lineItems", ",".join(["a"] * 101)])
    def test_that_are_none_are_refused(self, plant: Plant, expand: str) -> None:
        error = plant.get(f"{ORDERS}?expand={expand}").get_json()["error"]
        assert error["details"]["parameter"] == "expand"

    def test_too_many_are_refused(self, plant: Plant) -> None:
        names = ["siteKey", "vendorKey", "organizationKey", "currencyKey", "userRequestedKey", "statusKey"]
        names += [f"lineItems.{n}Key" for n in ("material", "product", "uom", "asset", "vendor")]
        assert plant.get(f"{ORDERS}?expand={','.join(names)}").status_code == 400


class TestTheSourceRow:
    def test_stands_in_raw(self, plant: Plant) -> None:
        for record in plant.json(f"{ORDERS}?include=raw&per_page=5")["data"]:
            assert record["raw"]["id"] == record["orderNo"]
        assert plant.json(f"{ORDERS}/{record['key']}?include=raw")["data"] == record

    def test_is_read_without_a_query_a_record(self, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
        counts = set()
        for size in (1, 60):
            plant.json(f"{ORDERS}?include=raw&per_page={size}")
            with statements(monkeypatch) as said:
                plant.json(f"{ORDERS}?include=raw&per_page={size}")
            counts.add(len(said))
        assert len(counts) == 1

    def test_is_for_those_who_may_see_source_rows(self, plant: Plant) -> None:
        limits = {"only read": {"verbs": ["read"]}, "raw too": {"verbs": ["read", "raw"]}}
        answers = {}
        for name, limit in limits.items():
            scope = Scope.of(limit, plant.appliance.model.entities)
            key = plant.appliance.api_keys.create(name, scope)
            named = {"X-Connection-Id": plant.one.connection.id}
            vendors = plant.json("/api/erp/vendors", token=key, headers=named)["data"]
            for path in ("/api/erp/vendors", f"/api/erp/vendors/{vendors[0]['key']}"):
                answer = plant.get(f"{path}?include=raw", token=key, headers=named)
                answers.setdefault(name, []).append(answer.status_code)
        assert answers == {"only read": [403, 403], "raw too": [200, 200]}

    def test_of_lines_in_orders_is_none(self, plant: Plant) -> None:
        assert plant.get("/api/erp/purchase-orders.line-items?include=raw").status_code == 400


def test_deleted_records_come_by_choice(full: Plant) -> None:
    path = "/api/erp/vendors"
    records, clock = full.appliance.records, full.clock
    stream = records.stream(full.one.connection.id, "Vendor")
    gone = full.json(path)["data"][1]
    records.mark_deleted(stream, [gone["key"]], clock.now_ms())
    assert [one["key"] for one in full.json(path)["data"]].count(gone["key"]) == 0
    (deleted,) = full.json(f"{path}?deleted=only")["data"]
    assert deleted["key"] == gone["key"] and deleted["deletedAt"]
    assert full.json(f"{path}?deleted=include")["meta"]["total"] == 3
    assert full.get(f"{path}/{gone['key']}").status_code == 404
    assert full.json(f"{path}/{gone['key']}?deleted=include")["data"] == deleted
    assert full.get(f"{path}?deleted=yes").get_json()["error"]["details"]["allowed"] == [
        "exclude",
        "include",
        "only",
    ]


def test_a_tombstone_without_a_time_of_its_own_tells_when_it_was_deleted(plant: Plant) -> None:
    stream = plant.appliance.records.stream(plant.other.connection.id, "Vendor")
    key = plant.json("/api/erp/vendors", token=plant.other.token)["data"][0]["key"]
    plant.appliance.records.mark_deleted(stream, [key], 1_767_600_000_000)
    (deleted,) = plant.json("/api/erp/vendors?deleted=only", token=plant.other.token)["data"]
    assert deleted["deletedAt"] == "2026-01-05T08:00:00Z"


class TestDates:
    def test_of_every_kind_are_filters_of_their_own(self, plant: Plant) -> None:
        every = plant.json(f"{ORDERS}?per_page=100")["data"]
        middle = sorted(one["orderDate"] for one in every)[30]
        for word, field in (("order_date", "orderDate"), ("due", "dueAt"), ("updated", "updatedAt")):
            after = plant.json(f"{ORDERS}?{word}_after={middle}")["data"]
            before = plant.json(f"{ORDERS}?{word}_before={middle}")["data"]
            assert {o["key"] for o in after} == {o["key"] for o in every if o[field] and o[field] >= middle}
            assert {o["key"] for o in before} == {o["key"] for o in every if o[field] and o[field] < middle}
        assets = plant.json(f"{ASSETS}?created_after=2024-08-01&created_before=2024-08-20")["data"]
        assert assets and all("2024-08-01" <= one["createdAt"] < "2024-08-20" for one in assets)

    def test_hold_beside_filters_of_which_any_may_fit(self, plant: Plant) -> None:
        asked = "filter[title]=Spare parts 01&filter[title:endsWith]=02&filterMatch=any"
        assert plant.json(f"{ORDERS}?{asked}")["meta"]["total"] == 2
        assert plant.json(f"{ORDERS}?{asked}&order_date_after=2026-01-03")["meta"]["total"] == 1

    def test_of_change_have_an_end_too(self, plant: Plant) -> None:
        span = "modified_after=2025-12-01&modified_before=2025-12-15"
        body = plant.json(f"{ORDERS}?{span}")
        assert body["meta"]["total"] == len(body["data"]) > 0
        assert all("2025-12-01" <= one["updatedAt"] < "2025-12-15" for one in body["data"])


class TestTags:
    def test_an_unchanged_list_is_not_sent_again(self, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
        first = plant.get(f"{ASSETS}?per_page=7")
        tag = first.headers["ETag"]
        with statements(monkeypatch) as said:
            again = plant.get(f"{ASSETS}?per_page=7", headers={"If-None-Match": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert not [sql for sql in said if "payload" in sql], "no record was read for it"
        assert plant.get(f"{ASSETS}?per_page=8", headers={"If-None-Match": tag}).status_code == 200

    @pytest.mark.parametrize("query", ["", "?include=raw", "?expand=site", "?fields=name"])
    def test_a_change_is_seen(self, full: Plant, query: str) -> None:
        path = f"/api/eam/storerooms{query}"
        tag = full.get(path).headers["ETag"]
        assert full.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert full.get(path, headers={"If-None-Match": f'"other", {tag}'}).status_code == 304
        model, records = full.appliance.model, full.appliance.records
        stream = records.stream(full.one.connection.id, "Storeroom")
        number = len(full.json(path)["data"])
        new = new_records(
            model, model.entities["Storeroom"], full.one.connection.part, range(number, number + 1)
        )
        records.write(stream, list(new))
        assert full.get(path, headers={"If-None-Match": tag}).status_code == 200

    def test_of_another_connection_is_another(self, plant: Plant) -> None:
        tag = plant.get("/api/erp/rfq").headers["ETag"]
        assert plant.get("/api/erp/rfq", headers={"If-None-Match": tag}).status_code == 304
        tag = plant.get(ASSETS).headers["ETag"]
        other = plant.get(ASSETS, token=plant.other.token, headers={"If-None-Match": tag})
        assert other.status_code == 200

    def test_one_record_has_one_too(self, plant: Plant) -> None:
        key = plant.json(f"{ASSETS}?per_page=1")["data"][0]["key"]
        tag = plant.get(f"{ASSETS}/{key}").headers["ETag"]
        assert plant.get(f"{ASSETS}/{key}", headers={"If-None-Match": tag}).status_code == 304


class TestCompression:
    def test_for_those_who_take_it(self, plant: Plant) -> None:
        plain = plant.get(ASSETS)
        packed = plant.get(ASSETS, headers={"Accept-Encoding": "gzip, deflate"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 3
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"

    @pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "br"])
    def test_not_for_those_who_do_not(self, plant: Plant, accepted: str) -> None:
        assert "Content-Encoding" not in plant.get(ASSETS, headers={"Accept-Encoding": accepted}).headers

    def test_not_of_what_is_small(self, plant: Plant) -> None:
        answer = plant.get("/api/erp/rfq", headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in answer.headers


class TestTheWebsiteDialect:
    def test_pages_by_cursor_with_a_total(self, plant: Plant) -> None:
        seen, cursor = [], ""
        while cursor is not None:
            body = plant.json(f"/api/v1/assets?per_page=20{f'&cursor={cursor}' if cursor else ''}")
            assert list(body) == ["data", "next_cursor", "total"]
            assert body["total"] == 45
            seen += [one["key"] for one in body["data"]]
            cursor = body["next_cursor"]
        assert len(seen) == len(set(seen)) == 45

    def test_takes_the_parameters_of_the_other(self, plant: Plant) -> None:
        asked = "filter[criticality]=A&sort[name]=1&page=2&pageSize=4"
        assert plant.json(f"/api/v1/assets?{asked}")["data"] == plant.json(f"{ASSETS}?{asked}")["data"]

    def test_a_connection_without_the_category_says_so(self, plant: Plant) -> None:
        made = connect_sandbox(plant.appliance, "Maintenance only")
        # A system that needs nothing to answer is only the sandbox; this gives it the categories of another one.
        plant.appliance.database.run(
            "UPDATE connection SET system = 'upkeep' WHERE id = ?", (made.connection.id,)
        )
        answer = plant.get("/api/v1/sales-orders", token=made.token)
        error = answer.get_json()["error"]
        assert (answer.status_code, error["code"]) == (404, "NOT_SERVED")
        assert error["details"] == {"categories": ["eam"], "served_in": ["erp", "wms"]}
        assert plant.json("/api/v1/purchase-orders", token=made.token)["total"] == 0


class TestALongList:
    def test_of_100_costs_one_query_on_rows(self, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
        with statements(monkeypatch) as said:
            plant.json("/api/eam/work-orders?per_page=100")
        assert len([sql for sql in said if "payload" in sql]) == 1
        assert len([sql for sql in said if "count(*)" in sql]) == 0
        assert len(said) <= 5

    def test_with_a_filter_counts_once_and_not_when_told(
        self, plant: Plant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = "/api/eam/work-orders?per_page=10&filter[status]=Draft"
        with statements(monkeypatch) as said:
            first = plant.json(path)
        assert len([sql for sql in said if "count(*)" in sql]) == 1
        with statements(monkeypatch) as said:
            second = plant.json(f"{path}&cursor={first['next_cursor']}")
        assert len([sql for sql in said if "count(*)" in sql]) == 0
        assert first["meta"]["total"] == second["meta"]["total"] == 24
        with statements(monkeypatch) as said:
            uncounted = plant.json(f"{path}&count=false")
        assert len([sql for sql in said if "count(*)" in sql]) == 0
        assert uncounted["data"] == first["data"]
        assert (uncounted["meta"]["total"], uncounted["meta"]["last_page"]) == (None, None)
        assert uncounted["links"]["last"] is None and uncounted["links"]["next"]

    def test_links_repeat_what_was_asked(self, plant: Plant) -> None:
        path = f"{ASSETS}?per_page=4&filter[name:contains]=pump&sort=-name&fields=name"
        seen, address = [], path
        while address:
            body = plant.json(address)
            seen += [one["name"] for one in body["data"]]
            address = (body["links"]["next"] or "").removeprefix("https://localhost")
        assert len(seen) == body["meta"]["total"] == 9
        assert seen == sorted(seen, reverse=True)
        first = plant.json(path)
        by_cursor = plant.json(f"{path}&cursor={first['next_cursor']}")
        following = by_cursor["links"]["next"].removeprefix("https://localhost")
        assert [one["name"] for one in plant.json(following)["data"]] == seen[8:]


BINDING = [
    ("filter[name:contains]=e", "filter[name:contains]=p"),
    ("filter[name:contains]=e", "filter[description:contains]=e"),
    ("filter[name:contains]=e&filterMatch=any", "filter[name:contains]=e&filterMatch=all"),
    ("sort=name", "sort=-name"),
    ("sort=name,key", "sort=key,name"),
    ("deleted=include", ""),
    ("created_after=2000-01-01", "created_after=2000-01-02"),
]


@pytest.mark.parametrize(("asked", "other"), [*BINDING, *((b, a) for a, b in BINDING)])
def test_a_cursor_is_bound_to_filter_and_order(plant: Plant, asked: str, other: str) -> None:
    cursor = plant.json(f"{ASSETS}?per_page=2&{asked}")["next_cursor"]
    assert plant.get(f"{ASSETS}?per_page=3&fields=name&{asked}&cursor={cursor}").status_code == 200
    answer = plant.get(f"{ASSETS}?per_page=2&{other}&cursor={cursor}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "CURSOR_INVALID")


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("filter[nothing]=1", "siteKey"),
        ("filter[name:like]=1", "contains"),
        ("filter[isActive:contains]=1", "exists"),
        ("sort=nothing", "siteKey"),
        ("sort[name]=2", "0"),
        ("include=rows", "raw"),
        ("filterMatch=some", "any"),
        ("expand=nothing", "siteKey"),
        ("fields=nothing", "siteKey"),
        ("count=maybe", "false"),
    ],
)
def test_what_is_not_known_is_answered_with_what_is(plant: Plant, query: str, allowed: str) -> None:
    answer = plant.get(f"{ASSETS}?{query}")
    assert answer.status_code == 400
    assert allowed in answer.get_json()["error"]["details"]["allowed"]


@pytest.mark.parametrize(
    "query",
    [
        "filter[name]=" + "x" * 1001,
        "filter[name:in]=" + ",".join("x" * 101),
        "filter[name:in]=,",
        "filter[name:gt]=",
        "filter[name:exists]=perhaps",
        "&".join(f"filter[customFields.f{n}]=1" for n in range(31)),
        "filter[" + ".".join(["documents"] * 6) + "]=1",
        "filter[documents]=x",
        "filter[lineItems.quantity]=1",
        "filter[createdAt]=yesterday",
        "filter[name]]=1",
        "filter[]=1",
        "filter=1",
        "sort=name,key,siteKey,vendorKey,teamKey",
        "sort=documents.name",
        "sort=accountKeys",
        "filter[customFields." + "x" * 101 + "]=1",
        "fields=" + ",".join(f"customFields.a{n}" for n in range(101)),
    ],
)
def test_what_is_too_much_or_makes_no_sense_is_refused(plant: Plant, query: str) -> None:
    answer = plant.get(f"{ASSETS}?{query}")
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (400, "validation"), answer.text


def test_numbers_are_compared_exactly(full: Plant) -> None:
    body = full.json("/api/wms/stocks?filter[quantity]=1.250")
    assert [one["quantity"] for one in body["data"]] == [1.25]
    for wrong in ("1,25", "1e3", "NaN", "1_0", "--1", ".5", "9" * 61):
        answer = full.get("/api/wms/stocks", query_string={"filter[quantity]": wrong})
        assert answer.status_code == 400, wrong


def test_json_of_everything_is_json(full: Plant) -> None:
    answer = full.get("/api/eam/work-orders?include=raw&expand=assetKey.siteKey&deleted=include&fields=title")
    assert set(json.loads(answer.text)["data"][0]) == {"key", "title", "expanded", "raw"}
