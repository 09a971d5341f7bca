"""A source that leads in a circle is stopped; one that goes on is not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.definition import (
    CursorPaging,
    KeysetPaging,
    LinkPaging,
    NumberPaging,
    OffsetPaging,
    Paging,
)
from appliance.runtime.reading.paging import Answered, first_position, next_position
from appliance.runtime.reading.repetition import watched
from tests.runtime.opened import reading, vendor_pages
from tests.transport.servers import Exchange, serving

AGAIN = "the same page again and again"


def page(number: int) -> list[bytes]:
    return [f'{{"id":{2 * number + row}}}'.encode() for row in (0, 1)]


def pages_until_stopped(paging: Paging, lead_in: int, circle: int, most: int) -> int:
    """How many pages are read of a source that comes back to page `lead_in` after `circle` pages."""
    position: dict[str, Any] | None = first_position(paging)
    for read in range(most):
        assert position is not None
        number = read if read < lead_in else lead_in + (read - lead_in) % circle
        answered = Answered(page(number), next=f"/p{(number + 1)}", link_header=f"</p{read}>; rel=next")
        try:
            position = json.loads(json.dumps(next_position(paging, position, answered)))
        except SourceAnswerInvalid as failure:
            assert AGAIN in failure.message
            return read + 1
    return most


@pytest.mark.parametrize(
    "paging",
    [
        OffsetPaging(size=2),
        NumberPaging(size=2),
        KeysetPaging(size=2, by="id"),
        CursorPaging(next="n"),
        LinkPaging(next="n"),
        LinkPaging(),
    ],
    ids=lambda paging: type(paging).__name__,
)
@pytest.mark.parametrize("circle", [1, 2, 3, 7])
def test_pages_that_come_round_are_stopped_soon(paging: Paging, circle: int) -> None:
    assert pages_until_stopped(paging, 0, circle, 100) <= 3 * circle + 1
    assert pages_until_stopped(paging, 5, circle, 100) <= 3 * (5 + circle) + 1


@given(st.integers(0, 40), st.integers(1, 40))
def test_a_circle_of_any_length_is_found(lead_in: int, circle: int) -> None:
    most = 3 * (lead_in + circle) + 2
    assert pages_until_stopped(OffsetPaging(size=2), lead_in, circle, most) < most


def test_a_long_pass_is_not_taken_for_a_circle_and_keeps_little() -> None:
    position: dict[str, Any] = {"offset": 0}
    for number in range(3000):
        following = watched(position, {"offset": number + 1}, page(number))
        assert following is not None
        position = following
    assert len(json.dumps(position)) < 200


def test_hollow_pages_whose_cursor_goes_in_a_circle_are_stopped() -> None:
    position: dict[str, Any] = {"cursor": None}
    with pytest.raises(SourceAnswerInvalid, match=AGAIN):
        for number in range(20):
            position = (
                next_position(CursorPaging(next="n"), position, Answered([], next="ab"[number % 2])) or {}
            )


@pytest.mark.parametrize("read", ["http", "odata4"])
def test_links_that_lead_in_a_circle_end_the_pass_with_a_reason(read: str) -> None:
    metadata = (
        '<Edmx Version="4.0" xmlns="http://docs.oasis-open.org/odata/ns/edmx"><DataServices>'
        '<Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityType Name="V">'
        '<Key><PropertyRef Name="Number"/></Key><Property Name="Number" Type="Edm.String"/></EntityType>'
        '<EntityContainer Name="C"><EntitySet Name="V" EntityType="n.V"/></EntityContainer></Schema>'
        "</DataServices></Edmx>"
    )

    def answer(exchange: Exchange) -> None:
        if "metadata" in exchange.path:
            exchange.reply(200, metadata.encode(), Content_Type="application/xml")
            return
        number = int(exchange.path.partition("p=")[2] or 0)
        leads_to = f"V?p={1 + number % 2}"
        content = {"value": [{"Number": str(number)}], "@odata.nextLink": leads_to, "next": leads_to}
        exchange.reply(200, json.dumps(content).encode(), Content_Type="application/json")

    says = {
        "http": {"request": {"path": "V"}, "rows": "value", "paging": {"kind": "link", "next": "next"}},
        "odata4": {"set": "V"},
    }
    with serving(answer) as server, pytest.raises(SourceAnswerInvalid, match=AGAIN):
        vendor_pages(reading(server.url, {"protocol": read, **says[read]}))
    assert len(server.requests) < 9
