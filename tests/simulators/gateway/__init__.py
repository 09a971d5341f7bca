"""A strict simulator of an SAP Gateway that serves OData V2, for tests.

It stands for a system that cannot run here. It is built from published facts:

- the OData 2.0 specification: URI conventions (literals, $filter, $select, $expand, $inlinecount,
  $skiptoken), the JSON and Atom formats, MERGE through `X-HTTP-Method`, ETag and If-Match;
- names, types, lengths and keys of the published metadata of API_PURCHASEORDER_PROCESS_SRV,
  API_BUSINESS_PARTNER, API_PRODUCT_SRV and API_PLANT_SRV (the files in `services/` are our own, smaller,
  written from these names);
- SAP's documentation and notes on the Gateway: paging at 100 rows without $top and at most 5,000 with it,
  the CSRF token bound to the session of the cookie, the error body with `innererror.errordetails`, the header
  `sap-message`, Basic logon answered by HTML when refused, one authorization object for each service;
- wire samples seen in public: `/Date(ms)/`, `/Date(ms+0000)/`, decimals as strings, `PT..` times,
  `LastChangeDateTime` null until the first change, deletion by a code.

Where the facts leave a choice the simulator takes the stricter one, so that a client that passes here is
careful enough: a bare ISO date, a literal of the wrong type, an unknown property or query option are
answered with 400. Not built: $batch, function imports, PUT, and `$links`/`$value`; they are answered with
501 or 405, never half.

In process: `Gateway`. As a program: `python -m tests.simulators.gateway --help`.
"""

from .gateway import Failure, Gateway

__all__ = ["Failure", "Gateway"]
