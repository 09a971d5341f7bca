"""Databases as a release left them: made by its migrations and its statements, not by the store of today."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlcipher3 import dbapi2

from appliance.store.migrations import scripts

RELEASED = {6: Path(__file__).parent.parent / "store" / "released" / "schema_0006.sql"}
"""Schema of each release to what its database holds."""

Seen = TypeVar("Seen")
Tables = dict[str, list[dict[str, Any]]]


def connect(path: Path, key: bytes) -> Any:
    """The file without anything of the store; no foreign keys, no migration."""
    connection = dbapi2.connect(str(path), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute("PRAGMA cipher_page_size = 8192")
    connection.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    return connection


def make_released(path: Path, key: bytes, schema: int) -> None:
    """The database of a release at `path`; that release did not make files that give space back."""
    path.touch(0o600)
    connection = connect(path, key)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    for number in range(1, schema + 1):
        connection.executescript(scripts()[number])
    connection.executescript(RELEASED[schema].read_text("utf-8"))
    connection.execute(f"PRAGMA user_version = {schema}")
    connection.close()


def looked_at(path: Path, key: bytes, look: Callable[[Any], Seen]) -> Seen:
    connection = connect(path, key)
    try:
        return look(connection)
    finally:
        connection.close()


def tables(connection: Any) -> Tables:
    """All rows of all tables, in the order of their columns' values."""
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
        )
    ]
    found: Tables = {}
    for name in names:
        cursor = connection.execute(f'SELECT * FROM "{name}"')
        columns = [column[0] for column in cursor.description]
        found[name] = [dict(zip(columns, row, strict=True)) for row in cursor]
    return found


def schema_of(connection: Any) -> dict[tuple[str, str], Any]:
    """Tables as their columns, since a column that was added stands elsewhere in the text; all else as its text."""
    found: dict[tuple[str, str], Any] = {}
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        if name.startswith("sqlite_"):
            continue
        found[kind, name] = (
            connection.execute(f'PRAGMA table_xinfo("{name}")').fetchall()
            if kind == "table"
            else " ".join(sql.split())
        )
    return found
