"""The log of API requests: what came, what was answered, how long it took; without secrets, bounded, found by its id.

A request only puts an entry into a queue in memory. One thread takes secrets out, compresses, and writes what has
gathered in one transaction. A full queue drops entries and counts them: a request never waits for its log.
"""

import logging
import queue
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import zstandard

from appliance.audit.redaction import redact_body, redact_query, redact_text, shown_path
from appliance.clock import Clock, iso
from appliance.errors import NotFound
from appliance.store.database import Database, Row
from appliance.store.space import DiskFull

log = logging.getLogger(__name__)

MOST_WAITING = 1000
MOST_WAITING_BYTES = 16 * 1024 * 1024
BATCH = 200
PAUSE_SECONDS = 0.5
PRUNED_AT_ONCE = 500
DAY_MS = 86_400_000
LONGEST_PAYLOAD = 64 * 1024 * 1024
LONGEST_PLAIN = 4 * 1024 * 1024


class RequestNotLogged(NotFound):
    """The log holds no request with that id: it was left out by sampling, or is too old."""

    code = "REQUEST_NOT_LOGGED"


@dataclass(frozen=True, slots=True)
class Body:
    """One half of a request: its headers, how many bytes it had, and these where they are to be kept."""

    headers: Mapping[str, str]
    mimetype: str
    size: int
    content: bytes | None
    gzipped: bool = False

    def plain(self) -> bytes | None:
        """The content as it was before compression, up to a limit."""
        if self.content is None or not self.gzipped:
            return self.content
        try:
            return zlib.decompressobj(31).decompress(self.content, LONGEST_PLAIN)
        except zlib.error:
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as it was. `at` is in milliseconds since 1970, when it came."""

    request_id: str
    at: int
    method: str
    path: str
    query: str
    status: int
    milliseconds: float
    error_code: str | None
    caller: str | None
    connection_id: str | None
    address: str | None
    request: Body
    response: Body

    @property
    def weight(self) -> int:
        return 1000 + len(self.request.content or b"") + len(self.response.content or b"")


class RequestLog:
    """`rows`, `max_bytes` (of compressed payloads) and `days` bound what is kept; 0 rows: nothing is logged."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        rows: int,
        max_bytes: int,
        days: int,
        sample_percent: int,
        body_bytes: int,
    ) -> None:
        self.body_bytes = body_bytes
        self.dropped = 0
        self._database = database
        self._clock = clock
        self._rows, self._max_bytes, self._days = rows, max_bytes, days
        self._sample_percent = sample_percent
        self._waiting: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def wants(self, method: str, status: int, request_id: str) -> bool:
        """Whether a request is logged: every change and every error, of successful reads a sample."""
        if self._rows == 0:
            return False
        if status >= 400 or method not in ("GET", "HEAD", "OPTIONS"):
            return True
        return zlib.crc32(request_id.encode()) % 100 < self._sample_percent

    def add(self, entry: Entry) -> bool:
        """Take an entry without waiting; False when it was dropped."""
        with self._lock:
            full = self._waiting.qsize() >= MOST_WAITING
            if full or self._waiting_bytes + entry.weight > MOST_WAITING_BYTES:
                self.dropped += 1
                return False
            self._waiting_bytes += entry.weight
            self._waiting.put(entry)
            return True

    def start(self) -> None:
        """Write from a thread of this process from now on."""
        self._thread = threading.Thread(target=self._work, name="request-log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting and end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def flush(self) -> int:
        """Write everything that is waiting, here and now; how many entries."""
        written = 0
        while True:
            batch = self._take()
            if not batch:
                return written
            with self._writing:
                self._write(batch)
            written += len(batch)

    def find(self, request_id: str) -> dict[str, Any]:
        """The latest request with this id, with its payloads. Raises RequestNotLogged."""
        row = self._database.row(
            "SELECT * FROM request_log WHERE request_id = ? ORDER BY id DESC LIMIT 1", (request_id,)
        )
        if row is None:
            raise RequestNotLogged(f"The log holds no request {request_id[:80]!r}.")
        payload = zstandard.ZstdDecompressor().decompress(row["payload"], max_output_size=LONGEST_PAYLOAD)
        return {**_described(row), **msgspec.json.decode(payload)}

    def recent(
        self, *, connection_id: str | None = None, failed: bool = False, before: int | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """The newest requests without payloads; `before` is the `id` of one, `failed` leaves successes out."""
        conditions = ["id < ?"]
        values: list[Any] = [before if before is not None else 1 << 62]
        if connection_id is not None:
            conditions.append("connection_id = ?")
            values.append(connection_id)
        if failed:
            conditions.append("status >= 400")
        rows = self._database.rows(
            "SELECT id, request_id, at, method, path, status, milliseconds, error_code, caller, connection_id,"
            f" address, size FROM request_log WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?",
            (*values, limit),
        )
        return [_described(row) for row in rows]

    def erase(self, connection_id: str) -> int:
        """Forget the requests of a connection, some at a time; how many there were."""
        self._database.make_room()
        self.flush()
        erased = 0
        while True:
            with self._database.write():
                gone = self._database.rows(
                    "DELETE FROM request_log WHERE id IN"
                    " (SELECT id FROM request_log WHERE connection_id = ? LIMIT ?) RETURNING size",
                    (connection_id, PRUNED_AT_ONCE),
                )
                if gone:
                    self._count(-len(gone), -sum(row["size"] for row in gone))
            if not gone:
                return erased
            erased += len(gone)

    def erase_before(self, before: int, limit: int) -> int:
        """Forget some requests of before a moment, milliseconds; how many. New requests push out old ones, too."""
        with self._database.write():
            gone = self._database.rows(
                "DELETE FROM request_log WHERE id IN"
                " (SELECT id FROM (SELECT id, at FROM request_log ORDER BY id LIMIT ?) WHERE at < ?)"
                " RETURNING size",
                (limit, before),
            )
            if gone:
                self._count(-len(gone), -sum(row["size"] for row in gone))
        return len(gone)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                if not self.flush():
                    self._clock.wait(self._stop, PAUSE_SECONDS)
            except DiskFull as failure:
                # What was taken is lost: logging must not use up the space that deleting needs.
                log.warning("requests were not logged: %s", failure.message)
                self._clock.wait(self._stop, PAUSE_SECONDS)
            except Exception:
                # A log that cannot be written must not end the one thread that writes it.
                log.exception("the request log could not be written")
                self._clock.wait(self._stop, PAUSE_SECONDS)
        self._database.release_thread()

    def _take(self) -> list[Entry]:
        with self._lock:
            batch = [self._waiting.get_nowait() for _ in range(min(BATCH, self._waiting.qsize()))]
            self._waiting_bytes -= sum(entry.weight for entry in batch)
            return batch

    def _write(self, batch: list[Entry]) -> None:
        compressor = zstandard.ZstdCompressor(level=3)
        rows = []
        for entry in batch:
            path, payload = _without_secrets(entry)
            compressed = compressor.compress(payload)
            rows.append(
                (
                    entry.request_id,
                    entry.at,
                    entry.method,
                    path,
                    entry.status,
                    round(entry.milliseconds, 2),
                    entry.error_code,
                    entry.caller,
                    entry.connection_id,
                    entry.address,
                    len(compressed),
                    compressed,
                )
            )
        with self._database.write():
            self._database.run_many(
                "INSERT INTO request_log (request_id, at, method, path, status, milliseconds, error_code, caller,"
                " connection_id, address, size, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            self._count(len(rows), sum(len(row[-1]) for row in rows))
            self._prune()

    def _count(self, rows: int, size: int) -> None:
        """Keep the sums beside the rows: adding them up would read the whole table at every batch."""
        for name, value in (("request_log_rows", rows), ("request_log_bytes", size)):
            self._database.run(
                "INSERT INTO counter (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
                (name, value),
            )

    def _prune(self) -> None:
        oldest = self._clock.now_ms() - self._days * DAY_MS
        while True:
            rows, size = (
                self._database.value("SELECT value FROM counter WHERE name = ?", (name,))
                for name in ("request_log_rows", "request_log_bytes")
            )
            # A few at a time, so that one batch does not hold the writer for long when limits were lowered.
            surplus = min(PRUNED_AT_ONCE, max(rows - self._rows, 1 if size > self._max_bytes else 0))
            gone = self._database.rows(
                "DELETE FROM request_log WHERE id IN (SELECT id FROM request_log ORDER BY id LIMIT ?)"
                " RETURNING size",
                (surplus,),
            )
            gone += self._database.rows(
                "DELETE FROM request_log WHERE id IN"
                " (SELECT id FROM (SELECT id, at FROM request_log ORDER BY id LIMIT ?) WHERE at < ?)"
                " RETURNING size",
                (PRUNED_AT_ONCE, oldest),
            )
            if not gone:
                return
            self._count(-len(gone), -sum(row["size"] for row in gone))


def _without_secrets(entry: Entry) -> tuple[str, bytes]:
    # In the link flow a code is a secret; elsewhere it is a field of records.
    extra = frozenset({"code"}) if entry.path.startswith("/link/") else frozenset[str]()
    path = shown_path(entry.path)
    if entry.query:
        path += "?" + redact_query(entry.query, extra)
    halves = {
        name: {
            "headers": {header: redact_text(value) for header, value in half.headers.items()},
            "bytes": half.size,
            "body": None if plain is None else redact_body(plain, half.mimetype, extra),
        }
        for name, half in (("request", entry.request), ("response", entry.response))
        for plain in (half.plain(),)
    }
    return path, msgspec.json.encode(halves)


def _described(row: Row) -> dict[str, Any]:
    return {name: iso(value) if name == "at" else value for name, value in row.items() if name != "payload"}
