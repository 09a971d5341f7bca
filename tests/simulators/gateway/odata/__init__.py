"""OData V2 itself: metadata, literals, filters, query options, paging. Knows no SAP data."""
