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
from typing import Any, NamedTuple

import peewee
from playhouse.sqlcipher_ext import SqlCipherDatabase

from appliance.clock import Clock
from appliance.errors import ConfigurationError, InvalidInput
from appliance.store.migrations import migrate
from appliance.store.ownership import own_like
from appliance.store.space import DiskFull, Reserve, told_as_disk_full

Row = dict[str, Any]
Parameters = Sequence[Any] | Mapping[str, Any]
"""Values of a statement by their place, or by name for `:name`."""

BUSY_TIMEOUT_MS = 15_000
# For each thread's connection; what does not fit is decrypted again from the system's own cache.
CACHE_KIB = 16 * 1024
WAL_LIMIT_BYTES = 64 * 1024 * 1024
# Cutting the log waits for readers while no one may write; after so long writers go first.
LOG_CUT_WAIT_MS = 200
# How often a bounded statement looks at the clock, in steps of SQLite's machine: some hundred times a second.
_STEPS_BETWEEN_LOOKS = 20_000


class StoreKeyRejected(ConfigurationError):
    code = "STORE_KEY_REJECTED"


class QueryTooLong(InvalidInput):
    """The query takes longer than one may; narrow its filter."""

    code = "QUERY_TOO_LONG"


class FileSizes(NamedTuple):
    """Bytes of the database file, of what in it is free, and of the write-ahead log beside it."""

    file: int
    free: int
    log: int


class Database:
    """Access to the database file. One connection a thread; safe to share between threads.

    `key` is 32 raw bytes. The file is made when it does not exist, and brought to the schema of this program.
    Raises StoreKeyRejected when the key does not open the file, SchemaMismatch when the file was written by
    another release; without `migrated` its schema stays as it is, for those who only look. The `reserve` is given up
    when a deletion, or the start, finds the disk full.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        cache_kib: int = CACHE_KIB,
        reserve: Reserve | None = None,
        migrated: bool = True,
    ) -> None:
        if len(key) != 32:
            raise ValueError("the database key is 32 bytes")
        self.path = path
        self.reserve = reserve or Reserve(path.parent, 0)
        self._peewee = SqlCipherDatabase(
            str(path),
            passphrase=f"x'{key.hex()}'",
            pragmas=[
                # First and in this order: they say how the file is encrypted.
                ("cipher_page_size", 8192),
                ("cipher_hmac_algorithm", "HMAC_SHA256"),
                ("cipher_log_level", "NONE"),
                # Fixed by the first table, too: what is deleted can be given back in slices.
                ("auto_vacuum", "incremental"),
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
        self._open(migrated)

    def _open(self, migrated: bool) -> None:
        # Two that open a new file at once would each find it locked by the other.
        with _alone(self.path.parent):
            self.make_room()
            self._connect()
            if migrated:
                migrate(self)

    def _connect(self) -> None:
        # SQLite gives the log beside the file the same rights, so they are right from the first moment.
        if not self.path.exists():
            self.path.touch(0o600)
            own_like(self.path, self.path.parent)
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
        """A write transaction: all or nothing, one at a time. Inside another `write` it joins that one.

        Raises DiskFull, and has changed nothing then.
        """
        with self._writing:
            if self._peewee.in_transaction():
                yield
                return
            with told_as_disk_full(self.path.parent), self._peewee.atomic("IMMEDIATE"):
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

    def run_if_room(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Like `run`, for what may be left out: on a full disk nothing happens."""
        try:
            self.run(sql, parameters)
        except DiskFull:
            pass

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

    def make_room(self) -> bool:
        """Give up the reserve where a change that frees space might not be written; True when it was given up.

        For the start, for deletions, and for what leads to them, such as a sign-in. Without need one system call.
        """
        return self.reserve.is_needed and self.reserve.give_up()

    def sizes(self) -> FileSizes:
        """How large the files are; nothing is counted for it."""
        page = int(self.value("PRAGMA cipher_page_size"))
        log = self.path.with_name(f"{self.path.name}-wal")
        return FileSizes(
            int(self.value("PRAGMA page_count")) * page,
            int(self.value("PRAGMA freelist_count")) * page,
            log.stat().st_size if log.exists() else 0,
        )

    def give_back(self, pages: int, keep: int) -> int:
        """Cut up to so many free pages off the file, unless fewer than `keep` are free; how many. A short write."""
        with self.write():
            free = int(self.value("PRAGMA freelist_count"))
            count = min(pages, free - keep)
            if count > 0:
                self._peewee.execute_sql(f"PRAGMA incremental_vacuum({count})").fetchall()
            return max(0, count)

    @property
    def gives_back(self) -> bool:
        """Whether free pages can be cut off; not in a file that an earlier release made, before `compact`."""
        return bool(self.value("PRAGMA auto_vacuum") == 2)

    def compact(self) -> None:
        """Write the whole file anew without what is free, in a form of which free pages can be cut off.

        Nothing else is done meanwhile. It takes as much memory as the file is large, since SQLCipher rebuilds files of
        this page size in memory only, and as much free space once more. Raises DiskFull, and leaves the file as it was.
        """
        with self._writing, told_as_disk_full(self.path.parent):
            self._peewee.execute_sql("PRAGMA auto_vacuum = INCREMENTAL")
            self._peewee.execute_sql("VACUUM")
        self.checkpoint()

    def checkpoint(self, wait_ms: int = BUSY_TIMEOUT_MS) -> bool:
        """Move the write-ahead log into the file and cut it; False when readers held it for longer than `wait_ms`."""
        self._peewee.execute_sql(f"PRAGMA busy_timeout = {wait_ms}").fetchall()
        try:
            busy = self._peewee.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            self._peewee.execute_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").fetchall()
        return not busy

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
