"""How the rows of an entity are asked for, page by page."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.files import FilesRead
from appliance.runtime.definition.http import RequestTemplate
from appliance.runtime.definition.node import Node
from appliance.runtime.definition.sql import SqlRead


class NoPaging(Node, frozen=True, kw_only=True, tag="none", tag_field="kind"):
    """Everything in one answer."""


Until = Annotated[
    Literal["short", "empty", "count"],
    Meta(
        description="What ends the pass: a page with fewer rows than asked for, one without any, or the number of"
        " rows that `count` promises."
    ),
]


class OffsetPaging(Node, frozen=True, kw_only=True, tag="offset", tag_field="kind"):
    """`${page.offset}`, `${page.last}` (the offset of the page's last row) and `${page.size}`."""

    size: Annotated[int, Meta(ge=1)] = 100
    until: Until = "short"


class NumberPaging(Node, frozen=True, kw_only=True, tag="number", tag_field="kind"):
    """`${page.number}` and `${page.size}`."""

    size: Annotated[int, Meta(ge=1)] = 100
    first: int = 1
    until: Until = "short"


class CursorPaging(Node, frozen=True, kw_only=True, tag="cursor", tag_field="kind"):
    """`${page.cursor}` from the path `next` of the answer before; ends when it is empty."""

    size: Annotated[int, Meta(ge=1)] = 100
    next: str


class LinkPaging(Node, frozen=True, kw_only=True, tag="link", tag_field="kind"):
    """The address of the next page stands in the answer; ends when there is none."""

    size: Annotated[int, Meta(ge=1)] = 100
    next: Annotated[str, Meta(description="Path of the address; empty: the Link header with rel=next.")] = ""


class KeysetPaging(Node, frozen=True, kw_only=True, tag="keyset", tag_field="kind"):
    """`${page.after}` is the value at `by` of the last row; rows must come in its order. Ends at a short page."""

    size: Annotated[int, Meta(ge=1)] = 100
    by: str


Paging = NoPaging | OffsetPaging | NumberPaging | CursorPaging | LinkPaging | KeysetPaging


class Pivot(Node, frozen=True, kw_only=True):
    """A list of name and value pairs becomes members of the row."""

    list: Annotated[str, Meta(description="Path of the list in the row.")]
    name: Annotated[str, Meta(description="Member of a pair that names it.")]
    value: Annotated[str, Meta(description="Member of a pair that holds the value.")]
    into: Annotated[str, Meta(description="Member of the row to put them under; empty: the row itself.")] = ""


class Detail(Node, frozen=True, kw_only=True):
    """A second request for each row, for lists that show only part of a record."""

    request: Annotated[RequestTemplate, Meta(description="May use `${row.…}` of the listed row.")]
    record: Annotated[
        str, Meta(description="Path of the record in the answer; empty: the answer itself.")
    ] = ""
    into: Annotated[
        str, Meta(description="Member of the row to put it under; empty: merged into the row.")
    ] = ""
    concurrency: Annotated[int, Meta(ge=1, le=16, description="Requests at a time.")] = 4


class HttpRead(Node, frozen=True, kw_only=True, tag="http", tag_field="protocol"):
    """Rows from a JSON answer."""

    request: RequestTemplate
    vars: Annotated[
        dict[str, Any],
        Meta(description="Values for the request template; templates themselves, without each other."),
    ] = {}
    rows: Annotated[str, Meta(description="Path to the list of rows; empty when the answer is the list.")] = (
        ""
    )
    count: Annotated[str, Meta(description="Path to the number of rows in all, where the source counts.")] = (
        ""
    )
    count_request: Annotated[
        RequestTemplate | None, Meta(description="A request that counts; `count` is its path.")
    ] = None
    paging: Paging = NoPaging()
    mark: Annotated[
        str,
        Meta(
            description="Path of a number that grows with every change; the highest one is `${mark}` next time."
        ),
    ] = ""
    explode: Annotated[
        str,
        Meta(description="Path of a list in each row whose items become the rows, with the row as `parent`."),
    ] = ""
    pivot: Pivot | None = None
    detail: Detail | None = None


class ODataRead(Node, frozen=True, kw_only=True, tag="odata2", tag_field="protocol"):
    """An entity set of an OData V2 service. Literals are written by the types of its $metadata."""

    set: str
    service: Annotated[str, Meta(description="Path of the service below `http.base_url`.")] = ""
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    filter: Annotated[
        str, Meta(description="A fixed $filter, combined with the changed-since filter by `and`.")
    ] = ""
    changed: Annotated[
        tuple[str, ...],
        Meta(
            description="Properties of which one moves with a change; a row counts when any is late enough."
        ),
    ] = ()
    size: Annotated[int, Meta(ge=1, le=5000)] = 100


class CodeRead(Node, frozen=True, kw_only=True, tag="code", tag_field="protocol"):
    """Rows from the `Reader` of the folder's `code.py`."""

    options: dict[str, Any] = {}


class DeclaredRead(Node, frozen=True, kw_only=True, tag="declared", tag_field="protocol"):
    """Rows that stand in the definition itself, such as fixed status lists."""

    items: tuple[dict[str, Any], ...]


Read = HttpRead | ODataRead | SqlRead | FilesRead | CodeRead | DeclaredRead


class EntityDefinition(Node, frozen=True, kw_only=True):
    """How one entity of the unified model is read from this source."""

    read: Read
    key: Annotated[tuple[str, ...], Meta(min_length=1, description="Paths of the source's primary key.")]
    modified: Annotated[Any, Meta(description="Mapping expression of the time of the last change.")] = None
    incremental: Annotated[
        Literal["changed", "mark", "compare"],
        Meta(
            description="`changed`: the request can ask since when. `mark`: since which number or token."
            " `compare`: read all, compare hashes."
        ),
    ] = "changed"
    overlap_seconds: Annotated[
        int, Meta(ge=0, description="Overlap the source needs beyond the setting.")
    ] = 0
    times: Annotated[str, Meta(description="Format of date and time values, see the transforms.")] = "iso"
    required: Annotated[bool, Meta(description="Connecting fails when this entity cannot be read.")] = False
    note: Annotated[str, Meta(description="What a reader of the mapping should know.")] = ""
    map: Annotated[dict[str, Any], Meta(description="Unified field to mapping expression.")]
