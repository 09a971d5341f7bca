"""What `connector.yaml` may say: the schema of a connector definition, checked strictly when it loads.

A definition is data. `entities` may stand in `connector.yaml` or, one file a group, in `mapping/*.yaml`;
`defaults` is merged into every entity before it is checked. `code.py` is loaded only where `read.protocol`
is `code`.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.errors import ConfigurationError

Hosting = Literal["cloud", "on_premises", "either"]
Evidence = Literal["verified", "contract", "facts"]


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One mapping of the definition; a key it does not know is an error."""


class FormField(Node, frozen=True, kw_only=True):
    """A field of the connect form, used by page, API and command line alike."""

    name: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the field, as in `--field name=value`.")
    ]
    label: Annotated[str, Meta(description="What the form shows.")]
    type: Annotated[
        Literal["text", "url", "password", "choice", "integer", "boolean", "document"],
        Meta(description="Kind of value. `password` is always secret, `document` is a longer YAML text."),
    ] = "text"
    secret: Annotated[bool, Meta(description="Sealed in the vault, never shown again.")] = False
    required: Annotated[bool, Meta(description="May not be left empty.")] = True
    default: Annotated[str | int | bool | None, Meta(description="Used when the field is left empty.")] = None
    choices: Annotated[dict[str, str], Meta(description="For `choice`: value to label.")] = {}
    example: Annotated[str, Meta(description="Shown as a hint.")] = ""
    help: Annotated[str, Meta(description="Where to find the value, what rights it needs.")] = ""
    max_length: Annotated[int, Meta(ge=1, description="Longest value in characters.")] = 2000

    @property
    def sealed(self) -> bool:
        return self.secret or self.type == "password"


class RequestTemplate(Node, frozen=True, kw_only=True):
    """One HTTP request. Every part may hold `${…}` of form fields, `vars`, `since` and `page`."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Annotated[str, Meta(description="Joined to `http.base_url`.")] = ""
    query: Annotated[dict[str, Any], Meta(description="Query parameters; a list repeats the name.")] = {}
    headers: dict[str, str] = {}
    json: Annotated[Any, Meta(description="JSON body.")] = None
    form: Annotated[dict[str, Any] | None, Meta(description="Form-encoded body.")] = None


class NoAuth(Node, frozen=True, kw_only=True, tag="none", tag_field="scheme"):
    """The source asks for nothing."""


class BasicAuth(Node, frozen=True, kw_only=True, tag="basic", tag_field="scheme"):
    """User name and password in the Authorization header (RFC 7617)."""

    username: str = "${username}"
    password: str = "${password}"  # noqa: S105 - a template


class HeaderAuth(Node, frozen=True, kw_only=True, tag="header", tag_field="scheme"):
    """A fixed header, such as an API key or a bearer token."""

    header: str = "Authorization"
    value: str


class SessionLogin(Node, frozen=True, kw_only=True, tag="session_login", tag_field="scheme"):
    """A login request yields values that later requests carry; an expired session logs in again, once."""

    request: RequestTemplate
    take: Annotated[
        dict[str, str], Meta(description="Name to path inside the login answer; used as `${login.name}`.")
    ]
    make: Annotated[
        dict[str, str], Meta(description="Values made of those taken, also used as `${login.name}`.")
    ] = {}
    headers: Annotated[dict[str, str], Meta(description="Headers of every later request.")] = {}
    refused: Annotated[
        str, Meta(description="A path of `take` that is empty when the password is wrong.")
    ] = ""
    expired: Annotated[tuple[int, ...], Meta(description="Statuses that mean: log in again.")] = (401,)
    minutes: Annotated[
        int | None, Meta(description="Log in again after this long, before the source forgets.")
    ] = None


Auth = NoAuth | BasicAuth | HeaderAuth | SessionLogin


class Http(Node, frozen=True, kw_only=True):
    """How to reach the source over HTTP."""

    base_url: str
    headers: dict[str, str] = {}
    query: Annotated[dict[str, str], Meta(description="Query parameters of every request.")] = {}
    concurrency: Annotated[int, Meta(ge=1, description="Requests at a time to this host.")] = 4
    timeout: Annotated[float, Meta(gt=0, description="Seconds for one request.")] = 60.0


class ErrorRule(Node, frozen=True, kw_only=True):
    """The first rule that matches an answer says what it means. Rules stand before the built-in ones by status."""

    then: Literal["credentials", "denied", "throttled", "unavailable", "fail", "restart", "ignore"]
    status: tuple[int, ...] = ()
    path: Annotated[str, Meta(description="Path into the JSON body that must be present.")] = ""
    contains: Annotated[str, Meta(description="Text the value at `path` (or the body) must hold.")] = ""
    advice: str = ""


class NoPaging(Node, frozen=True, kw_only=True, tag="none", tag_field="kind"):
    """Everything in one answer."""


class OffsetPaging(Node, frozen=True, kw_only=True, tag="offset", tag_field="kind"):
    """`${page.offset}` and `${page.size}`; ends at a short page."""

    size: Annotated[int, Meta(ge=1)] = 100


class NumberPaging(Node, frozen=True, kw_only=True, tag="number", tag_field="kind"):
    """`${page.number}` and `${page.size}`; ends at a short page."""

    size: Annotated[int, Meta(ge=1)] = 100
    first: int = 1


class CursorPaging(Node, frozen=True, kw_only=True, tag="cursor", tag_field="kind"):
    """`${page.cursor}` from the path `next` of the answer before; ends when it is empty."""

    size: Annotated[int, Meta(ge=1)] = 100
    next: str


class LinkPaging(Node, frozen=True, kw_only=True, tag="link", tag_field="kind"):
    """The address of the next page stands at the path `next` of the answer; ends when it is empty."""

    size: Annotated[int, Meta(ge=1)] = 100
    next: str


class KeysetPaging(Node, frozen=True, kw_only=True, tag="keyset", tag_field="kind"):
    """`${page.after}` is the value at `by` of the last row; rows must come in its order. Ends at a short page."""

    size: Annotated[int, Meta(ge=1)] = 100
    by: str


Paging = NoPaging | OffsetPaging | NumberPaging | CursorPaging | LinkPaging | KeysetPaging


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


Read = HttpRead | ODataRead | CodeRead | DeclaredRead


class EntityDefinition(Node, frozen=True, kw_only=True):
    """How one entity of the unified model is read from this source."""

    read: Read
    key: Annotated[tuple[str, ...], Meta(min_length=1, description="Paths of the source's primary key.")]
    modified: Annotated[Any, Meta(description="Mapping expression of the time of the last change.")] = None
    incremental: Annotated[
        Literal["changed", "compare"],
        Meta(description="`changed`: the request can ask since when. `compare`: read all, compare hashes."),
    ] = "changed"
    overlap_seconds: Annotated[
        int, Meta(ge=0, description="Overlap the source needs beyond the setting.")
    ] = 0
    times: Annotated[str, Meta(description="Format of date and time values, see the transforms.")] = "iso"
    required: Annotated[bool, Meta(description="Connecting fails when this entity cannot be read.")] = False
    note: Annotated[str, Meta(description="What a reader of the mapping should know.")] = ""
    map: Annotated[dict[str, Any], Meta(description="Unified field to mapping expression.")]


class Probe(Node, frozen=True, kw_only=True):
    """A cheap request that succeeds only with valid credentials."""

    request: RequestTemplate
    path: Annotated[str, Meta(description="Path that must be present in the answer.")] = ""


class Definition(Node, frozen=True, kw_only=True):
    """A connector."""

    system: Annotated[
        str, Meta(pattern=r"^[a-z][a-z0-9_]*$", description="Name of the system, equal to its folder.")
    ]
    name: str
    summary: str
    vendor: str = ""
    versions: str = ""
    categories: tuple[Literal["eam", "erp", "wms"], ...]
    tier: Literal[1, 2, 3]
    hosting: Annotated[Hosting, Meta(description="Where the source system can be installed.")]
    evidence: Evidence
    free: Annotated[bool, Meta(description="Costs no credits (sample data).")] = False
    form: tuple[FormField, ...] = ()
    http: Http | None = None
    auth: Auth = NoAuth()
    probe: Probe | None = None
    errors: tuple[ErrorRule, ...] = ()
    statuses: Annotated[
        dict[str, dict[str, str]], Meta(description="Scope to code to name, for fixed status lists.")
    ] = {}
    entities: dict[str, EntityDefinition] = {}
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
    defaults = content.pop("defaults", {})
    content["entities"] = with_defaults(content.get("entities", {}), defaults)
    definition = _convert(content, Definition, where)
    if definition.entities_field and definition.entities_field not in {f.name for f in definition.form}:
        raise ConfigurationError(
            f"{where}: entities_field names {definition.entities_field!r}, which the form lacks."
        )
    if not definition.entities and not definition.entities_field:
        raise ConfigurationError(f"{where}: a connector serves at least one entity.")
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
