"""Everything a database holds, to compare before and after."""

from typing import Any

from appliance.store.database import Database


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Table name to its rows."""
    names = database.tuples("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return {name: database.tuples(f"SELECT * FROM {name}") for (name,) in names}


def counts(database: Database) -> dict[str, int]:
    """Table name to number of rows, without empty tables."""
    return {name: len(rows) for name, rows in everything(database).items() if rows}


def holds(database: Database, text: str) -> list[str]:
    """The tables in which `text` stands somewhere in the clear."""
    wanted = text.encode()
    return [
        name
        for name, rows in everything(database).items()
        if any(
            wanted in (cell if isinstance(cell, bytes) else str(cell).encode())
            for row in rows
            for cell in row
        )
    ]
