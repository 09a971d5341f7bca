"""OData V2 and V4: $metadata, literals, query options, paging, delta links and $batch."""
