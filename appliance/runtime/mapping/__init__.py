"""From a row to the unified record: expressions, their compilation, a connection's changes."""
