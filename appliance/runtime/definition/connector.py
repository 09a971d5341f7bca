"""A whole connector, and reading it from a document."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.errors import ConfigurationError
from appliance.runtime.definition.auth import Auth, Choose, Csrf, NoAuth, OAuth2
from appliance.runtime.definition.files import FilesPlace
from appliance.runtime.definition.form import FormField
from appliance.runtime.definition.http import ErrorRule, Http, Probe
from appliance.runtime.definition.node import Node
from appliance.runtime.definition.push import Push
from appliance.runtime.definition.reading import DeclaredRead, EntityDefinition
from appliance.runtime.definition.sql import Sql
from appliance.runtime.definition.tls import tls_fields

Hosting = Literal["cloud", "on_premises", "either"]
Evidence = Literal["verified", "contract", "facts"]


class Definition(Node, frozen=True, kw_only=True):
    """A connector."""

    system: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the system, equal to its folder.")
    ]
    name: Annotated[str, Meta(description="Name of the system as people know it.")]
    summary: Annotated[str, Meta(description="One or two sentences for the catalogue.")]
    vendor: Annotated[str, Meta(description="Who makes the system.")] = ""
    versions: Annotated[str, Meta(description="Versions of the system this was written for.")] = ""
    categories: Annotated[
        tuple[Literal["eam", "erp", "wms"], ...],
        Meta(description="Which parts of the API its records are served in."),
    ]
    tier: Annotated[
        Literal[1, 2, 3], Meta(description="Size of the system, which decides the credits of a connection.")
    ]
    hosting: Annotated[Hosting, Meta(description="Where the source system can be installed.")]
    evidence: Annotated[
        Evidence,
        Meta(description="Tested against the running system, against its published interface, or not yet."),
    ]
    free: Annotated[bool, Meta(description="Costs no credits (sample data).")] = False
    simulated: Annotated[
        bool, Meta(description="Writes are answered as if they were done and change nothing.")
    ] = False
    shortest_seconds: Annotated[
        Annotated[int, Meta(ge=10)] | None,
        Meta(description="Shortest time between two syncs, where the system bears more than is usual."),
    ] = None
    form: Annotated[tuple[FormField, ...], Meta(description="What is asked of who connects the system.")] = ()
    http: Annotated[Http | None, Meta(description="How to reach it, for entities read over HTTP.")] = None
    sql: Annotated[Sql | None, Meta(description="The database, for entities read by `sql`.")] = None
    files: Annotated[FilesPlace | None, Meta(description="The folder, for entities read by `files`.")] = None
    auth: Annotated[Auth, Meta(description="How to sign in.")] = NoAuth()
    probe: Annotated[
        Probe | None, Meta(description="A request that tells whether the credentials are valid.")
    ] = None
    errors: Annotated[
        tuple[ErrorRule, ...], Meta(description="What answers mean, where the status alone does not tell.")
    ] = ()
    statuses: Annotated[
        dict[str, dict[str, str]], Meta(description="Scope to code to name, for fixed status lists.")
    ] = {}
    entities: Annotated[
        dict[str, EntityDefinition], Meta(description="Entity of the unified model to how it is read.")
    ] = {}
    push: Annotated[
        Push | None, Meta(description="What the source sends by itself when something changes.")
    ] = None
    entities_field: Annotated[
        str, Meta(description="Form field that holds the entities of a generic connector.")
    ] = ""
    packs: Annotated[
        dict[str, str], Meta(description="Ready-made entities a generic connector offers by name.")
    ] = {}


def parse_definition(document: Any, *, where: str) -> Definition:
    """Check a definition document, `defaults` and `mapping/*.yaml` already merged by the catalog.

    Raises ConfigurationError that names the place and what is wrong there.
    """
    if not isinstance(document, dict):
        raise ConfigurationError(f"{where}: a connector definition is a mapping of keys.")
    content = dict(document)
    defaults = content.pop("defaults", None) or {}
    if not isinstance(defaults, dict):
        raise ConfigurationError(f"{where}: `defaults` is not a mapping of keys.")
    content["entities"] = with_defaults(content.get("entities", {}), defaults)
    definition = _convert(content, Definition, where)
    if definition.entities_field and definition.entities_field not in {f.name for f in definition.form}:
        raise ConfigurationError(
            f"{where}: entities_field names {definition.entities_field!r}, which the form lacks."
        )
    if not definition.entities and not definition.entities_field:
        raise ConfigurationError(f"{where}: a connector serves at least one entity.")
    if definition.http is not None:
        added = tls_fields(definition.http.tls)
        definition = msgspec.structs.replace(definition, form=(*definition.form, *added))
    _check_form(definition, where)
    _check_auth(definition, definition.auth, where)
    return _with_declared_statuses(definition)


def parse_entities(document: Any, defaults: dict[str, Any], *, where: str) -> dict[str, EntityDefinition]:
    """Check a mapping of entity name to entity definition, as a generic connector takes it from its form."""
    if not isinstance(document, dict) or not document:
        raise ConfigurationError(
            f"{where}: write at least one entity, such as `Vendor: {{read: …, key: …, map: …}}`."
        )
    entities: dict[str, EntityDefinition] = _convert(
        with_defaults(document, defaults), dict[str, EntityDefinition], where
    )
    return entities


def with_defaults(entities: Any, defaults: dict[str, Any]) -> Any:
    if not isinstance(entities, dict):
        return entities
    return {
        name: deep_merge(defaults, entity) if isinstance(entity, dict) else entity
        for name, entity in entities.items()
    }


def deep_merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Mappings merge key by key, anything else in `above` replaces what is in `below`."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = (
            deep_merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
        )
    return merged


def _check_form(definition: Definition, where: str) -> None:
    fields = {form_field.name: form_field for form_field in definition.form}
    if len(fields) != len(definition.form):
        raise ConfigurationError(f"{where}: two form fields have the same name.")
    for form_field in definition.form:
        for name, value in form_field.when.items():
            if name not in fields or (fields[name].choices and value not in fields[name].choices):
                raise ConfigurationError(
                    f"{where}: the form field {form_field.name} waits for {name} to be {value!r}, which never is."
                )


def _check_auth(definition: Definition, auth: Auth, where: str) -> None:
    fields = {form_field.name: form_field for form_field in definition.form}
    match auth:
        case Csrf():
            _check_auth(definition, auth.inner, where)
        case Choose():
            deciding = fields.get(auth.field)
            if deciding is None or set(deciding.choices) != set(auth.schemes):
                raise ConfigurationError(
                    f"{where}: `auth` chooses by {auth.field!r}; the form needs that field, of type choice, with "
                    f"exactly the choices {', '.join(auth.schemes)}."
                )
            for scheme in auth.schemes.values():
                _check_auth(definition, scheme, where)
        case OAuth2():
            kept = fields.get(auth.refresh_token)
            if auth.grant == "refresh_token" and (kept is None or not kept.sealed):
                raise ConfigurationError(
                    f"{where}: the grant refresh_token needs a secret form field {auth.refresh_token!r}."
                )
            if auth.assertion is None and "assertion" in (
                auth.client,
                auth.grant.replace("jwt_bearer", "assertion"),
            ):
                raise ConfigurationError(f"{where}: this oauth2 scheme needs `assertion`.")


def _with_declared_statuses(definition: Definition) -> Definition:
    if not definition.statuses or "Status" in definition.entities:
        return definition
    rows = tuple(
        {"scope": scope, "code": code, "name": name}
        for scope, codes in definition.statuses.items()
        for code, name in codes.items()
    )
    declared = EntityDefinition(
        read=DeclaredRead(items=rows),
        key=("scope", "code"),
        incremental="compare",
        map={"code": "code", "name": "name", "scope": "scope", "isActive": {"const": True}},
    )
    return msgspec.structs.replace(definition, entities={**definition.entities, "Status": declared})


def _convert(document: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as failure:
        raise ConfigurationError(f"{where}: {failure}") from None
