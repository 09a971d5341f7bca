"""Mapping expressions, compiled and applied."""

from collections.abc import Mapping
from typing import Any

import pytest

from appliance.errors import ConfigurationError
from appliance.model.keys import unified_key
from appliance.runtime.mapping.compiler import MappingCompiler, items
from appliance.runtime.mapping.narrow import narrow_decoder
from appliance.runtime.select import decode, encode
from tests.runtime.opened import EXACT, MODEL, PART


def mapped(
    entity: str, mapping: Mapping[str, Any], row: Any, *, key: Any = ("id",), **options: Any
) -> dict[str, Any]:
    """The unified record of a row; the row is what the source sends as JSON."""
    settings: dict[str, Any] = {"times": "iso", "zone": None, "where": f"plant.{entity}", **options}
    compiler = MappingCompiler(MODEL, PART, **settings)
    convert = compiler.entity(MODEL.entities[entity], key, mapping)
    raw = encode(row)
    record = encode(convert(decode(raw)))
    # Decoding only what the mapping looks at may change nothing.
    assert encode(convert(narrow_decoder(compiler.looks)(raw))) == record
    return dict(EXACT.decode(record))


def field(entity: str, name: str, expression: Any, row: Any, **options: Any) -> Any:
    return mapped(entity, {name: expression}, row, **options)[name]


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, parts)


# Operators


def test_a_path() -> None:
    assert field("Vendor", "name", "a.b", {"a": {"b": "Pumps Ltd"}}) == "Pumps Ltd"
    assert field("Vendor", "name", {"path": "a"}, {"a": "x"}) == "x"
    assert field("Vendor", "name", "party..name", {"party.": {"name": "x"}}) == "x"
    assert field("Vendor", "name", "lines.1.name", {"lines": [{"name": "a"}, {"name": "b"}]}) == "b"


@pytest.mark.parametrize(
    "row", [{}, {"a": None}, {"a": 5}, {"a": []}, {"a": {"b": None}}, {"a": {"b": "  "}}]
)
def test_what_is_not_there_is_null(row: dict[str, Any]) -> None:
    assert field("Vendor", "name", "a.b", row) is None


def test_a_reference_of_several_parts_is_null_without_the_one_that_matters() -> None:
    expression = {"parts": ["site", "asset"], "whole": True}
    found = [
        field("WorkOrder", "assetKey", expression, {"site": "B", "asset": a})
        for a in ("P1", 7, None, "", " ")
    ]
    assert found == [key("Asset", "B", "P1"), key("Asset", "B", "7"), None, None, None]
    assert field("Asset", "accountKeys", {"parts": ["o", "gl"], "whole": True}, {"o": "E", "gl": None}) == []


def test_a_text_of_another_form_is_null() -> None:
    expression = {"path": "reading", "match": r"-?\d+(\.\d+)?"}
    found = [
        field("Counter", "lastReading", expression, {"reading": r}) for r in ("12.50", 7, "GOOD", "", None)
    ]
    assert found == ["12.50", 7, None, None, None]
    with pytest.raises(ConfigurationError, match="no pattern"):
        field("Counter", "lastReading", {"path": "reading", "match": "("}, {})


def test_false_is_nothing_where_the_source_writes_it_so() -> None:
    mapping = {
        "name": "n",
        "isActive": "active",
        "activatedAt": "at",
        "parentKey": "up.0",
        "siteKey": {"parts": ["a", "b"], "whole": True},
        "modelName": {"first": ["n", "m"]},
    }
    row = {"id": 1, "n": False, "active": False, "at": False, "up": False, "a": "x", "b": False, "m": "M7"}
    record = mapped("Asset", mapping, row, false_is_null=True)
    assert [record[name] for name in mapping] == [None, False, None, None, None, "M7"]
    assert mapped("Asset", {"name": "n"}, row)["name"] == "false"
    stock = mapped(
        "Stock", {"quantity": "q", "reorderPoint": "r"}, {"id": 1, "q": False, "r": False}, false_is_null=True
    )
    assert stock["quantity"] is None and stock["reorderPoint"] is None


def test_an_enumeration_keeps_values_it_does_not_know() -> None:
    expression = {"path": "s", "values": {"A": "Active", 2: "Two", True: "Yes", "": "Blank", "x": None}}
    found = [field("Vendor", "name", expression, {"s": s}) for s in ("A", 2, "2", True, "", None, "x", "new")]
    assert found == ["Active", "Two", "Two", "Yes", "Blank", "Blank", None, "new"]


def test_a_value_counts_only_where_another_says_so() -> None:
    expression = {"path": "number", "when": {"kind": ["Item", 3]}}
    rows = [{"number": "P-1", "kind": kind} for kind in ("Item", 3, "Account", None)]
    wanted = key("Part", "P-1")
    assert [field("LineItem", "materialKey", expression, row) for row in rows] == [wanted, wanted, None, None]
    listed = {"each": "lines", "map": {"materialKey": {"path": "number", "when": {"^.kind": ["Item"]}}}}
    order = {"kind": "Item", "lines": [{"number": "P-1"}]}
    assert field("PurchaseOrder", "lineItems", listed, order)[0]["materialKey"] == wanted


def test_a_default_stands_for_null_only() -> None:
    expression = {"path": "s", "default": "none"}
    assert [field("Vendor", "name", expression, {"s": s}) for s in (None, "", "x")] == ["none", "none", "x"]
    assert field("Location", "isActive", {"path": "a", "default": True}, {"a": False}) is False


def test_a_constant_has_the_type_of_its_field() -> None:
    assert field("Vendor", "name", {"const": 5}, {}) == "5"
    assert field("Vendor", "name", {"const": True}, {}) == "true"
    assert field("Location", "isActive", {"const": "true"}, {}) is True
    assert field("LineItem", "quantity", {"const": 1}, {}) == "1"
    assert field("LineItem", "lineTotalValue", {"const": "1.50"}, {}) == "1.50"
    assert field("Vendor", "name", {"const": None}, {}) is None
    assert field("PurchaseOrder", "vendorKey", {"const": 17}, {}) == key("Vendor", "17")


def test_the_first_that_is_not_null() -> None:
    expression = {"first": ["a", "b.c", {"const": "none"}]}
    found = [
        field("Vendor", "name", expression, row)
        for row in ({"a": "1", "b": {"c": "2"}}, {"a": "", "b": {"c": "2"}}, {})
    ]
    assert found == ["1", "2", "none"]
    assert field("LineItem", "quantity", {"first": ["a", "b"]}, {"a": 0, "b": 5}) == "0"


def test_joined_texts_leave_nulls_out() -> None:
    assert field("Vendor", "name", {"join": ["a", "b", "c"]}, {"a": "x", "b": " ", "c": 3}) == "x 3"
    assert field("Vendor", "name", {"join": ["a", "b"], "with": ", "}, {"a": "x", "b": "y"}) == "x, y"
    assert field("Vendor", "name", {"join": ["a", "b"]}, {}) is None


def test_a_list_with_its_own_keys_and_the_row_around_it() -> None:
    expression = {
        "each": "lines",
        "key": ["^.id", "no"],
        "map": {"lineNo": "no", "vendorKey": "^.vendor", "quantity": "qty", "notes": {"path": "^.head.note"}},
    }
    row = {
        "id": "PO1",
        "vendor": "V1",
        "head": {"note": "n"},
        "lines": [{"no": 10, "qty": 1.50}, {"no": "20"}],
    }
    first, second = field("PurchaseOrder", "lineItems", expression, row)
    assert (first["lineNo"], first["vendorKey"], first["notes"]) == ("10", key("Vendor", "V1"), "n")
    assert first["key"] == key("LineItem", "PO1", "10")
    assert second["key"] == key("LineItem", "PO1", "20")
    assert second["quantity"] is None
    assert list(first) == list(MODEL.entities["POLineItem"].fields)


@pytest.mark.parametrize(
    ("value", "count"), [(None, 0), ([], 0), ({"no": 1}, 1), ([{"no": 1}, {"no": 2}], 2), ("", 0), (False, 0)]
)
def test_a_list_is_never_null_and_a_single_item_is_a_list_of_one(value: Any, count: int) -> None:
    found = field("PurchaseOrder", "lineItems", {"each": "lines", "map": {"lineNo": "no"}}, {"lines": value})
    assert len(found) == count
    assert items(value) == ([] if not count else value if isinstance(value, list) else [value])


def test_a_list_within_a_list_reaches_one_level_up() -> None:
    inner = {"each": "tags", "map": {"no": "^.no", "tag": "t"}}
    expression = {"each": "lines", "map": {"lineNo": "no", "name": "name"}}
    row = {"lines": [{"no": "1", "name": "a"}]}
    assert field("PurchaseOrder", "lineItems", expression, row)[0]["name"] == "a"
    found = field("PurchaseOrder", "customFields", inner, {"no": "PO1", "tags": [{"t": "x"}]})
    assert found == [{"no": "PO1", "tag": "x"}]


def test_an_object_has_all_its_fields() -> None:
    found = field(
        "Site", "address", {"object": {"city": "town", "isActive": {"const": True}}}, {"town": "Linz"}
    )
    assert found == dict.fromkeys(MODEL.entities["Address"].fields) | {
        "city": "Linz",
        "isActive": True,
    }


def test_custom_fields() -> None:
    row = {"x_a": 1.10, "x_b": None, "y": 2, "z_c": {"d": [1]}}
    assert field("Vendor", "customFields", {"rest": ["x_", "z_"]}, row) == {
        "x_a": "1.1",
        "x_b": None,
        "z_c": {"d": [1]},
    }
    assert field("Vendor", "customFields", {"fields": {"any name": "y", "b": {"const": 5}}}, row) == {
        "any name": 2,
        "b": 5,
    }
    assert field("Vendor", "customFields", "z_c", row) == {"d": [1]}
    assert field("Vendor", "customFields", {"each": "z_c.d"}, row) == [1]


# Keys


def test_a_reference_equals_the_key_of_the_record_it_refers_to() -> None:
    for source_id in ("V 1", 17, "00017", "ä"):
        vendor = mapped("Vendor", {}, {"id": source_id})["key"]
        assert (
            field("PurchaseOrder", "vendorKey", "v", {"v": source_id})
            == vendor
            == key("Vendor", str(source_id))
        )


def test_leading_zeros_make_another_key() -> None:
    assert field("PurchaseOrder", "vendorKey", "v", {"v": "017"}) != field(
        "PurchaseOrder", "vendorKey", "v", {"v": 17}
    )


def test_composite_keys() -> None:
    location = mapped("Location", {}, {"plant": "1010", "store": "101A"}, key=["plant", "store"])["key"]
    found = field("PurchaseOrder", "locationKey", {"parts": ["p", {"path": "s"}]}, {"p": "1010", "s": "101A"})
    assert found == location == key("Location", "1010", "101A")
    assert (
        field("PurchaseOrder", "locationKey", {"parts": ["p", {"const": "101A"}]}, {"p": "1010"}) == location
    )


def test_a_whole_reference_lacks_no_part() -> None:
    expression = {"parts": ["area", "number"], "whole": True}
    rows = [{"area": "usmf", "number": number} for number in ("V-1", "", None)]
    found = [field("PurchaseOrder", "vendorKey", expression, row) for row in rows]
    assert found == [key("Vendor", "usmf", "V-1"), None, None]
    listed = {"each": "lines", "parts": ["^.area", "number"], "whole": True}
    row = {"area": "usmf", "lines": [{"number": "A-1"}, {"number": ""}]}
    assert field("Part", "assetKeys", listed, row) == [key("Asset", "usmf", "A-1")]


def test_a_reference_to_nothing_is_null() -> None:
    assert field("PurchaseOrder", "vendorKey", "v", {"v": ""}) is None
    assert field("PurchaseOrder", "locationKey", {"parts": ["p", "s"]}, {"p": None, "s": " "}) is None


def test_a_status_is_known_by_scope_and_code() -> None:
    expression = {"status": "purchase-orders", "path": "s"}
    assert field("PurchaseOrder", "statusKey", expression, {"s": "draft"}) == key(
        "Status", "purchase-orders", "draft"
    )
    assert field("PurchaseOrder", "statusKey", expression, {"s": None}) is None
    other = field("PurchaseOrder", "statusKey", {"status": "invoices", "path": "s"}, {"s": "draft"})
    assert other != key("Status", "purchase-orders", "draft")


def test_lists_of_keys_hold_no_nulls() -> None:
    vendors = [key("Vendor", "V1"), key("Vendor", "V2")]
    assert field("Part", "vendorKeys", {"each": "v"}, {"v": ["V1", None, "V2", ""]}) == vendors
    assert (
        field("Part", "vendorKeys", {"each": "o", "parts": ["v"]}, {"o": [{"v": "V1"}, {}, {"v": "V2"}]})
        == vendors
    )
    assert field("Part", "vendorKeys", {"parts": ["v"]}, {"v": "V1"}) == vendors[:1]
    assert field("Part", "vendorKeys", "v", {"v": None}) == []


def test_another_connection_has_other_keys() -> None:
    compiler = MappingCompiler(MODEL, "000001", times="iso", zone=None, where="x")
    assert compiler.entity(MODEL.entities["Vendor"], ["id"], {})({"id": "1"})["key"] != key("Vendor", "1")


# Types of the model


@pytest.mark.parametrize(
    ("entity", "name", "value", "expected"),
    [
        ("Vendor", "name", 5, "5"),
        ("Location", "isActive", "X", True),
        ("LineItem", "quantity", "1.500", "1.500"),
        ("LineItem", "lineTotalValue", "1.500", "1.500"),
        ("PurchaseOrder", "dueAt", "2025-03-04T07:00:00+02:00", "2025-03-04T05:00:00Z"),
        ("Invoice", "invoiceDate", "2025-03-04T07:00:00Z", "2025-03-04"),
        ("Vendor", "customFields", [1, {"a": 1.10}], [1, {"a": "1.1"}]),
    ],
)
def test_the_type_of_the_field_converts_the_value(entity: str, name: str, value: Any, expected: Any) -> None:
    found = field(entity, name, "v", {"v": value})
    assert (found, type(found) is bool) == (expected, type(expected) is bool)


def test_another_time_format_than_the_entity_s() -> None:
    row = {"a": "20250304", "b": "/Date(1741046400000)/"}
    mapping = {
        "dueAt": {"path": "a", "as": "compact"},
        "orderDate": "b",
        "approvedAt": {"first": ["x", "a"], "as": "compact"},
    }
    found = mapped("PurchaseOrder", mapping, row, times="odata2")
    assert {found["dueAt"], found["orderDate"], found["approvedAt"]} == {"2025-03-04T00:00:00Z"}


@pytest.mark.parametrize("entity", [name for name, entity in MODEL.entities.items() if entity.prefix])
def test_every_field_is_there_and_null_or_an_empty_list_when_nothing_is_mapped(entity: str) -> None:
    found = mapped(entity, {}, {"id": "1"})
    assert list(found) == list(MODEL.entities[entity].fields)
    assert {name: value for name, value in found.items() if value is not None} == {"key": key(entity, "1")}


# What is refused


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (
            {"nosuch": "a"},
            r"plant\.PurchaseOrder: PurchaseOrder has no field 'nosuch'\. Fields: key, siteKey",
        ),
        (
            {"lineItems": {"each": "l", "map": {"nosuch": "a"}}},
            r"plant\.PurchaseOrder\.lineItems: POLineItem has no field 'nosuch'",
        ),
        (
            {"deliveryAddress": {"object": {"town": "a"}}},
            r"plant\.PurchaseOrder\.deliveryAddress: Address has no field 'town'",
        ),
        ({"title": {"upper": "a"}}, r"plant\.PurchaseOrder\.title: use exactly one of const, each, "),
        ({"title": {}}, r"plant\.PurchaseOrder\.title: use exactly one of"),
        ({"title": {"path": "a", "const": 1}}, r"plant\.PurchaseOrder\.title: use exactly one of"),
        (
            {"title": {"path": "a", "with": ", "}},
            r"plant\.PurchaseOrder\.title: `path` does not go with with",
        ),
        ({"title": {"each": "a"}}, r"plant\.PurchaseOrder\.title: `each` does not fit"),
        ({"title": {"rest": ["x"]}}, r"plant\.PurchaseOrder\.title: `rest` does not fit"),
        ({"title": ""}, r"plant\.PurchaseOrder\.title: a path is a text"),
        ({"title": 5}, r"plant\.PurchaseOrder\.title: a path is a text"),
        ({"title": None}, r"plant\.PurchaseOrder\.title: a path is a text"),
        ({"title": ["a"]}, r"plant\.PurchaseOrder\.title: a path is a text"),
        ({"title": {"first": "ab"}}, r"plant\.PurchaseOrder\.title: `first` is a list"),
        ({"title": {"join": 5}}, r"plant\.PurchaseOrder\.title: `join` is a list"),
        ({"title": {"path": "a", "values": ["x"]}}, r"plant\.PurchaseOrder\.title: `values` is a mapping"),
        (
            {"title": {"path": "a", "values": {1.5: "x"}}},
            r"plant\.PurchaseOrder\.title: float where text is expected",
        ),
        ({"title": {"const": [1]}}, r"plant\.PurchaseOrder\.title: a list where text is expected"),
        ({"title": "^.a"}, r"plant\.PurchaseOrder\.title: \^\. reaches the row around a list item"),
        ({"lineItems": {"each": "l", "map": {"name": "^.^.a"}}}, r"lineItems\.name: \^\. reaches"),
        ({"lineItems": "l"}, r"plant\.PurchaseOrder\.lineItems: a list is mapped with"),
        ({"lineItems": {"each": "l"}}, r"plant\.PurchaseOrder\.lineItems: a list is mapped with"),
        ({"lineItems": {"each": "l", "map": ["x"]}}, r"plant\.PurchaseOrder\.lineItems: `map` is a mapping"),
        (
            {"lineItems": {"each": "l", "key": "id", "map": {}}},
            r"plant\.PurchaseOrder\.lineItems: `key` is a list",
        ),
        ({"deliveryAddress": "a"}, r"plant\.PurchaseOrder\.deliveryAddress: an object is mapped with"),
        (
            {"deliveryAddress": {"object": "a"}},
            r"plant\.PurchaseOrder\.deliveryAddress: `object` is a mapping",
        ),
        ({"vendorKey": {"parts": "Supplier"}}, r"plant\.PurchaseOrder\.vendorKey: `parts` is a list"),
        ({"statusKey": {"status": "x"}}, r"plant\.PurchaseOrder\.statusKey: `status` needs the `path`"),
        (
            {"statusKey": {"status": ["x"], "path": "a"}},
            r"plant\.PurchaseOrder\.statusKey: `status` is a text",
        ),
        ({"customFields": {"rest": 5}}, r"plant\.PurchaseOrder\.customFields: `rest` is a list"),
        (
            {"customFields": {"fields": {5: "a"}}},
            r"plant\.PurchaseOrder\.customFields: `fields` names its fields with texts",
        ),
        (
            {"orderDate": {"path": "a", "as": "german"}},
            r"there is no time format 'german'\. Formats: compact, iso",
        ),
    ],
)
def test_what_is_not_right_is_named_with_its_place(mapping: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        mapped("PurchaseOrder", mapping, {})


def test_when_lists_what_counts() -> None:
    with pytest.raises(ConfigurationError, match="lists the texts that count at kind"):
        field("Vendor", "name", {"path": "a", "when": {"kind": "Item"}}, {})


def test_keys_of_any_entity_cannot_be_made() -> None:
    with pytest.raises(ConfigurationError, match=r"entityKeys: the model does not say which entity"):
        mapped("Document", {"entityKeys": {"each": "a"}}, {})


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(ConfigurationError, match="there is no time zone Europe/Vienn"):
        mapped("PurchaseOrder", {"orderDate": "a"}, {}, zone="Europe/Vienn")


def test_one_item_of_a_list_can_be_looked_at_beside_all_of_them() -> None:
    mapping = {
        "lineItems": {"each": "lines", "map": {"lineNo": "no"}},
        "customFields": {"fields": {"first": "lines.0.plant"}},
    }
    found = mapped("PurchaseOrder", mapping, {"lines": [{"no": "1", "plant": "1010"}]})
    assert (found["lineItems"][0]["lineNo"], found["customFields"]) == ("1", {"first": "1010"})


@pytest.mark.parametrize("first", ["dueAt", "triggers"])
def test_a_record_taken_as_a_list_of_one_and_looked_into_is_decoded_whole(first: str) -> None:
    expressions = {
        "dueAt": "schedule.starts",
        "triggers": {"each": "schedule", "map": {"type": "kind", "interval": "every"}},
    }
    ordered = {name: expressions[name] for name in (first, *expressions)}
    row = {"id": 1, "schedule": {"kind": "WEEKLY", "every": 2, "starts": "2026-02-01"}}
    record = mapped("PreventiveMaintenance", ordered, row)
    assert (record["triggers"][0]["type"], record["dueAt"]) == ("WEEKLY", "2026-02-01T00:00:00Z")
