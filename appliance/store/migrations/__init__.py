"""Numbered forward migrations: `0001_name.sql` and on, each run once in a transaction of its own.

The number of the last one stands in the file as SQLite's `user_version`. There is no way back but a backup:
a program that does not know the file's number refuses it.
"""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib import resources
from typing import Any, Protocol

from appliance.errors import ConfigurationError


class Migratable(Protocol):
    """What migrating asks of the database."""

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any: ...

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int: ...

    def write(self) -> AbstractContextManager[None]: ...


class SchemaMismatch(ConfigurationError):
    code = "SCHEMA_MISMATCH"


def scripts() -> dict[int, str]:
    """Number of each migration to its SQL, in order, without gaps. Raises ValueError for a number given twice."""
    found: dict[int, str] = {}
    for entry in sorted(resources.files(__package__).iterdir(), key=lambda file: file.name):
        match = re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", entry.name)
        if match:
            if int(match[1]) in found:
                raise ValueError(f"two migrations have the number {match[1]}")
            found[int(match[1])] = entry.read_text("utf-8")
    return found


def migrate(database: Migratable) -> None:
    """Bring the database to this program's schema; a newer file raises SchemaMismatch and is left alone."""
    known = scripts()
    newest = max(known)
    if version_of(database, newest) == newest:
        return
    with database.write():
        # Read again inside the lock: web and engine may start at the same moment.
        for number in range(version_of(database, newest) + 1, newest + 1):
            for statement in _statements(known[number]):
                database.run(statement)
            database.run(f"PRAGMA user_version = {number}")


def version_of(database: Migratable, newest: int) -> int:
    version: int = database.value("PRAGMA user_version")
    if version > newest:
        raise SchemaMismatch(
            f"The database has schema {version} of a newer release; this program knows {newest}. "
            "Start that release again, or restore the backup that was made before the upgrade.",
            details={"schema": version, "supported": newest},
        )
    return version


def _statements(script: str) -> list[str]:
    found: list[str] = []
    pending = ""
    for line in script.splitlines():
        pending += line.split("--")[0].rstrip() + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError(f"a migration ends inside a statement: {pending.strip()[:60]}")
    return [statement for statement in found if statement != ";"]
