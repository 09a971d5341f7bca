"""What is set, as the document that would set it."""

import re
from collections.abc import Mapping
from typing import Any

from appliance.connections.lifecycle import Connections
from appliance.connections.tables import Connection
from appliance.errors import ApplianceError, Conflict
from appliance.mappings.custom_tables import CustomTables
from appliance.mappings.service import Mappings
from appliance.operations.as_code.document import VERSION, WebhookKey
from appliance.passthrough.service import Passthrough
from appliance.runtime.catalog import Catalog
from appliance.sync.schedules.service import Schedules
from appliance.users.applications import Applications
from appliance.vault.secrets import SecretStore
from appliance.webhooks.endpoints import Endpoints
from appliance.webhooks.tables import Endpoint


class Exporting:
    def __init__(
        self,
        connections: Connections,
        catalog: Catalog,
        schedules: Schedules,
        mappings: Mappings,
        tables: CustomTables,
        passthrough: Passthrough,
        webhooks: Endpoints,
        applications: Applications,
        secrets: SecretStore,
    ) -> None:
        self.secrets = secrets
        self.connections = connections
        self.catalog = catalog
        self.schedules = schedules
        self.mappings = mappings
        self.tables = tables
        self.passthrough = passthrough
        self.webhooks = webhooks
        self.applications = applications

    def setup(self) -> dict[str, Any]:
        """Everything, sorted by name. Raises Conflict where names do not tell connections or webhooks apart."""
        named = self.named()
        owners = self.owners(named)
        return {
            "version": VERSION,
            "connections": [self.connection(one) for _, one in sorted(named.items())],
            "webhooks": [
                self.webhook(one, owners)
                for _, one in sorted(
                    self.endpoints(owners).items(), key=lambda item: [part or "" for part in item[0]]
                )
            ],
        }

    def named(self) -> dict[str, Connection]:
        """Open connections by name. Raises Conflict where two have the same."""
        found: dict[str, Connection] = {}
        for one in self.connections.table.all():
            if one.is_open and found.setdefault(one.name, one) is not one:
                raise Conflict(
                    f"Two connections are called {one.name!r}; in a file names tell them apart. "
                    f"Disconnect one of {found[one.name].id} and {one.id}."
                )
        return found

    def owners(self, named: Mapping[str, Connection]) -> dict[str, str]:
        """Whose webhooks can be: ids of open connections and of applications in use to their names."""
        return {connection.id: name for name, connection in named.items()} | {
            one["id"]: one["name"] for one in self.applications.list() if one["revoked_at"] is None
        }

    def endpoints(self, owners: Mapping[str, str]) -> dict[WebhookKey, Endpoint]:
        """Webhooks by whose they are and their name, or their address where they have none.

        Those of disconnected connections and revoked applications are over. Raises Conflict where two have one key.
        """
        found: dict[WebhookKey, Endpoint] = {}
        for one in self.webhooks.table.all():
            owner = one.connection_id or one.application_id
            if owner is not None and owner not in owners:
                continue
            key = WebhookKey(
                owners.get(one.connection_id or ""), owners.get(one.application_id or ""), one.name or one.url
            )
            if found.setdefault(key, one) is not one:
                raise Conflict(
                    f"Two webhooks of one owner are called {key.name!r}; in a file names tell them apart. "
                    f"Rename or delete one of {found[key].id} and {one.id}."
                )
        return found

    def connection(self, connection: Connection) -> dict[str, Any]:
        """One connection; of its secrets only where to take them from."""
        described = self.schedules.describe(connection.id)
        return {
            "name": connection.name,
            "system": connection.system,
            "hosting": connection.hosting,
            "email": connection.email,
            "historical_days": connection.historical_days,
            "fields": {name: value for name, value in sorted(connection.fields.items()) if value is not None},
            "secrets": {
                name: {"from": f"env:{_variable(connection.name, name)}"}
                for name in self.secret_names(connection)
            },
            "metadata": connection.metadata,
            "schedule": {"rule": described["rule"], "entities": described["entity_rules"]},
            "mappings": self.mappings_of(connection.id),
            "tables": self.tables_of(connection.id),
            "passthrough": list(self.passthrough.table.rules(connection.id).texts),
        }

    def webhook(self, endpoint: Endpoint, owners: Mapping[str, str]) -> dict[str, Any]:
        return {
            "name": endpoint.name or endpoint.url,
            "connection": owners.get(endpoint.connection_id or ""),
            "application": owners.get(endpoint.application_id or ""),
            "url": endpoint.url,
            "events": endpoint.choices,
            "enabled": endpoint.enabled,
            "disable_on_gone": endpoint.disable_on_gone,
        }

    def mappings_of(self, connection_id: str) -> dict[str, dict[str, Any]]:
        """Entity to what its mapping changes."""
        return {
            entity: {
                part: dict(sorted(changes.items()))
                for part, changes in (("map", overlay.map), ("custom", overlay.custom))
                if changes
            }
            for entity, overlay in sorted(self.mappings.table.in_force(connection_id).items())
            if overlay.table is None and (overlay.map or overlay.custom)
        }

    def tables_of(self, connection_id: str) -> dict[str, dict[str, Any]]:
        """Custom table to its declaration."""
        return {
            one["name"]: {key: value for key, value in one.items() if key not in ("name", "table", "rows")}
            for one in sorted(self.tables.all(connection_id), key=lambda one: str(one["name"]))
        }

    def secret_names(self, connection: Connection) -> list[str]:
        """Fields of the form that are in the vault; not what the source has issued since."""
        try:
            form = self.catalog.folder(connection.system).definition.form
            held = self.secrets.get(connection.id)
        except ApplianceError:
            # The connector's folder was taken away, or the keyring is not the one that belongs to this database.
            return []
        return sorted(one.name for one in form if one.sealed and one.name in held)


def _variable(connection: str, field: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", f"SECRET_{connection}_{field}".upper())
