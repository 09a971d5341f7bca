"""The sandbox: sample data for trying out the API."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from appliance.model.keys import unified_key
from appliance.runtime.protocols import EVERYTHING
from tests.runtime.opened import CREATED, MODEL, PART, all_pages, all_records, all_rows, opened, probed

Everything = dict[str, dict[str, dict[str, Any]]]
DAY = 86_400_000


def all_of(created_at: int = CREATED) -> Everything:
    connector = opened("sandbox", {}, created_at=created_at)
    return {entity: all_records(connector, entity) for entity in connector.definition.entities}


@pytest.fixture(scope="module")
def everything() -> Everything:
    return all_of()


def status_codes(everything: Everything, entity: str, scope: str) -> set[str]:
    """The codes of the statuses that records have; each must be a status there is."""
    names = {key: record["code"] for key, record in everything["Status"].items() if record["scope"] == scope}
    return {names[record["statusKey"]] for record in everything[entity].values()}


def test_every_entity_has_rows_and_every_row_becomes_a_record(everything: Everything) -> None:
    connector = opened("sandbox", {})
    assert (
        set(everything)
        == set(connector.definition.entities)
        >= {"WorkOrder", "PurchaseOrder", "Stock", "Status"}
    )
    for entity, records in everything.items():
        assert len(records) == len(all_rows(connector, entity)) > 0, "keys are unique"
        for record in records.values():
            assert list(record) == list(MODEL.entities[entity].fields)


def test_pages_go_on_and_count(everything: Everything) -> None:
    pages = all_pages(opened("sandbox", {}), "WorkOrder")
    assert [len(page.rows) for page in pages] == [50, 50, 20]
    assert {page.expected for page in pages} == {120}
    reader = opened("sandbox", {}).pages("WorkOrder")
    sample = reader.fetch(reader.first(), EVERYTHING, resuming=False, sample=True)
    assert (len(sample.rows), sample.next) == (1, None)


@pytest.mark.parametrize(
    ("entity", "scope"),
    [
        ("WorkOrder", "work-orders"),
        ("PurchaseOrder", "purchase-orders"),
        ("ServiceRequest", "service-requests"),
    ],
)
def test_every_state_occurs(everything: Everything, entity: str, scope: str) -> None:
    declared = opened("sandbox", {}).definition.statuses[scope]
    assert status_codes(everything, entity, scope) == set(declared)


def test_custom_fields_are_there(everything: Everything) -> None:
    for entity, name in (
        ("WorkOrder", "x_permit"),
        ("PurchaseOrder", "x_project"),
        ("Asset", "x_cost_center"),
    ):
        values = [record["customFields"][name] for record in everything[entity].values()]
        assert any(values), entity


def references(entity: str, record: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Field, entity and key of every reference of a record."""
    for name, field in MODEL.entities[entity].fields.items():
        value = record.get(name)
        if not value or name == "key":
            continue
        if field.type in ("key", "keys") and field.to:
            for one in value if isinstance(value, list) else [value]:
                yield f"{entity}.{name}", field.to, one
        elif field.type in ("object", "list"):
            for one in value if isinstance(value, list) else [value]:
                yield from references(str(field.of), one)


def test_every_reference_leads_to_a_record(everything: Everything) -> None:
    followed = set()
    for entity, records in everything.items():
        for record in records.values():
            for name, target, key in references(entity, record):
                followed.add(name)
                assert key in everything[target], (name, record)
    assert len(followed) > 30


def test_it_is_the_same_for_a_connection_every_time_and_moves_with_its_day(everything: Everything) -> None:
    assert all_of() == everything
    assert all_of(CREATED + 60_000) == everything
    later = all_of(CREATED + 5 * DAY)
    assert {entity: set(records) for entity, records in later.items()} == {
        e: set(r) for e, r in everything.items()
    }
    assert later["WorkOrder"] != everything["WorkOrder"]


def test_nothing_was_made_or_changed_in_the_future(everything: Everything) -> None:
    for created_at in (CREATED, CREATED - CREATED % DAY):  # at eight in the morning, and at midnight
        connector = opened("sandbox", {}, created_at=created_at)
        for entity in connector.definition.entities:
            projection = connector.projection(entity)
            for row in all_rows(connector, entity):
                modified = projection.record(row).modified_at
                assert modified is None or modified <= created_at, (entity, row)


def test_amounts_of_an_order_add_up(everything: Everything) -> None:
    for order in everything["PurchaseOrder"].values():
        net = sum(Decimal(str(line["lineTotalValue"])) for line in order["lineItems"])
        tax = sum(Decimal(str(line["lineTaxValue"])) for line in order["lineItems"])
        assert (Decimal(order["totalNetValue"]), Decimal(order["totalGrossValue"])) == (net, net + tax)
        for line in order["lineItems"]:
            assert Decimal(str(line["price"])) * Decimal(str(line["quantity"])) == Decimal(
                str(line["lineTotalValue"])
            )


def test_lines_have_keys_of_their_own(everything: Everything) -> None:
    keys = [line["key"] for order in everything["PurchaseOrder"].values() for line in order["lineItems"]]
    assert len(set(keys)) == len(keys)
    assert unified_key(str(MODEL.entities["LineItem"].prefix), PART, ["PO-5001", "10"]) in keys


def test_the_probe_needs_no_network() -> None:
    report = probed(opened("sandbox", {}))
    assert report.failure is None
    assert {stage.state for stage in report.stages} == {"passed"}
    assert not any("does not fit" in stage.message for stage in report.stages)
    assert msgspec.json.encode(report.as_dicts())
