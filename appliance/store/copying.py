"""Copies of the database file while others write to it, and what can be said of a copy.

Only SQLite's backup of all pages in one step comes to an end while others write: in slices it begins anew at every
change, and `VACUUM INTO` breaks off with pages of this size. Both were tried with large files.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqlcipher3 import dbapi2

from appliance.errors import InternalError
from appliance.store.migrations import scripts

BUSY_SECONDS = 15.0
MOST_PROBLEMS = 5


class DatabaseDamaged(InternalError):
    """Pages of a database file do not hold what was written; it cannot be relied on."""

    code = "DATABASE_DAMAGED"


class Facts(NamedTuple):
    """Number of the schema, rows by table, and the epoch of the change feed."""

    schema: int
    counts: dict[str, int]
    epoch: int


class Pinned:
    """The database as it was when this was made, whatever is written afterwards. Close it: it holds up the log.

    `key` is that of the file, 32 bytes.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        self._source = _connect(path, key)
        self._source.execute("BEGIN")
        # The first read pins the state.
        self._source.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def copy_to(self, path: Path) -> None:
        """Write a new file of the same key. Neither readers nor writers are held up."""
        path.touch(0o600)
        copy = _connect(path, self._key)
        try:
            # A copy that is broken off is thrown away, so nothing has to survive it.
            copy.execute("PRAGMA synchronous = OFF")
            copy.execute("PRAGMA journal_mode = OFF").fetchall()
            self._source.backup(copy, pages=-1)
        finally:
            copy.close()

    def close(self) -> None:
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def settle(path: Path, key: bytes) -> None:
    """Make a copy a file by itself, which needs no log beside it."""
    with _opened(path, key) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()


def check(path: Path, key: bytes, *, thorough: bool = False) -> None:
    """Read every page of a file that nobody writes to, and its structure. Raises DatabaseDamaged.

    `thorough` also compares every index with its table, which takes several times as long.
    """
    with _opened(path, key) as connection:
        try:
            problems = [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check")]
            said = connection.execute(f"PRAGMA {'integrity' if thorough else 'quick'}_check({MOST_PROBLEMS})")
            problems += [str(row[0]) for row in said if row[0] != "ok"]
        except dbapi2.DatabaseError as failure:
            problems = [str(failure)]
    if problems:
        raise DatabaseDamaged(
            f"{path.name} is damaged: {'; '.join(problems[:MOST_PROBLEMS])}.",
            details={"problems": problems[:50]},
        )


def facts(path: Path, key: bytes) -> Facts:
    """Counts every table by its smallest index."""
    with _opened(path, key) as connection:
        schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
        names = [
            row[0]
            for row in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
                " ORDER BY name"
            )
        ]
        counts = {
            name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in names
        }
        epoch = connection.execute("SELECT value FROM counter WHERE name = 'epoch'").fetchone()
        return Facts(schema, counts, int(epoch[0]))


def newest_schema() -> int:
    """The number of the schema that this program makes and knows."""
    return max(scripts())


@contextmanager
def _opened(path: Path, key: bytes) -> Iterator[Any]:
    connection = _connect(path, key)
    try:
        yield connection
    finally:
        connection.close()


def _connect(path: Path, key: bytes) -> Any:
    connection = dbapi2.connect(
        str(path), timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
    )
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    connection.execute("PRAGMA cipher_page_size = 8192")
    connection.execute("PRAGMA cipher_hmac_algorithm = HMAC_SHA256")
    connection.execute("PRAGMA cipher_log_level = NONE")
    return connection
