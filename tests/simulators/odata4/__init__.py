"""A strict simulator of an OData V4 service with server paging, delta links and $batch, for tests.

It stands for systems that cannot run here. Built from the OData 4.0 and 4.01 specifications: URL conventions
(literals without quotes for dates, numbers and guids), JSON format (`value`, `@odata.nextLink`, `@odata.deltaLink`,
`@removed`), `Prefer: odata.maxpagesize` and `odata.track-changes`, `IEEE754Compatible`, multipart $batch,
Capabilities annotations. Where they leave a choice it takes the stricter one: a quoted date, an unknown property
or option is 400.
"""

from .service import Orders4

__all__ = ["Orders4"]
