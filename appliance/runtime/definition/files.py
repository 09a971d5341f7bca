"""Reading files: where they lie, which of them, and how their rows look."""

from typing import Annotated, Literal

from msgspec import Meta

from appliance.runtime.definition.node import Node


class FilesPlace(Node, frozen=True, kw_only=True):
    """Where the folder is. Every text may hold `${…}` of form fields."""

    place: Annotated[str, Meta(description="local, sftp or smb.")] = "${place}"
    host: Annotated[str, Meta(description="Server, for sftp and smb.")] = "${host}"
    port: Annotated[str, Meta(description="Port; empty: the usual one.")] = "${port}"
    folder: Annotated[
        str, Meta(description="Path of the folder; for smb the share first, as `share/folder`.")
    ] = "${folder}"
    username: Annotated[str, Meta(description="The user, for sftp and smb.")] = "${username}"
    password: Annotated[str, Meta(description="The user's password, or that of the key.")] = "${password}"
    key: Annotated[str, Meta(description="Private key of the user for sftp, PEM or OpenSSH text.")] = "${key}"
    host_key: Annotated[
        str, Meta(description="Fingerprint of the sftp server's key: SHA256 and what follows.")
    ] = "${host_key}"


class CsvFormat(Node, frozen=True, kw_only=True, tag="csv", tag_field="kind"):
    """Lines of values between delimiters; the first line names the columns."""

    encoding: Annotated[
        str,
        Meta(
            description="utf-8, cp1252, utf-16 …; empty: the form's `encoding`, else by byte order mark, utf-8 where "
            "it fits, cp1252."
        ),
    ] = ""
    delimiter: Annotated[
        str,
        Meta(
            description="Empty: the form's `delimiter`, else the one of ; , tab | that fits the first lines."
        ),
    ] = ""
    decimal: Annotated[
        str,
        Meta(description="Decimal mark of `numbers`: `.` or `,`; empty: the form's `decimal`, else a point."),
    ] = ""
    numbers: Annotated[
        tuple[str, ...],
        Meta(description="Columns with numbers, whose marks are made plain: 1.234,50 is 1234.50."),
    ] = ()
    columns: Annotated[
        tuple[str, ...], Meta(description="Names of the columns, for files without a line of names.")
    ] = ()
    skip: Annotated[int, Meta(ge=0, description="Lines before the names.")] = 0


class ExcelFormat(Node, frozen=True, kw_only=True, tag="excel", tag_field="kind"):
    """A sheet of an .xlsx workbook. Text stays as it is, with leading zeros; dates become ISO."""

    sheet: Annotated[str, Meta(description="Name of the sheet; empty: the first.")] = ""
    skip: Annotated[int, Meta(ge=0, description="Rows before the names of the columns.")] = 0


class XmlFormat(Node, frozen=True, kw_only=True, tag="xml", tag_field="kind"):
    """Elements of an XML document. Names lose their namespace, attributes get `@`, repeated elements are lists."""

    rows: Annotated[
        str, Meta(min_length=1, description="Path of a row's element from the root, such as `Orders/Order`.")
    ]
    lists: Annotated[
        tuple[str, ...], Meta(description="Elements that are lists even when they come once.")
    ] = ()


class JsonFormat(Node, frozen=True, kw_only=True, tag="json", tag_field="kind"):
    """An array of objects, or an object that holds it."""

    rows: Annotated[str, Meta(description="Path to the array; empty: the document itself.")] = ""


class JsonLinesFormat(Node, frozen=True, kw_only=True, tag="json_lines", tag_field="kind"):
    """An object a line, UTF-8."""


FileFormat = CsvFormat | ExcelFormat | XmlFormat | JsonFormat | JsonLinesFormat


class Group(Node, frozen=True, kw_only=True):
    """Rows that follow one another with the same values become one row with a list, such as an order with lines."""

    by: Annotated[tuple[str, ...], Meta(min_length=1, description="Columns with the same values.")]
    into: Annotated[str, Meta(description="Member of the row that holds the rows it was made of.")]


class FilesRead(Node, frozen=True, kw_only=True, tag="files", tag_field="protocol"):
    """Rows from files of the folder. Needs `incremental: mark`: the mark is the ledger of files already taken."""

    files: Annotated[
        str, Meta(min_length=1, description="Pattern of names with * and ?, such as `orders*.csv`.")
    ]
    format: Annotated[FileFormat, Meta(description="How the rows of a file look, by `kind`.")]
    mode: Annotated[
        Literal["snapshot", "delta", "append"],
        Meta(
            description="`snapshot`: the newest file holds everything, older ones are passed over. `delta`: each "
            "file holds what changed. `append`: files grow, rows that were read are not read again."
        ),
    ] = "delta"
    stable_seconds: Annotated[
        int, Meta(ge=0, description="A file is taken when it was not changed for so long.")
    ] = 60
    marker: Annotated[
        str, Meta(description="Take a file when one exists with this added to its name, such as `.done`.")
    ] = ""
    archive: Annotated[
        str,
        Meta(
            description="Folder below, to which files are moved once their rows are stored; empty: they stay."
        ),
    ] = ""
    group: Annotated[Group | None, Meta(description="Make one row of those that belong together.")] = None
    size: Annotated[int, Meta(ge=1, le=20_000, description="Rows a page.")] = 1000
