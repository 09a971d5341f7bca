import secrets
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.store import migrations
from appliance.store.database import Database, StoreKeyRejected
from appliance.store.migrations import SchemaMismatch, scripts
from tests.support.processes import in_processes

OpenDatabase = Callable[..., Database]


def test_another_key_does_not_open_the_file(open_database: OpenDatabase) -> None:
    open_database().close()
    with pytest.raises(StoreKeyRejected, match=r"keyring\.json"):
        open_database(secrets.token_bytes(32))


def test_a_file_that_is_no_database_is_refused_and_left_alone(
    open_database: OpenDatabase, tmp_path: Path
) -> None:
    path = tmp_path / "appliance.db"
    path.write_bytes(b"not a database " * 1000)
    before = path.read_bytes()
    with pytest.raises(StoreKeyRejected):
        open_database()
    assert path.read_bytes() == before


def test_the_file_is_no_plain_sqlite_and_private(open_database: OpenDatabase, tmp_path: Path) -> None:
    open_database().insert("counter", name="x", value=1)
    path = tmp_path / "appliance.db"
    assert not path.read_bytes().startswith(b"SQLite format 3")
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(path).execute("SELECT count(*) FROM sqlite_master")
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


def test_the_log_is_written_ahead(database: Database, tmp_path: Path) -> None:
    assert database.value("PRAGMA journal_mode") == "wal"
    assert database.value("PRAGMA temp_store") == 2, "temporary tables stay in memory, never in a plain file"
    assert (tmp_path / "appliance.db-wal").exists()


def test_a_newer_schema_is_refused_with_what_to_do(open_database: OpenDatabase, tmp_path: Path) -> None:
    database = open_database()
    newest = max(scripts())
    database.run(f"PRAGMA user_version = {newest + 1}")
    database.close()
    with pytest.raises(SchemaMismatch, match="Start that release again, or restore the backup") as refusal:
        open_database()
    assert refusal.value.details == {"schema": newest + 1, "supported": newest}


def test_an_older_schema_is_brought_forward_and_its_rows_stay(
    open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = open_database()
    older.insert("counter", name="kept", value=7)
    older.close()
    known, newest = scripts(), max(scripts())
    added = "-- Why; with a semicolon\nCREATE TABLE added (a TEXT DEFAULT 'x;y');\nINSERT INTO added (a) VALUES ('1');"
    monkeypatch.setattr(migrations, "scripts", lambda: {**known, newest + 1: added})
    migrated = open_database()
    assert migrated.value("PRAGMA user_version") == newest + 1
    assert migrated.value("SELECT count(*) FROM added") == 1
    assert migrated.value("SELECT value FROM counter WHERE name = 'kept'") == 7


def test_a_migration_that_fails_leaves_the_old_schema(
    open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_database().close()
    known, newest = scripts(), max(scripts())
    broken = "CREATE TABLE added (a TEXT);\nINSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(migrations, "scripts", lambda: {**known, newest + 1: broken})
    with pytest.raises(Exception, match="nowhere"):
        open_database()
    monkeypatch.undo()
    database = open_database()
    assert database.value("PRAGMA user_version") == newest
    assert database.value("SELECT count(*) FROM sqlite_master WHERE name = 'added'") == 0


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write():
        database.insert("counter", name="x", value=1)
        with database.write():
            database.insert("counter", name="y", value=1)
        raise ZeroDivisionError
    assert database.value("SELECT count(*) FROM counter WHERE name IN ('x', 'y')") == 0


def test_a_snapshot_does_not_see_what_another_thread_commits(database: Database) -> None:
    def add() -> None:
        database.insert("counter", name="late", value=1)
        database.release_thread()

    with database.snapshot():
        before = database.value("SELECT count(*) FROM counter")
        writer = threading.Thread(target=add)
        writer.start()
        writer.join()
        assert database.value("SELECT count(*) FROM counter") == before
    assert database.value("SELECT count(*) FROM counter") == before + 1


def test_threads_that_write_at_once_lose_no_update(database: Database) -> None:
    def count() -> None:
        for _ in range(50):
            with database.write():
                value = database.value("SELECT value FROM counter WHERE name = 'seq'")
                database.run("UPDATE counter SET value = ? WHERE name = 'seq'", (value + 1,))
        database.release_thread()

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.value("SELECT value FROM counter WHERE name = 'seq'") == 400


def _open_and_count(path: Path, key: bytes) -> int:
    database = Database(path, key, cache_kib=1024)
    for _ in range(25):
        with database.write():
            value = database.value("SELECT value FROM counter WHERE name = 'seq'")
            database.run("UPDATE counter SET value = ? WHERE name = 'seq'", (value + 1,))
    database.close()
    return 0


@pytest.mark.crash
def test_processes_that_open_a_new_file_at_once_all_find_it_whole(
    open_database: OpenDatabase, tmp_path: Path
) -> None:
    key = secrets.token_bytes(32)
    in_processes(4, _open_and_count, tmp_path / "appliance.db", key)
    database = open_database(key)
    assert database.value("SELECT value FROM counter WHERE name = 'seq'") == 100
    assert database.value("PRAGMA integrity_check") == "ok"
