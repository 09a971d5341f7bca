"""How the rows of an OData entity set are asked for."""

from typing import Annotated, Literal

from msgspec import Meta

from appliance.runtime.definition.incremental import Window
from appliance.runtime.definition.node import Node


class ODataRead(Node, frozen=True, kw_only=True, tag="odata2", tag_field="protocol"):
    """An entity set of an OData V2 service. Literals are written by the types of its $metadata."""

    set: Annotated[str, Meta(description="Name of the entity set.")]
    service: Annotated[str, Meta(description="Path of the service below `http.base_url`.")] = ""
    select: Annotated[
        tuple[str, ...],
        Meta(description="Properties to ask for, all when empty; the customer's own (`custom`) are added."),
    ] = ()
    expand: Annotated[
        tuple[str, ...],
        Meta(
            description="Navigations to read along: `to_Item/to_Line`, in V4 `_Item($select=A;$expand=_B)`."
        ),
    ] = ()
    custom: Annotated[
        tuple[str, ...], Meta(description="How names of the customer's own properties begin.")
    ] = ("YY1_", "ZZ", "Z")
    filter: Annotated[
        str,
        Meta(
            description="A fixed $filter with `${…}` of form fields, joined with the changed filter by `and`."
        ),
    ] = ""
    open: Annotated[
        str,
        Meta(
            description="A $filter for documents that are not finished: they are read however long ago they changed."
        ),
    ] = ""
    changed: Annotated[
        tuple[str, ...],
        Meta(
            description="Properties of which one moves with a change; a row counts when any is late enough."
        ),
    ] = ()
    changed_fallback: Annotated[
        tuple[tuple[str, ...], ...],
        Meta(
            description="Lists like `changed`, tried in order where the service cannot filter by the one before."
        ),
    ] = ()
    window: Annotated[
        Window | None, Meta(description="Slices of a long period, asked for by the changed filter.")
    ] = None
    literals: Annotated[
        dict[str, str],
        Meta(
            description="Edm type to the strftime format of its literal, where the service departs from OData."
        ),
    ] = {}
    paging: Annotated[
        Literal["server", "skip", "key"],
        Meta(
            description="`server`: follow next links. `skip`: $top and $skip in the order of the key. "
            "`key`: `Key gt 'last'`, for a single key."
        ),
    ] = "server"
    size: Annotated[int, Meta(ge=1, le=5000, description="Rows a page.")] = 100
    count: Annotated[bool, Meta(description="Ask how many rows there are in all.")] = True
    missing: Annotated[
        Literal["refuse", "leave_out"],
        Meta(
            description="A property to select or expand that the service lacks, as between releases: an error, or"
            " left out."
        ),
    ] = "refuse"
    distinct: Annotated[
        tuple[str, ...],
        Meta(
            description="Give only these properties of the rows, each combination once a page: a list of values that"
            " stands nowhere on its own."
        ),
    ] = ()

    def __post_init__(self) -> None:
        if self.window is not None and not self.changed:
            raise ValueError("a read with `window` needs `changed`")


class OData4Read(ODataRead, frozen=True, kw_only=True, tag="odata4", tag_field="protocol"):
    """An entity set of an OData V4 service; says the same as for V2, and `delta`."""

    delta: Annotated[
        bool,
        Meta(
            description="Ask for a delta link and go on from it; the changed filter takes over when it is refused."
        ),
    ] = False

    def __post_init__(self) -> None:
        ODataRead.__post_init__(self)
        if self.window is not None and self.delta:
            raise ValueError("a set is read by `delta` or in the slices of a `window`, not both")


class AlternativesRead(Node, frozen=True, kw_only=True, tag="alternatives", tag_field="protocol"):
    """The first of several OData sets that the system has, as releases differ; the mapping reads the rows of all."""

    of: Annotated[
        tuple[ODataRead | OData4Read, ...],
        Meta(min_length=2, description="Reads in the order they are tried, each of its own service."),
    ]
    window: Annotated[Window | None, Meta(description="Slices of a long period, whichever set is read.")] = (
        None
    )

    def __post_init__(self) -> None:
        if any(read.window is not None for read in self.of):
            raise ValueError("the `window` of alternatives stands beside `of`, not in it")
