"""`/api/system/…`: the catalogue, connections and their tokens, as the account sees them."""

from typing import Any

import msgspec
from flask import Blueprint, Response

from appliance.api.bearer import current_account
from appliance.api.bodies import answer, listed, mapping, optional_text, read_body, read_json, text, whole
from appliance.api.gate import Caller
from appliance.app import Appliance
from appliance.clock import iso
from appliance.connections.lifecycle import Connected
from appliance.connections.link import ACCESS_SECONDS
from appliance.connections.tables import Connection
from appliance.errors import PermissionDenied
from appliance.runtime.catalog import UnknownSystem
from appliance.runtime.definition import Definition
from appliance.users.scopes import Scope

ISSUED_SECONDS = 300
BACKUPS_SHOWN = 200


def blueprint(appliance: Appliance) -> Blueprint:
    routes = Blueprint("system", __name__)
    connections = appliance.connections

    @routes.get("/api/system/platforms")
    def platforms() -> Response:
        """The systems that can be connected, with form, price and entities."""
        current_account()
        return listed([describe_system(appliance, d.system) for d in appliance.catalog.definitions()])

    @routes.get("/api/system/client")
    def client() -> Response:
        """The application that asks, or for a key the account's first one."""
        caller = current_account()
        found = appliance.applications.first()
        if caller.kind == "application":
            found = appliance.applications.get(caller.id)
        redirects = [] if found is None else list(found.redirects)
        return answer(
            {
                "id": caller.id if found is None else found.id,
                "name": caller.name if found is None else found.name,
                "logo_url": None if found is None else found.logo_url,
                "email": None if found is None else found.email,
                "default_redirect": redirects[0] if redirects else None,
                "redirects": redirects,
            }
        )

    @routes.get("/api/system/credits")
    def credits_left() -> Response:
        """Credits that were granted, are used, and are left."""
        current_account()
        balance = appliance.ledger.balance()
        return answer({"granted": balance.granted, "used": balance.used, "available": balance.available})

    @routes.get("/api/system/storage")
    def storage() -> Response:
        """What there is, what it takes on the disk, and what is deleted when."""
        current_account()
        return answer(appliance.storage.describe())

    @routes.get("/api/system/backups")
    def backups() -> Response:
        """Backups that were made, failed or wait to be made, the newest first."""
        current_account()
        return listed([one.as_dict() for one in appliance.backups.table.recent(BACKUPS_SHOWN)])

    @routes.post("/api/system/backups")
    def make_backup() -> Response:
        """Have a backup made soon; one that waits already is answered again."""
        caller = current_account()
        if caller.scope.connections is not None:
            raise PermissionDenied("This key is limited to connections; a backup holds all of them.")
        read_body()
        return answer(appliance.backups.ask(caller.name).as_dict(), 202)

    @routes.get("/api/system/connections")
    def list_connections() -> Response:
        """Connections, those that are disconnected included."""
        scope = current_account().scope
        found = [connection for connection in connections.table.all() if scope.sees(connection.id)]
        return listed([describe_connection(appliance, connection) for connection in found])

    @routes.post("/api/system/connections")
    def connect() -> Response:
        """Connect a system: its connection test is passed first, then its tokens are answered, once."""
        caller = current_account()
        if caller.scope.connections is not None:
            raise PermissionDenied("This key is limited to connections that are there; it cannot make one.")
        body = read_body("provider", "name", "email", "credentials", "hosting", "historical_days")
        made = connections.connect(
            system=text(body, "provider"),
            name=text(body, "name"),
            email=optional_text(body, "email"),
            fields=mapping(body, "credentials"),
            hosting=optional_text(body, "hosting"),
            historical_days=body.get("historical_days"),
            application_id=_application_of(caller),
        )
        return answer(_connected(made, caller), 201)

    @routes.delete("/api/system/connections/<connection_id>")
    def disconnect(connection_id: str) -> Response:
        """End a connection: its tokens are dead at once, its credits return, its history stays."""
        current_account()
        returned = connections.disconnect(connection_id)
        return answer({"id": connection_id, "status": "disconnected", "credits_returned": returned})

    @routes.get("/api/system/connections/<connection_id>/metadata")
    def metadata(connection_id: str) -> Response:
        """The connection with the pairs kept for it."""
        current_account()
        return answer([describe_connection(appliance, connections.get(connection_id))])

    @routes.post("/api/system/connections/<connection_id>/metadata")
    def set_metadata(connection_id: str) -> Response:
        """Keep these pairs of key and value in place of the former ones."""
        current_account()
        return answer(describe_connection(appliance, connections.set_metadata(connection_id, read_json([]))))

    @routes.post("/api/system/connections/<connection_id>/token")
    def issue_token(connection_id: str) -> Response:
        """A further token of a connection for a while, limited where the body says so."""
        caller = current_account()
        body = read_body("expires_in", "entities", "verbs", "networks")
        seconds = whole(body, "expires_in", ISSUED_SECONDS, 1, ACCESS_SECONDS)
        scope = Scope.of(body, appliance.model.entities)
        if not scope.within(Scope(caller.scope.entities, caller.scope.verbs)):
            raise PermissionDenied("The token would be allowed more than the key that asks for it.")
        connection = connections.get_open(connection_id)
        token = connections.tokens.issue(connection.id, kind="issued", seconds=seconds, scope=scope)
        expires_at = iso(appliance.clock.now_ms() + seconds * 1000)
        return answer(
            {
                "token": token,
                "token_type": "bearer",
                "expires_in": seconds,
                "expires_at": expires_at,
                "scope": scope.as_dict(),
            },
            201,
        )

    @routes.post("/api/system/connections/<connection_id>/test")
    def test(connection_id: str) -> Response:
        """Test a connection stage by stage."""
        current_account()
        read_body()
        report = connections.test(connection_id)
        return answer({"passed": report.failure is None, "stages": report.as_dicts()})

    @routes.post("/api/system/connections/<connection_id>/reauthorize")
    def reauthorize(connection_id: str) -> Response:
        """New credentials for the same connection: its history stays, new tokens replace all former ones."""
        caller = current_account()
        fields = mapping(read_body("credentials"), "credentials")
        return answer(_connected(connections.reauthorize(connection_id, fields), caller))

    def _connected(made: Connected, caller: Caller) -> dict[str, Any]:
        pair = appliance.links.open(made.connection.id, _application_of(caller))
        return {
            "id": made.connection.id,
            "status": made.connection.status,
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "token_type": "bearer",
            "expires_in": pair.expires_in,
            "expires_at": iso(pair.expires_at),
            "connection_token": made.token,
            "credits": made.connection.credits,
            "stages": made.report.as_dicts(),
        }

    return routes


def describe_system(appliance: Appliance, system: str) -> dict[str, Any]:
    """What the catalogue says of a system: form, credits, entities."""
    definition = appliance.catalog.folder(system).definition
    places = ("cloud", "on_premises") if definition.hosting == "either" else (definition.hosting,)
    return {
        "provider": definition.system,
        "name": definition.name,
        "vendor": definition.vendor,
        "summary": definition.summary,
        "versions": definition.versions,
        "categories": list(definition.categories),
        "evidence": definition.evidence,
        "tier": definition.tier,
        "hosting": list(places),
        "credits": {place: appliance.connections.quote(system, place)[1] for place in places},
        "entities": list(definition.entities),
        "form": [msgspec.to_builtins(form_field) for form_field in definition.form],
    }


def describe_connection(appliance: Appliance, connection: Connection) -> dict[str, Any]:
    """A connection with the members of the published interface and ours; nothing secret is in it to begin with."""
    definition = definition_of(appliance, connection.system)
    return {
        "key": connection.id,
        **connection.as_dict(),
        "integration_name": connection.system if definition is None else definition.name,
        "redirect": None,
        "scopes": "" if definition is None else " ".join(definition.categories),
        "user_metadata": connection.metadata,
        "client_id": connection.application_id,
    }


def definition_of(appliance: Appliance, system: str) -> Definition | None:
    """The definition of a system, None where its connector is no longer installed."""
    try:
        return appliance.catalog.folder(system).definition
    except UnknownSystem:
        return None


def _application_of(caller: Caller) -> str | None:
    return caller.id if caller.kind == "application" else None
