"""Templates of bodies that write: what is not given is left out, null is sent, lists and values are made."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from appliance.errors import ConfigurationError, InvalidInput
from appliance.runtime.template import NULL, compile_template, paths_of, without_marks


def written(template: Any, record: dict[str, Any], **context: Any) -> Any:
    render = compile_template(template, where="plant.body", omit=True)
    return without_marks(render({"record": record, **context}))


def test_what_is_not_given_is_left_out_and_null_is_sent() -> None:
    template = {"name": "${record.title}", "due": "${record.dueAt|iso}", "note": "${record.notes}"}
    assert written(template, {"title": "Pump", "notes": NULL}) == {"name": "Pump", "note": None}
    assert written(template, {}) == {}


def test_a_reference_of_several_parts_can_be_emptied() -> None:
    assert written({"site": "${record.siteKey.1}"}, {"siteKey": NULL}) == {"site": None}
    assert written({"site": "${record.siteKey.1}"}, {"siteKey": ["EAGLENA", "BEDFORD"]}) == {
        "site": "BEDFORD"
    }


def test_an_object_of_which_nothing_is_given_is_left_out() -> None:
    template = {"site": {"id": "${record.siteKey}"}, "tags": ["${record.a}", "${record.b}"]}
    assert written(template, {"b": 2}) == {"tags": [2]}
    assert written({"params": [{}, {"id": "${record.siteKey}"}]}, {}) == {"params": [{}]}


def test_each_item_of_a_list_in_steps() -> None:
    template = {
        "lines": {
            "$each": "record.lineItems",
            "do": [0, 0, {"no": "${number}", "part": "${item.materialKey}"}],
        }
    }
    record = {"lineItems": [{"materialKey": 7}, {}]}
    assert written(template, record)["lines"] == [[0, 0, {"no": 1, "part": 7}], [0, 0, {"no": 2}]]
    template["lines"]["step"] = 10
    assert [line[2]["no"] for line in written(template, record)["lines"]] == [10, 20]
    assert written(template, {}) == {}
    assert written(template, {"lineItems": NULL}) == {"lines": None}
    assert written(template, {"lineItems": []}) == {"lines": []}


@pytest.mark.parametrize(
    ("given", "sent"), [("high", 3), (True, 1), ("odd", "odd"), (None, "absent"), (NULL, None)]
)
def test_values_that_stand_for_others(given: Any, sent: Any) -> None:
    template = {"priority": {"$values": {"high": 3, True: 1}, "of": "record.severity"}}
    record = {} if given is None else {"severity": given}
    assert written(template, record).get("priority", "absent") == sent


def test_values_may_have_another_for_the_rest() -> None:
    template = {"$values": {"a": 1}, "of": "record.x", "else": 9}
    assert [written(template, {"x": x}) for x in ("a", "b")] == [1, 9]


def test_values_and_choices_may_leave_out() -> None:
    template = {"id": {"$values": {0: None}, "of": "record.x"}, "name": {"$if": "record.x", "else": "none"}}
    assert [written(template, {"x": x} if x is not None else {}) for x in (0, 1, None)] == [
        {}, {"id": 1}, {"name": "none"},
    ]  # fmt: skip


def test_the_first_that_is_given() -> None:
    template = {"org": {"$first": ["${record.org}", "${default}"]}, "on": {"$first": ["${record.on}", True]}}
    assert written(template, {"on": False}, default="1000") == {"org": "1000", "on": False}
    assert written(template, {"org": "2000"}, default="1000") == {"org": "2000", "on": True}


@pytest.mark.parametrize(
    ("price", "cents"), [(Decimal("12.50"), 1250), (3, 300), (Decimal("0.125"), Decimal("12.5"))]
)
def test_a_number_in_a_smaller_unit(price: Any, cents: Any) -> None:
    sent = written({"cents": {"$times": 100, "of": "record.price"}}, {"price": price})
    assert sent == {"cents": cents} and type(sent["cents"]) is type(cents)
    assert written({"cents": {"$times": 100, "of": "record.price"}}, {}) == {}


def test_the_names_of_what_is_given() -> None:
    template = {"fields": {"$names": {"a": "${record.title}", "b": "${record.notes}", "c": "${record.site}"}}}
    assert written(template, {"title": "x", "site": NULL}) == {"fields": "a, c"}
    assert written(template, {}) == {}


def test_what_is_given_is_laid_over_what_stands_there() -> None:
    row = {"id": 7, "title": "Pump", "due": "2026", "site": {"id": 1, "name": "Kiel"}, "users": [{"id": 2, "n": 3}],
           "team": None}  # fmt: skip
    template = {
        "$onto": "taken.row",
        "keep": ["title", "due", "site.id", "users.id", "team.id"],
        "do": {"title": "${record.title}", "due": "${record.dueAt}", "site": {"id": "${record.siteKey}"}},
    }
    untouched = {"title": "Pump", "due": "2026", "site": {"id": 1}, "users": [{"id": 2}]}
    assert written(template, {}, taken={"row": row}) == untouched
    assert written(template, {"title": "Fan", "dueAt": NULL, "siteKey": 9}, taken={"row": row}) == {
        **untouched, "title": "Fan", "due": None, "site": {"id": 9},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "sent"), [("U_Ref", {"a": 1, "U_Ref": "x"}), (None, {"a": 1}), ("", {"a": 1})]
)
def test_the_name_of_a_member_may_be_a_form_field(field: str | None, sent: Any) -> None:
    assert written({"a": 1, "${field}": "${reference}"}, {}, field=field, reference="x") == sent


def test_the_paths_that_a_template_looks_at() -> None:
    template = {
        "a": "x ${record.title|upper} ${record.siteKey.0}",
        "b": {
            "$each": "record.lineItems",
            "do": {"q": "${item.quantity}", "k": {"$times": 2, "of": "item.price"}},
        },
        "c": {"$if": "record.notes", "then": "${status}"},
    }
    assert paths_of(template) == {
        ("record", "title"),
        ("record", "siteKey", "0"),
        ("record", "lineItems"),
        ("record", "notes"),
        ("status",),
        ("record", "lineItems", "quantity"),
        ("record", "lineItems", "price"),
    }


@pytest.mark.parametrize(
    "template",
    [
        {"$each": "record.l"},
        {"$if": "record.l", "do": 1},
        {"$values": {}},
        {"$times": 1.5, "of": "x"},
        {"$first": [], "x": 1},
        {"$times": 2},
    ],
)
def test_operators_that_are_not_whole_are_refused(template: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"plant\.body"):
        compile_template(template, where="plant.body", omit=True)


def test_what_a_caller_gave_that_does_not_fit_is_his_error() -> None:
    template = {"lines": {"$each": "record.lineItems", "do": {"no": "${item.lineNo|integer}"}}}
    with pytest.raises(InvalidInput, match="lineNo"):
        written(template, {"lineItems": [{"lineNo": "first"}]})


def test_parts_of_a_time_are_looked_at_wherever_it_stands() -> None:
    template = {"due": {"y": "${record.dueAt.year}", "m": "${record.lines.0.at.month}"}}
    moment = datetime(2026, 2, 6, tzinfo=UTC)
    assert written(template, {"dueAt": moment, "lines": [{"at": moment}]}) == {"due": {"y": 2026, "m": 2}}
