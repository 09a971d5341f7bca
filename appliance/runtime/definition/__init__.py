"""What `connector.yaml` may say: the schema of a connector definition, checked strictly when it loads.

A definition is data. `entities` may stand in `connector.yaml` or, one file a group, in `mapping/*.yaml`;
`defaults` is merged into every entity before it is checked. `code.py` is loaded only where `read.protocol`
is `code`.
"""

from appliance.runtime.definition.auth import (
    Assertion,
    Auth,
    BasicAuth,
    Choose,
    Csrf,
    HeaderAuth,
    HmacUrl,
    NoAuth,
    OAuth1,
    OAuth2,
    SessionLogin,
    Windows,
)
from appliance.runtime.definition.connector import Definition, deep_merge, parse_definition, parse_entities
from appliance.runtime.definition.form import FormField
from appliance.runtime.definition.http import (
    CallBudget,
    CallWindow,
    ErrorRule,
    HostBudget,
    Http,
    LimitAnswer,
    Probe,
    RequestTemplate,
)
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

__all__ = [
    "Assertion",
    "Auth",
    "BasicAuth",
    "CallBudget",
    "CallWindow",
    "Choose",
    "CodeRead",
    "Csrf",
    "CursorPaging",
    "DeclaredRead",
    "Definition",
    "Detail",
    "EntityDefinition",
    "ErrorRule",
    "FormField",
    "HeaderAuth",
    "HmacUrl",
    "HostBudget",
    "Http",
    "HttpRead",
    "KeysetPaging",
    "LimitAnswer",
    "LinkPaging",
    "NoAuth",
    "NoPaging",
    "NumberPaging",
    "OAuth1",
    "OAuth2",
    "ODataRead",
    "OffsetPaging",
    "Paging",
    "Pivot",
    "Probe",
    "Read",
    "RequestTemplate",
    "SessionLogin",
    "Windows",
    "deep_merge",
    "parse_definition",
    "parse_entities",
]
