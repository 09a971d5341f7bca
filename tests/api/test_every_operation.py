"""Every reading operation of the model is there, in every category, with every declared field."""

from collections.abc import Iterator

import pytest

from appliance.model.entity import Entity, Operation, load_model
from tests.api.conftest import Plant

MODEL = load_model()
READING = [o for o in MODEL.operations if o.kind in ("list", "get", "statuses")]


def name(operation: Operation) -> str:
    return f"{operation.category}-{operation.kind}-{operation.path}"


def test_there_are_reading_operations_in_all_categories() -> None:
    assert {operation.category for operation in READING} == {"eam", "erp", "wms"}
    assert len(READING) > 60


@pytest.mark.parametrize("operation", [o for o in READING if o.kind == "list"], ids=name)
def test_a_list_answers_with_all_its_fields(plant: Plant, operation: Operation) -> None:
    body = plant.json(f"/api/{operation.category}/{operation.path}")
    entity = MODEL.entities[operation.entity]
    counts = plant.appliance.records.counts(plant.one.connection.id)
    # Lines stand in orders here, and are no records of their own.
    if entity.name != "LineItem":
        assert body["meta"]["total"] == counts.get(entity.name, 0)
    for record in body["data"]:
        assert set(record) >= set(entity.fields)


@pytest.mark.parametrize("operation", [o for o in READING if o.kind == "get"], ids=name)
def test_one_record_answers_as_in_the_list(plant: Plant, operation: Operation) -> None:
    collection = operation.path.removesuffix("/{key}")
    listed = plant.json(f"/api/{operation.category}/{collection}")["data"]
    for record in listed[:3]:
        assert plant.json(f"/api/{operation.category}/{collection}/{record['key']}") == {"data": record}
    missing = plant.get(f"/api/{operation.category}/{collection}/{'0' * 40}")
    error = missing.get_json()["error"]
    assert (missing.status_code, error["code"]) == (404, "RECORD_NOT_FOUND")
    assert error["details"]["entity"] == operation.entity


@pytest.mark.parametrize("operation", [o for o in READING if o.kind == "statuses"], ids=name)
def test_the_statuses_of_a_scope_are_of_that_scope_only(plant: Plant, operation: Operation) -> None:
    body = plant.json(f"/api/{operation.category}/{operation.path}")
    assert {record["scope"] for record in body["data"]} <= {operation.scope}
    for record in body["data"]:
        assert set(record) >= set(MODEL.entities["Status"].fields)
    if operation.scope in ("work-orders", "service-requests", "purchase-orders"):
        assert len(body["data"]) >= 4


def objects(entity: Entity, record: dict[str, object]) -> Iterator[tuple[str, set[str], set[str]]]:
    """Nested objects of a record: where, which fields are declared, which are there."""
    for field in entity.fields.values():
        of = getattr(field, "of", None)
        value = record[field.name]
        if isinstance(of, str) and of in MODEL.entities and isinstance(value, list):
            for item in value:
                yield f"{entity.name}.{field.name}", set(MODEL.entities[of].fields), set(item)


def test_lines_inside_records_have_all_their_fields_too(plant: Plant) -> None:
    (order, *_) = plant.json("/api/erp/purchase-orders")["data"]
    assert order["lineItems"]
    for line in order["lineItems"]:
        assert line["key"].startswith("15")
    for where, declared, present in objects(MODEL.entities["PurchaseOrder"], order):
        assert present >= declared, where


def test_keys_tell_the_entity_and_the_connection(plant: Plant) -> None:
    part = plant.one.connection.part
    for record in plant.json("/api/eam/work-orders")["data"]:
        assert record["key"].startswith(f"03{part}")
        assert len(record["key"]) == 40


def test_references_lead_to_records_of_the_same_connection(plant: Plant) -> None:
    for order in plant.json("/api/erp/purchase-orders?per_page=5")["data"]:
        vendor = plant.json(f"/api/erp/vendors/{order['vendorKey']}")["data"]
        assert vendor["key"] == order["vendorKey"]
        status = [s["key"] for s in plant.json("/api/erp/statuses/purchase-orders")["data"]]
        assert order["statusKey"] in status
