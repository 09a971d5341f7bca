"""What a connection changes of its connector's mappings."""

from typing import Annotated, Any

from msgspec import Meta

from appliance.runtime.definition.node import Node


class Overlay(Node, frozen=True, kw_only=True):
    """What differs for one entity; null takes a field out. Or a table of the source beside its entities."""

    table: Annotated[
        dict[str, Any] | None,
        Meta(description="`read`, `key` and perhaps `modified` and `incremental` of a custom table."),
    ] = None

    map: Annotated[dict[str, Any], Meta(description="Unified field to mapping expression, or null.")] = {}
    custom: Annotated[
        dict[str, Any], Meta(description="Name below `customFields` to mapping expression, or null.")
    ] = {}
