"""A strict simulator of the released OData services of SAP S/4HANA that the connector reads, V2 and V4.

It stands for a system that cannot run here. Built from published facts: names, types and keys of the published
metadata and specifications of the services (`services.py`, our own and smaller), the URL conventions and JSON
formats of OData 2.0 and 4.0, and SAP's documentation of the Gateway: Basic logon, the token endpoint
/sap/bc/sec/oauth2/token, one authorization a service, services that are not active, pages of 100 rows with next links,
sap-client and sap-language, dates as `/Date(ms)/`, decimals as text, `LastChangeDateTime` empty until the first change.

Where they leave a choice it takes the stricter one: an unknown property or option, a literal of the wrong type, a
missing `$format` in V2 are refused. Not built: writing, $batch, function imports.
"""

from .services import SERVICES, V2, V4, Service, Set
from .system import S4

__all__ = ["S4", "SERVICES", "V2", "V4", "Service", "Set"]
