"""The change feed: records in order of `seq`, read while others write."""

import secrets
import threading
from pathlib import Path

import pytest

from appliance.store.database import Database
from appliance.store.records import Records
from tests.support.processes import in_processes
from tests.support.records import new_record


class Feed:
    """Follows the changes of all streams from where it stands, as a reader with a cursor does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after = 0
        self.seen: dict[tuple[int, str], int] = {}

    def catch_up(self) -> None:
        for stream_id, key, seq in self._database.tuples(
            "SELECT stream_id, key, seq FROM record WHERE seq > ? ORDER BY seq", (self._after,)
        ):
            self.seen[stream_id, key] = seq
            self._after = seq


def _write_pages(database: Database, name: str, pages: int) -> None:
    records = Records(database)
    stream = records.stream(name, "Vendor")
    for page in range(pages):
        records.write(stream, [new_record(f"k{(page * 7 + n) % 60}", page) for n in range(20)])
    database.release_thread()


def _assert_whole(database: Database, feed: Feed) -> None:
    stored = database.tuples("SELECT stream_id, key, seq FROM record")
    assert feed.seen == {(stream_id, key): seq for stream_id, key, seq in stored}
    numbers = [seq for _, _, seq in stored]
    assert len(numbers) == len(set(numbers))
    assert database.value("SELECT value FROM counter WHERE name = 'seq'") == max(numbers)


def test_a_reader_misses_nothing_of_threads_that_write(database: Database) -> None:
    writers = [
        threading.Thread(target=_write_pages, args=(database, f"con_{number}", 40)) for number in range(3)
    ]
    feed = Feed(database)
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        feed.catch_up()
    feed.catch_up()
    _assert_whole(database, feed)


def _write_in_process(path: Path, key: bytes) -> None:
    database = Database(path, key, cache_kib=1024)
    _write_pages(database, f"con_{secrets.token_hex(4)}", 60)
    database.close()


@pytest.mark.crash
def test_a_reader_misses_nothing_of_processes_that_write(tmp_path: Path) -> None:
    key = secrets.token_bytes(32)
    database = Database(tmp_path / "appliance.db", key, cache_kib=1024)
    feed = Feed(database)
    over = threading.Event()

    def follow() -> None:
        while not over.is_set():
            feed.catch_up()
        feed.catch_up()
        database.release_thread()

    reader = threading.Thread(target=follow)
    reader.start()
    try:
        in_processes(2, _write_in_process, tmp_path / "appliance.db", key)
    finally:
        over.set()
        reader.join()
    _assert_whole(database, feed)
    database.close()
