"""The one database file: AES-256 encrypted SQLite (SQLCipher), write-ahead log, one writer at a time.

Page size and HMAC are fixed when the file is made: 8 KiB pages with HMAC-SHA256 were measured at twice the
scans of SQLCipher's defaults. The key is a raw 256-bit key, so opening a connection derives nothing.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
from playhouse.sqlcipher_ext import SqlCipherDatabase

from appliance.errors import ConfigurationError
from appliance.store.migrations import migrate

Row = dict[str, Any]

BUSY_TIMEOUT_MS = 15_000
# For each thread's connection; what does not fit is decrypted again from the system's own cache.
CACHE_KIB = 16 * 1024
WAL_LIMIT_BYTES = 64 * 1024 * 1024


class StoreKeyRejected(ConfigurationError):
    code = "STORE_KEY_REJECTED"


class Database:
    """Access to the database file. One connection a thread; safe to share between threads.

    `key` is 32 raw bytes. The file is made when it does not exist, and brought to the schema of this program.
    Raises StoreKeyRejected when the key does not open the file, SchemaMismatch when the file was written by
    another release.
    """

    def __init__(self, path: Path, key: bytes, *, cache_kib: int = CACHE_KIB) -> None:
        if len(key) != 32:
            raise ValueError("the database key is 32 bytes")
        self.path = path
        self._peewee = SqlCipherDatabase(
            str(path),
            passphrase=f"x'{key.hex()}'",
            pragmas=[
                # First and in this order: they say how the file is encrypted.
                ("cipher_page_size", 8192),
                ("cipher_hmac_algorithm", "HMAC_SHA256"),
                ("cipher_log_level", "NONE"),
                ("journal_mode", "wal"),
                ("synchronous", "normal"),
                ("busy_timeout", BUSY_TIMEOUT_MS),
                ("foreign_keys", 1),
                ("cache_size", -cache_kib),
                ("temp_store", "memory"),
                # Pages that change often, those of indexes, are moved into the file once instead of many times.
                ("wal_autocheckpoint", 4000),
                ("journal_size_limit", WAL_LIMIT_BYTES),
            ],
            autoconnect=True,
            check_same_thread=False,
        )
        # SQLite's own lock is unfair under contention; threads of one process queue here first.
        self._writing = threading.RLock()
        self._open()

    def _open(self) -> None:
        fresh = not self.path.exists()
        try:
            self._peewee.connect()
            self._peewee.execute_sql("SELECT count(*) FROM sqlite_master")
        except peewee.DatabaseError as failure:
            raise StoreKeyRejected(
                f"The database {self.path.name} does not open with the key in keyring.json. "
                "Restore keyring.json and the database from the same backup.",
            ) from failure
        if fresh:
            self.path.chmod(0o600)
        migrate(self)

    @contextmanager
    def write(self) -> Iterator[None]:
        """A write transaction: all or nothing, one at a time. Inside another `write` it joins that one."""
        with self._writing:
            if self._peewee.in_transaction():
                yield
                return
            with self._peewee.atomic("IMMEDIATE"):
                yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """A read transaction: every query inside sees the same state."""
        if self._peewee.in_transaction():
            yield
            return
        with self._peewee.atomic("DEFERRED"):
            yield

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query as dicts."""
        cursor = self._peewee.execute_sql(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query as a dict, or None."""
        cursor = self._peewee.execute_sql(sql, parameters)
        found = cursor.fetchone()
        if found is None:
            return None
        return dict(zip((column[0] for column in cursor.description), found, strict=True))

    def tuples(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query as tuples: the cheapest way to read a page."""
        found: list[tuple[Any, ...]] = self._peewee.execute_sql(sql, parameters).fetchall()
        return found

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self._peewee.execute_sql(sql, parameters).fetchone()
        return None if found is None else found[0]

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows, in a write transaction; how many rows it changed."""
        with self.write():
            count: int = self._peewee.execute_sql(sql, parameters).rowcount
            return count

    def run_many(self, sql: str, parameters: Iterable[Sequence[Any]]) -> int:
        """Run one statement for many parameter rows in a write transaction; how many rows changed."""
        with self.write():
            # peewee has no executemany; the driver's is 2.7 times as fast as insert_many.
            cursor = self._peewee.cursor()
            cursor.executemany(sql, parameters)
            count: int = cursor.rowcount
            return count

    def insert(self, table: str, **values: Any) -> None:
        """Insert one row. `table` and the column names come from code, never from input."""
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self.run(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and cut it, unless readers hold it."""
        self._peewee.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def release_thread(self) -> None:
        """Close the connection of the calling thread."""
        if not self._peewee.is_closed():
            self._peewee.close()

    def close(self) -> None:
        self.release_thread()
