"""Reading a database: how to reach it, and the queries of an entity."""

from typing import Annotated, Literal

from msgspec import Meta

from appliance.runtime.definition.incremental import Window
from appliance.runtime.definition.node import Node


class Sql(Node, frozen=True, kw_only=True):
    """How to reach a database. Every text may hold `${…}` of form fields."""

    dialect: Annotated[str, Meta(description="postgresql, mysql (MariaDB as well), sqlserver or oracle.")] = (
        "${dialect}"
    )
    host: Annotated[str, Meta(description="Host name or address of the server.")] = "${host}"
    port: Annotated[str, Meta(description="Port; empty: the usual one of the dialect.")] = "${port}"
    database: Annotated[str, Meta(description="Database; on Oracle the service name.")] = "${database}"
    username: Annotated[str, Meta(description="The user that reads.")] = "${username}"
    password: Annotated[str, Meta(description="The user's password.")] = "${password}"
    schema: Annotated[str, Meta(description="Where tables without a schema are looked for.")] = "${schema}"
    tls: Annotated[str, Meta(description="verify, encrypt (without checking the certificate) or off.")] = (
        "${tls}"
    )
    timeout: Annotated[float, Meta(gt=0, description="Seconds for one statement.")] = 60.0


class SqlCursor(Node, frozen=True, kw_only=True):
    """What tells that a row has changed."""

    columns: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1, description="Columns; the first that is not null counts, such as changed, created."
        ),
    ]
    kind: Annotated[
        Literal["timestamp", "timestamptz", "date", "number", "rowversion"],
        Meta(
            description="`timestamp`: local time without zone. `timestamptz`: with zone. `date`: a day."
            " `number`: grows with every change. `rowversion`: SQL Server's. The last two need `incremental: mark`."
        ),
    ]
    zone: Annotated[
        str, Meta(description="IANA zone of `timestamp` and `date`; empty: the form's time_zone, else UTC.")
    ] = ""
    overlap: Annotated[
        int,
        Meta(
            ge=0,
            description="For `number`: how many numbers to read again, for those that are committed late.",
        ),
    ] = 0


class SqlChildren(Node, frozen=True, kw_only=True):
    """Rows that belong to those of a page, such as lines, read with one query a page."""

    into: Annotated[str, Meta(description="Member of the row that becomes the list.")]
    query: Annotated[str, Meta(description="A SELECT without ORDER BY and LIMIT.")] = ""
    table: Annotated[str, Meta(description="A table or view in place of a query.")] = ""
    by: Annotated[
        dict[str, str], Meta(min_length=1, description="Column of the child to the row's column it equals.")
    ]
    order: Annotated[tuple[str, ...], Meta(description="Columns that order the children of a row.")] = ()


class SqlRead(Node, frozen=True, kw_only=True, tag="sql", tag_field="protocol"):
    """Rows of a query, in the order of its key or of its cursor, page after page by what comes after the last row."""

    query: Annotated[str, Meta(description="A SELECT, perhaps with WITH, without ORDER BY and LIMIT.")] = ""
    table: Annotated[str, Meta(description="A table or view in place of a query.")] = ""
    columns: Annotated[tuple[str, ...], Meta(description="Columns of `table`; all when empty.")] = ()
    where: Annotated[str, Meta(description="A fixed condition on `table`.")] = ""
    open: Annotated[
        str,
        Meta(
            description="A condition on the rows `q` for documents that are not finished, such as `q.state <> 'done'`:"
            " they are read however long ago they changed."
        ),
    ] = ""
    keys: Annotated[
        tuple[str, ...],
        Meta(
            description="Columns that are unique together and never null; empty: those of the entity's `key`."
        ),
    ] = ()
    cursor: Annotated[
        SqlCursor | None, Meta(description="What tells changes; without one: `incremental: compare`.")
    ] = None
    window: Annotated[
        Window | None, Meta(description="Slices of a long period, asked for by a `cursor` of a time.")
    ] = None
    children: Annotated[tuple[SqlChildren, ...], Meta(description="Rows that belong to each row.")] = ()
    trim: Annotated[
        bool,
        Meta(description="Take blanks from the end of texts, with which columns of fixed width are filled."),
    ] = True
    count: Annotated[bool, Meta(description="Ask how many rows there are, for the progress shown.")] = True
    size: Annotated[int, Meta(ge=1, le=20_000, description="Rows a page.")] = 1000

    def __post_init__(self) -> None:
        if self.window is not None and self.cursor is None:
            raise ValueError("a read with `window` needs a `cursor`")
