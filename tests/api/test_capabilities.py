"""What a connection's system can do is what its connector says, and what the API then does."""

from importlib import resources

import pytest

from appliance.model.entity import load_model
from appliance.runtime.capabilities import capabilities
from appliance.runtime.catalog import Catalog
from tests.api.conftest import Plant

MODEL = load_model()
CATALOG = Catalog(MODEL, resources.files("appliance.connectors"))


def test_what_can_be_read_has_fields_that_are_filled(plant: Plant) -> None:
    body = plant.json("/api/v1/capabilities")["data"]
    assert (body["system"], body["categories"]) == ("sandbox", ["eam", "erp", "wms"])
    entities = {one["entity"]: one for one in body["entities"]}
    counts = plant.appliance.records.counts(plant.one.connection.id)
    assert {name for name, one in entities.items() if one["read"]} == {*counts, "LineItem"}
    for one in entities.values():
        if not one["read"]:
            assert one["reads"] is None
            continue
        for path in one["reads"]["paths"]:
            if "{key}" in path or "/statuses/" in path:
                continue
            for record in plant.json(path)["data"]:
                filled = {name for name, value in record.items() if value not in (None, [], {})}
                assert filled - {"customFields"} <= set(one["reads"]["fields"]), path


def test_lines_say_in_which_records_they_stand(plant: Plant) -> None:
    entities = {one["entity"]: one for one in plant.json("/api/v1/capabilities")["data"]["entities"]}
    assert entities["LineItem"]["reads"]["inside"] == "PurchaseOrder.lineItems"
    assert entities["PurchaseOrder"]["reads"]["inside"] is None
    assert entities["PurchaseOrder"]["reads"]["custom_fields"] == "open"
    assert entities["Invoice"]["read"] is False


@pytest.mark.parametrize("definition", CATALOG.definitions(), ids=lambda one: one.system)
def test_of_every_connector_they_can_be_told(definition) -> None:
    found = capabilities(MODEL, definition)
    assert {one.entity.name for one in found if one.reads and not one.reads.inside} == set(
        definition.entities
    )
    for one in found:
        if one.reads is not None:
            assert set(one.reads.fields) <= set(one.entity.fields)
            assert len(one.reads.fields) == len(set(one.reads.fields))
