"""The one database file: AES-256 encrypted SQLite (SQLCipher), write-ahead log, one writer at a time.

Page size and HMAC are fixed when the file is made: 8 KiB pages with HMAC-SHA256 were measured at twice the
scans of SQLCipher's defaults. The key is a raw 256-bit key, so opening a connection derives nothing.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import peewee
from playhouse.sqlcipher_ext import SqlCipherDatabase

from appliance.clock import Clock
from appliance.errors import ConfigurationError, InvalidInput
from appliance.store.migrations import migrate

Row = dict[str, Any]
Parameters = Sequence[Any] | Mapping[str, Any]
"""Values of a statement by their place, or by name for `:name`."""

BUSY_TIMEOUT_MS = 15_000
# For each thread's connection; what does not fit is decrypted again from the system's own cache.
CACHE_KIB = 16 * 1024
WAL_LIMIT_BYTES = 64 * 1024 * 1024
# How often a bounded statement looks at the clock, in steps of SQLite's machine: some hundred times a second.
_STEPS_BETWEEN_LOOKS = 20_000


class StoreKeyRejected(ConfigurationError):
    code = "STORE_KEY_REJECTED"


class QueryTooLong(InvalidInput):
    """The query takes longer than one may; narrow its filter."""

    code = "QUERY_TOO_LONG"


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
        self.function("fold", 1, lambda text: None if text is None else str(text).lower())
        self.function("compare_numbers", 2, _compare_numbers)
        # SQLite's own lock is unfair under contention; threads of one process queue here first.
        self._writing = threading.RLock()
        self._open()

    def _open(self) -> None:
        # Two that open a new file at once would each find it locked by the other.
        with _alone(self.path.parent):
            self._connect()
            migrate(self)

    def _connect(self) -> None:
        # SQLite gives the log beside the file the same rights, so they are right from the first moment.
        self.path.touch(0o600)
        try:
            self._peewee.connect()
            self._peewee.execute_sql("SELECT count(*) FROM sqlite_master")
        except peewee.OperationalError as failure:
            raise ConfigurationError(
                f"The database {self.path.name} cannot be opened: {failure}. "
                "Look at the rights and the free space of the data directory.",
            ) from failure
        except peewee.DatabaseError as failure:
            raise StoreKeyRejected(
                f"The database {self.path.name} does not open with the key in keyring.json. "
                "Restore keyring.json and the database from the same backup.",
            ) from failure

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

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query as dicts."""
        cursor = self._peewee.execute_sql(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query as a dict, or None."""
        cursor = self._peewee.execute_sql(sql, parameters)
        found = cursor.fetchone()
        if found is None:
            return None
        return dict(zip((column[0] for column in cursor.description), found, strict=True))

    def tuples(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """All rows of a query as tuples: the cheapest way to read a page."""
        found: list[tuple[Any, ...]] = self._peewee.execute_sql(sql, parameters).fetchall()
        return found

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row, or None."""
        found = self._peewee.execute_sql(sql, parameters).fetchone()
        return None if found is None else found[0]

    def run(self, sql: str, parameters: Parameters = ()) -> int:
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

    def function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Make a pure Python function known to SQL, in every connection of this object."""
        self._peewee.register_function(function, name, arguments, deterministic=True)

    @contextmanager
    def within(self, seconds: float, clock: Clock) -> Iterator[None]:
        """Statements of this thread inside end after so many seconds. Raises QueryTooLong when one was ended."""
        end = clock.monotonic() + seconds
        connection = self._peewee.connection()
        connection.set_progress_handler(lambda: clock.monotonic() > end, _STEPS_BETWEEN_LOOKS)
        try:
            yield
        except peewee.OperationalError as failure:
            if "interrupted" not in str(failure):
                raise
            raise QueryTooLong(
                f"Finding these records took longer than {seconds:g} seconds and was ended. "
                "Narrow the list, by modified_after for example, or sort it by nothing.",
            ) from failure
        finally:
            connection.set_progress_handler(None, 0)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and cut it, unless readers hold it."""
        self._peewee.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def release_thread(self) -> None:
        """Close the connection of the calling thread."""
        if not self._peewee.is_closed():
            self._peewee.close()

    def close(self) -> None:
        self.release_thread()


def _compare_numbers(held: str | None, given: str) -> int | None:
    """-1, 0 or 1 for a JSON number or a JSON text of one against plain digits; None where there is none."""
    if held is None:
        return None
    try:
        left, right = Decimal(held.strip('"')), Decimal(given)
    except ArithmeticError:
        return None
    return (left > right) - (left < right)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for other processes inside the same; the folder is locked, never the file: see SQLite on POSIX locks."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
