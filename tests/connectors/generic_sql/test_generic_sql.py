"""The SQL connector as a customer uses it, on PostgreSQL and MariaDB."""

# ruff: noqa: DTZ001 - columns without a zone

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from appliance.errors import InvalidInput
from appliance.model.keys import unified_key
from appliance.runtime.connector import Connector
from appliance.runtime.form import check_form
from tests.runtime.opened import MODEL, PART, all_records, catalog, opened, probed
from tests.support.plant_database import PlantDatabase

ENTITIES = """
WorkOrder:
  required: true
  read:
    query: SELECT wo_no, title, asset_no, changed_at FROM work_order
    cursor: {columns: [changed_at], kind: timestamp}
    children:
      - {into: tasks, query: "SELECT wo_no, line_no, note FROM work_order_task", by: {wo_no: wo_no}, order: [line_no]}
  key: [wo_no]
  modified: changed_at
  map:
    code: wo_no
    title: title
    assetKey: asset_no
    tasks: {each: tasks, key: [wo_no, line_no], map: {code: line_no, title: note}}
Vendor:
  read: {table: vendor}
  key: [vendor_no]
  incremental: compare
  map: {code: vendor_no, name: name}
"""


@pytest.fixture(params=["postgres_plant", "mariadb_plant"])
def plant(request: pytest.FixtureRequest) -> PlantDatabase:
    found: PlantDatabase = request.getfixturevalue(request.param)
    kind = "timestamp(3)" if found.dialect == "postgresql" else "datetime(3)"
    changed = datetime(2026, 7, 1, 8, 30)
    found.table(
        "work_order",
        f"wo_no char(8) primary key, title varchar(40), asset_no char(6), changed_at {kind}",
        [("W1", "Replace bearing", "P-1", changed), ("W2", None, None, None)],
    )
    found.table("work_order_task", "wo_no char(8), line_no int, note varchar(40)", [("W1", 10, "Lock out")])
    found.table("vendor", "vendor_no int primary key, name varchar(40)", [(7, "Kugel & Söhne")])
    return found


@pytest.fixture
def connector(plant: PlantDatabase) -> Iterator[Connector]:
    found = opened("generic_sql", {**plant.fields, "entities": ENTITIES})
    yield found
    found.close()


def key(entity: str, *parts: str) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


def test_the_connection_test_goes_through_its_stages(connector):
    report = probed(connector)
    assert report.failure is None
    assert [(stage.name, stage.state) for stage in report.stages] == [
        ("resolve", "passed"),
        ("connect", "passed"),
        ("authenticate", "passed"),
        ("tls", "warning"),
        ("read WorkOrder", "passed"),
        ("read Vendor", "passed"),
    ]
    assert report.readable == ("WorkOrder", "Vendor")


def test_an_entity_that_cannot_be_read_is_named_and_the_others_are_there(plant):
    plant.execute("DROP TABLE vendor")
    connector = opened("generic_sql", {**plant.fields, "entities": ENTITIES})
    report = probed(connector)
    connector.close()
    assert report.failure is None
    assert report.stages[-1].state == "warning"
    assert "table or column" in report.stages[-1].message


def test_records_are_complete(connector):
    orders = all_records(connector, "WorkOrder")
    first, second = orders[key("WorkOrder", "W1")], orders[key("WorkOrder", "W2")]
    assert (first["code"], first["title"], first["assetKey"]) == (
        "W1",
        "Replace bearing",
        key("Asset", "P-1"),
    )
    assert first["updatedAt"] == "2026-07-01T06:30:00Z", "08:30 in the zone of the connection"
    assert [(task["code"], task["title"]) for task in first["tasks"]] == [("10", "Lock out")]
    assert (second["title"], second["updatedAt"], second["tasks"]) == (None, None, [])
    assert all_records(connector, "Vendor")[key("Vendor", "7")]["name"] == "Kugel & Söhne"


MP2 = {
    "WO": (
        "WONUM char(10), CLOSEDATE {time}, TASKDESC varchar(60), NOTES varchar(60), WOTYPE varchar(10),"
        " ORIGINATOR varchar(25), PRIORITY int, REQUESTDATE {time}, COMPLETIONDATE {time}, STATUS char(1),"
        " PRIMARY KEY (WONUM, CLOSEDATE)"
    ),
    "WOEQLIST": (
        "WONUM char(10), CLOSEDATE {time}, EQNUM char(20), EQDESC varchar(60), LOCATION varchar(20),"
        " SUBLOCATION1 varchar(20), DEPARTMENT varchar(20)"
    ),
    "EQUIP": (
        "EQNUM char(20) PRIMARY KEY, DESCRIPTION varchar(60), DEPT varchar(20), LOCATION varchar(20),"
        " SUBLOCATION1 varchar(20), SUBLOCATION2 varchar(20), SUBLOCATION3 varchar(20)"
    ),
}


def test_the_pack_for_mp2_reads_its_tables(mariadb_plant):
    """MP2 itself cannot run here; these are its published tables and columns, in a database that keeps their case."""
    plant, never, asked = mariadb_plant, datetime(1901, 1, 1), datetime(2026, 1, 5, 6)
    for name, columns in MP2.items():
        plant.table(name, columns.format(time="datetime"))
    plant.execute(
        "INSERT INTO WO VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            ("1001", never, "Oil the press", "", "PM", "MAX", 2, asked, None, "O"),
            ("1000", asked, "Belt", "", "CM", "ANN", 1, asked, asked, "C"),
        ],
    )
    plant.execute(
        "INSERT INTO WOEQLIST VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [("1001", never, "PRESS-1", "Press", "HALL A", None, None)],
    )
    plant.execute(
        "INSERT INTO EQUIP VALUES (%s, %s, %s, %s, NULL, NULL, NULL)", [("PRESS-1", "Press", "D1", "HALL A")]
    )
    connector = opened("generic_sql", {**plant.fields, "entities": "mp2"})
    assert probed(connector).readable == ("WorkOrder", "Asset", "Location", "Status")
    orders = all_records(connector, "WorkOrder")
    assert sorted(order["code"] for order in orders.values()) == ["1000", "1001"]
    press = orders[key("WorkOrder", "1001")]
    assert (press["status"], press["assetKey"], press["locationKey"]) == (
        "Open",
        key("Asset", "PRESS-1"),
        key("Location", "HALL A"),
    )
    assert press["createdAt"] == "2026-01-05T05:00:00Z"
    assert key("Asset", "PRESS-1") in all_records(connector, "Asset")
    connector.close()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"entities": "mp3"}, "no ready-made entities"),
        (
            {"entities": "Vendor: {read: {table: v, cursor: {columns: [], kind: date}}, key: [a], map: {}}"},
            "columns",
        ),
        ({"tls": "maybe"}, "tls"),
        ({"port": "x"}, "port"),
    ],
)
def test_a_form_that_is_not_right_is_refused_with_the_reason(fields: dict[str, Any], reason):
    base = {
        "dialect": "oracle",
        "host": "db",
        "database": "x",
        "username": "u",
        "password": "p",
        "tls": "off",
    }
    with pytest.raises(InvalidInput, match=reason):
        opened("generic_sql", {**base, "entities": "mp2", **fields})


def test_the_form_fills_in_what_is_usual():
    definition = catalog().folder("generic_sql").definition
    given = {
        "dialect": "oracle",
        "host": "db",
        "database": "x",
        "username": "u",
        "password": "p",
        "entities": "mp2",
    }
    values = check_form(definition, given)
    assert (values.public["tls"], values.public["time_zone"], values.public["port"]) == (
        "verify",
        "UTC",
        None,
    )
    assert values.secret == {"password": "p"}
