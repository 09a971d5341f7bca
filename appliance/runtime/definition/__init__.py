"""What `connector.yaml` may say: the schema of a connector definition, checked strictly when it loads.

A definition is data. `entities` may stand in `connector.yaml` or, one file a group, in `mapping/*.yaml`;
`defaults` is merged into every entity before it is checked. `code.py` is loaded only where `read.protocol`
is `code`.
"""

from appliance.runtime.definition.auth import Auth, BasicAuth, HeaderAuth, NoAuth, SessionLogin
from appliance.runtime.definition.connector import Definition, deep_merge, parse_definition, parse_entities
from appliance.runtime.definition.form import FormField
from appliance.runtime.definition.http import ErrorRule, Http, Probe, RequestTemplate, XmlRpcCall
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
    OData4Read,
    ODataRead,
    OffsetPaging,
    Paging,
    Pivot,
    Read,
    RfcRead,
    SoapRead,
    TableRead,
)

__all__ = [
    "Auth",
    "BasicAuth",
    "CodeRead",
    "CursorPaging",
    "DeclaredRead",
    "Definition",
    "Detail",
    "EntityDefinition",
    "ErrorRule",
    "FormField",
    "HeaderAuth",
    "Http",
    "HttpRead",
    "KeysetPaging",
    "LinkPaging",
    "NoAuth",
    "NoPaging",
    "NumberPaging",
    "OData4Read",
    "ODataRead",
    "OffsetPaging",
    "Paging",
    "Pivot",
    "Probe",
    "Read",
    "RequestTemplate",
    "RfcRead",
    "SessionLogin",
    "SoapRead",
    "TableRead",
    "XmlRpcCall",
    "deep_merge",
    "parse_definition",
    "parse_entities",
]
