"""What the system of a connection can do, entity by entity: reading, writing, and what each demands."""

from flask import Blueprint, render_template

from appliance.app import Appliance
from appliance.runtime.capabilities import EntityReads, capabilities
from appliance.writes.capabilities import abilities


def add_views(pages: Blueprint, appliance: Appliance) -> None:
    @pages.get("/connections/<connection_id>/capabilities", endpoint="capabilities")
    def show(connection_id: str) -> str:
        connection = appliance.connections.get(connection_id)
        written = appliance.catalog.definition(connection.system, connection.fields)
        definition = appliance.mappings.adjusted(connection, written)
        writes = abilities(appliance.model, definition)
        known = capabilities(appliance.model, definition)
        rows = [
            {
                "entity": one.entity,
                "reads": one.reads,
                "fields": () if one.reads is None else _fields(one.reads),
                "writes": writes.get(one.entity.name, {}),
            }
            for one in known
            if one.reads is not None or one.entity.name in writes
        ]
        return render_template(
            "capabilities.html",
            connection=connection,
            definition=definition,
            rows=rows,
            without=[one.entity.name for one in known if one.reads is None and one.entity.name not in writes],
        )


def _fields(reads: EntityReads) -> list[str]:
    return [*reads.fields, *(f"customFields.{name}" for name in reads.custom_field_names)]
