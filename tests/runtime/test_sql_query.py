"""Queries handed on to a database: named values, exact numbers, and nothing but one SELECT."""

import pytest

from appliance.errors import ConfigurationError, SourceAnswerInvalid
from appliance.runtime.passthrough import query_rows
from appliance.runtime.select import decode
from tests.runtime.opened import opened
from tests.support.plant_database import PlantDatabase

ENTITIES = "Vendor: {read: {table: stock}, key: [part], map: {name: part}}"


@pytest.fixture(params=["postgres_plant", "mariadb_plant"])
def plant(request: pytest.FixtureRequest) -> PlantDatabase:
    found: PlantDatabase = request.getfixturevalue(request.param)
    found.table("stock", "part char(4), price numeric(12,4)", [("P1", "0.1000"), ("P2", "2.5000")])
    return found


def test_a_query_with_named_values_and_exact_numbers(plant: PlantDatabase) -> None:
    connector = opened("generic_sql", {**plant.fields, "entities": ENTITIES})
    statement = "SELECT part, price FROM stock WHERE part = :part AND 'a:b' = 'a:b' AND price < :most"
    rows = query_rows(connector, statement, {"part": "P1", "most": 1}, most=10)
    assert [decode(bytes(row)) for row in rows] == [{"part": "P1", "price": "0.1000"}] or [
        str(decode(bytes(row))["price"]) for row in rows
    ] == ["0.1000"]
    with pytest.raises(ConfigurationError, match=":odd"):
        query_rows(connector, "SELECT :odd", {}, most=10)
    for statement in ("DELETE FROM stock", "SELECT 1; SELECT 2", "SELECT part INTO x FROM stock"):
        with pytest.raises(ConfigurationError):
            query_rows(connector, statement, {}, most=10)
    with pytest.raises(SourceAnswerInvalid):
        query_rows(connector, "SELECT part FROM stock", {}, most=1)
    connector.close()
