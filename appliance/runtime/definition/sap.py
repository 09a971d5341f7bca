"""SAP tables: what is read of one, what belongs to its rows, and what tells that they have changed."""

from typing import Annotated, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node


class TableShape(Node, frozen=True, kw_only=True):
    """The columns of a table that are read, and what is made of them."""

    table: Annotated[str, Meta(description="Name of the table or view; a template.")]
    key: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            description="Key columns without the client; join the parts of rows too wide for one call.",
        ),
    ]
    fields: Annotated[tuple[str, ...], Meta(min_length=1, description="Columns beside the key.")]
    where: Annotated[
        str,
        Meta(description="Open SQL condition with blanks round operators; `${name|quote}` for form fields."),
    ] = ""
    amounts: Annotated[
        dict[str, str],
        Meta(
            description="Amount column to its currency: a column, `header.WAERS` of a related row, or in a related"
            " row `^.WAERS` of the row it belongs to. Shifted by the currency's decimals (TCURX)."
        ),
    ] = {}
    unpadded: Annotated[
        tuple[str, ...], Meta(description="Columns whose leading zeros go where all is digits.")
    ] = ()
    shown: Annotated[
        dict[str, str],
        Meta(
            description="New member to a column, without leading zeros where all is digits; the column stays as it"
            " is, for keys."
        ),
    ] = {}


class RelatedTable(TableShape, frozen=True, kw_only=True):
    """Rows of another table that belong to those of a page, read with one call for many of them."""

    into: Annotated[str, Meta(description="Member of the row to put it under.")]
    by: Annotated[
        dict[str, str],
        Meta(
            min_length=1,
            description="Column of this table to the row's column it equals, or `usage.ILOAN` of one related before.",
        ),
    ]
    many: Annotated[
        bool, Meta(description="A list, such as lines. Else a single row, the last in the order of the key.")
    ] = False


class TellingTable(Node, frozen=True, kw_only=True):
    """A table whose rows tell of rows of the table read, such as lines of their documents."""

    table: Annotated[str, Meta(description="Its name.")]
    key: Annotated[tuple[str, ...], Meta(min_length=1, description="Key columns without the client.")]
    by: Annotated[
        dict[str, str],
        Meta(min_length=1, description="Column of the table read to the column here that holds its value."),
    ]
    cut: Annotated[int, Meta(ge=0, description="Characters before the value, such as OR in JCDS-OBJNR.")] = 0
    where: Annotated[
        str, Meta(description="Open SQL condition, such as on the class of change document.")
    ] = ""


class TouchingTable(TellingTable, frozen=True, kw_only=True):
    """A table whose rows tell that rows of the table read have changed, such as change documents or lines."""

    changed: Annotated[tuple[str, ...], Meta(min_length=1, description="Its date columns, as in the read.")]


class TableRead(TableShape, frozen=True, kw_only=True, tag="rfc_read_table", tag_field="protocol"):
    """Rows of an SAP table or view by RFC_READ_TABLE or a module of the same shape, over the SOAP-RFC node."""

    related: Annotated[
        tuple[RelatedTable, ...], Meta(description="Rows of other tables to read along, in this order.")
    ] = ()
    changed: Annotated[
        tuple[str, ...],
        Meta(
            description="Date columns of which one moves with a change; compared by day, from the day before."
        ),
    ] = ()
    open: Annotated[
        str,
        Meta(
            description="An Open SQL condition for documents that are not finished: they are read however long ago they"
            " changed."
        ),
    ] = ""
    open_by: Annotated[
        TellingTable | None,
        Meta(
            description="A table whose rows tell which documents are not finished, such as their open lines."
        ),
    ] = None
    touching: Annotated[
        tuple[TouchingTable, ...],
        Meta(description="Tables that tell of changes which `changed` does not show; read after it."),
    ] = ()
    paging: Annotated[
        Literal["key", "skip"],
        Meta(
            description="`key`: what comes after the last key. `skip`: ROWSKIPS, unstable without a sorted table."
        ),
    ] = "key"
    size: Annotated[int, Meta(ge=1, le=50000, description="Rows a call.")] = 1000
    function: Annotated[
        str, Meta(description="The module, where security allows only a replacement; a template.")
    ] = "RFC_READ_TABLE"
    delimiter: Annotated[
        str, Meta(min_length=1, max_length=1, description="Between columns; a rare character.")
    ] = "|"
    width: Annotated[int, Meta(ge=64, description="Characters a row of DATA can hold.")] = 512
    sorted: Annotated[
        bool | str,
        Meta(
            description="Send GET_SORTED, which newer systems know: rows come in the order of the key. Or a template"
            " of a form field that says so."
        ),
    ] = False
    path: Annotated[str, Meta(description="The ICF node below `http.base_url`.")] = "sap/bc/soap/rfc"
