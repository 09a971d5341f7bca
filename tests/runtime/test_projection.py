"""A row's text to its key, its hash and its record."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from appliance.runtime.definition import EntityDefinition, HttpRead, RequestTemplate
from appliance.runtime.mapping.projection import Projection, RowRejected
from tests.runtime.opened import MODEL, PART

VENDOR = EntityDefinition(
    read=HttpRead(request=RequestTemplate()),
    key=("id",),
    modified="changed",
    map={"name": "name", "createdAt": "made"},
)


def projection(definition: EntityDefinition = VENDOR, entity: str = "Vendor", **changes: Any) -> Projection:
    definition = msgspec.structs.replace(definition, **changes)
    return Projection(MODEL, MODEL.entities[entity], definition, part=PART, zone=None, where="plant.Vendor")


def test_the_key_of_a_row_is_the_key_in_its_record() -> None:
    raw = b'{"id":17,"name":"Pumps","changed":"2025-03-04T07:00:00.250Z"}'
    made = projection()
    record = made.record(raw)
    assert msgspec.json.decode(record.payload)["key"] == made.key(raw)
    assert record.modified_at == 1741071600250


def test_the_time_of_the_last_change_is_updated_at_unless_the_map_says_otherwise() -> None:
    raw = b'{"id":1,"changed":"2025-03-04T07:00:00Z","other":"2024-01-01"}'
    updated = [
        msgspec.json.decode(projection(map=mapping).record(raw).payload)["updatedAt"]
        for mapping in ({}, {"updatedAt": "other"})
    ]
    assert updated == ["2025-03-04T07:00:00Z", "2024-01-01T00:00:00Z"]


def test_a_row_that_does_not_say_when_it_changed_has_no_time() -> None:
    assert projection().record(b'{"id":1}').modified_at is None
    assert projection(modified=None).record(b'{"id":1,"changed":"2025-03-04"}').modified_at is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":null}',
        b"{}",
        b'{"id":"  "}',
        b'{"id":[1]}',
        b"[1]",
        b"null",
        b'"text"',
        b'{"id":',
        b'{"id":"\xff"}',
    ],
)
def test_a_row_without_a_key_is_rejected(raw: bytes) -> None:
    with pytest.raises(RowRejected, match="key"):
        projection().key(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id":1,"name":{"a":1}}',
        b'{"id":1,"made":"yesterday"}',
        b'{"id":1,"made":5}',
        b'{"id":1,"changed":"never"}',
        b'{"id":1,"name":"\xff"}',
        b'{"id":1,"name":1e9999999999999999999}',
        b"[1]",
        b"null",
        b'{"id":1',
    ],
)
def test_a_row_that_does_not_fit_is_rejected_and_raises_nothing_else(raw: bytes) -> None:
    with pytest.raises(RowRejected, match="The row does not fit Vendor"):
        projection().record(raw)


@pytest.mark.parametrize("times", ["odata2", "unix", "unix_ms"])
def test_a_time_outside_the_calendar_rejects_the_row(times: str) -> None:
    value = {"odata2": '"/Date(-99999999999999999999)/"', "unix": "1e30", "unix_ms": "99999999999999999"}[
        times
    ]
    for member in ("made", "changed"):
        with pytest.raises(RowRejected):
            projection(times=times).record(f'{{"id":1,"{member}":{value}}}'.encode())


def test_the_hash_changes_with_the_row_and_with_its_mapping() -> None:
    raw = b'{"id":1,"name":"a"}'
    before = projection().hash(raw)
    assert before == projection().hash(raw)
    assert len(before) == 16
    others = [
        projection().hash(b'{"id":1,"name":"b"}'),
        projection(map={"name": "made"}).hash(raw),
        projection(key=("id", "name")).hash(raw),
        projection(modified="made").hash(raw),
        projection(times="odata2").hash(raw),
    ]
    assert len({before, *others}) == 6


def test_the_hash_changes_with_the_fields_of_the_model() -> None:
    entity = MODEL.entities["Vendor"]
    renamed = {**entity.fields, "code": replace(entity.fields["code"], type="integer")}
    changed = Projection(MODEL, replace(entity, fields=renamed), VENDOR, part=PART, zone=None, where="x")
    assert changed.fingerprint != projection().fingerprint


def test_values_may_be_named_by_numbers_and_truth_values_as_yaml_reads_them() -> None:
    values = {"path": "a", "values": {1: "high", False: "none", "2": "low"}}
    made = projection(entity="Asset", map={"criticality": values})
    shown = [
        msgspec.json.decode(made.record(raw).payload)["criticality"] for raw in (b'{"a":1}', b'{"a":false}')
    ]
    assert shown == ["high", "none"]


def test_values_may_be_named_as_yaml_names_them() -> None:
    made = projection(map={"name": {"path": "blocked", "values": {True: "Blocked", 2: "Two", None: "Open"}}})
    names = [
        msgspec.json.decode(made.record(raw).payload)["name"]
        for raw in (b'{"id":1,"blocked":true}', b'{"id":1,"blocked":2}')
    ]
    assert names == ["Blocked", "Two"]
    assert len(made.fingerprint) == len(projection().fingerprint)
