"""Rows and values out of an answer."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.select import Envelope, decode, dig, encode, key_decoder, steps

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.decimals(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=4)
NAMES = st.sampled_from(["d", "results", "value", "a", "data.", "übung", ""])


def rows_of(body: bytes, path: str = "d.results", **beside: str) -> tuple[list[bytes] | None, dict[str, Any]]:
    return Envelope(path, beside).read(body)


@given(ROWS, st.dictionaries(st.text(max_size=4), VALUES, max_size=2))
def test_rows_that_are_cut_out_equal_rows_that_are_decoded(rows: list[Any], around: dict[str, Any]) -> None:
    body = encode({**around, "d": {**around, "results": rows, "__count": "7"}})
    cut, beside = rows_of(body, count="d.__count")
    assert cut is not None
    assert [decode(row) for row in cut] == decode(body)["d"]["results"]
    assert beside == {"count": "7"}


@given(ROWS)
def test_the_usual_and_the_unusual_way_give_the_same_rows(rows: list[Any]) -> None:
    body = encode({"d": {"results": rows}})
    # A list where the path beside expects a mapping makes the fast decoder give up.
    unusual = encode({"d": {"results": rows}, "page": []})
    fast, _ = rows_of(body, next="page.next")
    slow, beside = rows_of(unusual, next="page.next")
    assert [decode(row) for row in fast or []] == [decode(row) for row in slow or []]
    assert beside == {"next": None}


@given(
    st.lists(
        st.lists(NAMES.filter(bool), min_size=1, max_size=3).map(".".join),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    st.dictionaries(NAMES, VALUES, max_size=3),
)
def test_values_taken_from_a_text_equal_those_of_the_decoded_row(
    paths: list[str], row: dict[str, Any]
) -> None:
    raw = encode(row)
    try:
        found = key_decoder(paths)(raw)
    except msgspec.ValidationError:
        return  # a path through something that is no mapping; callers reject the row
    assert found == [dig(decode(raw), steps(path)) for path in paths]


def test_a_value_and_what_is_inside_it_can_both_be_taken() -> None:
    assert key_decoder(["a.b", "a"])(b'{"a":{"b":1,"c":2}}') == [1, {"b": 1, "c": 2}]


def test_a_doubled_dot_is_part_of_a_name() -> None:
    assert steps("party..name") == ["party.", "name"]
    assert steps("lines.") == ["lines."]
    assert steps("lines..product..code") == ["lines.", "product.", "code"]
    assert dig({"party.": {"name": "x"}}, steps("party..name")) == "x"


def test_digging_goes_through_lists_by_number_and_is_null_where_nothing_is() -> None:
    row = {"a": [{"b": 1}, 2], "s": "text"}
    assert dig(row, ["a", "0", "b"]) == 1
    for path in (["a", "2"], ["a", "-1"], ["a", "x"], ["s", "0"], ["nosuch", "b"], ["a", "1", "b"]):
        assert dig(row, path) is None


def test_a_missing_path_gives_no_rows_and_an_empty_list_gives_none() -> None:
    assert rows_of(b'{"d":{"result":[]}}')[0] is None
    assert rows_of(b'{"d":null}')[0] is None
    assert rows_of(b'{"error":"x"}')[0] is None
    assert rows_of(b'{"d":{"results":[]}}')[0] == []


def test_a_single_object_is_a_list_of_one() -> None:
    assert rows_of(b'{"d":{"results":{"a":1.50}}}')[0] == [b'{"a":1.50}']


def test_a_bare_list_is_the_rows() -> None:
    assert rows_of(b'[{"a":1}, {"a":2.0}]', "") == ([b'{"a":1}', b'{"a":2.0}'], {})


def test_rows_are_found_below_a_list() -> None:
    assert rows_of(b'{"result":[{"items":[{"a":1}]}]}', "result.0.items")[0] == [b'{"a":1}']


def test_values_beside_the_rows() -> None:
    found = rows_of(
        b'{"d":{"results":[],"__next":"https://x/y?$skiptoken=1"}}', next="d.__next", count="d.__count"
    )
    assert found == ([], {"next": "https://x/y?$skiptoken=1", "count": None})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<!DOCTYPE html><html><body>Log on</body></html>", "a web page where data was expected"),
        (b"\n <HTML lang='en'><title>Logon</title></html>", "a web page where data was expected"),
        (b'<?xml version="1.0"?><error/>', "XML where JSON was expected"),
        (b"", "answered nothing"),
        (b'{"d":{"results":[{"a":1},{"a"', "may have been cut off"),
        (b'{"d":{"results":[]}} trailing', "not valid JSON"),
        ('{"d":{"results":[{"a":"ä"}],"x":"ä"}}'.encode("utf-16"), "something else where JSON"),
        (b'{"d":' * 100_000, "not valid JSON"),
        (b'{"d":{"results":[],"__next":1e99999999999999999999}}', "not valid JSON"),
    ],
)
def test_a_body_that_is_not_json_says_what_it_is(body: bytes, says: str) -> None:
    with pytest.raises(SourceAnswerInvalid, match=says):
        rows_of(body, next="d.__next")
    with pytest.raises(SourceAnswerInvalid, match=says):
        decode(body)


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert rows_of(b'\xef\xbb\xbf{"d":{"results":[{"a":1.10}]}}')[0] == [b'{"a":1.10}']


def test_another_encoding_than_utf8_is_refused_where_it_is_looked_at() -> None:
    latin = '{"a":"ä"}'.encode("latin-1")
    with pytest.raises(SourceAnswerInvalid, match="not valid JSON"):
        decode(latin)


@given(VALUES)
def test_what_is_encoded_decodes_to_the_same_digits(value: Any) -> None:
    text = encode(value)
    assert encode(decode(text)) == text
    json.loads(text)  # is JSON to others too
