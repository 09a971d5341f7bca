"""Runs connector definitions: authentication, paging, cursors, mapping and probing of outside systems."""
