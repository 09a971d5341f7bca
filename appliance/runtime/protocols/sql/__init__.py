"""SQL: rows of a query, page after page by what comes after the last row."""
