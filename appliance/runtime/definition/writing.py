"""How records are created and changed in the source."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.http import RequestTemplate
from appliance.runtime.definition.node import Node

When = Annotated[
    dict[str, tuple[str, ...]],
    Meta(
        description="Done only when these form fields, `status` or `way` (which of the alternative sets is read) have"
        " one of these values; with an empty list, when they are given at all."
    ),
]
Given = Annotated[
    tuple[str, ...],
    Meta(description="Done only when one of these fields of the record is given; empty: always."),
]
Take = Annotated[
    dict[str, str],
    Meta(
        description="Name to a path in the answer, for `${taken.name}` later; `$location` is the last part of the"
        " Location header."
    ),
]


class HttpStep(Node, frozen=True, kw_only=True, tag="http", tag_field="protocol"):
    """A request that writes. Members of its body whose `${…}` is not given are left out; null is sent as null.

    Besides form fields and `vars` there are `${record.…}`, the fields to write with references as the source's keys
    (several parts: `${record.vendorKey.0}`) and statuses as their codes; `${key.0}` of the record changed, `${status}`,
    `${taken.…}`, `${reference}` (a text of our own for this write), `${previous.…}` of the row as last read, `${now}`.
    """

    request: Annotated[RequestTemplate, Meta(description="The request; one that writes is sent once.")]
    when: When = {}
    given: Given = ()
    take: Take = {}
    each: Annotated[
        str,
        Meta(
            description="Path of a list, such as `record.lineItems`: done once for each `${item.…}` of it."
            " `${own.…}` is what steps before took for the same item."
        ),
    ] = ""
    look: Annotated[
        bool,
        Meta(
            description="Only reads what later steps need of the record, of which some must be there. Nothing is"
            " written yet when it fails."
        ),
    ] = False
    missing: Annotated[
        str,
        Meta(description="What the source lacks when a look finds nothing; a template. Empty: the record."),
    ] = ""
    etag: Annotated[
        bool,
        Meta(
            description="Read the ETag of the same address first and send it as If-Match, against lost updates."
        ),
    ] = False


class RfcStep(Node, frozen=True, kw_only=True, tag="soap_rfc", tag_field="protocol"):
    """A call of an SAP function module that commits by itself: over SOAP every call is a unit of work of its own."""

    function: Annotated[str, Meta(description="Name of the module; a template.")]
    parameters: Annotated[
        dict[str, Any], Meta(description="As in a read, with what an HTTP step may use.")
    ] = {}
    tables: Annotated[tuple[str, ...], Meta(description="Tables to send empty.")] = ()
    messages: Annotated[str, Meta(description="The parameter with BAPI messages.")] = "RETURN"
    path: Annotated[str, Meta(description="The ICF node below `http.base_url`.")] = "sap/bc/soap/rfc"
    when: When = {}
    given: Given = ()
    take: Take = {}


class CodeStep(Node, frozen=True, kw_only=True, tag="code", tag_field="protocol"):
    """The `Writer` of the folder's `code.py`: `write(order)` gives what `take` would."""

    options: Annotated[dict[str, Any], Meta(description="Handed to the `Writer` as they stand.")] = {}
    when: When = {}
    given: Given = ()
    fields: Annotated[
        dict[str, tuple[str, ...]] | None,
        Meta(
            description="The fields it writes, each with those of its items that it writes; None: all there are."
        ),
    ] = None


class Change(Node, frozen=True, kw_only=True):
    """One request of a change set. Left out when nothing that its body looks at is given."""

    method: Annotated[Literal["POST", "PUT", "PATCH", "DELETE"], Meta(description="HTTP method.")] = "PATCH"
    path: Annotated[str, Meta(description="Path below the service; a template, with values through `|url`.")]
    json: Annotated[Any, Meta(description="JSON body.")] = None
    each: Annotated[
        str, Meta(description="Path of a list, such as `record.lineItems`: once for every `${item.…}` of it.")
    ] = ""
    having: Annotated[str, Meta(description="Only for items that have this member.")] = ""
    lacking: Annotated[str, Meta(description="Only for items that do not have this member.")] = ""


class ChangeSetStep(Node, frozen=True, kw_only=True, tag="odata_changes", tag_field="protocol"):
    """Requests to one OData service in a change set of `$batch`: all are carried out, or none."""

    service: Annotated[str, Meta(description="Path from `http.base_url` to the service.")]
    version: Annotated[Literal[2, 4], Meta(description="Version of OData.")]
    changes: Annotated[
        tuple[Change, ...], Meta(min_length=1, description="The requests, with what an HTTP step may use.")
    ]
    when: When = {}
    given: Given = ()
    etag: Annotated[
        bool, Meta(description="Read the ETags of what is changed first, and send them as If-Match.")
    ] = False


Step = HttpStep | RfcStep | ChangeSetStep | CodeStep


class Find(Node, frozen=True, kw_only=True):
    """Looks for a record that an earlier try of the same write made, by `${reference}`. Asked before it is repeated.

    Where `when` does not hold a record cannot be looked for, and a write of unknown outcome is not repeated.
    """

    request: Annotated[RequestTemplate, Meta(description="A request that only reads.")]
    when: When = {}
    rows: Annotated[
        str, Meta(description="Path to the list of what was found, a template; empty: the answer.")
    ] = ""
    id: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="Paths of the parts of the source's key in what was found."),
    ]


class Write(Node, frozen=True, kw_only=True):
    """One operation on an entity."""

    steps: Annotated[
        tuple[Step, ...],
        Meta(min_length=1, description="Done in order. What must stand or fall together belongs in one."),
    ]
    required: Annotated[
        tuple[str, ...],
        Meta(description="Fields the source demands; `lineItems.quantity` for those of every line."),
    ] = ()
    undo: Annotated[
        HttpStep | None,
        Meta(
            description="Takes back what the steps so far have made when the source refuses a later one, for what"
            " cannot go in one request. A failure after which it cannot be taken back is told as partly done."
        ),
    ] = None
    vars: Annotated[
        dict[str, Any], Meta(description="Values for the steps; templates themselves, without each other.")
    ] = {}
    id: Annotated[
        tuple[str, ...],
        Meta(
            description="For a new record: names in `take` that are the parts of its key, in the order of the entity's"
            " `key`."
        ),
    ] = ()
    statuses: Annotated[
        tuple[str, ...],
        Meta(description="Codes that can be set; empty: those the steps' `when` name, or all there are."),
    ] = ()
    reference: Annotated[
        int, Meta(ge=0, description="Characters of `${reference}` that the source's field can hold.")
    ] = 32
    find: Annotated[
        Find | tuple[Find, ...],
        Meta(
            description="How an earlier try is found; one or several, of which the first whose `when` holds is asked."
        ),
    ] = ()
    repeatable: Annotated[
        bool,
        Meta(
            description="The source itself carries a repetition out once, by `${reference}`, so none is looked for."
        ),
    ] = False
    note: Annotated[str, Meta(description="What a caller should know, such as limits by state.")] = ""


Operation = Literal[
    "create", "update", "status", "inventory", "delivered", "add-material", "change-material", "upload"
]
