"""How the next page of an answer is asked for, and what ends a pass."""

from typing import Annotated, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node


class NoPaging(Node, frozen=True, kw_only=True, tag="none", tag_field="kind"):
    """Everything in one answer."""


Until = Annotated[
    Literal["short", "empty", "count"],
    Meta(
        description="What ends the pass: a page with fewer rows than asked for, one without any, or the number of"
        " rows that `count` promises. A page is not `short` where `count` promises more, nor when it has as many rows"
        " as a limit of the source may allow: a first one with a round number (20, 25, 99), a later one as long as"
        " the longest. A source whose pages vary in length needs `empty`."
    ),
]


Size = Annotated[int, Meta(ge=1, description="Rows a page, `${page.size}`.")]


Exact = Annotated[
    bool,
    Meta(description="The source gives as many rows as it is asked for, so that fewer always are the last."),
]


class OffsetPaging(Node, frozen=True, kw_only=True, tag="offset", tag_field="kind"):
    """`${page.offset}`, `${page.last}` (the offset of its last row), `${page.end}` (one more) and `${page.size}`."""

    size: Size = 100
    exact: Exact = False
    until: Until = "short"
    overlap: Annotated[
        int,
        Meta(
            ge=0,
            description="Rows of the page before to ask for again: rows that move while they are read are not lost."
            " The request must order them, as by the key; 5 is a good number.",
        ),
    ] = 0

    def __post_init__(self) -> None:
        if self.overlap and self.overlap >= self.size:
            raise ValueError("the `overlap` of pages is smaller than their `size`")


class NumberPaging(Node, frozen=True, kw_only=True, tag="number", tag_field="kind"):
    """`${page.number}` and `${page.size}`."""

    size: Size = 100
    exact: Exact = False
    first: Annotated[int, Meta(description="Number of the first page.")] = 1
    until: Until = "short"


class CursorPaging(Node, frozen=True, kw_only=True, tag="cursor", tag_field="kind"):
    """`${page.cursor}` from the path `next` of the answer before; ends when it is empty."""

    size: Size = 100
    next: Annotated[str, Meta(description="Path of the next cursor in the answer.")]


class LinkPaging(Node, frozen=True, kw_only=True, tag="link", tag_field="kind"):
    """The address of the next page stands in the answer; ends when there is none."""

    size: Size = 100
    next: Annotated[str, Meta(description="Path of the address; empty: the Link header with rel=next.")] = ""


class KeysetPaging(Node, frozen=True, kw_only=True, tag="keyset", tag_field="kind"):
    """`${page.after}` is the value at `by` of the last row; rows must come in its order. Ends at a short page.

    Of several paths it is the list of their values, `${page.after.0}` and so on: rows that share a time are then told
    apart by their key. What comes after is `time > after.0 or (time = after.0 and key > after.1)`.
    """

    size: Size = 100
    exact: Exact = False
    by: Annotated[
        str | tuple[str, ...],
        Meta(description="Path in the row of what the pages are ordered by, or several; unique together."),
    ]

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("`by` names what the pages are ordered by")


Paging = Annotated[
    NoPaging | OffsetPaging | NumberPaging | CursorPaging | LinkPaging | KeysetPaging,
    Meta(description="How the next page is asked for, and what ends the pass."),
]
