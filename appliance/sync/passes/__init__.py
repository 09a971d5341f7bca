"""Passes: what a run does for one entity, page by page, and what it may conclude from it."""
