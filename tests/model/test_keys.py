"""Keys are the same for the same record for ever, and never the same for two records."""

import hashlib
import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InvalidInput
from appliance.model.keys import key_of, unified_key

BLANK = st.sampled_from([None, "", " ", "\t\n", "\u00a0", "\u2003 "])
FILLED = st.text(min_size=1).filter(lambda text: text.strip() != "") | st.integers()
VALUES = st.lists(FILLED, min_size=1, max_size=4)


def key(values: Sequence[object]) -> str | None:
    return unified_key("03", "5f0c2a", values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["10000012345"], "035f0c2a27d7cc8c56f8e89d4e4cdd9dc3ac8eba"),
        ([4711], "035f0c2a86d819572bf10d390fe3846e4b3dca2e"),
        (["4500000012", 10], "035f0c2a052a09c850e5bd84d384f47226315822"),
        (['Größe 7/8" \\ \u2028', "a\x00\x7f\n"], "035f0c2a137b054c510be65744e12851e4d8deaf"),
    ],
)
def test_keys_that_clients_have_stored_stay_valid(values: list[object], expected: str) -> None:
    assert key(values) == expected


def test_the_hash_is_md5_of_the_compact_json_list_of_texts() -> None:
    digest = hashlib.md5(b'["4500000012","10"]').hexdigest()
    assert key(["4500000012", 10]) == "035f0c2a" + digest


@given(VALUES)
def test_any_json_writer_that_leaves_unicode_alone_gives_the_same_hash(values: list[str | int]) -> None:
    text = json.dumps([str(value) for value in values], separators=(",", ":"), ensure_ascii=False)
    assert key(values) == "035f0c2a" + hashlib.md5(text.encode()).hexdigest()


@given(VALUES)
def test_a_key_has_forty_characters_and_starts_with_entity_and_connection(values: list[object]) -> None:
    assert re.fullmatch("035f0c2a[0-9a-f]{32}", key(values) or "")


@given(VALUES)
def test_the_same_values_give_the_same_key_in_a_list_or_tuple(values: list[object]) -> None:
    assert key(values) == key(tuple(values)) == key_of("03", "5f0c2a")(list(values))


@given(st.lists(st.tuples(BLANK, FILLED, BLANK), min_size=1, max_size=3))
def test_blank_parts_are_dropped_wherever_they_stand(
    parts: list[tuple[str | None, str | int, str | None]],
) -> None:
    assert key([value for part in parts for value in part]) == key([filled for _, filled, _ in parts])


@given(st.lists(BLANK, max_size=4))
def test_a_record_without_any_key_part_has_no_key(values: list[str | None]) -> None:
    assert key(values) is None


@given(VALUES, VALUES)
def test_different_values_have_different_keys(one: list[str | int], other: list[str | int]) -> None:
    assert (key(one) == key(other)) == ([str(value) for value in one] == [str(value) for value in other])


@given(st.lists(st.text('",[]\\:|a', min_size=1), min_size=2, max_size=4))
def test_no_text_can_pass_for_two_parts(values: list[str]) -> None:
    for separator in ("", ",", '","', '", "', "|", ":"):
        assert key(values) != key([separator.join(values)])


@given(st.text(min_size=1).filter(lambda text: text.strip() == text))
def test_white_space_around_a_text_is_part_of_the_key(text: str) -> None:
    assert len({key([text]), key([f" {text}"]), key([f"{text} "])}) == 3


@given(st.integers())
def test_a_number_counts_as_its_digits(number: int) -> None:
    assert key([number]) == key([str(number)])


def test_entities_and_connections_do_not_share_keys() -> None:
    keys = {unified_key(prefix, part, ["1"]) for prefix in ("02", "03") for part in ("5f0c2a", "5f0c2b")}
    assert len(keys) == 4


@pytest.mark.parametrize("value", [True, False, 1.0, b"1", ["1"], {"a": 1}])
@pytest.mark.parametrize("others", [[], ["x"]])
def test_what_has_no_single_text_is_refused(value: object, others: list[object]) -> None:
    with pytest.raises(InvalidInput, match=type(value).__name__):
        key([*others, value])


@pytest.mark.parametrize("values", ["a", "ab", ""])
def test_a_bare_text_is_not_taken_for_a_list_of_letters(values: str) -> None:
    with pytest.raises(InvalidInput, match="must be a list"):
        unified_key("03", "5f0c2a", values)


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Unicode"):
        key(["\ud800"])


@pytest.mark.parametrize(
    ("prefix", "part"),
    [("3", "5f0c2a"), ("003", "5f0c2a"), ("03", "5f0c2"), ("03", "5F0C2A"), ("03\n", "5f0c2a")],
)
def test_a_key_head_of_another_shape_is_refused(prefix: str, part: str) -> None:
    with pytest.raises(ValueError, match="2 and 6 characters"):
        key_of(prefix, part)
