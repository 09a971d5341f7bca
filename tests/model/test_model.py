"""What the shipped model promises to those who generate routes, filters, sync windows and keys from it."""

import time
from itertools import chain
from pathlib import Path

import pytest

from appliance.errors import InvalidInput
from appliance.model.entity import Model, load_model

TRANSACTIONS = {
    "AssetDowntime", "CounterReading", "Fulfillment", "Invoice", "LineItem", "ProductionOrder",
    "PurchaseOrder", "PurchaseRequisition", "Receipt", "Receiving", "RequestForQuotation", "ReturnOrder",
    "SalesOrder", "ServiceRequest", "ShipmentOrder", "StockAdjustment", "StockTransfer", "WorkOrder",
}  # fmt: skip


def test_prefixes_never_change(model: Model) -> None:
    """Clients store keys, and the prefix is part of a key: lines may be added to the file, never changed."""
    lines = (Path(__file__).parent / "contract" / "prefixes.txt").read_text().splitlines()
    ours = {f"{one.prefix} {name}" for name, one in model.entities.items() if one.prefix}
    assert ours == set(lines)


def test_the_historical_period_cuts_only_transactions(model: Model) -> None:
    assert {name for name, one in model.entities.items() if one.nature == "transaction"} == TRANSACTIONS


def test_pages_of_records_with_lists_inside_are_smaller(model: Model) -> None:
    for entity in model.entities.values():
        if entity.path:
            nested = any(field.type == "list" for field in entity.fields.values())
            assert entity.page_limit == (100 if nested else 500), entity.name


def test_every_collection_can_be_listed_and_found_by_its_path(model: Model) -> None:
    for entity in model.entities.values():
        if entity.path:
            found = {model.by_path(category, entity.path) for category in ("eam", "erp", "wms")}
            assert found - {None} == {entity}


@pytest.mark.parametrize(
    ("category", "path", "name"),
    [
        ("erp", "purchase-orders", "PurchaseOrder"),
        ("wms", "purchase-orders.line-items", "LineItem"),
        ("eam", "materials", "Part"),
        ("erp", "statuses", "Status"),
        ("erp", "work-orders", None),
        ("erp", "documents", None),
        ("eam", "nonsense", None),
    ],
)
def test_a_path_belongs_to_an_entity_only_in_the_categories_that_have_it(
    model: Model, category: str, path: str, name: str | None
) -> None:
    entity = model.by_path(category, path)
    assert (entity and entity.name) == name


def test_an_unknown_entity_is_refused_with_the_nearest_names(model: Model) -> None:
    with pytest.raises(InvalidInput) as caught:
        model.entity("WorkOrders")
    assert "WorkOrder" in caught.value.message
    assert caught.value.details["nearest"][0] == "WorkOrder"
    assert model.entity("WorkOrder").path == "work-orders"


def test_every_reference_leads_to_an_entity_with_keys(model: Model) -> None:
    open_ended = []
    for entity in model.entities.values():
        for field in entity.fields.values():
            if field.type in ("key", "keys"):
                if field.to is None:
                    open_ended.append(f"{entity.name}.{field.name}")
                else:
                    assert model.entities[field.to].prefix
    assert [name for name in open_ended if not name.endswith(".key")] == ["Document.entityKeys"]


def test_names_tell_the_type_of_references_and_times(model: Model) -> None:
    for entity in model.entities.values():
        for name, field in entity.fields.items():
            where = f"{entity.name}.{name}"
            if name.endswith("Keys"):
                assert field.type == "keys", where
            elif name.endswith("Key"):
                assert field.type == "key", where
            elif name.endswith(("At", "Date", "_at")):
                assert field.type in ("datetime", "date"), where


def test_a_field_name_means_the_same_in_every_entity_and_body(model: Model) -> None:
    """One name, one kind of value and one entity referred to; parents are of the entity itself."""
    families = {"decimal": "numeric", "number": "numeric", "list": "objects", "object": "objects"}
    own = {"key", "parentKey", "parentKeys"}
    contents_differ = {"lineItems", "contact"}
    meanings: dict[str, set[tuple[str, str | None]]] = {}
    records = [tuple(one.fields.values()) for one in model.entities.values() if one.domain != "system"]
    for field in chain(*records, *(one.body for one in model.operations)):
        if field.name not in own | contents_differ:
            meaning = (families.get(field.type, field.type), field.to or field.of)
            meanings.setdefault(field.name, set()).add(meaning)
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


def test_numbers_declared_as_text_go_out_as_text_and_others_as_numbers(model: Model) -> None:
    fields = [field for entity in model.entities.values() for field in entity.fields.values()]
    assert {field.declared for field in fields if field.type == "decimal"} == {"string"}
    assert {field.declared for field in fields if field.type == "number"} == {"object", "integer", "[any]"}


def test_nested_lists_name_the_field_that_holds_the_key_of_the_path(model: Model) -> None:
    links = {one.path: one.link for one in model.operations if one.link}
    assert links == {
        "assets/{key}/materials": "assetKey",
        "asset-templates/{key}/materials": "assetTemplateKey",
        "pm/{key}/materials": "pmKey",
        "work-orders/{key}/materials": "workOrderKey",
        "materials/{key}/children": "assemblyKey",
        "production-orders/{key}/materials": "productionOrderKey",
    }


def test_statuses_are_listed_by_scope(model: Model) -> None:
    statuses = [one for one in model.operations if one.kind == "statuses"]
    assert {f"statuses/{one.scope}" for one in statuses} == {one.path for one in statuses}
    assert {one.scope for one in statuses if one.category == "wms"} == {
        "purchase-orders", "return-orders", "sales-orders", "fulfillments", "stock-transfers",
        "shipment-orders",
    }  # fmt: skip


def test_an_update_may_require_what_a_create_does_not(model: Model) -> None:
    bodies = {
        one.kind: {field.name: field for field in one.body}
        for one in model.operations
        if one.owner == "PurchaseOrder" and one.category == "erp"
    }
    assert bodies["update"]["code"].required
    assert not bodies["create"]["code"].required


def test_the_model_cannot_be_changed_by_those_who_read_it(model: Model) -> None:
    with pytest.raises(TypeError):
        model.entities["Asset"] = model.entities["Part"]  # type: ignore[index]
    with pytest.raises(TypeError):
        del model.entities["Asset"].fields["name"]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        model.entities["Asset"].path = "things"  # type: ignore[misc]


def test_the_model_loads_fast_enough_to_start_a_command_with() -> None:
    load_model()
    times = []
    for _ in range(5):
        start = time.process_time()
        load_model()
        times.append(time.process_time() - start)
    assert min(times) < 0.05
