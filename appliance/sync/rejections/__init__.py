"""Rows that could not become records, and fields of the source that changed."""
