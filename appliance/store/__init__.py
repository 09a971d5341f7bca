"""The encrypted store: opening, migrating, and the records in it."""
