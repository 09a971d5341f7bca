"""Ways to ask for what changed that need more than a filter: a long period in slices, lists that begin with it."""

from typing import Annotated

from msgspec import Meta

from appliance.runtime.definition.node import Node


class Window(Node, frozen=True, kw_only=True):
    """A pass that goes back further than `days` is asked for in slices of time, the last one open-ended.

    A slice holds what changed at or after `${window.from}` and before `${window.to}`, which is nothing in the last.
    """

    days: Annotated[int, Meta(ge=1, description="Length of a slice in days.")]
    most: Annotated[
        int,
        Meta(
            ge=1,
            description="Days of the longest slice: after an empty one the next is twice as long; at least `days`.",
        ),
    ] = 360


class NewestFirst(Node, frozen=True, kw_only=True):
    """The request orders rows by the time of their change, newest first: a pass ends where they are older than asked.

    What comes at the top meanwhile only makes rows come twice; what goes would hide rows from pages by `offset`
    without an `overlap`. A source that orders otherwise is read to its end, which is told.
    """

    by: Annotated[str, Meta(description="Path of the time of change in the row.")]
    times: Annotated[str, Meta(description="Format of that time, see the transforms.")] = "iso"
