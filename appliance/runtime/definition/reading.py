"""How the rows of an entity are asked for, page by page."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance.runtime.definition.files import FilesRead
from appliance.runtime.definition.http import RequestTemplate
from appliance.runtime.definition.incremental import NewestFirst, Window
from appliance.runtime.definition.node import Node
from appliance.runtime.definition.odata import AlternativesRead, OData4Read, ODataRead
from appliance.runtime.definition.paging import NoPaging, NumberPaging, OffsetPaging, Paging
from appliance.runtime.definition.sap import TableRead
from appliance.runtime.definition.sql import SqlRead
from appliance.runtime.definition.writing import Operation, Write


class Pivot(Node, frozen=True, kw_only=True):
    """A list of name and value pairs becomes members of the row."""

    list: Annotated[str, Meta(description="Path of the list in the row.")]
    name: Annotated[str, Meta(description="Member of a pair that names it.")]
    value: Annotated[str, Meta(description="Member of a pair that holds the value.")]
    into: Annotated[str, Meta(description="Member of the row to put them under; empty: the row itself.")] = ""


class Detail(Node, frozen=True, kw_only=True):
    """A second request for each row, for lists that show only part of a record."""

    request: Annotated[RequestTemplate, Meta(description="May use `${row.…}` of the listed row.")]
    record: Annotated[
        str, Meta(description="Path of the record in the answer; empty: the answer itself.")
    ] = ""
    into: Annotated[
        str, Meta(description="Member of the row to put it under; empty: merged into the row.")
    ] = ""
    concurrency: Annotated[int, Meta(ge=1, le=16, description="Requests at a time.")] = 4


class Children(Node, frozen=True, kw_only=True):
    """Further requests for all rows of a page together, for lines that the source lists apart from their documents."""

    into: Annotated[str, Meta(description="Member of the row that becomes the list.")]
    request: Annotated[
        RequestTemplate | None,
        Meta(
            description="May use `${parents}`, the values at `by` of the rows asked for, `${terms}` and `${page.…}`."
            " None: the read's own request, rows and paging with other `vars`, asked without `since`."
        ),
    ] = None
    vars: Annotated[dict[str, Any], Meta(description="Over those of the read; may use `${parents}`.")] = {}
    by: Annotated[str, Meta(description="Path in the row of what its children name it by.")]
    of: Annotated[
        str,
        Meta(description="Path of that in a child; empty: the answer is about one row, with `chunk: 1`."),
    ] = ""
    rows: Annotated[
        str, Meta(description="Path to the children in the answer; empty when it is the list.")
    ] = ""
    term: Annotated[str, Meta(description="Text made of each `${parent}`, for `${terms}`.")] = "${parent}"
    joint: Annotated[str, Meta(description="What stands between the texts of `${terms}`.")] = ","
    chunk: Annotated[int, Meta(ge=1, description="Rows a request asks for at most.")] = 100
    paging: Annotated[OffsetPaging | NumberPaging | NoPaging, Meta(description="Pages of children.")] = (
        NoPaging()
    )
    size: Annotated[
        int, Meta(ge=0, description="Children a page, where the paging is the read's; 0: as many as rows.")
    ] = 0
    count: Annotated[str, Meta(description="Path to the number of children in all.")] = ""
    when: Annotated[str, Meta(description="Form field that must be on; empty: always.")] = ""
    concurrency: Annotated[int, Meta(ge=1, le=16, description="Requests at a time.")] = 4

    def __post_init__(self) -> None:
        if isinstance(self.paging, OffsetPaging) and self.paging.overlap:
            raise ValueError("pages of children have no `overlap`: those that came twice cannot be told")


class One(Node, frozen=True, kw_only=True):
    """A single record by the parts of its key, `${key.0}`: to read back what was written, and for single syncs."""

    request: Annotated[
        RequestTemplate | None,
        Meta(
            description="None: the read's own request with other `vars`, for its first page, without `since`."
        ),
    ] = None
    vars: Annotated[dict[str, Any], Meta(description="Over those of the read; may use `${key.0}`.")] = {}
    record: Annotated[
        str | None,
        Meta(
            description="Path of the record in the answer, empty for the answer; None: the first of the rows."
        ),
    ] = None


class Way(Node, frozen=True, kw_only=True):
    """Another way to ask for the same rows; what it does not say is as in the read."""

    answer: Annotated[
        Literal["json", "xml", "xmlrpc"] | None, Meta(description="What an answer is, here.")
    ] = None
    request: Annotated[RequestTemplate | None, Meta(description="The request for a page, here.")] = None
    vars: Annotated[dict[str, Any], Meta(description="Added to those of the read.")] = {}
    rows: Annotated[str | None, Meta(description="Path to the list of rows, here.")] = None
    count: Annotated[str | None, Meta(description="Path to the number of rows in all, here.")] = None
    count_request: Annotated[RequestTemplate | None, Meta(description="A request that counts, here.")] = None
    children: Annotated[tuple[Children, ...] | None, Meta(description="Rows of each row, here.")] = None
    newest_first: Annotated[
        NewestFirst | None, Meta(description="The request orders by change, newest first, here.")
    ] = None


class HttpRead(Node, frozen=True, kw_only=True, tag="http", tag_field="protocol"):
    """Rows from the JSON, XML or XML-RPC answers of requests over HTTP."""

    answer: Annotated[
        Literal["json", "xml", "xmlrpc"],
        Meta(description="What an answer is. The content of `xmlrpc` is below `result`."),
    ] = "json"
    request: Annotated[RequestTemplate, Meta(description="The request for a page.")]
    vars: Annotated[
        dict[str, Any],
        Meta(description="Values for the request template; templates themselves, without each other."),
    ] = {}
    rows: Annotated[
        str,
        Meta(
            description="Path to the list of rows; empty when the answer is the list. "
            "For xml the names of the elements from the root on, the row's own last."
        ),
    ] = ""
    count: Annotated[str, Meta(description="Path to the number of rows in all, where the source counts.")] = (
        ""
    )
    count_request: Annotated[
        RequestTemplate | None, Meta(description="A request that counts; `count` is its path.")
    ] = None
    paging: Paging = NoPaging()
    window: Annotated[
        Window | None, Meta(description="Slices of a long period; the request uses `${window.to}`.")
    ] = None
    newest_first: Annotated[
        NewestFirst | None,
        Meta(description="How a pass ends where the source orders by change, but cannot filter."),
    ] = None
    mark: Annotated[
        str | tuple[str, ...],
        Meta(
            description="Path of a number that grows with every change; the highest one is `${mark}` next time."
            " Or the paths of a keyset: the next pass begins with `${page.after}` behind the last row, which is"
            " for changes that get their time when they are committed; else ask by `since`, which overlaps."
        ),
    ] = ""
    explode: Annotated[
        str,
        Meta(description="Path of a list in each row whose items become the rows, with the row as `parent`."),
    ] = ""
    pivot: Annotated[Pivot | None, Meta(description="Name and value pairs to make members of.")] = None
    detail: Annotated[Detail | None, Meta(description="A second request for each row.")] = None
    children: Annotated[tuple[Children, ...], Meta(description="Rows that belong to each row.")] = ()
    one: Annotated[One | None, Meta(description="How a single record is read.")] = None
    keys: Annotated[
        Way | None,
        Meta(
            description="What is asked instead where only the keys of rows are wanted, to see which are gone; without"
            " `detail` and `children`. None: whole rows."
        ),
    ] = None
    open: Annotated[
        Way | None,
        Meta(
            description="What is asked for the documents that are not finished, however long ago they changed; without"
            " `since`."
        ),
    ] = None
    each: Annotated[
        tuple[dict[str, Any], ...],
        Meta(
            description="Read once for each of these mappings: it is `${each}` in the request and `each` in the rows."
        ),
    ] = ()
    only: Annotated[
        dict[str, tuple[Any, ...]],
        Meta(
            description="Path to values: rows with none of them there are left out, where a list mixes records."
        ),
    ] = {}
    without: Annotated[
        dict[str, tuple[Any, ...]],
        Meta(description="Path to values: rows with one of them there are left out; null is nothing there."),
    ] = {}
    add: Annotated[
        dict[str, Any],
        Meta(description="Members put into every row, such as the scope of statuses; `${…}` of form fields."),
    ] = {}
    also: Annotated[
        tuple[dict[str, Any], ...],
        Meta(description="Rows the source does not list, after its last page; `add` does not touch them."),
    ] = ()
    choose: Annotated[str, Meta(description="Form field that may choose another way, such as a release.")] = (
        ""
    )
    ways: Annotated[dict[str, Way], Meta(description="Value of that field to its way.")] = {}
    fallback: Annotated[
        tuple[Way, ...] | None,
        Meta(
            description="Ways to ask for changes where the source refuses this one, by status 400, 422 or 501 or a rule"
            " `cannot_filter`; in order, then everything is read and compared. `[]`: at once. None: the pass fails."
        ),
    ] = None

    def __post_init__(self) -> None:
        # Without it every slice would read all that comes after its beginning.
        asked = [
            (self.request, self.vars),
            *((way.request or self.request, {**self.vars, **way.vars}) for way in self.ways.values()),
        ]
        if self.window is not None and not all("${window.to" in str(said) for said in asked):
            raise ValueError(
                "a read with `window` needs ${window.to} in its request or vars, in each of its `ways`"
            )
        if isinstance(self.mark, tuple) and self.mark != getattr(self.paging, "by", None):
            raise ValueError("several paths of `mark` are those of `by` in a paging by keyset")


class SoapRead(Node, frozen=True, kw_only=True, tag="soap", tag_field="protocol"):
    """Rows from an operation of a SOAP service that a WSDL describes."""

    wsdl: Annotated[str, Meta(description="Path of the WSDL below `http.base_url`, with its query.")]
    operation: Annotated[str, Meta(description="Name of the operation in the WSDL.")]
    arguments: Annotated[dict[str, Any], Meta(description="Arguments by name; templates.")] = {}
    vars: Annotated[dict[str, Any], Meta(description="Values for the arguments; templates themselves.")] = {}
    service: Annotated[str, Meta(description="Name of the service, where the WSDL has several.")] = ""
    port: Annotated[str, Meta(description="Name of the port, where the service has several.")] = ""
    endpoint: Annotated[
        str, Meta(description="Path to post to, where the WSDL names one that is wrong from outside.")
    ] = ""
    rows: Annotated[str, Meta(description="Path to the rows in the result.")] = ""
    count: Annotated[str, Meta(description="Path to the number of rows in all.")] = ""
    paging: Paging = NoPaging()


class RfcRead(Node, frozen=True, kw_only=True, tag="soap_rfc", tag_field="protocol"):
    """Rows from an SAP function module over the SOAP-RFC node."""

    function: Annotated[str, Meta(description="Name of the function module.")]
    parameters: Annotated[
        dict[str, Any],
        Meta(description="Import, structure and table parameters; templates. A table is a list of mappings."),
    ] = {}
    tables: Annotated[
        tuple[str, ...], Meta(description="Tables to send empty: SAP returns only tables that were sent.")
    ] = ()
    rows: Annotated[str, Meta(description="Path to the rows in the answer, such as the name of a table.")]
    messages: Annotated[
        str, Meta(description="The parameter with BAPI messages; type E, A or X there is an error.")
    ] = "RETURN"
    path: Annotated[str, Meta(description="The ICF node below `http.base_url`.")] = "sap/bc/soap/rfc"
    vars: Annotated[dict[str, Any], Meta(description="Values for the parameters; templates themselves.")] = {}
    paging: Paging = NoPaging()


class CodeRead(Node, frozen=True, kw_only=True, tag="code", tag_field="protocol"):
    """Rows from the `Reader` of the folder's `code.py`."""

    options: Annotated[dict[str, Any], Meta(description="Handed to the `Reader` as they stand.")] = {}


class DeclaredRead(Node, frozen=True, kw_only=True, tag="declared", tag_field="protocol"):
    """Rows that stand in the definition itself, such as fixed status lists."""

    items: Annotated[tuple[dict[str, Any], ...], Meta(description="The rows.")]


Read = (
    HttpRead
    | ODataRead
    | OData4Read
    | AlternativesRead
    | SoapRead
    | RfcRead
    | TableRead
    | SqlRead
    | FilesRead
    | CodeRead
    | DeclaredRead
)


class EntityDefinition(Node, frozen=True, kw_only=True):
    """How one entity of the unified model is read from this source."""

    read: Annotated[Read, Meta(description="Where the rows come from, by `protocol`.")]
    key: Annotated[tuple[str, ...], Meta(min_length=1, description="Paths of the source's primary key.")]
    modified: Annotated[Any, Meta(description="Mapping expression of the time of the last change.")] = None
    incremental: Annotated[
        Literal["changed", "mark", "compare"],
        Meta(
            description="`changed`: the request can ask since when. `mark`: since which number or token."
            " `compare`: read all, compare hashes."
        ),
    ] = "changed"
    overlap_seconds: Annotated[
        int, Meta(ge=0, description="Overlap the source needs beyond the setting.")
    ] = 0
    times: Annotated[str, Meta(description="Format of date and time values, see the transforms.")] = "iso"
    false_is_null: Annotated[
        bool, Meta(description="False means no value, except in fields of type boolean: Odoo writes it so.")
    ] = False
    gone: Annotated[
        dict[str, tuple[Any, ...]],
        Meta(
            description="Path to values by which a row says that it is deleted, such as a flag; `[]`: any value there."
        ),
    ] = {}
    required: Annotated[bool, Meta(description="Connecting fails when this entity cannot be read.")] = False
    note: Annotated[str, Meta(description="What a reader of the mapping should know.")] = ""
    map: Annotated[dict[str, Any], Meta(description="Unified field to mapping expression.")]
    write: Annotated[
        dict[Operation, Write], Meta(description="What can be written, by the operation of the unified API.")
    ] = {}

    def __post_init__(self) -> None:
        if self.incremental == "mark" and getattr(self.read, "window", None) is not None:
            raise ValueError("`window` slices by time; with `incremental: mark` it cannot be used")
