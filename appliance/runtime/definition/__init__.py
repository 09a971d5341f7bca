"""What `connector.yaml` may say: the schema of a connector definition, checked strictly when it loads.

A definition is data. `entities` may stand in `connector.yaml` or, one file a group, in `mapping/*.yaml`;
`defaults` is merged into every entity before it is checked. `code.py` is loaded only where `read.protocol`
is `code`.
"""

from appliance.runtime.definition.auth import Auth, BasicAuth, HeaderAuth, NoAuth, SessionLogin
from appliance.runtime.definition.connector import Definition, deep_merge, parse_definition, parse_entities
from appliance.runtime.definition.files import (
    CsvFormat,
    ExcelFormat,
    FileFormat,
    FilesPlace,
    FilesRead,
    Group,
    JsonFormat,
    JsonLinesFormat,
    XmlFormat,
)
from appliance.runtime.definition.form import FormField
from appliance.runtime.definition.http import ErrorRule, Http, Probe, RequestTemplate
from appliance.runtime.definition.reading import (
    CodeRead,
    CursorPaging,
    DeclaredRead,
    Detail,
    EntityDefinition,
    HttpRead,
    KeysetPaging,
    LinkPaging,
    NoPaging,
    NumberPaging,
    ODataRead,
    OffsetPaging,
    Paging,
    Pivot,
    Read,
)
from appliance.runtime.definition.sql import Sql, SqlChildren, SqlCursor, SqlRead

__all__ = [
    "Auth",
    "BasicAuth",
    "CodeRead",
    "CsvFormat",
    "CursorPaging",
    "DeclaredRead",
    "Definition",
    "Detail",
    "EntityDefinition",
    "ErrorRule",
    "ExcelFormat",
    "FileFormat",
    "FilesPlace",
    "FilesRead",
    "FormField",
    "Group",
    "HeaderAuth",
    "Http",
    "HttpRead",
    "JsonFormat",
    "JsonLinesFormat",
    "KeysetPaging",
    "LinkPaging",
    "NoAuth",
    "NoPaging",
    "NumberPaging",
    "ODataRead",
    "OffsetPaging",
    "Paging",
    "Pivot",
    "Probe",
    "Read",
    "RequestTemplate",
    "SessionLogin",
    "Sql",
    "SqlChildren",
    "SqlCursor",
    "SqlRead",
    "XmlFormat",
    "deep_merge",
    "parse_definition",
    "parse_entities",
]
