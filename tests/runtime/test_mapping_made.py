"""Mapping operators that make a value of others: quotients, words, plain numbers, lists that stand in for another."""

from typing import Any

import pytest

from tests.runtime.test_mapping import field, key, mapped


@pytest.mark.parametrize(
    ("price", "quantity", "found"),
    [
        ("1234.50", "100", "12.345"),
        ("136.22", "1", "136.22"),
        ("1000", 10, "100"),
        ("5", "0", "5"),
        ("5", None, "5"),
        (None, "5", None),
        ("1", "3", "0.333333"),
    ],
)
def test_a_price_is_divided_by_the_quantity_it_is_for(price: Any, quantity: Any, found: str | None) -> None:
    expression = {"path": "price", "divide": "per"}
    assert field("Product", "price", expression, {"price": price, "per": quantity}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("REL  PRC", "REL"), ("CNF REL", "CNF"), ("RELX PRC", None), ("", None), (None, None)],
)
def test_the_first_word_of_a_list_that_stands_in_a_text(text: Any, found: str | None) -> None:
    assert field("Vendor", "name", {"words": ["CNF", "REL"], "path": "s"}, {"s": text}) == found


@pytest.mark.parametrize(
    ("value", "found"), [("000042", "42"), ("0000", "0"), ("00A1", "00A1"), ("42", "42"), ("", None)]
)
def test_a_key_without_its_leading_zeros(value: str, found: str | None) -> None:
    assert field("Vendor", "name", {"path": "n", "unpadded": True}, {"n": value}) == found


def test_a_value_that_counts_only_where_another_says_so() -> None:
    expression = {"parts": [{"path": "object", "when": {"kind": ["EQ"]}}]}
    assert field("WorkOrder", "assetKey", expression, {"object": "7", "kind": "EQ"}) == key("Asset", "7")
    assert field("WorkOrder", "assetKey", expression, {"object": "7", "kind": "FL"}) is None


def test_a_reference_of_several_parts_stands_only_when_one_of_them_does() -> None:
    expression = {"parts": ["site", "store"], "whole": True}
    row = {"site": "U", "store": "A"}
    assert field("Stock", "storeroomKey", expression, row) == key("Storeroom", "U", "A")
    assert field("Stock", "storeroomKey", expression, {**row, "store": ""}) is None


def test_a_status_of_a_code_that_is_made_and_none_without_one() -> None:
    expression = {
        "status": "orders",
        "code": {"first": [{"path": "gone", "values": {"true": "deleted"}}, "s"]},
    }
    assert field("WorkOrder", "statusKey", expression, {"s": "02"}) == key("Status", "orders", "02")
    assert field("WorkOrder", "statusKey", expression, {"s": "02", "gone": True}) == key(
        "Status", "orders", "deleted"
    )
    assert field("WorkOrder", "statusKey", expression, {"s": ""}) is None


@pytest.mark.parametrize(
    "row",
    [{"new": [{"no": 1}]}, {"old": {"results": [{"no": 1}]}}, {"new": [], "old": {"results": [{"no": 1}]}}],
)
def test_the_list_that_there_is(row: dict[str, Any]) -> None:
    """`mapped` also decodes only what the mapping looks at: both places."""
    lines = {"each": ["new", "old.results"], "key": ["^.id", "no"], "map": {"lineNo": "no"}}
    whole = {"lineItems": lines, "title": {"first": ["new.0.no", "old.results.0.no"]}}
    record = mapped("PurchaseOrder", whole, {"id": "A", **row})
    assert [line["lineNo"] for line in record["lineItems"]] == ["1"]
    assert record["title"] == "1"
