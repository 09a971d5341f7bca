"""Where the next page is."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import (
    CursorPaging,
    KeysetPaging,
    LinkPaging,
    NoPaging,
    NumberPaging,
    OffsetPaging,
    Paging,
)
from appliance.runtime.reading.paging import Answered, first_position, next_position, page_variables
from appliance.runtime.select import decode, encode


def rows(*numbers: int) -> list[bytes]:
    return [encode({"id": number}) for number in numbers]


# What guards against repetition and tells the length of pages.
BESIDE = ("seen", "longest", "doubtful")


def after(paging: Paging, position: dict[str, Any], answered: Answered) -> dict[str, Any] | None:
    """The next position without what stands beside it, after its way through a checkpoint."""
    following = next_position(paging, position, answered)
    if following is None:
        return None
    assert msgspec.json.decode(msgspec.json.encode(following)) == following
    return {name: value for name, value in following.items() if name not in BESIDE}


def test_one_answer_is_all() -> None:
    assert first_position(NoPaging()) == {}
    assert next_position(NoPaging(), {}, Answered(rows(1, 2))) is None


def test_by_offset_until_a_short_page() -> None:
    paging = OffsetPaging(size=2)
    assert after(paging, first_position(paging), Answered(rows(1, 2))) == {"offset": 2}
    assert after(paging, {"offset": 2}, Answered(rows(3))) is None
    assert after(paging, {"offset": 2}, Answered([])) is None


def test_by_offset_until_an_empty_page_goes_on_by_what_came() -> None:
    paging = OffsetPaging(size=100, until="empty")
    assert after(paging, {"offset": 0}, Answered(rows(1, 2, 3))) == {"offset": 3}
    assert after(paging, {"offset": 3}, Answered([])) is None


def test_by_offset_until_the_count_does_not_care_for_short_pages() -> None:
    paging = OffsetPaging(size=2, until="count")
    assert after(paging, {"offset": 0}, Answered(rows(1), count=3)) == {"offset": 1}
    assert after(paging, {"offset": 1}, Answered(rows(2, 3), count=3)) is None
    assert after(paging, {"offset": 0}, Answered(rows(1))) is None, "no count: as until short"
    assert after(paging, {"offset": 0}, Answered([], count=3)) is None, "a promise that is not kept ends"


def test_by_number() -> None:
    paging = NumberPaging(size=2, first=0)
    assert first_position(paging) == {"number": 0}
    assert after(paging, {"number": 0}, Answered(rows(1, 2))) == {"number": 1}
    assert after(paging, {"number": 1}, Answered(rows(3))) is None
    counted = NumberPaging(size=2, first=1, until="count")
    assert after(counted, {"number": 1}, Answered(rows(1, 2), count=4)) == {"number": 2}
    assert after(counted, {"number": 2}, Answered(rows(3, 4), count=4)) is None


def test_by_cursor() -> None:
    paging = CursorPaging(next="meta.next")
    assert after(paging, first_position(paging), Answered(rows(1), next="abc")) == {"cursor": "abc"}
    for end in (None, "", False):
        assert after(paging, {"cursor": "abc"}, Answered(rows(2), next=end)) is None


def test_by_link_in_the_answer_or_in_the_header() -> None:
    in_answer, in_header = LinkPaging(next="next"), LinkPaging()
    assert after(in_answer, first_position(in_answer), Answered(rows(1), next="/p?2")) == {"link": "/p?2"}
    assert after(in_answer, {"link": "/p?2"}, Answered(rows(2))) is None
    header = '<https://x/p?1,2>; rel="prev", <https://x/p?3,4>; rel="next", <https://x/p?9>; rel=last'
    assert after(in_header, first_position(in_header), Answered(rows(1), link_header=header)) == {
        "link": "https://x/p?3,4"
    }
    assert (
        after(in_header, {"link": "x"}, Answered(rows(1), link_header='<https://x/p?1>; rel="prev"')) is None
    )


@pytest.mark.parametrize("link", [{"href": "/p"}, ["/p"], 5, True])
def test_a_next_link_that_is_no_address_is_named(link: Any) -> None:
    with pytest.raises(SourceAnswerInvalid, match="no address of the next page at 'next'"):
        next_position(LinkPaging(next="next"), {"link": None}, Answered(rows(1), next=link))


def test_by_the_value_of_the_last_row() -> None:
    paging = KeysetPaging(size=2, by="id")
    assert after(paging, first_position(paging), Answered(rows(1, 2))) == {"after": 2}
    assert after(paging, {"after": 2}, Answered(rows(3))) is None


@pytest.mark.parametrize(
    ("value", "kept"), [("12.0", 12), ("1E+2", 100), ("12.50", "12.50"), ('"a"', "a"), ("7", 7)]
)
def test_a_decimal_by_which_pages_go_can_be_kept_in_a_checkpoint(value: str, kept: Any) -> None:
    last = f'{{"id":{value}}}'.encode()
    assert after(KeysetPaging(size=1, by="id"), {"after": None}, Answered([last])) == {"after": kept}
    assert after(CursorPaging(next="n"), {"cursor": None}, Answered([last], next=decode(last)["id"])) == {
        "cursor": kept
    }


def test_a_last_row_without_the_value_does_not_begin_the_pass_anew() -> None:
    with pytest.raises(SourceAnswerInvalid, match="nothing at 'id'"):
        next_position(KeysetPaging(size=1, by="id"), {"after": 7}, Answered([b'{"no":8}']))


KINDS: list[tuple[Paging, dict[str, Any]]] = [
    (OffsetPaging(size=2), {}),
    (NumberPaging(size=2), {}),
    (KeysetPaging(size=2, by="id"), {}),
    (CursorPaging(next="n"), {"next": "same"}),
    (LinkPaging(next="n"), {"next": "/same"}),
    (LinkPaging(), {"link_header": "</same>; rel=next"}),
]


@pytest.mark.parametrize(("paging", "beside"), KINDS)
def test_a_source_that_gives_the_same_page_for_ever_is_stopped(
    paging: Paging, beside: dict[str, Any]
) -> None:
    position: dict[str, Any] | None = first_position(paging)
    with pytest.raises(SourceAnswerInvalid, match="the same page again and again"):
        for _ in range(3):
            assert position is not None
            position = next_position(paging, position, Answered(rows(1, 2), **beside))


def test_pages_that_only_begin_alike_are_not_the_same() -> None:
    paging = OffsetPaging(size=2)
    first = next_position(paging, first_position(paging), Answered(rows(1, 2)))
    assert first is not None
    assert after(paging, first, Answered(rows(1, 3))) == {"offset": 4}


def test_hollow_pages_of_a_cursor_go_on() -> None:
    paging = CursorPaging(next="n")
    first = next_position(paging, first_position(paging), Answered([], next="a"))
    assert first is not None
    assert after(paging, first, Answered([], next="b")) == {"cursor": "b"}


def test_what_a_request_may_use() -> None:
    assert page_variables(OffsetPaging(), {"offset": 200}, 100) == {
        "size": 100,
        "offset": 200,
        "last": 299,
        "end": 300,
        "number": None,
        "after": None,
        "cursor": None,
    }
    assert page_variables(OffsetPaging(), {"offset": 0}, 0)["last"] == 0


@given(
    st.lists(st.integers(0, 5), max_size=40), st.integers(1, 7), st.sampled_from(["short", "empty", "count"])
)
def test_every_row_comes_once_whatever_the_size(values: list[int], size: int, until: Any) -> None:
    everything = [encode({"id": number, "v": value}) for number, value in enumerate(values)]
    for paging in (
        OffsetPaging(size=size, until=until),
        NumberPaging(size=size, until=until),
        KeysetPaging(size=size, by="id"),
    ):
        position: dict[str, Any] | None = first_position(paging)
        found: list[bytes] = []
        while position is not None:
            page = page_variables(paging, position, size)
            start = (
                page["offset"]
                if page["offset"] is not None
                else (page["number"] - 1) * size
                if page["number"]
                else -1
            )
            if start < 0:
                start = 0 if page["after"] is None else page["after"] + 1
            part = everything[start : start + size]
            found += part
            position = next_position(paging, position, Answered(part, count=len(everything)))
        assert found == everything
