"""Tables of a source that the unified model has no entity for: kept row by row, as they are."""

from types import MappingProxyType

from appliance.model.entity import Entity, Field, Model

PREFIX = "custom."
"""What the names of such tables begin with, wherever entities are named."""

CUSTOM_TABLE = Entity(
    name="CustomTable",
    domain="system",
    description="A row of a table of the source, as it is.",
    categories=(),
    path=None,
    prefix="7e",
    nature="master",
    page_limit=500,
    fields=MappingProxyType({"key": Field("key", "key"), "row": Field("row", "any")}),
)


def entity_of(model: Model, name: str) -> Entity:
    """The entity of the model, or what stands for all custom tables."""
    return CUSTOM_TABLE if name.startswith(PREFIX) else model.entities[name]
