"""Records over HTTP: lists, single ones, changes, raw rows, documents and writes."""
