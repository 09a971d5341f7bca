"""A strict simulator of the SAP Business One Service Layer, version 2, for tests.

It stands for a system that cannot run here. Names, types and keys are bare facts of the vendor's published
$metadata (OData V4, type names as there); behaviour is that of public clients: a login path that tells capitals from
small letters, two cookies of which both have to come back, 401 with code 301 for a session that has ended and -304
for wrong credentials, 20 rows a page unless `Prefer: odata.maxpagesize` says otherwise, relative next links with
$skip, dates and enumerations in quotes in filters, numbers with a fraction as JSON numbers, an empty 500 for
`Expect: 100-continue`. Where facts leave a choice it takes the stricter one: an unquoted date, an unknown property or
option is 400.
"""

from .rows import ROWS
from .service import ServiceLayer

__all__ = ["ROWS", "ServiceLayer"]
