"""The source's rows, as tables."""

import pytest

from tests.api.conftest import Plant

TABLES = "/api/raw/tables"
ORDERS = f"{TABLES}/PurchaseOrder/data"


def test_tables_are_those_that_were_read(plant: Plant) -> None:
    body = plant.json(TABLES)
    assert list(body) == ["data", "links", "meta", "next_cursor"]
    tables = {table["name"]: table for table in body["data"]}
    assert tables["PurchaseOrder"]["rows"] == 60
    assert {"id", "vendor", "lines", "x_project"} <= set(tables["PurchaseOrder"]["columns"])
    assert {name: t["rows"] for name, t in tables.items()} == plant.appliance.records.counts(
        plant.one.connection.id
    )
    assert plant.json("/api/v1/raw/tables")["data"] == body["data"]


def test_rows_are_as_they_came(plant: Plant) -> None:
    body = plant.json(f"{ORDERS}?per_page=7&page=2")
    assert body["meta"]["total"] == 60
    records = plant.json("/api/erp/purchase-orders?per_page=7&page=2&include=raw")["data"]
    assert body["data"] == [record["raw"] for record in records]


def test_rows_are_filtered_sorted_and_paged(plant: Plant) -> None:
    every = plant.json(f"{ORDERS}?per_page=100")["data"]
    expected = sorted(
        (row for row in every if row["status"] == "sent" and float(row["net"]) > 1000),
        key=lambda row: -float(row["net"]),
    )
    assert len(expected) > 2
    asked = f"{ORDERS}?filter[status]=sent&filter[net:gt]=1000&sort=-net&per_page=2"
    seen, cursor = [], ""
    while cursor is not None:
        body = plant.json(asked + (f"&cursor={cursor}" if cursor else ""))
        assert body["meta"]["total"] == len(expected)
        seen += body["data"]
        cursor = body["next_cursor"]
    assert seen == expected


def test_rows_of_another_connection_are_not_there(plant: Plant) -> None:
    assert plant.json(ORDERS, token=plant.other.token)["meta"]["total"] == 60
    made_empty = plant.get("/api/raw/tables/Invoice/data")
    error = made_empty.get_json()["error"]
    assert (made_empty.status_code, error["code"]) == (404, "TABLE_NOT_FOUND")
    assert "PurchaseOrder" in error["details"]["tables"]


@pytest.mark.parametrize(
    "query",
    ["filter[nothing]=1", "sort=nothing", "fields=id", "expand=vendor", "include=raw", "cursor=x", "q=1"],
)
def test_what_is_not_known_is_refused(plant: Plant, query: str) -> None:
    answer = plant.get(f"{ORDERS}?{query}")
    assert (answer.status_code, answer.get_json()["error"]["type"]) == (400, "validation")


def test_a_column_that_is_not_there_lists_those_there_are(plant: Plant) -> None:
    details = plant.get(f"{ORDERS}?filter[nothing]=1").get_json()["error"]["details"]
    assert {"id", "vendor", "net"} <= set(details["allowed"])
